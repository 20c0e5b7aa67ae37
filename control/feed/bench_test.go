// SPDX-License-Identifier: Apache-2.0

package feed

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog"
	"github.com/causeway-mq/causeway/proxy/catalog/wire"
)

func must[V any](v V, err error) V {
	if err != nil {
		panic(err)
	}
	return v
}

// large is an installation with tenants of ten topics, ten groups and an application with a key each.
func large(tenants int) control.Catalog {
	c := control.Catalog{Version: 50_000}
	cluster, app := must(mq.ParseCluster("east")), must(control.ParseApplicationName("ledger"))
	for i := range tenants {
		id := must(mq.ParseTenant(fmt.Sprintf("tenant-%04d", i)))
		c.Tenants = append(c.Tenants, control.Tenant{ID: id, Revision: 1})
		a := control.Application{Tenant: id, Name: app, Revision: 2}
		c.Keys = append(c.Keys, control.Key{ID: fmt.Sprintf("CW%018d", i), Secret: "cws_" + strings.Repeat("x", 48), Tenant: id, Application: app, Revision: 3})
		for j := range 10 {
			topic, group := must(mq.ParseTopicName(fmt.Sprintf("orders-%02d", j))), must(mq.ParseGroupName(fmt.Sprintf("billing-%02d", j)))
			a.Rights.Publish, a.Rights.Read, a.Rights.Consume = append(a.Rights.Publish, topic), append(a.Rights.Read, topic), append(a.Rights.Consume, group)
			c.Topics = append(c.Topics, control.Topic{Tenant: id, Name: topic, State: control.Ready, Revision: 4, Spec: mq.TopicSpec{
				Name: mq.PhysicalTopic(id, topic), Cluster: cluster, Accepts: mq.AcceptsOf(mq.Normal), Queues: 8, Retention: 72 * time.Hour,
			}})
			c.Groups = append(c.Groups, control.Group{Tenant: id, Name: group, State: control.Ready, Revision: 5, Spec: mq.GroupSpec{
				Name: mq.PhysicalGroup(id, group), Cluster: cluster, MaxAttempts: 17, Start: mq.Start{Kind: mq.StartEarliest},
			}})
		}
		c.Applications = append(c.Applications, a)
	}
	return c
}

// whole is a catalog as news to who has nothing.
func whole(c control.Catalog) control.News {
	n := control.News{Version: c.Version, Whole: true}
	add(&n, c.Tenants)
	add(&n, c.Applications)
	add(&n, c.Keys)
	add(&n, c.Topics)
	add(&n, c.Groups)
	return n
}

func add[R control.Record](n *control.News, some []R) {
	for _, r := range some {
		n.Now = append(n.Now, r)
	}
}

// revoked is the news that one key was revoked at a version. Its expiry is another one each time: that it is revoked again is nothing that proxies see.
func revoked(k control.Key, v control.Version) control.News {
	k.Revoked, k.Expires, k.Revision = time.Unix(int64(v), 0), time.Unix(int64(v), 0), v
	return control.News{Version: v, Now: []control.Record{k}}
}

func epochOne() wire.Epoch { return wire.Epoch{ID: "0123456789abcdef"} }

// writes takes news into a ledger and gives the document for who has that.
func (l *ledger) writes(n control.News, h holding) *document {
	must(l.take(n, epochOne()))
	d := l.draft(h)
	if err := d.written(); err != nil {
		panic(err)
	}
	return d
}

// proxy is what a proxy has of the catalog.
type proxy struct {
	state    *wire.State
	snapshot *catalog.Snapshot
}

func (p proxy) served(data []byte) proxy {
	d := must(wire.Decode(data))
	if d.After == 0 {
		p.snapshot = &catalog.Snapshot{}
	}
	return proxy{must(p.state.Apply(d)), p.snapshot.With(d.Difference())}
}

func newProxy() proxy { return proxy{state: wire.Empty()} }

// BenchmarkFeed is one installation of 1,000 tenants, 10,000 topics and 10,000 groups, on both ends.
func BenchmarkFeed(b *testing.B) {
	c := large(1000)
	var l ledger
	all := l.writes(whole(c), holding{})
	have := newProxy().served(all.plain)
	delta := l.writes(revoked(c.Keys[7], c.Version+1), holding{epoch: epochOne().ID, version: catalog.Version(c.Version)})
	if delta.head.After == 0 {
		b.Fatal("no delta")
	}
	b.Run("control/whole", func(b *testing.B) {
		for b.Loop() {
			var l ledger
			l.writes(whole(c), holding{})
		}
		b.ReportMetric(float64(len(all.plain)), "bytes")
		b.ReportMetric(float64(len(all.gzipped)), "gzipped-bytes")
	})
	b.Run("control/one-change", func(b *testing.B) {
		now := c.Version + 1
		for b.Loop() {
			now++
			l.writes(revoked(c.Keys[7], now), holding{epoch: epochOne().ID, version: catalog.Version(now - 1)})
		}
		b.ReportMetric(float64(len(delta.plain)), "bytes")
	})
	b.Run("proxy/whole", func(b *testing.B) {
		for b.Loop() {
			newProxy().served(all.plain)
		}
	})
	b.Run("proxy/one-change", func(b *testing.B) {
		for b.Loop() {
			have.served(delta.plain)
		}
	})
	b.Run("proxy/to-disk", func(b *testing.B) {
		for b.Loop() {
			must(have.state.Encode())
		}
	})
	b.Run("proxy/memory", func(b *testing.B) {
		heap := func() float64 {
			runtime.GC()
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return float64(m.HeapAlloc)
		}
		var grown float64
		for b.Loop() {
			before := heap()
			p := newProxy().served(all.plain)
			grown = heap() - before
			runtime.KeepAlive(p)
		}
		b.ReportMetric(grown/(1<<20), "MiB")
	})
}

