// SPDX-License-Identifier: Apache-2.0

package book_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/causeway-mq/causeway/control/audit"
	"github.com/causeway-mq/causeway/control/book"
)

// follower is somebody who knows a book by its news alone.
type follower struct {
	version audit.Version
	has     map[string]thing
}

func (f *follower) take(n book.News[thing]) {
	if n.Whole {
		f.has = map[string]thing{}
	}
	for _, t := range n.Now {
		f.has[t.name] = t
	}
	for _, t := range n.Gone {
		delete(f.has, t.name)
	}
	f.version = n.Version
}

func visible(b *book.Book[thing]) map[string]thing {
	all := map[string]thing{}
	b.Each("", func(t thing) {
		if !t.hidden {
			all[t.name] = t
		}
	})
	return all
}

func TestNewsAddUpToTheWhole(t *testing.T) {
	dice := rand.New(rand.NewPCG(5, 7))
	b := newBook(thing{name: "a"}, thing{name: "x", hidden: true})
	often, seldom := &follower{}, &follower{}
	random := func() thing {
		return thing{name: fmt.Sprint(dice.IntN(12)), owner: []string{"", "1", "2"}[dice.IntN(3)], hidden: dice.IntN(3) == 0, key: fmt.Sprint(dice.IntN(99))}
	}
	for v := audit.Version(2); v < 2000; v++ {
		switch one := random(); dice.IntN(20) {
		case 0:
			b.Load(v, slices.Collect(maps.Values(map[string]thing{one.name: one, "z": {name: "z"}})))
		case 1, 2, 3, 4, 5:
			b.Remove(one.Ref(), v)
		case 6, 7:
			b.Apply(v, []book.Change[thing]{{Ref: one.Ref(), Record: one, Left: true, There: dice.IntN(2) == 0}})
		default:
			b.Put(one, v)
		}
		for _, f := range []*follower{often, seldom} {
			if f == seldom && dice.IntN(50) > 0 {
				continue
			}
			if f.take(b.Since(f.version)); !maps.Equal(f.has, visible(b)) || f.version != v {
				t.Fatalf("version %d: %v, there are %v", f.version, f.has, visible(b))
			}
		}
	}
}

func TestNewsSayNothingOfWhatProxiesDoNotSee(t *testing.T) {
	b := newBook(thing{name: "a"})
	b.Put(thing{name: "b", hidden: true}, 2)
	if n := b.Since(1); n.Version != 2 || n.Whole || len(n.Now)+len(n.Gone) != 0 {
		t.Errorf("%+v", n)
	}
	if n := b.Since(2); n.Version != 2 || n.Whole || len(n.Now)+len(n.Gone) != 0 {
		t.Errorf("nothing is new: %+v", n)
	}
	if n := b.Since(3); !n.Whole {
		t.Errorf("a version that never was has a difference: %+v", n)
	}
}

func TestWhoIsFarBehindGetsEverything(t *testing.T) {
	b := newBook(thing{name: "a"})
	const many = 30_000
	for v := audit.Version(2); v < many; v++ {
		b.Put(thing{name: "b", key: fmt.Sprint(v)}, v)
	}
	if n := b.Since(1); !n.Whole || len(n.Now) != 2 {
		t.Errorf("far behind it gets %d records, whole %v", len(n.Now), n.Whole)
	}
	if n := b.Since(many - 5000); n.Whole || len(n.Now) != 1 {
		t.Errorf("a little behind it gets %d records, whole %v", len(n.Now), n.Whole)
	}
}

// The cost of a change with its news, in bytes: counted, not timed, so that it is the same on every machine.
func TestNewsOfAChangeDoNotCostMoreAmongMany(t *testing.T) {
	cost := func(among int) float64 {
		var all []thing
		for i := range among {
			all = append(all, thing{name: fmt.Sprint("thing-", i)})
		}
		b := newBook(all...)
		const changes = 500
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for v := range audit.Version(changes) {
			b.Put(thing{name: "one", key: "k"}, v+2)
			if n := b.Since(v + 1); n.Whole || len(n.Now) != 1 {
				t.Fatalf("%+v", n)
			}
		}
		runtime.ReadMemStats(&after)
		return float64(after.TotalAlloc-before.TotalAlloc) / changes
	}
	if few, many := cost(100), cost(10_000); many > 3*few {
		t.Errorf("a change and its news allocate %.0f bytes among 100 records, %.0f among 10,000", few, many)
	}
}
