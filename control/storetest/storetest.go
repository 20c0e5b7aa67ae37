// SPDX-License-Identifier: Apache-2.0

// Package storetest is the suite that every control.Store passes.
package storetest

import (
	"context"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/mq"
)

// Run plays the suite. open gives a new, empty store for each case; again opens what the same case wrote, once more.
func Run(t *testing.T, open func(t *testing.T) (s control.Store, again func() control.Store)) {
	cases := []struct {
		name string
		play func(*testing.T, control.Store, func() control.Store)
	}{
		{"every noun comes back as it was kept", comesBack},
		{"what is kept survives closing", survives},
		{"each change makes a larger version", versionsGrow},
		{"a taken name is refused and changes nothing", takenNames},
		{"a record that somebody else changed is not written over", staleRevisions},
		{"what is gone can be neither changed nor removed", goneRecords},
		{"nothing belongs to what does not exist", orphans},
		{"keys go with their application", keysFollow},
		{"of many who add one name, one succeeds", oneWinner},
		{"names and notes are data, not SQL", literalText},
		{"closing twice is no error", closeTwice},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s, again := open(t)
			c.play(t, s, again)
		})
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
	at := time.Date(2026, 11, 23, 10, 11, 12, 131415000, time.UTC)
	return []control.Record{
		control.Tenant{ID: tenant, Note: "Größe ✓ 'quoted' \"twice\"", LoopbackUnsigned: true, Created: at},
		control.Application{Tenant: tenant, Name: app, Created: at, Note: "n", Disabled: true,
			Rights: control.Rights{Owner: true, Publish: []mq.TopicName{topic}, Read: []mq.TopicName{topic, dead}, Consume: []mq.GroupName{group}}},
		control.Key{ID: "CWabc", Secret: "cws_secret", Tenant: tenant, Application: app, Created: at, Expires: at.Add(time.Hour), Revoked: at.Add(time.Minute)},
		control.Topic{Tenant: tenant, Name: topic, Note: "n", State: control.Creating, Created: at, Updated: at.Add(time.Second),
			Spec: mq.TopicSpec{Name: mq.PhysicalTopic(tenant, topic), Cluster: cluster, Accepts: mq.AcceptsOf(mq.Normal, mq.Delay), Queues: 12, Durability: window, Retention: 90 * time.Minute}},
		control.Group{Tenant: tenant, Name: group, Note: "n", State: control.Deleting, Created: at, Updated: at.Add(time.Second),
			Spec: mq.GroupSpec{Name: mq.PhysicalGroup(tenant, group), Cluster: cluster, Mode: mq.Leases, Ordered: true, MaxAttempts: 3, Hold: time.Minute,
				Retry: mq.RetryPolicy{Steps: []time.Duration{time.Second, 5 * time.Second}}, Start: mq.Start{Kind: mq.StartAt, Time: at}}},
	}
}

