// SPDX-License-Identifier: Apache-2.0

package durability_test

import (
	"errors"
	"math/rand/v2"
	"syscall"
	"testing"

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
