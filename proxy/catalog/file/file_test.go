// SPDX-License-Identifier: Apache-2.0

package file

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog"
)

const small = `format: 1
version: 7
tenants:
- id: pay
  applications:
  - name: ledger
    publish: [orders]
    consume: [billing]
    read: [orders]
    keys:
    - {id: AK-ledger-1, secret: s3cret, expires: 2030-01-01T00:00:00Z}
  topics:
  - {name: orders, cluster: east, accepts: [fifo, transaction], queues: 8, durability: window=20ms, retention: 72h}
  - {name: old, physical: legacy_orders, cluster: west}
  groups:
  - {name: billing, cluster: east, ordered: true, max_attempts: 5, retry: {steps: [1s, 5s]}, start: 2026-11-01T00:00:00Z, hold: 90s}
  - {name: report, physical: legacy_report, cluster: west, mode: pulls, start: latest, retry: {initial: 1s, max: 1m, multiplier: 2}}
- {id: default, unsigned: loopback}
- id: risk
  applications:
  - {name: scoring, read: [pay-orders], keys: [{id: AK-risk-1, secret: s3cret}]}
  borrows:
  - {as: pay-orders, owner: pay, topic: orders, subscribe: true, expires: 2031-01-01T00:00:00Z}
`

func clusters(t testing.TB, names ...string) (all []mq.Cluster) {
	for _, n := range names {
		c, err := mq.ParseCluster(n)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	return all
}

func TestAFileBecomesACatalog(t *testing.T) {
	c, err := Parse([]byte(small), clusters(t, "east", "west"))
	if err != nil {
		t.Fatal(err)
	}
	s := catalog.Build(c.Contents)
	pay, _ := mq.ParseTenant("pay")
	name := func(n string) mq.TopicName { x, _ := mq.ParseTopicName(n); return x }
	orders, ok := s.Topic(pay, name("orders"))
	if !ok || orders.Topic.Name.String() != "pay%orders" || orders.Cluster.String() != "east" || orders.Queues != 8 || !orders.Accepts.Has(mq.FIFO) || orders.Accepts.Has(mq.Normal) ||
		orders.Durability.Window() != 20*time.Millisecond || orders.Retention != 72*time.Hour {
		t.Errorf("%+v", orders)
	}
	if old, ok := s.Topic(pay, name("old")); !ok || old.Topic.Name.String() != "legacy_orders" || !old.Accepts.Has(mq.Normal) {
		t.Errorf("%+v", old)
	}
	if dead, ok := s.Topic(pay, name("%DLQ%billing")); !ok || dead.Topic.Name.String() != "%DLQ%pay%billing" {
		t.Errorf("%+v", dead)
	}
	group, _ := mq.ParseGroupName("billing")
	billing, ok := s.Group(pay, group)
	want := mq.Group{
		Name: billing.Group.Name, Cluster: billing.Cluster, Ordered: true, MaxAttempts: 5, Hold: 90 * time.Second,
		Retry: mq.RetryPolicy{Steps: []time.Duration{time.Second, 5 * time.Second}},
		Start: mq.Start{Kind: mq.StartAt, Time: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)},
	}
	if !ok || billing.Group.Name.String() != "pay%billing" || !reflect.DeepEqual(billing.Group, want) {
		t.Errorf("%+v", billing)
	}
	k, ok := s.Key("AK-ledger-1")
	if !ok || k.Secret != "s3cret" || k.App.Name != "ledger" || !k.App.Publish[name("orders")] || !k.App.Subscribe[group] || k.Expires.Year() != 2030 || k.App.Owner {
		t.Errorf("%+v", k)
	}
	fallback, _ := mq.ParseTenant(mq.DefaultTenant)
	if d, ok := s.Tenant(fallback); !ok || d.Unsigned != catalog.UnsignedLoopback {
		t.Errorf("%+v", d)
	}
	risk, _ := mq.ParseTenant("risk")
	if lent, ok := s.Topic(risk, name("pay-orders")); !ok || lent.Topic.Name.String() != "pay%orders" || lent.Lent.Publish || !lent.Lent.Subscribe || lent.Lent.Expires.Year() != 2031 {
		t.Errorf("%+v", lent)
	}
	if s.Version() != 7 || s.Untenanted() {
		t.Errorf("version %d", s.Version())
	}
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	c, err := Parse([]byte(small), nil)
	if err != nil {
		t.Fatal(err)
	}
	first, err := Encode(c.Contents)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse(first, nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, first)
	}
	second, err := Encode(again.Contents)
	if err != nil {
		t.Fatal(err)
	}
	if string(first) != string(second) {
		t.Errorf("a catalog has two faces:\n%s\n%s", first, second)
	}
	touched := strings.Replace(string(first), "max_attempts: 5", "max_attempts: 6", 1)
	if _, err := Parse([]byte(touched), nil); err == nil || !strings.Contains(err.Error(), "takes the sum out") {
		t.Errorf("a file that was changed after it was written: %v", err)
	}
}

