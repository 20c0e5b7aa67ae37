// SPDX-License-Identifier: Apache-2.0

package durability_test

import (
	"errors"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/internal/fsys/faultfs"
	"github.com/causeway-mq/causeway/internal/fsys/memfs"
	"github.com/causeway-mq/causeway/mq"
)

// TestAFailedSyncIsUnknownAndFinal: the caller is told that nobody knows, everybody after it is refused, the owner of the
// engine is told to end it, and a sync that would succeed later saves nothing that the failed one lost.
func TestAFailedSyncIsUnknownAndFinal(t *testing.T) {
	disk := memfs.New()
	faulty := faultfs.New(disk)
	w := newWorld(t, "a failed sync")
	if _, err := w.open(faulty); err != nil {
		t.Fatal(err)
	}
	w.provision()
	dice := rand.New(rand.NewPCG(1, 1))
	before := w.send(w.plain, w.messages(dice, 3))
	select {
	case <-w.engine.Failed():
		t.Fatalf("failed before anything did: %v", w.engine.Failure())
	default:
	}
	faulty.Inject(faultfs.Rule{Ops: []faultfs.Op{faultfs.Sync}, Pattern: "*.seg", Err: syscall.EIO})
	w.excused = func() bool { return true }
	during := w.send(w.plain, w.messages(dice, 1))
	if mq.Outcome(during[0].Err) != mq.Unknown || !errors.Is(during[0].Err, syscall.EIO) {
		t.Fatalf("a send whose sync failed: %v", during[0].Err)
	}
	<-w.engine.Failed()
	after := w.send(w.plain, w.messages(dice, 1))
	if mq.Outcome(after[0].Err) != mq.Refused || w.engine.Failure() == nil {
		t.Fatalf("a send after a failed sync: %v", after[0].Err)
	}
	if state, err := w.engine.State(w.ctx); err != nil || state.Healthy || state.Writable || state.Why == "" {
		t.Fatalf("%+v, %v", state, err)
	}
	_ = w.engine.Close(w.ctx) // says again why it failed
	w.excused = func() bool { return false }
	if _, err := w.open(disk.Crash(1, 1)); err != nil {
		t.Fatal(err)
	}
	defer w.engine.Close(w.ctx)
	var sum tally
	w.provision()
	w.drain()
	w.judge(&sum)
	if sum.settled.Load() != int64(len(before)) {
		t.Fatalf("%d messages came, want the %d that were acknowledged", sum.settled.Load(), len(before))
	}
}

// TestAFullDiskRefusesSendsAndLetsConsumersDrain: what was promised stays, what is refused is certainly not stored, what is
// there can be received and settled, and sends work again by themselves when there is room.
func TestAFullDiskRefusesSendsAndLetsConsumersDrain(t *testing.T) {
	disk := memfs.New()
	const small = 700 << 10
	disk.SetCapacity(small)
	w := newWorld(t, "a full disk")
	if _, err := w.open(disk); err != nil {
		t.Fatal(err)
	}
	w.provision()
	dice := rand.New(rand.NewPCG(2, 2))
	w.excused = func() bool { return true }
	refusals := 0
	for n := 0; refusals < 20; n++ {
		sent := w.send(w.plain, w.messages(dice, 2))
		for _, one := range sent {
			if one.Err == nil {
				continue
			}
			if mq.Outcome(one.Err) != mq.Refused || mq.KindOf(one.Err) != mq.StorageFull {
				t.Fatalf("a send on a full disk: %v", one.Err)
			}
			refusals++
		}
		if n > 10_000 {
			t.Fatal("the disk never fills")
		}
	}
	w.excused = func() bool { return false }
	for range 60 { // consumers go on: each receive and each settlement is a record
		w.take(dice, w.plain, w.group, "")
		w.ackSome(dice)
	}
	if err := w.engine.Close(w.ctx); err != nil {
		t.Fatalf("close on a full disk: %v", err)
	}
	if _, err := w.open(disk); err != nil {
		t.Fatalf("failed start on a full disk: %v", err)
	}
	defer w.engine.Close(w.ctx)
	disk.SetCapacity(1 << 30)
	for limit := time.Now().Add(30 * time.Second); ; {
		w.pass(2 * time.Second)
		state, err := w.engine.State(w.ctx)
		if err != nil || time.Now().After(limit) {
			t.Fatalf("not writable again: %+v, %v", state, err)
		}
		if state.Writable {
			break
		}
	}
	w.send(w.plain, w.messages(dice, 3))
	var sum tally
	w.drain()
	w.judge(&sum)
}
