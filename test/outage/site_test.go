// SPDX-License-Identifier: Apache-2.0

package outage_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/causeway-mq/causeway/engine/rocketmq/fakebroker"
	"github.com/causeway-mq/causeway/test/crowd"
	"github.com/causeway-mq/causeway/test/town"
)

// site is a cluster with what processes before it are started with: a database, one address of the control plane, the token of proxies.
type site struct {
	t        *testing.T
	town     *town.Town
	servers  string // name servers
	cluster  string
	database string // a directory
	address  string // of the control plane
	secret   string // file of the token
	zone     string // where the cluster stands, "" where nobody says
	fake     *fakebroker.Cluster
}

func siteOf(t *testing.T, w *town.Town, servers []string, cluster string) *site {
	t.Helper()
	s := &site{
		t: t, town: w, servers: strings.Join(servers, ";"), cluster: cluster,
		database: filepath.Join(t.TempDir(), "database"), address: town.Reserved(t), secret: filepath.Join(t.TempDir(), "token"),
	}
	if err := os.WriteFile(s.secret, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

// overFakes is a site before fake brokers, which speak the real protocol on sockets of this process.
func overFakes(t *testing.T) *site {
	t.Helper()
	fake := crowd.Must(fakebroker.Listen(fakebroker.Options{NoAutoGroup: true}))
	t.Cleanup(fake.Close)
	s := siteOf(t, &town.Town{T: t, Binary: town.Binary(t)}, fake.NameServers(), "DefaultCluster")
	s.fake = fake
	return s
}

// proxy starts a proxy that follows the control plane and keeps what that said in a file of its own, with more words for it alone.
func (s *site) proxy(n int, more ...string) *town.Process {
	return s.town.Start(append([]string{"--namesrv", s.servers, "--cluster", s.cluster, "--control", "http://" + s.address, "--control-token", s.secret,
		"--control-cache", filepath.Join(filepath.Dir(s.secret), fmt.Sprint("proxy-", n))}, more...)...)
}

// proxyIn starts a proxy that stands in a zone.
func (s *site) proxyIn(n int, zone string) *town.Process {
	return s.proxy(n, "--config", s.file(fmt.Sprintf("proxy-%d.yaml", n), "zone: "+zone+"\n"))
}

// file writes a file of an operator.
func (s *site) file(name, text string) string {
	s.t.Helper()
	path := filepath.Join(filepath.Dir(s.secret), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// process is one `causeway control`.
type process struct {
	t    *testing.T
	url  string
	kill func()
}

// rules starts a control plane where proxies look for it.
func (s *site) rules() *process { return s.rulesAt(s.address) }

// rulesAt starts a control plane on the site's database and waits until it is ready.
func (s *site) rulesAt(address string) *process {
	t := s.t
	t.Helper()
	p := &process{t: t, url: "http://" + address}
	words := []string{"control", "--data", s.database, "--http", address, "--namesrv", s.servers, "--cluster", s.cluster, "--log-level", "error"}
	if s.zone != "" {
		words = append(words, "--config", s.file("control.yaml", fmt.Sprintf("clusters:\n- name: %s\n  zone: %s\n", s.cluster, s.zone)))
	}
	cmd := exec.Command(s.town.Binary, words...)
	cmd.Env = append(os.Environ(), "CAUSEWAY_PROXY_TOKEN="+token)
	log := crowd.Must(os.CreateTemp(t.TempDir(), "control-*.log"))
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.kill = sync.OnceFunc(func() { // kill -9
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = log.Close()
	})
	t.Cleanup(p.kill)
	crowd.Eventually(t, "the control plane is ready", func() bool {
		a, err := http.Get(p.url + "/readyz")
		if err != nil {
			return false
		}
		defer a.Body.Close()
		return a.StatusCode == http.StatusOK
	})
	return p
}

// makes asks the API for something new.
func (p *process) makes(path string, what map[string]any) map[string]any {
	p.t.Helper()
	a, err := http.Post(p.url+path, "application/json", bytes.NewReader(crowd.Must(json.Marshal(what))))
	if err != nil {
		p.t.Fatal(err)
	}
	defer a.Body.Close()
	text := crowd.Must(io.ReadAll(a.Body))
	out := map[string]any{}
	if err := json.Unmarshal(text, &out); err != nil || a.StatusCode != http.StatusCreated {
		p.t.Fatalf("%s: %s %s", path, a.Status, text)
	}
	return out
}

func (p *process) provides(tenant string) [2]string {
	p.t.Helper()
	p.makes("/v1/tenants", map[string]any{"id": tenant})
	key, _ := p.makes("/v1/tenants/"+tenant+"/apps", map[string]any{"name": "app", "owner": true})["key"].(map[string]any)
	p.makes("/v1/tenants/"+tenant+"/topics", map[string]any{"name": "orders", "queues": 4})
	p.makes("/v1/tenants/"+tenant+"/groups", map[string]any{"name": "billing", "from": "earliest"})
	return [2]string{fmt.Sprint(key["id"]), fmt.Sprint(key["secret"])}
}

// asks asks the API for something that is answered without a body.
func (p *process) asks(method, path string) {
	p.t.Helper()
	p.answers(method, path, "", http.StatusNoContent)
}

// tells asks the API for something that there is.
func (p *process) tells(path string) string {
	p.t.Helper()
	return p.answers("GET", path, "", http.StatusOK)
}

// answers asks the API for something whose answer has this status.
func (p *process) answers(method, path, body string, status int) string {
	p.t.Helper()
	r := crowd.Must(http.NewRequestWithContext(p.t.Context(), method, p.url+path, strings.NewReader(body)))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer a.Body.Close()
	text := crowd.Must(io.ReadAll(a.Body))
	if a.StatusCode != status {
		p.t.Fatalf("%s %s: %s %s", method, path, a.Status, text)
	}
	return string(text)
}