func TestRightsOfAClustersUsersHaveNoPlaceInAFile(t *testing.T) {
	id, _ := mq.ParseTenant("pay")
	app := &catalog.App{Tenant: id, Name: "x", Rules: catalog.NewRules(nil)}
	if _, err := Encode(catalog.Contents{Version: 1, Tenants: []catalog.Tenant{{ID: id}}, Keys: []catalog.Key{{ID: "k", App: app}}}); err == nil {
		t.Error("they were written as rights that nobody has")
	}
}

func TestBadFilesAreRefusedWithTheirReason(t *testing.T) {
	for name, c := range map[string]struct{ from, to, says string }{
		"no YAML":               {"format: 1", "format: [", "line"},
		"another format":        {"format: 1", "format: 2", "this program reads format 1"},
		"no version":            {"version: 7", "version: 0", "from 1 on"},
		"an unknown key":        {"queues: 8", "queue: 8", `did you mean "queues"`},
		"an unknown cluster":    {"cluster: west}\n  groups", "cluster: north}\n  groups", "there is east, west"},
		"a bad tenant":          {"id: pay", "id: Pay", "a-z"},
		"a tenant twice":        {"id: default", "id: pay", "there twice, first as tenants[0].id"},
		"a topic twice":         {"name: old", "name: orders", "there twice"},
		"a physical name twice": {"physical: legacy_orders", "physical: pay%orders", "there twice"},
		"another tenant's way":  {"  applications:\n  - {name: scoring", "  topics:\n  - {name: mine, physical: pay%mine, cluster: east}\n  applications:\n  - {name: scoring", "begins with \"pay%\""},
		"a bad topic":           {"name: old", "name: 'old one'", "topic"},
		"a bad type":            {"[fifo, transaction]", "[fifo, later]", "normal, fifo, delay or transaction"},
		"too many queues":       {"queues: 8", "queues: 257", "1 to 256"},
		"a bad durability":      {"window=20ms", "window=20m", "at most"},
		"a bad retention":       {"retention: 72h", "retention: 72", "unit"},
		"a bad mode":            {"mode: pulls", "mode: push", "leases or pulls"},
		"too many attempts":     {"max_attempts: 5", "max_attempts: 5000", "1 to 1000"},
		"two retry policies":    {"steps: [1s, 5s]", "steps: [1s, 5s], initial: 1s", "not both"},
		"half a retry policy":   {"initial: 1s, max: 1m", "initial: 1s", "go together"},
		"a bad start":           {"start: latest", "start: newest", "earliest, latest"},
		"a bad hold":            {"hold: 90s", "hold: 90h", "at most"},
		"a bad trust":           {"unsigned: loopback", "unsigned: all", "nobody, loopback or anybody"},
		"no secret":             {"secret: s3cret", "secret: ''", "1 to 256"},
		"a bad expiry":          {"2030-01-01T00:00:00Z", "2030-01-01", "a time like"},
		"an application's name": {"name: ledger", "name: ''", "a name is needed"},
		"a name borrowed twice": {"topic: orders, subscribe", "topic: orders, publish: true, subscribe: true}\n  - {as: pay-orders, owner: pay, topic: orders, subscribe", "there twice"},
		"a topic of one's own":  {"owner: pay, topic", "owner: risk, topic", "another tenant"},
		"nothing borrowed":      {"subscribe: true", "subscribe: false", "publish or subscribe"},
		"a bad end":             {"2031-01-01T00:00:00Z", "2031", "a time like"},
		"a right to nothing":    {"publish: [orders]", "publish: ['a b']", "publish[0]"},
	} {
		text := strings.Replace(small, c.from, c.to, 1)
		if text == small {
			t.Errorf("%s: the case changes nothing", name)
		}
		_, err := Parse([]byte(text), clusters(t, "east", "west"))
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
		if err != nil && strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: a secret is shown: %v", name, err)
		}
	}
}

