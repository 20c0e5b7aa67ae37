// SPDX-License-Identifier: Apache-2.0

package configfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/causeway-mq/causeway/app/rmqproxy"
)

func TestFilesAreToldApartByTheirKeys(t *testing.T) {
	for text, want := range map[string]Kind{
		"data: d\nengine:\n  retention: 24h\n":               Up,
		"clusters:\n- {name: c}\ncatalog: c.yaml\n":          Proxy,
		"listen: 0.0.0.0:1\nrole: both\nclusters: [\n":       Proxy,
		"data: d\nclusters:\n- {name: c}\nproxy_tokens: [\n": Control,
		"format: 1\nversion: 2\ntenants:\n- id: pay\n":       Catalog,
		`{"namesrvAddr": "h:1"}`:                             Apaches,
		"tenants:\n- {id: pay, listen: x, clusters: true}\n": Catalog,
	} {
		if got, sure := Of([]byte(text)); got != want || !sure {
			t.Errorf("%q is of %s, want %s; sure: %v", text, got, want, sure)
		}
	}
	if kind, sure := Of([]byte("listen: 127.0.0.1:1\n")); kind != Up || sure {
		t.Errorf("a file that may be either: %s, %v", kind, sure)
	}
}

func TestWhatIsExplainedCanBeUsed(t *testing.T) {
	secrets := Secrets{ProxyTokens: []string{"a proxy's own token"}}
	for _, kind := range []Kind{Up, Proxy, Control, Catalog} {
		text, err := Explain(kind, "", Secrets{})
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "file.yaml")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, sure := Of(text); got != kind || !sure {
			t.Errorf("what is printed for %s is taken for one of %s", kind, got)
		}
		if _, err := Check(kind, path, secrets); err != nil {
			t.Errorf("%s: %v\n%s", kind, err, text)
		}
		again, err := Explain(kind, path, secrets)
		if kind == Control { // its secrets come from the environment
			again = []byte(strings.Replace(string(again), "proxy_tokens: (redacted)", "proxy_tokens: []", 1))
		}
		if err != nil || string(again) != string(text) {
			t.Errorf("%s: explained again it differs: %v\n%s", kind, err, again)
		}
	}
	text, err := Explain(Proxy, "", Secrets{})
	if err != nil || !strings.Contains(string(text), "# HOST:PORT of every name server") || !strings.Contains(string(text), "# user with which the proxy signs") {
		t.Errorf("the keys of a cluster are not explained: %v\n%s", err, text)
	}
}

func TestApachesFileComesOutInOurKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rmq-proxy.json")
	raw := `{"rocketMQClusterName":"bank","namesrvAddr":"10.0.0.1:9876","maxMessageSize":1048576,"innerClientAuthenticationCredentials":"{\"accessKey\":\"root\",\"secretKey\":\"hush\"}"}`
	if err := os.WriteFile(path, []byte(raw), 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := Explain(Apaches, path, Secrets{})
	if err != nil || !strings.Contains(string(text), "name: bank") || strings.Contains(string(text), "hush") {
		t.Errorf("%v\n%s", err, text)
	}
	found, err := Check(Apaches, path, Secrets{})
	if err != nil || len(found) != 4 || found[1].Verdict != rmqproxy.Ignored {
		t.Errorf("%+v, %v", found, err)
	}
}

func TestACatalogThatOthersCanReadIsNoGoodOne(t *testing.T) {
	dir := t.TempDir()
	catalog, proxy := filepath.Join(dir, "catalog.yaml"), filepath.Join(dir, "proxy.yaml")
	for path, text := range map[string]string{
		catalog: "format: 1\nversion: 1\ntenants:\n- {id: pay}\n",
		proxy:   "catalog: " + catalog + "\nclusters:\n- {name: east, namesrv: [\"127.0.0.1:9876\"]}\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for kind, path := range map[Kind]string{Catalog: catalog, Proxy: proxy} {
		for mode, says := range map[os.FileMode]string{0o600: "", 0o640: "", 0o644: "mode 0644 lets others at the secrets in it"} {
			if err := os.Chmod(catalog, mode); err != nil {
				t.Fatal(err)
			}
			if _, err := Check(kind, path, Secrets{}); (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
				t.Errorf("%s with the catalog's mode %04o: %v", kind, mode, err)
			}
		}
	}
	if err := os.Remove(catalog); err != nil {
		t.Fatal(err)
	}
	if _, err := Check(Proxy, proxy, Secrets{}); err == nil || !strings.Contains(err.Error(), "catalog: ") {
		t.Errorf("without its catalog: %v", err)
	}
}
