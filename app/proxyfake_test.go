// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/app/follow"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/engine/rocketmq"
	"github.com/causeway-mq/causeway/engine/rocketmq/fakebroker"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/internal/lifecycle"
	"github.com/causeway-mq/causeway/internal/obs"
	"github.com/causeway-mq/causeway/mq"
)

// page is what a proxy writes while a test looks on.
type page struct {
	mu   sync.Mutex // guards text
	text strings.Builder
}

func (p *page) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

func (p *page) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// fakeProxy is a proxy in this process before fake brokers.
type fakeProxy struct {
	t        *testing.T
	config   ProxyConfig
	out, log *page
	stop     context.CancelFunc
	ended    chan error
}

func overFakes(t *testing.T, fake *fakebroker.Cluster, shape func(*ProxyConfig)) *fakeProxy {
	t.Helper()
	p := &fakeProxy{t: t, config: DefaultProxyConfig(), out: &page{}, log: &page{}, ended: make(chan error, 1)}
	p.config.Listen, p.config.HTTP = freeAddress(t), freeAddress(t)
	p.config.Clusters = []ClusterConfig{{Name: "DefaultCluster", NameServers: fake.NameServers()}}
	shape(&p.config)
	ctx, cancel := context.WithCancel(t.Context())
	p.stop = cancel
	go func() {
		p.ended <- Proxy(ctx, ProxyOptions{Config: p.config, Out: p.out, Log: obs.NewLogger(p.log, slog.LevelInfo), Dial: fake.Dial})
		close(p.ended)
	}()
	t.Cleanup(func() {
		cancel()
		<-p.ended
		fake.Close()
	})
	p.until("it greets", func() bool { return strings.Contains(p.out.String(), "Stop with Ctrl-C") })
	return p
}

func (p *fakeProxy) until(what string, so func() bool) {
	p.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	bound := time.After(60 * time.Second)
	for !so() {
		select {
		case <-tick.C:
		case err := <-p.ended:
			p.t.Fatalf("it ended: %v\n%s", err, p.log)
		case <-bound:
			p.t.Fatalf("never: %s\n%s\n%s", what, p.out, p.log)
		}
	}
}