func TestARightToWhatTheFileDoesNotHaveIsRefused(t *testing.T) {
	for name, c := range map[string]struct{ from, to, says string }{
		"a group":                  {"consume: [billing]", "consume: [biling]", `line 8: tenants[0].applications[0].consume[0]: "biling": application ledger: tenant pay has no group of that name; did you mean "billing"?`},
		"a topic to read":          {"read: [orders]", "read: [ordrs]", `no topic of that name; did you mean "orders"?`},
		"a topic to send to":       {"publish: [orders]", "publish: [elsewhere]", "no topic of that name"},
		"another tenant's":         {"- {id: default, unsigned: loopback}", "- {id: default, applications: [{name: a, publish: [orders]}]}", "tenant default has no topic of that name"},
		"dead letters of no group": {"read: [orders]", "read: ['%DLQ%orders']", "no topic of that name"},
	} {
		_, err := Parse([]byte(strings.Replace(small, c.from, c.to, 1)), nil)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
	if _, err := Parse([]byte(strings.Replace(small, "read: [orders]", "read: [orders, '%DLQ%billing']", 1)), nil); err != nil {
		t.Errorf("a right to dead letters: %v", err)
	}
}

// A control plane may take a topic away before the rights to it: what a proxy remembers of it has to be served.
func TestWhatAProgramWroteMayNameWhatIsGone(t *testing.T) {
	c, err := Parse([]byte(small), nil)
	if err != nil {
		t.Fatal(err)
	}
	c.Topics = c.Topics[1:]
	raw, err := Encode(c.Contents)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Parse(raw, nil); err != nil {
		t.Error(err)
	}
}

func TestAllThatIsWrongInACatalogIsToldAtOnce(t *testing.T) {
	text := small
	for from, to := range map[string]string{"version: 7": "version: 0", "queues: 8": "queue: 8", "retention: 72h": "retention: 72", "hold: 90s": "hold: 90h", "max_attempts: 5": "max_attempts: many"} {
		text = strings.Replace(text, from, to, 1)
	}
	_, err := Parse([]byte(text), clusters(t, "east"))
	if err == nil {
		t.Fatal("it is served")
	}
	lines := strings.Split(err.Error(), "\n")
	for i, want := range []string{
		"line 2: version", "line 13: tenants[0].topics[0].queue: unknown key", "line 13: tenants[0].topics[0].retention", "line 14: tenants[0].topics[1].cluster",
		"line 16: tenants[0].groups[0].max_attempts", "line 16: tenants[0].groups[0].hold", "line 17: tenants[0].groups[1].cluster",
	} {
		if i >= len(lines) || !strings.HasPrefix(lines[i], want) {
			t.Fatalf("line %d is not %q:\n%v", i, want, err)
		}
	}
}

func TestAListThatCannotBeReadTakesNoRightAway(t *testing.T) {
	_, err := Parse([]byte("format: 1\nversion: 1\ntenants:\n- id: pay\n  topics: orders\n  applications:\n  - {name: a, publish: [orders]}\n"), nil)
	if err == nil || err.Error() != `line 5: tenants[0].topics: "orders": a list is wanted, not a single value` {
		t.Errorf("%v", err)
	}
}

// bench is a source over a file in a directory of its own.
type bench struct {
	t      *testing.T
	path   string
	time   *clock.Virtual
	source *Source
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, path: filepath.Join(t.TempDir(), "catalog.yaml"), time: clock.NewVirtual(time.Unix(1764000000, 0))}
	b.write(small)
	var err error
	if b.source, err = Open(Options{Path: b.path, Clusters: clusters(t, "east", "west"), Clock: b.time}); err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := b.source.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	t.Cleanup(func() { end(); running.Wait() })
	return b
}

func (b *bench) write(text string) {
	b.t.Helper()
	if err := os.WriteFile(b.path+".new", []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
	if err := os.Rename(b.path+".new", b.path); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) until(what string, is func() bool) {
	b.t.Helper()
	for end := time.Now().Add(10 * time.Second); !is(); <-time.After(time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatalf("not within 10 s: %s", what)
		}
		b.time.Advance(look)
	}
}

func (b *bench) serves(version catalog.Version) *catalog.Snapshot {
	b.t.Helper()
	s, err := b.source.Next(b.t.Context(), 0)
	if err != nil {
		b.t.Fatal(err)
	}
	if s.Version() != version {
		b.t.Errorf("version %d is served, want %d", s.Version(), version)
	}
	return s
}

func (b *bench) refuses(words string) {
	b.t.Helper()
	b.until("refused: "+words, func() bool {
		err := b.source.Refused()
		return err != nil && strings.Contains(err.Error(), words)
	})
}

