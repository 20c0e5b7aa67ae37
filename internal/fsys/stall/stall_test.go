// SPDX-License-Identifier: Apache-2.0

package stall_test

import (
	"testing"
	"time"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/internal/fsys"
	"github.com/causeway-mq/causeway/internal/fsys/faultfs"
	"github.com/causeway-mq/causeway/internal/fsys/memfs"
	"github.com/causeway-mq/causeway/internal/fsys/stall"
)

// disk is a watched file on a disk that hangs in Sync until it is released.
type disk struct {
	clock    *clock.Virtual
	watch    *stall.FS
	file     fsys.File
	release  chan struct{}
	entered  chan struct{}
	synced   chan error
	reported []string
}

func newDisk(t *testing.T) *disk {
	d := &disk{clock: clock.NewVirtual(time.Unix(0, 0)), release: make(chan struct{}),
		entered: make(chan struct{}), synced: make(chan error)}
	faulty := faultfs.New(memfs.New())
	faulty.SetHook(func(c faultfs.Call) {
		if c.Op == faultfs.Sync {
			d.entered <- struct{}{}
			<-d.release
		}
	})
	d.watch = stall.Watch(faulty, d.clock, func(op string, age time.Duration) {
		d.reported = append(d.reported, op+" "+age.Truncate(time.Second).String())
	})
	var err error
	if d.file, err = d.watch.Create("f"); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *disk) hang() {
	go func() { d.synced <- d.file.Sync() }()
	<-d.entered
}

func TestAHangingSyncShedsAfterFiveSecondsAndIsUnhealthyAfterTwenty(t *testing.T) {
	d := newDisk(t)
	for round := 1; round <= 2; round++ {
		d.hang()
		expect := func(after time.Duration, want stall.State) {
			t.Helper()
			d.clock.Advance(after)
			if got := d.watch.State(); got != want {
				t.Fatalf("state %s, want %s", got, want)
			}
		}
		expect(time.Second, stall.Fine)
		expect(10*time.Millisecond, stall.Slow)
		expect(4*time.Second, stall.Shedding)
		if len(d.reported) != round-1 {
			t.Fatalf("reported too early: %v", d.reported)
		}
		expect(16*time.Second, stall.Unhealthy)
		expect(30*time.Second, stall.Unhealthy)
		d.release <- struct{}{}
		if err := <-d.synced; err != nil {
			t.Fatal(err)
		}
		expect(0, stall.Fine)
		if len(d.reported) != round || d.reported[0] != "sync f 20s" || d.watch.SlowCalls() != uint64(round) {
			t.Fatalf("round %d: reported %q, slow calls %d", round, d.reported, d.watch.SlowCalls())
		}
	}
}

func TestQuickCallsLeaveNoTimerBehind(t *testing.T) {
	d := newDisk(t)
	for range 1000 {
		if _, err := d.file.Size(); err != nil {
			t.Fatal(err)
		}
	}
	d.clock.Advance(time.Minute)
	if d.clock.Pending() != 0 || d.watch.SlowCalls() != 0 || d.watch.State() != stall.Fine {
		t.Fatalf("pending %d, slow %d", d.clock.Pending(), d.watch.SlowCalls())
	}
}
