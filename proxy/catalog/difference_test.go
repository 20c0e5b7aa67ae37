// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"testing"

	"github.com/causeway-mq/causeway/mq"
)

// plain is a catalog without any cleverness: what is there, by name.
type plain struct {
	tenants map[mq.Tenant]Tenant
	apps    map[AppID]App
	keys    map[string]Key
	topics  map[TopicID]Topic
	groups  map[GroupID]Group
}

func nothing() plain {
	return plain{map[mq.Tenant]Tenant{}, map[AppID]App{}, map[string]Key{}, map[TopicID]Topic{}, map[GroupID]Group{}}
}

// whole is everything as one difference over nothing.
func (p plain) whole(v Version) Difference {
	d := Difference{Version: v}
	for _, t := range p.tenants {
		d.Tenants = append(d.Tenants, t)
	}
	for _, a := range p.apps {
		d.Apps = append(d.Apps, &a)
	}
	for _, k := range p.keys {
		d.Keys = append(d.Keys, k)
	}
	for _, t := range p.topics {
		d.Topics = append(d.Topics, t)
	}
	for _, g := range p.groups {
		d.Groups = append(d.Groups, g)
	}
	return d
}

// world is the names that a test plays with: few, so that everything meets everything.
type world struct {
	tenants []mq.Tenant
	topics  []mq.TopicName
	groups  []mq.GroupName
}

func newWorld(t *testing.T) (w world) {
	for _, n := range []string{"a", "b", "default"} {
		w.tenants = append(w.tenants, tenant(t, n))
	}
	for i := range 4 {
		g := groupOf(t, "a", fmt.Sprint("g", i)).Name
		w.groups = append(w.groups, g)
		w.topics = append(w.topics, topicOf(t, "a", fmt.Sprint("t", i)).Name, mq.DeadLetters(g))
	}
	return w
}

func (w world) keys() []string { return []string{"k0", "k1", "k2", "k3"} }
func (w world) apps() []string { return []string{"x", "y"} }

// touch changes one thing by chance, in p and in d.
func (w world) touch(dice *rand.Rand, p plain, d *Difference) {
	id, there := w.tenants[dice.IntN(len(w.tenants))], dice.IntN(3) > 0
	switch dice.IntN(5) {
	case 0:
		t := Tenant{ID: id, Disabled: dice.IntN(2) == 0}
		d.Tenants, d.Gone.Tenants = either(p.tenants, id, t, there, d.Tenants, d.Gone.Tenants)
	case 1:
		a := App{Tenant: id, Name: w.apps()[dice.IntN(2)], Owner: dice.IntN(2) == 0}
		var set []App
		set, d.Gone.Apps = either(p.apps, AppID{id, a.Name}, a, there, nil, d.Gone.Apps)
		for _, a := range set {
			d.Apps = append(d.Apps, &a)
		}
	case 2:
		k := Key{ID: w.keys()[dice.IntN(4)], Secret: fmt.Sprint(dice.IntN(9)), App: &App{Tenant: id, Name: w.apps()[dice.IntN(2)]}}
		d.Keys, d.Gone.Keys = either(p.keys, k.ID, k, there, d.Keys, d.Gone.Keys)
	case 3:
		t := Topic{Tenant: id, Name: w.topics[dice.IntN(len(w.topics))]}
		t.Topic.Name, t.Queues = mq.PhysicalTopic(id, t.Name), dice.IntN(9)
		if dice.IntN(4) == 0 { // as one that was taken over from a cluster
			t.Topic.Name = physical("legacy-" + strconv.Itoa(slices.Index(w.topics, t.Name)))
		}
		t.Cluster = cluster("zone-" + strconv.Itoa(dice.IntN(3)))
		d.Topics, d.Gone.Topics = either(p.topics, TopicID{id, t.Name}, t, there, d.Topics, d.Gone.Topics)
	case 4:
		g := Group{Tenant: id, Name: w.groups[dice.IntN(len(w.groups))], Move: Move{Stage: Stage(dice.IntN(3))}}
		g.Group.Name, g.Cluster = mq.PhysicalGroup(id, g.Name), cluster("zone-"+strconv.Itoa(3+dice.IntN(2)))
		d.Groups, d.Gone.Groups = either(p.groups, GroupID{id, g.Name}, g, there, d.Groups, d.Gone.Groups)
	}
}

// either keeps a thing or lets it go, and says so in a difference.
func either[K comparable, V any](in map[K]V, id K, one V, there bool, set []V, gone []K) ([]V, []K) {
	if there {
		in[id] = one
		return append(set, one), gone
	}
	delete(in, id)
	return set, append(gone, id)
}