func TestAChangedFileIsTheNextVersion(t *testing.T) {
	b := newBench(t)
	b.serves(7)
	next := make(chan *catalog.Snapshot, 1)
	go func() {
		s, err := b.source.Next(b.t.Context(), 7)
		if err != nil {
			t.Error(err)
		}
		next <- s
	}()
	b.write(strings.Replace(small, "version: 7", "version: 9", 1))
	b.until("who waits is told", func() bool { return len(next) > 0 })
	if s := <-next; s.Version() != 9 {
		t.Errorf("version %d", s.Version())
	}
}

func TestAWrongFileLeavesTheOldCatalog(t *testing.T) {
	b := newBench(t)
	b.write("format: 1\nversion: 8\ntenants: [")
	b.refuses("line")
	b.serves(7)
	if err := os.Remove(b.path); err != nil {
		t.Fatal(err)
	}
	b.refuses("no such file")
	b.serves(7)
	b.write(strings.Replace(small, "queues: 8", "queues: 9", 1))
	b.refuses("version 7 is not newer than 7")
	b.write(small)
	if err := os.Chmod(b.path, 0o644); err != nil {
		t.Fatal(err)
	}
	b.refuses("chmod 600")
	b.serves(7)
	b.write(strings.Replace(small, "version: 7", "version: 8", 1))
	b.until("a good one is served", func() bool { return b.source.Refused() == nil })
	b.serves(8)
	if n := b.source.Refusals(); n != 4 {
		t.Errorf("%d refusals were counted", n)
	}
}

func TestAFileThatTakesHalfOfTheTenantsAwayMustSaySo(t *testing.T) {
	b := newBench(t)
	tenants := func(version, n int, more string) string {
		text := fmt.Sprintf("format: 1\nversion: %d\n%stenants:\n", version, more)
		for i := range n {
			text += fmt.Sprintf("- {id: t%d}\n", i)
		}
		return text
	}
	b.write(tenants(8, 10, "shrinks: true\n"))
	b.until("ten tenants", func() bool { return b.serves1() == 8 })
	b.write(tenants(9, 4, ""))
	b.refuses("takes away 6 of 10 tenants")
	b.serves(8)
	b.write(tenants(10, 5, ""))
	b.until("half may go", func() bool { return b.serves1() == 10 })
	b.write(tenants(11, 1, "shrinks: true\n"))
	b.until("it is meant", func() bool { return b.serves1() == 11 })
}

func (b *bench) serves1() catalog.Version {
	s, err := b.source.Next(b.t.Context(), 0)
	if err != nil {
		b.t.Fatal(err)
	}
	return s.Version()
}

func TestNoProxyStartsWithoutACatalog(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct {
		make func(path string) error
		says string
	}{
		"missing":     {func(string) error { return nil }, "no such file"},
		"a directory": {func(p string) error { return os.Mkdir(p, 0o700) }, "not a regular file"},
		"wrong":       {func(p string) error { return os.WriteFile(p, []byte("format: 1\n"), 0o600) }, "version"},
	} {
		path := filepath.Join(dir, strings.ReplaceAll(name, " ", "-"))
		if err := c.make(path); err != nil {
			t.Fatal(err)
		}
		_, err := Open(Options{Path: path, Clock: clock.System()})
		if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheExampleOfTheDocumentsIsServed(t *testing.T) {
	raw, err := os.ReadFile("../../../docs/examples/catalog.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c, err := Parse(raw, clusters(t, "east", "west"))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Tenants) != 2 || len(c.Topics) != 3 || len(c.Groups) != 2 || len(c.Keys) != 2 {
		t.Errorf("%d tenants, %d topics, %d groups, %d keys", len(c.Tenants), len(c.Topics), len(c.Groups), len(c.Keys))
	}
}

func TestAFileIsExplainedKeyByKey(t *testing.T) {
	text, err := Explain(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Parse(text, clusters(t, "east")); err != nil {
		t.Errorf("what is printed is no catalog: %v\n%s", err, text)
	}
	for _, want := range []string{"# grows with each change", "max_attempts: 16", "secret: (redacted)", "physical:"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
	text, err = Explain([]byte(small))
	if err != nil || strings.Contains(string(text), "s3cret") || strings.Count(string(text), "# as the brokers call it") != 2 {
		t.Errorf("%v\n%s", err, text)
	}
	if _, err := Explain([]byte("format: 2")); err == nil {
		t.Error("a wrong file is explained")
	}
}
