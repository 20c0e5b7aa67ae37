// SPDX-License-Identifier: Apache-2.0

package state_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/causeway-mq/causeway/engine/embedded/log"
	"github.com/causeway-mq/causeway/engine/embedded/record"
	"github.com/causeway-mq/causeway/engine/embedded/state"
	"github.com/causeway-mq/causeway/engine/embedded/txn"
	"github.com/causeway-mq/causeway/mq"
)

func physical(s string) mq.Physical {
	p, err := mq.ParsePhysical(s)
	if err != nil {
		panic(err)
	}
	return p
}

// story is a log in which everything happens once. The first three parts introduce what the others speak of.
func story() []record.Part {
	q := record.Queue{Topic: 1, Queue: 1}
	l := record.Ledger{Group: 1, Queue: q}
	o := record.Ledger{Group: 2, Queue: q}
	return []record.Part{
		record.Genesis{Cluster: "c", At: 10},
		record.Topic{ID: 1, At: 11, Spec: mq.TopicSpec{Name: physical("t"), Queues: 2}},
		record.Group{ID: 1, At: 12, Spec: mq.GroupSpec{Name: physical("g"), MaxAttempts: 3}},
		record.Group{ID: 2, At: 12, Spec: mq.GroupSpec{Name: physical("ordered"), Ordered: true, MaxAttempts: 3}},
		record.Message{Queue: q, Offset: 0, At: 13},
		record.Message{Queue: q, Offset: 1, At: 14},
		record.Message{Queue: q, Offset: 2, At: 15},
		record.Scheduled{Topic: 1, Due: 100, At: 16},
		record.Scheduled{Topic: 1, Due: 200, At: 16},
		record.Half{Topic: 1, Name: physical("t"), At: 17, Next: 30},
		record.Position{Ledger: l, Next: 0},
		record.Position{Ledger: o, Next: 0},
		&record.Grant{Ledger: l, Next: 2, Until: 50, Seq: 1, Taken: []record.Taken{{Offset: 0}, {Offset: 1}}},
		&record.Grant{Ledger: o, Next: 3, Until: 60, Seq: 2, Attempt: "a", Taken: []record.Taken{{Offset: 0, Order: 7}}, Waiting: []record.Taken{{Offset: 2, Order: 7}}},
		record.Settle{Ledger: l, Offsets: []int64{0}},
		record.Extend{Ledger: l, Until: 70, Seq: 3, Offsets: []int64{1}},
		record.Checked{ID: 10 * 64, At: 31},
		record.Expire{Queue: q, Lo: 1, Keep: []int64{0}},
		record.Probe{At: 40},
	}
}

// tell applies parts as records at 64, 128, 192 and so on.
func tell(t testing.TB, s *state.State, from int, parts ...record.Part) {
	t.Helper()
	for i, p := range parts {
		if err := s.Apply(log.Position((from+i+1)*64), p); err != nil {
			t.Fatalf("part %d, kind %d: %v", i, p.Kind(), err)
		}
	}
}

func TestASnapshotIsTheStateItWasTakenOf(t *testing.T) {
	for n := range len(story()) + 1 {
		s := state.New(txn.Policy{})
		tell(t, s, 0, story()[:n]...)
		again, err := state.Restore(s.Snapshot(), txn.Policy{})
		if err != nil {
			t.Fatalf("after %d parts: %v", n, err)
		}
		if !bytes.Equal(again.Snapshot(), s.Snapshot()) {
			t.Fatalf("after %d parts the snapshot of the restored state differs", n)
		}
		tell(t, s, n, story()[n:]...)
		tell(t, again, n, story()[n:]...)
		if !bytes.Equal(again.Snapshot(), s.Snapshot()) {
			t.Fatalf("after %d parts the restored state goes another way", n)
		}
	}
}

func TestALogWithoutItsBeginningIsReadUpToTheCarriedState(t *testing.T) {
	whole := state.New(txn.Policy{})
	tell(t, whole, 0, story()...)
	core := whole.Core()
	pieces := []record.Part{
		record.State{Piece: 0, Data: core[:10]}, // one that never ended
		record.State{Piece: 0, Data: core[:20]}, record.State{Piece: 1, Data: core[20:30]}, record.State{Piece: 2, Last: true, Data: core[30:]},
	}
	cut := state.New(txn.Policy{})
	tell(t, cut, 6, story()[6:]...) // the genesis, topics, groups and two messages are gone
	if cut.Whole() {
		t.Fatal("whole, although its beginning is missing")
	}
	tell(t, cut, len(story()), pieces...)
	if !cut.Whole() || !bytes.Equal(cut.Snapshot(), whole.Snapshot()) {
		t.Fatal("the state differs from the one that was carried")
	}
	err := cut.Apply(1<<20, record.Settle{Ledger: record.Ledger{Group: 9, Queue: record.Queue{Topic: 9}}})
	if !errors.Is(err, state.ErrMissing) {
		t.Fatalf("an unknown ledger in a whole log: %v", err)
	}
}

func TestADroppedTopicTakesItsLedgersAndHalvesAlong(t *testing.T) {
	s := state.New(txn.Policy{})
	tell(t, s, 0, append(story(), record.DropTopic{ID: 1, Name: physical("t")})...)
	if s.Topic(physical("t")) != nil || s.Halves.Len() != 0 || len(s.Group(physical("g")).Ledgers) != 0 {
		t.Fatal("something of the topic stayed")
	}
	tell(t, s, 30, record.DropGroup{ID: 1}, record.Topic{ID: 2, Spec: mq.TopicSpec{Name: physical("t"), Queues: 1}})
	if s.Group(physical("g")) != nil || s.Topic(physical("t")).ID != 2 || s.Topic(physical("t")).Queues[0].Next != 0 {
		t.Fatal("a topic that is made again begins anew")
	}
}

func FuzzRestore(f *testing.F) {
	s := state.New(txn.Policy{})
	tell(f, s, 0, story()...)
	f.Add(s.Snapshot())
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := state.Restore(b, txn.Policy{}); err == nil {
			if _, err := state.Restore(s.Snapshot(), txn.Policy{}); err != nil {
				t.Fatalf("what was accepted is refused when it is written again: %v", err)
			}
		}
	})
}
