// SPDX-License-Identifier: Apache-2.0

package storetest

import (
	"context"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control/shelf"
)

// shelfCases are the promises of what planes share for a while.
func shelfCases() []testCase {
	return []testCase{
		{"an item lies on the shelf of everybody until its time is over", itemsLie},
		{"of many who keep one item, one succeeds", oneKeeper},
		{"an owner's newest items stay", trimmed},
		{"the shelf makes no version and no row of audit", besideTheCatalog},
	}
}

func itemAt(key string, begun time.Time) shelf.Item {
	return shelf.Item{Kind: "session", Key: shelf.Key(key), Owner: "shop/anna ' ?", Body: `{"text":"Größe ' ? %"}`, Begun: begun, Ends: begun.Add(time.Hour)}
}

// lies asserts that an item is found as it is, or that none is.
func lies(t *testing.T, s shelf.Table, key string, want *shelf.Item) {
	t.Helper()
	got, there, err := s.Find(context.Background(), "session", shelf.Key(key))
	if err != nil || there != (want != nil) || there && !reflect.DeepEqual(got, *want) {
		t.Errorf("found %+v, %v, %v, want %+v", got, there, err, want)
	}
}

func itemsLie(t *testing.T, on Subject) {
	ctx, at := context.Background(), time.Date(2026, 11, 23, 10, 11, 12, 131415000, time.UTC)
	here, there := on.Store.Shelf(), on.Again().Shelf()
	keep := func(i shelf.Item, want bool) {
		t.Helper()
		if got, err := there.Keep(ctx, i); err != nil || got != want {
			t.Errorf("kept %v, %v, want %v", got, err, want)
		}
	}
	first := itemAt("a", at)
	keep(first, true)
	lies(t, here, "a", &first)
	lies(t, here, "b", nil)
	again := itemAt("a", at.Add(time.Minute))
	again.Body, again.Owner = "other", "somebody else"
	keep(again, false)
	changed := first
	changed.Body, changed.Ends = "changed", first.Ends.Add(time.Minute)
	if ok, err := here.Change(ctx, changed); !ok || err != nil {
		t.Errorf("changed: %v, %v", ok, err)
	}
	lies(t, there, "a", &changed)
	again.Begun = changed.Ends
	again.Ends = again.Begun.Add(time.Hour)
	keep(again, true) // the first one's time is over
	lies(t, here, "a", &again)
	later := itemAt("b", again.Begun)
	later.Ends = again.Ends.Add(time.Second)
	keep(later, true)
	if err := here.Sweep(ctx, again.Ends); err != nil {
		t.Error(err)
	}
	lies(t, there, "a", nil)
	lies(t, there, "b", &later)
	for range 2 {
		if err := here.Drop(ctx, "session", later.Key); err != nil {
			t.Error(err)
		}
	}
	if ok, err := there.Change(ctx, later); ok || err != nil {
		t.Errorf("what is gone came back by a change: %v, %v", ok, err)
	}
}

func oneKeeper(t *testing.T, on Subject) {
	tables := []shelf.Table{on.Store.Shelf(), on.Again().Shelf()}
	var kept atomic.Int32
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			ok, err := tables[i%2].Keep(context.Background(), itemAt("a", time.Unix(1_000_000, 0).UTC()))
			if err != nil {
				t.Error(err)
			}
			if ok {
				kept.Add(1)
			}
		})
	}
	all.Wait()
	if kept.Load() != 1 {
		t.Errorf("%d have it", kept.Load())
	}
}

func trimmed(t *testing.T, on Subject) {
	ctx, at, s := context.Background(), time.Unix(1_000_000, 0).UTC(), on.Store.Shelf()
	keys := []string{"oldest", "old", "new", "newest"}
	for i, key := range keys {
		if _, err := s.Keep(ctx, itemAt(key, at.Add(time.Duration(i)*time.Second))); err != nil {
			t.Fatal(err)
		}
	}
	other := itemAt("another's", at)
	other.Owner = "shop/bert"
	if _, err := s.Keep(ctx, other); err != nil {
		t.Fatal(err)
	}
	for keep := 2; keep >= 0; keep-- {
		if err := s.Trim(ctx, shelf.Owned{Kind: "session", Owner: itemAt("", at).Owner}, keep); err != nil {
			t.Fatal(err)
		}
		for i, key := range keys {
			if _, there, err := s.Find(ctx, "session", shelf.Key(key)); err != nil || there != (i >= len(keys)-keep) {
				t.Errorf("of %d that stay, %s: %v, %v", keep, key, there, err)
			}
		}
	}
	for i, key := range keys {
		if _, err := s.Keep(ctx, itemAt(key, at.Add(time.Duration(i)*time.Second))); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		keep  int
		stays []string
	}{{1, []string{"oldest", "newest"}}, {0, []string{"oldest"}}} { // whoever names one keeps it, however old it is
		if err := s.Trim(ctx, shelf.Owned{Kind: "session", Owner: itemAt("", at).Owner, But: shelf.Key("oldest")}, c.keep); err != nil {
			t.Fatal(err)
		}
		for _, key := range keys {
			if _, there, err := s.Find(ctx, "session", shelf.Key(key)); err != nil || there != slices.Contains(c.stays, key) {
				t.Errorf("but for one and %d, %s: %v, %v", c.keep, key, there, err)
			}
		}
	}
	lies(t, s, "another's", &other)
}

func besideTheCatalog(t *testing.T, on Subject) {
	ctx := context.Background()
	want := fill(t, on.Store)
	_, before, err := on.Store.Chain(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := on.Store.Shelf().Keep(ctx, itemAt("a", time.Unix(1_000_000, 0))); err != nil {
		t.Fatal(err)
	}
	sameCatalog(t, on.Store, want)
	if _, after, err := on.Store.Chain(ctx, 0); err != nil || after != before {
		t.Errorf("the head of the audit is %+v, %v; it was %+v", after, err, before)
	}
}
