// SPDX-License-Identifier: Apache-2.0

package grpcfront

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"
)

func TestALifetimeIsAContext(t *testing.T) {
	within := func(done <-chan struct{}) {
		t.Helper()
		bound := time.NewTimer(30 * time.Second)
		defer bound.Stop()
		select {
		case <-done:
		case <-bound.C:
			t.Fatal("it does not end")
		}
	}
	t.Run("cancelled", func(t *testing.T) {
		c := &call{}
		if err := c.Err(); err != nil {
			t.Fatal(err)
		}
		child, stop := context.WithCancelCause(c)
		defer stop(nil)
		done := c.Done()
		c.Cancel()
		c.cancel(context.DeadlineExceeded) // the first reason stays
		within(done)
		within(child.Done())
		if !errors.Is(c.Err(), context.Canceled) || !errors.Is(child.Err(), context.Canceled) {
			t.Error(c.Err(), child.Err())
		}
		within(c.Done()) // also for who asks late
		late, stopLate := context.WithCancel(c)
		defer stopLate()
		within(late.Done())
	})
	t.Run("out of time", func(t *testing.T) {
		c := &call{}
		c.deadline = time.Now().Add(time.Millisecond)
		child, stop := context.WithTimeout(c, time.Hour)
		defer stop()
		within(child.Done())
		within(c.Done())
		if !errors.Is(c.Err(), context.DeadlineExceeded) {
			t.Error(c.Err())
		}
	})
	t.Run("out of time, with nobody waiting", func(t *testing.T) {
		c := &call{}
		c.deadline = time.Now().Add(-time.Millisecond)
		if at, ok := c.Deadline(); !ok || at != c.deadline || !errors.Is(c.Err(), context.DeadlineExceeded) {
			t.Error(c.Err())
		}
	})
	t.Run("a child that is over is forgotten", func(t *testing.T) {
		c := &call{}
		for range 100 {
			_, stop := context.WithCancel(c)
			stop()
		}
		if n := len(c.then); n != 0 {
			t.Errorf("%d are kept", n)
		}
		ran := make(chan struct{})
		stop := c.AfterFunc(func() { close(ran) })
		c.Cancel()
		within(ran)
		if stop() {
			t.Error("what ran was stopped")
		}
	})
}

func TestTimeoutsAreRead(t *testing.T) {
	for said, want := range map[string]time.Duration{
		"1H": time.Hour, "2M": 2 * time.Minute, "3S": 3 * time.Second, "40m": 40 * time.Millisecond, "5u": 5 * time.Microsecond, "6n": 6, "0n": 1,
		"99999999H": 1<<63 - 1, "": -1, "S": -1, "5": -1, "5x": -1, "-5S": -1, "123456789S": -1, "+1S": -1, "1.5S": -1,
	} {
		if got := timeoutOf(said); got != want {
			t.Errorf("%q: %v, want %v", said, got, want)
		}
	}
}

// A client that says that its message is long gets no memory for having said so.
func TestRoomForAMessageGrowsWithWhatIsSent(t *testing.T) {
	o := Options{}.withDefaults()
	c := &call{lean: &lean{front: &Front{options: o}, codec: newCodec(o.MaxMessage, newPool())}, method: &method{}}
	size := o.MaxMessage
	prefix := []byte{0, byte(size >> 24), byte(size >> 16), byte(size >> 8), byte(size)}
	said := append(prefix, make([]byte, size)...)
	for i := range said[prefixBytes:] {
		said[prefixBytes+i] = byte(i % 251)
	}
	c.take(said[:prefixBytes])
	if n := cap(*c.partial); n > firstRoom {
		t.Errorf("%d bytes for a prefix", n)
	}
	sent := prefixBytes
	for sent < len(said) {
		n := min(len(said)-sent, 10_000)
		c.take(said[sent : sent+n])
		sent += n
		if c.partial != nil && cap(*c.partial) > max(firstRoom, 4*sent) {
			t.Fatalf("%d bytes of memory for %d that were sent", cap(*c.partial), sent)
		}
	}
	if c.request == nil || !bytes.Equal(*c.request, said[prefixBytes:]) {
		t.Error("the message is not what was sent")
	}
}