// fill adds all and gives them back as the store must hold them.
func fill(t *testing.T, s control.Store) control.Catalog {
	t.Helper()
	var want control.Catalog
	for _, r := range nouns(t) {
		v, err := s.Add(context.Background(), r)
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

func comesBack(t *testing.T, s control.Store, _ func() control.Store) {
	want := fill(t, s)
	sameCatalog(t, s, want)

	// The other shape of each field, through Put.
	k, g := want.Keys[0], want.Groups[0]
	k.Expires, k.Revoked = time.Time{}, time.Time{}
	g.Spec.Mode, g.Spec.Ordered, g.Spec.Retry = mq.Pulls, false, mq.RetryPolicy{Initial: time.Second, Max: time.Hour, Multiplier: 1.5}
	g.Spec.Start = mq.Start{Kind: mq.StartEarliest}
	k.Revision = must[control.Version](t)(s.Put(context.Background(), k))
	g.Revision = must[control.Version](t)(s.Put(context.Background(), g))
	want.Version, want.Keys[0], want.Groups[0] = g.Revision, k, g
	sameCatalog(t, s, want)
}

func survives(t *testing.T, s control.Store, again func() control.Store) {
	want := fill(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	back := again()
	sameCatalog(t, back, want)
	if err := back.Check(context.Background()); err != nil {
		t.Errorf("check: %v", err)
	}
}

func versionsGrow(t *testing.T, s control.Store, _ func() control.Store) {
	before := must[control.Catalog](t)(s.Load(context.Background())).Version
	c := fill(t, s)
	put := must[control.Version](t)(s.Put(context.Background(), c.Topics[0]))
	c.Topics[0].Revision = put
	removed := must[control.Version](t)(s.Remove(context.Background(), c.Topics[0]))
	if before == 0 || c.Version != before+5 || put != c.Version+1 || removed != put+1 {
		t.Errorf("versions: empty %d, filled %d, put %d, removed %d; each change makes the next one", before, c.Version, put, removed)
	}
}

func wantKind(t *testing.T, err error, k mq.Kind) {
	t.Helper()
	if mq.KindOf(err) != k || mq.Outcome(err) != mq.Refused {
		t.Errorf("got %v (%v), want a refusal of kind %v", err, mq.KindOf(err), k)
	}
}

func takenNames(t *testing.T, s control.Store, _ func() control.Store) {
	want := fill(t, s)
	for _, r := range nouns(t) {
		_, err := s.Add(context.Background(), r)
		wantKind(t, err, mq.Conflict)
	}
	sameCatalog(t, s, want)
}

func staleRevisions(t *testing.T, s control.Store, _ func() control.Store) {
	c := fill(t, s)
	mine, theirs := c.Topics[0], c.Topics[0]
	theirs.Note = "theirs"
	theirs.Revision = must[control.Version](t)(s.Put(context.Background(), theirs))
	mine.Note = "mine"
	_, err := s.Put(context.Background(), mine)
	wantKind(t, err, mq.Conflict)
	_, err = s.Remove(context.Background(), mine)
	wantKind(t, err, mq.Conflict)
	c.Topics[0], c.Version = theirs, theirs.Revision
	sameCatalog(t, s, c)
}

func goneRecords(t *testing.T, s control.Store, _ func() control.Store) {
	c := fill(t, s)
	g := c.Groups[0]
	must[control.Version](t)(s.Remove(context.Background(), g))
	_, err := s.Remove(context.Background(), g)
	wantKind(t, err, mq.GroupNotFound)
	_, err = s.Put(context.Background(), g)
	wantKind(t, err, mq.GroupNotFound)
}

func orphans(t *testing.T, s control.Store, _ func() control.Store) {
	for _, r := range nouns(t)[1:] {
		_, err := s.Add(context.Background(), r)
		wantKind(t, err, mq.NotFound)
	}
}

func keysFollow(t *testing.T, s control.Store, _ func() control.Store) {
	c := fill(t, s)
	c.Version = must[control.Version](t)(s.Remove(context.Background(), c.Applications[0]))
	c.Applications, c.Keys = nil, nil
	sameCatalog(t, s, c)
}

func oneWinner(t *testing.T, s control.Store, _ func() control.Store) {
	all := nouns(t)
	must[control.Version](t)(s.Add(context.Background(), all[0]))
	errs := make([]error, 50)
	var done sync.WaitGroup
	for i := range errs {
		done.Go(func() { _, errs[i] = s.Add(context.Background(), all[3]) })
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

func literalText(t *testing.T, s control.Store, _ func() control.Store) {
	tenant := nouns(t)[0].(control.Tenant)
	tenant.Note = "'); DROP TABLE tenants; -- % _ \\ ? $1"
	tenant.Revision = must[control.Version](t)(s.Add(context.Background(), tenant))
	sameCatalog(t, s, control.Catalog{Version: tenant.Revision, Tenants: []control.Tenant{tenant}})
}

func closeTwice(t *testing.T, s control.Store, _ func() control.Store) {
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := s.Load(context.Background()); err == nil {
		t.Error("a closed store answers")
	}
}
