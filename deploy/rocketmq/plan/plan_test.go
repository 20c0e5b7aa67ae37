// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/causeway-mq/causeway/app"
)

func example(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "examples", name+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// The committed files are what the plans beside them give: go run ./deploy/rocketmq -plan deploy/rocketmq/examples/NAME.yaml -out deploy/rocketmq/examples/NAME.
func TestTheExamplesAreWhatTheirPlansGive(t *testing.T) {
	for _, name := range []string{"safe", "available", "two-centres", "grown"} {
		p, err := Parse([]byte(example(t, name)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want, err := p.Files()
		if err != nil {
			t.Fatal(err)
		}
		root := filepath.Join("..", "examples", name)
		seen := 0
		err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			seen++
			raw, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(root, path)
			if text, ok := want[filepath.ToSlash(rel)]; !ok || text != string(raw) {
				t.Errorf("%s is not what %s.yaml gives", path, name)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if seen != len(want) {
			t.Errorf("%s: %d files, its plan gives %d", name, seen, len(want))
		}
	}
}

func filesOf(t *testing.T, text string) map[string]string {
	t.Helper()
	p, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	all, err := p.Files()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// What a proxy would refuse must not be generated. The files that a plan only names are not here.
func TestTheProxiesTakeTheirFiles(t *testing.T) {
	onHosts := regexp.MustCompile(`(?m)^(tls|seal_keys):.*\n`)
	for example, text := range map[string]string{
		"two-centres": example(t, "two-centres"), "safe": example(t, "safe"), "one proxy of no role": oneProxy(t, "{host: north-1}"),
		"a role in capitals": oneProxy(t, "{host: north-1, role: BOTH}"), "without ops": strings.Replace(example(t, "available"), "ops:", "#", 1),
	} {
		proxies := 0
		for name, text := range filesOf(t, onHosts.ReplaceAllString(text, "")) {
			if !strings.HasSuffix(name, ".yaml") || !strings.Contains(name, "proxy") {
				continue
			}
			proxies++
			path := filepath.Join(t.TempDir(), "proxy.yaml")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			c, _, err := app.LoadProxyConfig(path)
			if err == nil {
				err = c.Validate()
			}
			if err != nil {
				t.Errorf("%s: %s: %v\n%s", example, name, err, text)
			}
			if !strings.Contains(name, "/proxy-"+c.Role+".yaml") || c.Role == "" {
				t.Errorf("%s: %s has the role %q", example, name, c.Role)
			}
			if example == "two-centres" && len(c.Advertise) != 8 {
				t.Errorf("%s sends clients to %d proxies", name, len(c.Advertise))
			}
		}
		if want := map[string]int{"two-centres": 8, "safe": 4, "without ops": 4}; proxies != max(want[example], 1) {
			t.Errorf("%s: %d proxies", example, proxies)
		}
	}
}

// oneProxy is the available example with that proxy alone, and without load balancers.
func oneProxy(t *testing.T, proxy string) string {
	t.Helper()
	text := regexp.MustCompile(`(?m)^(balancers:|- \{host: .*role).*\n`).ReplaceAllString(example(t, "available"), "")
	return strings.Replace(text, "proxies:\n", "proxies: ["+proxy+"]\n", 1)
}

func TestOneProxyAloneDoesNotLinger(t *testing.T) {
	files := filesOf(t, oneProxy(t, "{host: north-1}"))
	if text := files["north-1/proxy-both.yaml"]; strings.Contains(text, "linger") || !strings.Contains(text, "advertise:\n- 10.1.0.11:8081\n") {
		t.Errorf("%s", text)
	}
	if text := filesOf(t, example(t, "two-centres"))["north-p1/proxy-produce.yaml"]; !strings.Contains(text, "linger: 35s") {
		t.Errorf("%s", text)
	}
}

// Where the ops port is the loopback's, nobody is told to look at it from elsewhere.
func TestFiguresOnLoopbackAreNotScrapedFromElsewhere(t *testing.T) {
	text := strings.Replace(example(t, "available"), "ops:", "#", 1)
	files := filesOf(t, text)
	if _, there := files["scrape.yaml"]; there || strings.Contains(files["balancers.yaml"], "check:") || !strings.Contains(files["north-1/proxy-produce.yaml"], "http: 127.0.0.1:8091") {
		t.Errorf("%v", slices.Sorted(maps.Keys(files)))
	}
}

func TestSecretsAreInTheFilesThatNeedThem(t *testing.T) {
	p, err := Parse([]byte(example(t, "safe")))
	if err != nil {
		t.Fatal(err)
	}
	files, err := p.Files()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		needs := strings.HasSuffix(name, "broker-a.conf") || strings.Contains(name, "/proxy-")
		if p.Secret(text) != needs {
			t.Errorf("%s holds a secret: %v", name, !needs)
		}
	}
}

// Two hosts on one machine share nothing: neither ports nor places.
func TestTheTrialsHostsShareOneMachine(t *testing.T) {
	p, err := Read(filepath.Join("..", "examples", "one-machine.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := p.Files()
	if err != nil {
		t.Fatal(err)
	}
	one, two := files["one/broker-a.conf"], files["two/broker-a.conf"]
	for _, key := range []string{"listenPort", "storePathRootDir", "storePathCommitLog", "brokerIP1"} {
		line := regexp.MustCompile(`(?m)^` + key + `=.*$`)
		if a, b := line.FindString(one), line.FindString(two); a == "" || a == b {
			t.Errorf("%q, %q", a, b)
		}
	}
	line := regexp.MustCompile(`(?m)^(namesrvAddr|controllerAddr)=.*$`)
	if a, b := line.FindAllString(one, -1), line.FindAllString(two, -1); len(a) != 2 || !slices.Equal(a, b) {
		t.Errorf("%q, %q", a, b)
	}
	if !strings.Contains(files["every-host/tmpfiles.conf"], "/two ") || !strings.Contains(files["two/broker-a.env"], "/two/broker-a/log/gc.log") {
		t.Errorf("%s", files["two/broker-a.env"])
	}
}

// README.md has a row for every key of a plan, with what it means and what it is when nobody says it.
func TestEveryKeyOfAPlanIsExplained(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	want := "| key | | default |\n|---|---|---|\n" + rows("", reflect.ValueOf(Default()))
	if !strings.Contains(string(raw), want) {
		t.Errorf("README.md does not hold this table:\n%s", want)
	}
}

func rows(path string, v reflect.Value) (all string) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, what := path+f.Tag.Get("yaml"), v.Field(i)
		if f.Type.Kind() == reflect.Slice {
			name += "[]"
		}
		value := ""
		if k := f.Type.Kind(); (k == reflect.String || k == reflect.Int) && !what.IsZero() {
			value = fmt.Sprintf("`%v`", what.Interface())
		}
		all += fmt.Sprintf("| `%s` | %s | %s |\n", name, f.Tag.Get("doc"), value)
		switch {
		case f.Type.Kind() == reflect.Struct:
			all += rows(name+".", what)
		case f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.Struct:
			all += rows(name+".", reflect.New(f.Type.Elem()).Elem())
		}
	}
	return all
}

func TestGrowingLeavesWhatIsThereAsItWas(t *testing.T) {
	before, after := filesOf(t, example(t, "two-centres")), filesOf(t, example(t, "grown"))
	for name, text := range before {
		if name != "alerts.yaml" && after[name] != text {
			t.Errorf("%s changes when pairs are added", name)
		}
	}
}

func TestBadPlansAreRefusedWithTheirReason(t *testing.T) {
	good := example(t, "safe")
	for name, c := range map[string]struct{ from, to, says string }{
		"an unknown mode":             {"mode: safe", "mode: fast", `"fast": safe or available`},
		"an unknown key":              {"name_servers:", "nameservers:", `did you mean "name_servers"`},
		"a host twice":                {"name: south-1", "name: north-1", "there twice"},
		"an address twice":            {"10.2.0.11", "10.1.0.11", "there twice"},
		"a host that is not there":    {"{host: south-1}, {host: west-1", "{host: east-1}, {host: west-1", `no host "east-1"`},
		"two copies on one host":      {"{host: south-1}, {host: west-1", "{host: north-1}, {host: west-1", "both are gone with the host"},
		"one that may be primary":     {"{host: south-1}, {host: west-1", "{host: south-1, learner: true}, {host: west-1", "at least two are needed"},
		"one centre":                  {"centre: south", "centre: north", "the shard is gone with it"},
		"an even number of votes":     {"controllers: [north-1, south-1, west-1]", "controllers: [north-1, south-1]", "an odd number is needed"},
		"a heap larger than the host": {"{name: south-1, centre: south, address: 10.2.0.11, memory: 64GiB}", "{name: south-1, centre: south, address: 10.2.0.11, memory: 16GiB, heap: 8GiB}", "at most three fifths"},
		"no unit":                     {"memory: 64GiB", "memory: 64", "a size like"},
		"a role that is none":         {"role: produce", "role: send", "role"},
		"a proxy nowhere":             {"{host: south-1, role: consume}", "{host: nowhere, role: consume}", `no host "nowhere"`},
		"no name server":              {"name_servers: [north-1, south-1, west-1]", "name_servers: []", "at least one host"},
		"a balancer without a port":   {"produce.mq.bank:8081=produce", "produce.mq.bank=produce", "HOST:PORT=ROLE"},
		"no balancer for consumers":   {"consume.mq.bank:8081=consume", "consume.mq.bank:8081=produce", "each role needs an address"},
		"two proxies of one role":     {"{host: north-1, role: consume}", "{host: north-1, role: produce}", "north-1 has a proxy for produce already"},
		"figures for everybody":       {", token: change-me-ops-token", "", "ops.token: 0 bytes; 16 are needed since north-1 serves its figures at 10.1.0.11"},
		"a place that is none":        {"address: host,", "address: outside,", `"outside": host, or an IP address`},
		"a token that breaks a line":  {"change-me-ops-token", "'two words'", "letters, digits"},
		"a token that is soon tried":  {"change-me-ops-token", "short", "ops.token: 5 bytes; 16 are needed"},
		"half a user":                 {", secret: change-me-causeway", "", "only one is given"},
		"half a certificate":          {", key: /etc/causeway/tls.key", "", "only one is given"},
		"a relative path":             {"/etc/causeway/seal.keys", "seal.keys", "an absolute path"},
		"a path with a space":         {"cluster: payments", "cluster: payments\npaths: {data: '/data/rocket mq'}", "an absolute path"},
		"a size without a unit":       {"cluster: payments", "cluster: payments\ncommit_log: 1024", "a size like"},
		"a heap that is none":         {"cluster: payments", "cluster: payments\nheaps: {controller: big}", "heaps.controller"},
		"a port that is none":         {"cluster: payments", "cluster: payments\nports: {broker: 1}", "ports.broker"},
		"a shift that is none":        {"memory: 64GiB", "memory: 64GiB, shift: -1", "shift"},
		"a bad cluster":               {"cluster: payments", "cluster: 'pay ments'", "cluster"},
	} {
		text := strings.Replace(good, c.from, c.to, 1)
		if text == good {
			t.Errorf("%s: the case changes nothing", name)
		}
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}
