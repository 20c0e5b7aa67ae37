// SPDX-License-Identifier: Apache-2.0

// Package storetest is the suite that every control.Store passes.
package storetest

import (
	"context"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/claim"
	"github.com/causeway-mq/causeway/control/estate"
	"github.com/causeway-mq/causeway/control/label"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

// Subject is a store under test, new and empty.
type Subject struct {
	Store control.Store
	Again func() control.Store // opens what Store wrote once more
	// Exec runs a statement in the database past the store, as somebody does who has it in his hands.
	Exec func(query string)
}

// testCase is one promise of a store.
type testCase struct {
	name string
	play func(*testing.T, Subject)
}

// Run plays the suite. open gives a new subject for each case.
func Run(t *testing.T, open func(t *testing.T) Subject) {
	RunEach(t, func(t *testing.T, play func(*testing.T, Subject)) { play(t, open(t)) })
}

// RunEach plays the suite; on is called for each case, and plays it on each of its stores, new and empty.
func RunEach(t *testing.T, on func(t *testing.T, play func(*testing.T, Subject))) {
	cases := []testCase{
		{"every noun comes back as it was kept", comesBack},
		{"what is kept survives closing", survives},
		{"each change makes a larger version", versionsGrow},
		{"a taken name is refused and changes nothing", takenNames},
		{"a record that somebody else changed is not written over", staleRevisions},
		{"what is gone can be neither changed nor removed", goneRecords},
		{"nothing belongs to what does not exist", orphans},
		{"keys go with their application", keysFollow},
		{"of many who add one name, one succeeds", oneWinner},
		{"a tenant goes last of all that is its own", tenantsGoLast},
		{"a change that was decided at an older version does not happen", outrunChanges},
		{"what one holds another cannot claim until it is given back or its time is over", claims},
		{"of many who claim one thing, one holds it", oneHolder},
		{"who waits for what another plane holds has it when it is given back, and not for ever", waiting},
		{"names and notes are data, not SQL", literalText},
		{"closing twice is no error", closeTwice},
	}
	for _, c := range slices.Concat(cases, auditCases(), shelfCases(), usageCases()) {
		t.Run(c.name, func(t *testing.T) { on(t, c.play) })
	}
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// nouns is one record of each noun, in the order in which they can be added.
func nouns(t *testing.T) []control.Record {
	tenant := must[mq.Tenant](t)(mq.ParseTenant("shop-1"))
	app := must[control.ApplicationName](t)(control.ParseApplicationName("Billing_2"))
	topic := must[mq.TopicName](t)(mq.ParseTopicName("orders"))
	dead := must[mq.TopicName](t)(mq.ParseTopicName("%DLQ%invoices"))
	group := must[mq.GroupName](t)(mq.ParseGroupName("invoices"))
	cluster := must[mq.Cluster](t)(mq.ParseCluster("local"))
	window := must[mq.Durability](t)(mq.Window(20 * time.Millisecond))
	labels := must[label.Labels](t)(label.Of(map[string]string{"team": "Zahlungen = 'x'", "tier": ""}))
	at := time.Date(2026, 11, 23, 10, 11, 12, 131415000, time.UTC)
	return []control.Record{
		control.Tenant{ID: tenant, Note: "Größe ✓ 'quoted' \"twice\"", Labels: labels, Plan: must[estate.Name](t)(estate.ParseName("name", "gold")), Environment: must[estate.Name](t)(estate.ParseName("name", "prod")), LoopbackUnsigned: true, Created: at},
		control.Application{Tenant: tenant, Name: app, Created: at, Note: "n", Labels: labels, Disabled: true,
			Rights: control.Rights{Owner: true, Publish: []mq.TopicName{topic}, Read: []mq.TopicName{topic, dead}, Consume: []mq.GroupName{group}}},
		control.Key{ID: "CWabc", Secret: "cws_secret", Tenant: tenant, Application: app, Created: at, Expires: at.Add(time.Hour), Revoked: at.Add(time.Minute)},
		control.Topic{Tenant: tenant, Name: topic, Note: "n", Labels: labels, Taken: true, State: control.Creating, Created: at, Updated: at.Add(time.Second),
			Spec: mq.TopicSpec{Name: mq.PhysicalTopic(tenant, topic), Cluster: cluster, Accepts: mq.AcceptsOf(mq.Normal, mq.Delay), Queues: 12, Durability: window, Retention: 90 * time.Minute}},
		control.Group{Tenant: tenant, Name: group, Note: "n", Labels: labels, Paused: true, Taken: true, State: control.Deleting, Created: at, Updated: at.Add(time.Second),
			Spec: mq.GroupSpec{Name: mq.PhysicalGroup(tenant, group), Cluster: cluster, Mode: mq.Leases, Ordered: true, MaxAttempts: 3, Hold: time.Minute,
				Retry: mq.RetryPolicy{Steps: []time.Duration{time.Second, 5 * time.Second}}, Start: mq.Start{Kind: mq.StartAt, Time: at}}},
		control.Document{Kind: "note", Tenant: tenant.String(), Name: "a/b c", Body: `{"text":"Größe ' ? %"}`, Hidden: `{"sha256":"x"}`},
	}
}

// fill adds all and gives them back as the store must hold them.
func fill(t *testing.T, s control.Store) control.Catalog {
	t.Helper()
	var want control.Catalog
	for _, r := range nouns(t) {
		v, err := s.Add(context.Background(), r, row(r))
		if err != nil {
			t.Fatalf("add %v: %v", r.Ref(), err)
		}
		want.Version = v
		switch r := r.(type) {
		case control.Tenant:
			r.Revision = v
			want.Tenants = append(want.Tenants, r)
		case control.Application:
			r.Revision = v
			want.Applications = append(want.Applications, r)
		case control.Key:
			r.Revision = v
			want.Keys = append(want.Keys, r)
		case control.Topic:
			r.Revision = v
			want.Topics = append(want.Topics, r)
		case control.Group:
			r.Revision = v
			want.Groups = append(want.Groups, r)
		case control.Document:
			r.Revision = v
			want.Documents = append(want.Documents, r)
		}
	}
	return want
}

func sameCatalog(t *testing.T, s control.Store, want control.Catalog) {
	t.Helper()
	got := must[control.Catalog](t)(s.Load(context.Background()))
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the store holds\n%+v\nwant\n%+v", got, want)
	}
}

func comesBack(t *testing.T, on Subject) {
	s := on.Store
	want := fill(t, s)
	sameCatalog(t, s, want)

	// The other shape of each field, through Put.
	k, g := want.Keys[0], want.Groups[0]
	k.Expires, k.Revoked = time.Time{}, time.Time{}
	g.Spec.Mode, g.Spec.Ordered, g.Spec.Retry = mq.Pulls, false, mq.RetryPolicy{Initial: time.Second, Max: time.Hour, Multiplier: 1.5}
	g.Spec.Start = mq.Start{Kind: mq.StartEarliest}
	k.Revision = must[control.Version](t)(s.Put(context.Background(), k, row(k)))
	g.Revision = must[control.Version](t)(s.Put(context.Background(), g, row(g)))
	want.Version, want.Keys[0], want.Groups[0] = g.Revision, k, g
	sameCatalog(t, s, want)
}

func survives(t *testing.T, on Subject) {
	s := on.Store
	want := fill(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	back := on.Again()
	sameCatalog(t, back, want)
	if err := back.Check(context.Background()); err != nil {
		t.Errorf("check: %v", err)
	}
}

func versionsGrow(t *testing.T, on Subject) {
	s := on.Store
	before := must[control.Catalog](t)(s.Load(context.Background())).Version
	c := fill(t, s)
	put := must[control.Version](t)(s.Put(context.Background(), c.Topics[0], row(c.Topics[0])))
	c.Topics[0].Revision = put
	removed := must[control.Version](t)(s.Remove(context.Background(), c.Topics[0], row(c.Topics[0])))
	if before == 0 || c.Version != before+6 || put != c.Version+1 || removed != put+1 {
		t.Errorf("versions: empty %d, filled %d, put %d, removed %d; each change makes the next one", before, c.Version, put, removed)
	}
}

func wantKind(t *testing.T, err error, k mq.Kind) {
	t.Helper()
	if mq.KindOf(err) != k || mq.Outcome(err) != mq.Refused {
		t.Errorf("got %v (%v), want a refusal of kind %v", err, mq.KindOf(err), k)
	}
}

func takenNames(t *testing.T, on Subject) {
	s := on.Store
	want := fill(t, s)
	for _, r := range nouns(t) {
		_, err := s.Add(context.Background(), r, row(r))
		wantKind(t, err, mq.Conflict)
	}
	sameCatalog(t, s, want)
}

func staleRevisions(t *testing.T, on Subject) {
	s := on.Store
	c := fill(t, s)
	mine, theirs := c.Topics[0], c.Topics[0]
	theirs.Note = "theirs"
	theirs.Revision = must[control.Version](t)(s.Put(context.Background(), theirs, row(theirs)))
	mine.Note = "mine"
	_, err := s.Put(context.Background(), mine, row(mine))
	wantKind(t, err, mq.Conflict)
	_, err = s.Remove(context.Background(), mine, row(mine))
	wantKind(t, err, mq.Conflict)
	c.Topics[0], c.Version = theirs, theirs.Revision
	sameCatalog(t, s, c)
}

func goneRecords(t *testing.T, on Subject) {
	s := on.Store
	c := fill(t, s)
	g := c.Groups[0]
	must[control.Version](t)(s.Remove(context.Background(), g, row(g)))
	_, err := s.Remove(context.Background(), g, row(g))
	wantKind(t, err, mq.GroupNotFound)
	_, err = s.Put(context.Background(), g, row(g))
	wantKind(t, err, mq.GroupNotFound)
}

func orphans(t *testing.T, on Subject) {
	s := on.Store
	for _, r := range nouns(t)[1:] {
		_, err := s.Add(context.Background(), r, row(r))
		wantKind(t, err, mq.NotFound)
	}
}

func keysFollow(t *testing.T, on Subject) {
	s := on.Store
	c := fill(t, s)
	c.Version = must[control.Version](t)(s.Remove(context.Background(), c.Applications[0], row(c.Applications[0])))
	c.Applications, c.Keys = nil, nil
	sameCatalog(t, s, c)
}

func tenantsGoLast(t *testing.T, on Subject) {
	s, ctx := on.Store, context.Background()
	c := fill(t, s)
	tenant := c.Tenants[0]
	for _, r := range []control.Record{c.Applications[0], c.Topics[0], c.Groups[0], c.Documents[0]} {
		if _, err := s.Remove(ctx, tenant, row(tenant)); mq.KindOf(err) != mq.Conflict {
			t.Errorf("while there is a %s: %v", r.Ref().Kind, err)
		}
		c.Version = must[control.Version](t)(s.Remove(ctx, r, row(r)))
	}
	must[control.Version](t)(s.Remove(ctx, tenant, row(tenant)))
	if kept := must[control.Catalog](t)(s.Load(ctx)); len(kept.Tenants)+len(kept.Keys) != 0 || kept.Version != c.Version+1 {
		t.Errorf("left: %+v", kept)
	}
}

func oneWinner(t *testing.T, on Subject) {
	s := on.Store
	all := nouns(t)
	must[control.Version](t)(s.Add(context.Background(), all[0], row(all[0])))
	errs := make([]error, 50)
	var done sync.WaitGroup
	for i := range errs {
		done.Go(func() { _, errs[i] = s.Add(context.Background(), all[3], row(all[3])) })
	}
	done.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		wantKind(t, err, mq.Conflict)
	}
	if won != 1 {
		t.Errorf("%d of %d succeeded, want 1", won, len(errs))
	}
}

func outrunChanges(t *testing.T, on Subject) {
	s := on.Store
	c := fill(t, s)
	topic := c.Topics[0]
	for name, change := range map[string]func(control.Entry) (control.Version, error){
		"add": func(e control.Entry) (control.Version, error) {
			return s.Add(context.Background(), control.Tenant{ID: must[mq.Tenant](t)(mq.ParseTenant("late"))}, e)
		},
		"put":    func(e control.Entry) (control.Version, error) { return s.Put(context.Background(), topic, e) },
		"remove": func(e control.Entry) (control.Version, error) { return s.Remove(context.Background(), topic, e) },
	} {
		for _, seen := range []control.Version{c.Version - 1, c.Version + 1} {
			e := row(topic)
			e.Seen = seen
			if _, err := change(e); mq.KindOf(err) != mq.Conflict || mq.Outcome(err) != mq.Refused {
				t.Errorf("%s decided at %d, the store is at %d: %v", name, seen, c.Version, err)
			}
		}
	}
	sameCatalog(t, s, c)
	e := lastRow(topic)
	e.Seen = c.Version
	c.Version = must[control.Version](t)(s.Remove(context.Background(), topic, e))
	c.Topics = nil
	sameCatalog(t, s, c)
	if n := len(chain(t, s)); n != len(nouns(t))+1 {
		t.Errorf("%d rows of audit", n)
	}
}

func claims(t *testing.T, on Subject) {
	ctx, other := context.Background(), on.Again()
	has := func(s control.Store, what, holder string, d time.Duration, want bool) {
		t.Helper()
		if got, err := s.Claim(ctx, what, holder, d); err != nil || got != want {
			t.Errorf("%s claims %s: %v, %v, want %v", holder, what, got, err, want)
		}
	}
	has(on.Store, "a", "one", time.Hour, true)
	has(other, "a", "two", time.Hour, false)
	has(other, "A", "two", time.Hour, true)
	has(on.Store, "a", "one", time.Hour, true) // renewed
	if err := other.Unclaim(ctx, "a", "two"); err != nil {
		t.Error(err)
	}
	has(other, "a", "two", time.Hour, false) // it was not his to give back
	if err := on.Store.Unclaim(ctx, "a", "one"); err != nil {
		t.Error(err)
	}
	has(other, "a", "two", time.Millisecond, true)
	for bound := time.Now().Add(10 * time.Second); ; {
		ok, err := on.Store.Claim(ctx, "a", "one", time.Hour)
		if err != nil || time.Now().After(bound) {
			t.Fatalf("an old claim is never over: %v", err)
		}
		if ok {
			break
		}
	}
	has(other, "a", "two", time.Hour, false) // its time was over and another took it: he lost it
}

func waiting(t *testing.T, on Subject) {
	ctx, virtual := context.Background(), clock.NewVirtual(time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC))
	one, two := claim.New(on.Store, "one", time.Hour, virtual), claim.New(on.Again(), "two", time.Hour, virtual)
	if _, ok, err := one.Take(ctx, "a"); !ok || err != nil {
		t.Fatalf("%v, %v", ok, err)
	}
	got := make(chan bool)
	ask := func() {
		_, ok, err := two.Wait(ctx, "a", time.Second)
		if err != nil {
			t.Error(err)
		}
		got <- ok
	}
	go ask()
	for over := false; !over; { // a poll at a time
		until(t, func() bool { over = over || received(got, false); return over || virtual.Pending() == 1 })
		virtual.Advance(100 * time.Millisecond)
	}
	if waited := virtual.Now().Sub(time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)); waited < time.Second {
		t.Errorf("he gave up after %v", waited)
	}
	go ask()
	until(t, func() bool { return virtual.Pending() == 1 })
	if err := one.Drop(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	virtual.Advance(100 * time.Millisecond)
	if !<-got {
		t.Error("it was given back, and he does not have it")
	}
	if _, ok, err := one.Take(ctx, "a"); ok || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
}