func cluster(name string) mq.Cluster {
	c, err := mq.ParseCluster(name)
	if err != nil {
		panic(err)
	}
	return c
}

func physical(name string) mq.Physical {
	p, err := mq.ParsePhysical(name)
	if err != nil {
		panic(err)
	}
	return p
}

// view is all that can be asked of a snapshot.
func (w world) view(s *Snapshot) map[string]any {
	all := map[string]any{}
	note := func(name string, of any, there bool) {
		if there {
			all[name] = of
		}
	}
	for _, id := range w.tenants {
		t, ok := s.Tenant(id)
		note("tenant "+id.String(), t, ok)
		for _, n := range w.topics {
			t, ok := s.Topic(id, n)
			note(fmt.Sprint("topic ", id, n), t, ok)
			if ok {
				named, ok := s.PhysicalTopic(id, t.Topic.Name)
				note(fmt.Sprint("named ", id, n), named, ok)
			}
		}
		for _, n := range w.groups {
			g, ok := s.Group(id, n)
			note(fmt.Sprint("group ", id, n), g, ok)
			owner, ok := s.PhysicalGroup(id, mq.PhysicalGroup(id, n))
			note(fmt.Sprint("engine's group ", id, n), owner, ok)
		}
	}
	for _, id := range w.keys() {
		k, ok := s.Key(id)
		note("key "+id, k, ok)
	}
	counts := [2]int{}
	for range s.Topics {
		counts[0]++
	}
	for range s.Groups {
		counts[1]++
	}
	all["counts"] = counts
	clusters := map[mq.Cluster]bool{}
	for c := range s.Clusters {
		clusters[c] = true
	}
	all["clusters"] = clusters
	return all
}

// The catalog after differences is the one that is made of everything at once, and the one before stays as it was.
func TestDifferencesAddUpToTheWhole(t *testing.T) {
	w, dice := newWorld(t), rand.New(rand.NewPCG(12, 5))
	p, now := nothing(), &Snapshot{}
	for v := range Version(1000) {
		was := w.view(now)
		d := Difference{Version: v + 1}
		w.touch(dice, p, &d)
		next := now.With(d)
		if got, want := w.view(next), w.view((&Snapshot{}).With(p.whole(v+1))); !reflect.DeepEqual(got, want) {
			for k := range maps.Keys(want) {
				if !reflect.DeepEqual(got[k], want[k]) {
					t.Errorf("%s: %+v, want %+v", k, got[k], want[k])
				}
			}
			t.Fatalf("after %+v: %d things, want %d", d, len(got), len(want))
		}
		if !reflect.DeepEqual(w.view(now), was) {
			t.Fatalf("%+v changed the snapshot before", d)
		}
		now = next
	}
}

func TestAKeyBelongsToItsApplicationAsItIsNow(t *testing.T) {
	app := App{Tenant: tenant(t, "a"), Name: "ledger"}
	named := &App{Tenant: app.Tenant, Name: app.Name}
	s := (&Snapshot{}).With(Difference{Version: 1, Keys: []Key{{ID: "k", Secret: "s", App: named}}})
	if k, ok := s.Key("k"); !ok || !k.App.Disabled {
		t.Errorf("without its application it is %+v", k)
	}
	s = s.With(Difference{Version: 2, Apps: []*App{&app}})
	if k, _ := s.Key("k"); k.App != &app {
		t.Errorf("with its application it is of %+v", k.App)
	}
	narrower := app
	narrower.Publish = map[mq.TopicName]bool{}
	s = s.With(Difference{Version: 3, Apps: []*App{&narrower}})
	if k, _ := s.Key("k"); k.App != &narrower {
		t.Errorf("it has rights that were taken: %+v", k.App)
	}
	s = s.With(Difference{Version: 4, Gone: Gone{Apps: []AppID{{app.Tenant, app.Name}}}})
	if k, _ := s.Key("k"); !k.App.Disabled {
		t.Errorf("it outlives its application: %+v", k.App)
	}
	s = s.With(Difference{Version: 5, Gone: Gone{Keys: []string{"k"}}}).With(Difference{Version: 6, Apps: []*App{&app}})
	if k, ok := s.Key("k"); ok {
		t.Errorf("it came back with its application: %+v", k)
	}
}

