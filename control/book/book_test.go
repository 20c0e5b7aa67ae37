// SPDX-License-Identifier: Apache-2.0

package book_test

import (
	"testing"

	"github.com/causeway-mq/causeway/control/audit"
	"github.com/causeway-mq/causeway/control/book"
)

// thing is a record; one that is hidden proxies do not see, one with an owner goes with it.
type thing struct {
	name   string
	owner  string
	key    string
	hidden bool
}

func (t thing) Ref() audit.Ref { return refOf(t.name) }

func refOf(name string) audit.Ref {
	return audit.Ref{Kind: audit.TopicRecord, Tenant: "shop", Name: name}
}

func newBook(some ...thing) *book.Book[thing] {
	b := book.New(book.Rules[thing]{
		Seen: func(t thing) bool { return !t.hidden },
		Goes: func(t thing, with audit.Ref) bool { return t.owner != "" && t.owner == with.Name },
		Key: func(t thing) any {
			if t.key == "" {
				return nil
			}
			return t.key
		},
	})
	b.Load(1, some)
	return b
}

func has(t *testing.T, b *book.Book[thing], want ...string) {
	t.Helper()
	var all []thing
	b.Each("", func(one thing) { all = append(all, one) })
	var names []string
	for _, one := range book.Sort(all) {
		names = append(names, one.name)
	}
	if len(names) != len(want) || b.Count(audit.TopicRecord, "shop") != len(want) {
		t.Fatalf("it holds %v, counts %d, want %v", names, b.Count(audit.TopicRecord, "shop"), want)
	}
	for i := range want {
		if names[i] != want[i] {
			t.Errorf("it holds %v, want %v", names, want)
		}
	}
}

func TestWhatBelongsToSomethingGoesWithIt(t *testing.T) {
	b := newBook(thing{name: "a"}, thing{name: "b", owner: "a", key: "k"}, thing{name: "c"})
	b.Remove(refOf("a"), 2)
	has(t, b, "c")
	if _, ok := b.By("k"); ok {
		t.Error("it is still found by its key")
	}
}

func TestWhatWasGoneInBetweenComesBackWithoutWhatBelongedToIt(t *testing.T) {
	b := newBook(thing{name: "a"}, thing{name: "old", owner: "a"})
	b.Apply(5, []book.Change[thing]{
		{Ref: refOf("new"), Record: thing{name: "new", owner: "a"}, There: true},
		{Ref: refOf("a"), Record: thing{name: "a"}, Left: true, There: true},
	})
	has(t, b, "a", "new")
	if v, _ := b.Version(); v != 5 {
		t.Errorf("version %d", v)
	}
}

func TestWhoWaitsIsWokenByWhatProxiesSee(t *testing.T) {
	b := newBook(thing{name: "a"})
	_, changed := b.Version()
	b.Put(thing{name: "b", hidden: true}, 2)
	select {
	case <-changed:
		t.Error("woken for what nobody sees")
	default:
	}
	b.Put(thing{name: "b"}, 3)
	<-changed
	_, changed = b.Version()
	b.Remove(refOf("b"), 4)
	<-changed
}