func (p *fakeProxy) ask(path string) string {
	p.t.Helper()
	answer, err := http.Get("http://" + p.config.HTTP + path)
	if err != nil {
		p.t.Fatal(err)
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(raw)
}

// told gives the doctor's findings by name.
func (p *fakeProxy) told() map[string]wire.Finding {
	p.t.Helper()
	var d wire.Doctor
	if err := json.Unmarshal([]byte(p.ask("/v1/doctor")), &d); err != nil {
		p.t.Fatal(err)
	}
	all := map[string]wire.Finding{}
	for _, f := range d.Findings {
		all[f.Name] = f
	}
	return all
}

func (p *fakeProxy) wants(status, name, words string) {
	p.t.Helper()
	all := p.told()
	if f := all[name]; f.Status != status || !strings.Contains(f.Detail+" -> "+f.Fix, words) {
		p.t.Errorf("%s is %+v, want %s with %q; all: %+v", name, f, status, words, all)
	}
}

func withCatalog(t *testing.T, text string) func(*ProxyConfig) {
	return func(c *ProxyConfig) {
		c.Catalog = filepath.Join(t.TempDir(), "catalog.yaml")
		if err := os.WriteFile(c.Catalog, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		servers := append(c.Clusters[0].NameServers, "nowhere:9876")
		c.Clusters = []ClusterConfig{{Name: "east", BrokersName: "DefaultCluster", NameServers: servers}, {Name: "west", BrokersName: "DefaultCluster", NameServers: servers[:1]}}
	}
}

func make1(t *testing.T, fake *fakebroker.Cluster, topic, group string) {
	t.Helper()
	cluster, err := mq.ParseCluster("DefaultCluster")
	if err != nil {
		t.Fatal(err)
	}
	e, err := rocketmq.Open(rocketmq.Options{NameServers: fake.NameServers(), Cluster: cluster, Remoting: remoting.Options{Dial: fake.Dial}})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	topicName, err := mq.ParsePhysical(topic)
	if err != nil {
		t.Fatal(err)
	}
	groupName, err := mq.ParsePhysical(group)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.PutTopic(t.Context(), mq.TopicSpec{Name: topicName, Cluster: cluster, Accepts: mq.AcceptsOf(mq.Normal), Queues: 4}); err != nil {
		t.Fatal(err)
	}
	if err := e.PutGroup(t.Context(), mq.GroupSpec{Name: groupName, Cluster: cluster, MaxAttempts: 3}); err != nil {
		t.Fatal(err)
	}
}

func TestTheDoctorHoldsTheCatalogAgainstTheClusters(t *testing.T) {
	fake := fakebroker.New(fakebroker.Options{})
	make1(t, fake, "pay%there", "pay%reading")
	p := overFakes(t, fake, withCatalog(t, `format: 1
version: 3
tenants:
- id: pay
  topics:
  - {name: orders, cluster: east, accepts: [fifo], queues: 8}
  - {name: there, cluster: east, accepts: [fifo]}
  groups:
  - {name: booking, cluster: east, ordered: true, max_attempts: 16}
  - {name: reading, cluster: west}
`))
	p.wants("ok", "proxy", "ready, role both")
	p.wants("ok", "catalog", "version 3")
	p.wants("fail", "cluster east topics", "not there: orders of tenant pay (as pay%orders) -> mqadmin updateTopic -n NAMESERVER -c DefaultCluster -t 'pay%orders' -a +message.type=FIFO -r 8 -w 8")
	p.wants("warn", "cluster east types", "there of tenant pay takes normal there, the catalog says fifo")
	p.wants("fail", "cluster east groups", "not there: booking of tenant pay (as pay%booking) -> mqadmin updateSubGroup -n NAMESERVER -c DefaultCluster -g 'pay%booking' -r 15 -o true")
	p.wants("ok", "cluster west topics", "every topic and group of the catalog is there")
	p.wants("fail", "cluster east name server nowhere:9876", "take it out of the configuration")
	for name := range p.told() {
		if strings.HasPrefix(name, "broker ") {
			t.Errorf("%q does not say which cluster", name)
		}
	}
}

func TestAProxyThatIsAskedForWhatAControlPlaneDoesSaysWhoDoesIt(t *testing.T) {
	p := overFakes(t, fakebroker.New(fakebroker.Options{}), func(*ProxyConfig) {})
	for path, want := range map[string]string{
		"/v1/tenants/default/topics":                  "mqadmin updateTopic -n NAMESERVER -c DefaultCluster -t NAME",
		"/v1/tenants/default/groups":                  "mqadmin updateSubGroup -n NAMESERVER -c DefaultCluster -g NAME",
		"/v1/tenants/default/groups/billing/progress": "mqadmin consumerProgress",
		"/v1/tenants/default/apps":                    "mqadmin createUser",
		"/v1/tenants":                                 "there is one tenant, default",
		"/v1/version":                                 "it serves /healthz",
	} {
		var problem wire.Problem
		if err := json.Unmarshal([]byte(p.ask(path)), &problem); err != nil || problem.Status != http.StatusNotImplemented || !strings.Contains(problem.Detail, "this is a proxy") || !strings.Contains(problem.Detail, want) {
			t.Errorf("%s: %+v, %v; want %q", path, problem, err, want)
		}
	}
}

func TestAProxysTokenIsAskedForInTheWordsOfTheAPI(t *testing.T) {
	p := overFakes(t, fakebroker.New(fakebroker.Options{}), func(c *ProxyConfig) { c.Token = "0123456789abcdef0123" })
	var problem wire.Problem
	if err := json.Unmarshal([]byte(p.ask("/v1/doctor")), &problem); err != nil || problem.Status != http.StatusUnauthorized || problem.Kind != mq.Unauthorized.String() {
		t.Errorf("%+v, %v", problem, err)
	}
	if !strings.Contains(p.out.String(), "CAUSEWAY_TOKEN") {
		t.Errorf("the banner does not tell of the token:\n%s", p.out)
	}
}

func TestAProxyWithoutATokenKnowsNobodyByOne(t *testing.T) {
	p := overFakes(t, fakebroker.New(fakebroker.Options{}), func(*ProxyConfig) {})
	for shown, want := range map[string]int{"": http.StatusOK, "Bearer bad": http.StatusUnauthorized, "Basic b3R0bzpw": http.StatusUnauthorized} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+p.config.HTTP+"/v1/doctor", nil)
		if err != nil {
			t.Fatal(err)
		}
		if shown != "" {
			r.Header.Set("Authorization", shown)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := answer.Body.Close(); err != nil || answer.StatusCode != want {
			t.Errorf("%q: %d, %v", shown, answer.StatusCode, err)
		}
	}
}

func TestTheFiguresTellWhichCatalogIsServedAndWhetherAFileIsRefused(t *testing.T) {
	const text = "format: 1\nversion: 3\ntenants:\n- id: pay\n"
	p := overFakes(t, fakebroker.New(fakebroker.Options{}), withCatalog(t, text))
	figures := p.ask("/metrics")
	for _, want := range []string{"causeway_catalog_version 3\n", "causeway_catalog_age_seconds ", "causeway_catalog_refused 0\n", "causeway_catalog_refusals_total 0\n"} {
		if !strings.Contains(figures, want) {
			t.Errorf("no %q", want)
		}
	}
	if err := os.WriteFile(p.config.Catalog, []byte("format: 1\nversion: four\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.until("the refusal is counted", func() bool {
		figures := p.ask("/metrics")
		return strings.Contains(figures, "causeway_catalog_refused 1\n") && strings.Contains(figures, "causeway_catalog_refusals_total 1\n") && strings.Contains(figures, "causeway_catalog_version 3\n")
	})
	p.wants("fail", "catalog", "version 3 goes on, but the file as it is now is not served")
}

func TestABannerSaysThatAProxyIsNotReadyYetAndWhy(t *testing.T) {
	p := overFakes(t, fakebroker.New(fakebroker.Options{}), func(c *ProxyConfig) { c.Clusters[0].Name = "Nope" })
	for _, want := range []string{"not ready yet", "no primary of cluster Nope is registered; the name servers know: DefaultCluster"} {
		if !strings.Contains(p.out.String(), want) {
			t.Errorf("no %q in:\n%s", want, p.out)
		}
	}
	if strings.Contains(p.out.String(), "a proxy is up") || strings.Contains(p.log.String(), "goes on") || !strings.Contains(p.log.String(), "never so far") {
		t.Errorf("%s\n%s", p.out, p.log)
	}
	p.wants("fail", "proxy", "not ready: the catalog has not been read yet: no primary of cluster Nope")
}

func TestABannerNamesTheRoleWhereClientsAreSentAndHowToLookAtTheProxy(t *testing.T) {
	p := overFakes(t, fakebroker.New(fakebroker.Options{}), func(c *ProxyConfig) {
		c.Role, c.Advertise, c.Linger = "produce", []string{"10.0.0.1:8081=produce", "10.0.0.2:8081=consume"}, Duration(35*time.Second)
	})
	for _, want := range []string{"a proxy is up.", "role      produce; clients are sent to 10.0.0.1:8081=produce, 10.0.0.2:8081=consume", "doctor --server http://" + p.config.HTTP + " --endpoint " + p.config.Listen, "for 35s more"} {
		if !strings.Contains(p.out.String(), want) {
			t.Errorf("no %q in:\n%s", want, p.out)
		}
	}
	p.stop()
	p.until("it lingers", func() bool { return strings.Contains(p.log.String(), `"for":"35s"`) })
	p.wants("fail", "proxy", "told to stop")
}

func TestWhoAsksASecondTimeDoesNotWaitForClientsToGo(t *testing.T) {
	p := &proxy{config: DefaultProxyConfig(), clock: clock.System()}
	p.config.Linger = Duration(time.Hour)
	hurried := make(chan struct{})
	close(hurried)
	p.hurried, p.log, p.group = hurried, obs.NewLogger(io.Discard, slog.LevelError), lifecycle.New(t.Context())
	over := make(chan struct{})
	go func() {
		p.waitForClients()
		close(over)
	}()
	select {
	case <-over:
	case <-time.After(20 * time.Second):
		t.Fatal("it waits for an hour")
	}
}

func TestABannerSaysThatTheControlPlaneDoesNotKnowTheToken(t *testing.T) {
	control := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }))
	defer control.Close()
	p := overFakes(t, fakebroker.New(fakebroker.Options{}), func(c *ProxyConfig) {
		c.Control = follow.Config{URLs: []string{control.URL}, Token: "nobody's token at all", Cache: filepath.Join(t.TempDir(), "catalog.feed")}
	})
	const why = "it does not know this proxy's token"
	if !strings.Contains(p.out.String(), "not ready yet: the catalog has not been read yet: control plane ") || !strings.Contains(p.out.String(), why) {
		t.Errorf("the banner:\n%s", p.out)
	}
	if strings.Contains(p.log.String(), `"error":null`) || strings.Count(p.log.String(), why) < 2 {
		t.Errorf("the log:\n%s", p.log)
	}
	p.wants("fail", "catalog", why)
}