func TestATenantIsTouchedByWhatIsItsOwn(t *testing.T) {
	a, b := tenant(t, "a"), tenant(t, "b")
	s := Build(Contents{Version: 1, Tenants: []Tenant{{ID: a}, {ID: b}}, Groups: []Group{groupOf(t, "b", "g")}})
	for v, d := range []Difference{
		{Topics: []Topic{topicOf(t, "a", "orders")}},
		{Groups: []Group{groupOf(t, "a", "billing")}},
		{Apps: []*App{{Tenant: a, Name: "x"}}},
		{Keys: []Key{{ID: "k", App: &App{Tenant: a, Name: "x"}}}},
		{Gone: Gone{Keys: []string{"k"}}},
		{Gone: Gone{Apps: []AppID{{a, "x"}}}},
		{Gone: Gone{Topics: []TopicID{{a, topicOf(t, "a", "orders").Name}}}},
		{Gone: Gone{Groups: []GroupID{{a, groupOf(t, "a", "billing").Name}}}},
		{Tenants: []Tenant{{ID: a, Disabled: true}}},
		{Gone: Gone{Tenants: []mq.Tenant{a}}},
	} {
		d.Version = Version(v + 2)
		s = s.With(d)
		if s.Touched(a) != d.Version || s.Touched(b) != 1 {
			t.Errorf("after %+v: a was touched at %d, b at %d", d, s.Touched(a), s.Touched(b))
		}
	}
	if v := s.Touched(tenant(t, "stranger")); v != s.Version() {
		t.Errorf("one that nobody knows was touched at %d", v)
	}
}

// crowded has so many topics and groups of a hundred tenants, with an application and a key each.
func crowded(t *testing.T, n int) *Snapshot {
	t.Helper()
	d := Difference{Version: 1}
	for i := range n {
		owner := fmt.Sprint("tenant-", i%100)
		d.Topics = append(d.Topics, topicOf(t, owner, fmt.Sprint("orders-", i)))
		d.Groups = append(d.Groups, groupOf(t, owner, fmt.Sprint("billing-", i)))
		if i < 100 {
			app := &App{Tenant: tenant(t, owner), Name: "app"}
			d.Tenants, d.Apps = append(d.Tenants, Tenant{ID: app.Tenant}), append(d.Apps, app)
			d.Keys = append(d.Keys, Key{ID: fmt.Sprint("key-", i), App: app})
		}
	}
	return (&Snapshot{}).With(d)
}

// costOf is what a change of one topic, one group and one application allocates, in bytes: counted, not timed, so that it is the same on every machine.
func costOf(t *testing.T, s *Snapshot) float64 {
	const changes = 200
	var ds [changes]Difference
	for i := range ds {
		owner := fmt.Sprint("tenant-", i%100)
		ds[i] = Difference{
			Version: Version(i + 2), Topics: []Topic{topicOf(t, owner, fmt.Sprint("new-", i))}, Groups: []Group{groupOf(t, owner, fmt.Sprint("new-", i))},
			Apps: []*App{{Tenant: tenant(t, owner), Name: "app", Owner: true}}, Gone: Gone{Topics: []TopicID{{tenant(t, owner), topicOf(t, owner, fmt.Sprint("orders-", i)).Name}}},
		}
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, d := range ds {
		s = s.With(d)
	}
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(s)
	return float64(after.TotalAlloc-before.TotalAlloc) / changes
}

func TestTheCostOfAChangeDoesNotGrowWithTheCatalog(t *testing.T) {
	few, many := costOf(t, crowded(t, 100)), costOf(t, crowded(t, 10_000))
	t.Logf("a change allocates %.0f bytes among 100 topics, %.0f among 10,000", few, many)
	if many > 3*few {
		t.Errorf("a change allocates %.0f bytes among 100 topics, %.0f among 10,000", few, many)
	}
}

func BenchmarkCatalog(b *testing.B) {
	t := &testing.T{}
	s := crowded(t, 10_000)
	var ids []TopicID
	for topic := range s.Topics {
		if ids = append(ids, TopicID{topic.Tenant, topic.Name}); len(ids) == 1024 {
			break
		}
	}
	rand.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	b.Run("topic", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			if _, ok := s.Topic(ids[i%1024].Tenant, ids[i%1024].Name); !ok {
				b.Fatal("not there")
			}
		}
	})
	b.Run("change", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			topic, _ := s.Topic(ids[i%1024].Tenant, ids[i%1024].Name)
			s.With(Difference{Version: 2, Topics: []Topic{*topic}})
		}
	})
	b.Run("whole", func(b *testing.B) {
		for b.Loop() {
			crowded(t, 10_000)
		}
	})
}