// What a proxy of a large installation does for one change stays small: a delta of some hundred bytes, whatever else there is.
func TestOneChangeOfALargeInstallationIsASmallDelta(t *testing.T) {
	c := large(300)
	var l ledger
	first := newProxy().served(l.writes(whole(c), holding{}).plain)
	d := l.writes(revoked(c.Keys[7], c.Version+1), holding{epoch: epochOne().ID, version: first.snapshot.Version(), sum: first.state.Sum().String()})
	next := first.served(d.plain)
	k, ok := next.snapshot.Key(c.Keys[7].ID)
	if d.head.After == 0 || len(d.plain) > 1000 || !ok || !k.Revoked || next.state.Len() != first.state.Len() {
		t.Errorf("%d bytes, %v, %+v", len(d.plain), ok, k)
	}
	gone := control.News{Version: c.Version + 2, Gone: []control.Record{c.Topics[0], c.Topics[1], c.Groups[0]}}
	d = l.writes(gone, holding{epoch: epochOne().ID, version: next.snapshot.Version(), sum: next.state.Sum().String()})
	last := next.served(d.plain)
	if d.head.After == 0 || last.state.Len() != next.state.Len()-3 {
		t.Errorf("%d records are gone", next.state.Len()-last.state.Len())
	}
	if d := l.writes(gone, holding{epoch: epochOne().ID, version: 1}); d.head.After != 0 {
		t.Error("a delta over a version that this ledger never saw")
	}
}

// The ledger does not remember for ever what is gone; who is behind that gets a snapshot.
func TestWhatIsLongGoneIsForgotten(t *testing.T) {
	c := large(400)
	var l ledger
	l.writes(whole(c), holding{})
	had := holding{epoch: epochOne().ID, version: l.version}
	c.Version++
	c.Topics = c.Topics[:100]
	d := l.writes(whole(c), had)
	if d.head.After != 0 || len(l.entries) != l.live || l.floor != l.version {
		t.Errorf("%d entries, %d live, a delta over %d", len(l.entries), l.live, d.head.After)
	}
	if p := newProxy().served(d.plain); p.state.Len() != l.live {
		t.Errorf("%d records, %d are there", p.state.Len(), l.live)
	}
}

// Whatever a proxy missed, a delta over what it has gives it what a snapshot would.
func TestDeltasAddUpToTheWhole(t *testing.T) {
	c := large(20)
	dice := rand.New(rand.NewPCG(3, 9))
	var l ledger
	p, now := newProxy().served(l.writes(whole(c), holding{}).plain), c.Version
	there := map[int]bool{}
	for i := range c.Topics {
		there[i] = true
	}
	deltas := 0
	for range 1500 { // more than the ledger remembers of what others followed
		now++
		i := dice.IntN(len(c.Topics))
		n := control.News{Version: now}
		if there[i] = dice.IntN(3) > 0; there[i] {
			c.Topics[i].Spec.Queues = 1 + dice.IntN(9)
			n.Now = []control.Record{c.Topics[i]}
		} else {
			n.Gone = []control.Record{c.Topics[i]}
		}
		must(l.take(n, epochOne()))
		if dice.IntN(4) > 0 {
			continue
		}
		h := holding{epoch: epochOne().ID, version: p.snapshot.Version(), sum: p.state.Sum().String()}
		if !l.news(h) {
			continue
		}
		d := l.draft(h)
		if err := d.written(); err != nil {
			t.Fatal(err)
		}
		if d.head.After != 0 {
			deltas++
		}
		p = p.served(d.plain) // which holds the sum against what the ledger has
		for i, one := range c.Topics {
			got, ok := p.snapshot.Topic(one.Tenant, one.Name)
			if ok != there[i] || ok && got.Queues != one.Spec.Queues {
				t.Fatalf("version %d: topic %d is %+v, there %v", now, i, got, there[i])
			}
		}
	}
	if deltas < 100 {
		t.Errorf("%d deltas", deltas)
	}
}

// The cost of a change at both ends, in bytes: counted, not timed, so that it is the same on every machine.
func TestADeltaDoesNotCostMoreAmongMany(t *testing.T) {
	cost := func(tenants int) float64 {
		c := large(tenants)
		var l ledger
		p := newProxy().served(l.writes(whole(c), holding{}).plain)
		const changes = 200
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for i := range control.Version(changes) {
			d := l.writes(revoked(c.Keys[1], c.Version+1+i), holding{epoch: epochOne().ID, version: p.snapshot.Version(), sum: p.state.Sum().String()})
			if p = p.served(d.plain); d.head.After == 0 || d.head.Version != catalog.Version(c.Version+1+i) {
				t.Fatalf("version %d after %d is no delta to version %d", d.head.Version, d.head.After, c.Version+1+i)
			}
		}
		runtime.ReadMemStats(&after)
		return float64(after.TotalAlloc-before.TotalAlloc) / changes
	}
	few, many := cost(5), cost(500)
	t.Logf("a change allocates %.0f bytes among 100 topics and groups, %.0f among 10,000", few, many)
	if many > 3*few {
		t.Errorf("a change allocates %.0f bytes among 100 topics and groups, %.0f among 10,000", few, many)
	}
}