// received tells whether somebody was told so by now.
func received(from <-chan bool, want bool) bool {
	select {
	case got := <-from:
		return got == want
	default:
		return false
	}
}

// until waits for what another goroutine does.
func until(t *testing.T, holds func() bool) {
	t.Helper()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for bound := time.Now().Add(30 * time.Second); !holds(); <-look.C {
		if time.Now().After(bound) {
			t.Fatal("it never came true")
		}
	}
}

func oneHolder(t *testing.T, on Subject) {
	other := on.Again()
	var done sync.WaitGroup
	got := make([]bool, 20)
	for i := range got {
		s := []control.Store{on.Store, other}[i%2]
		done.Go(func() {
			var err error
			if got[i], err = s.Claim(context.Background(), "a", string(rune('a'+i)), time.Hour); err != nil {
				t.Error(err)
			}
		})
	}
	done.Wait()
	held := 0
	for _, ok := range got {
		if ok {
			held++
		}
	}
	if held != 1 {
		t.Errorf("%d hold it", held)
	}
}

func literalText(t *testing.T, on Subject) {
	s := on.Store
	tenant := nouns(t)[0].(control.Tenant)
	tenant.Note = "'); DROP TABLE tenants; -- % _ \\ ? $1"
	tenant.Revision = must[control.Version](t)(s.Add(context.Background(), tenant, row(tenant)))
	sameCatalog(t, s, control.Catalog{Version: tenant.Revision, Tenants: []control.Tenant{tenant}})
}

func closeTwice(t *testing.T, on Subject) {
	s := on.Store
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := s.Load(context.Background()); err == nil {
		t.Error("a closed store answers")
	}
}
