// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/internal/fsys/memfs"
	"github.com/causeway-mq/causeway/mq"
)

// promised is what callers were told before a moment.
type promised struct {
	mu    sync.Mutex
	sent  map[string]bool // stored
	acked map[string]bool // settled for the group
}

func (p *promised) copy() (sent, acked []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id := range p.sent {
		sent = append(sent, id)
	}
	for id := range p.acked {
		acked = append(acked, id)
	}
	return sent, acked
}

// load sends, takes, acknowledges, gives back and settles until stop is set.
func (w *world) load(topic mq.Topic, g mq.Group, actor int, p *promised, stop *atomic.Bool) {
	dice := rand.New(rand.NewPCG(7, uint64(actor)))
	for i := 0; !stop.Load(); i++ {
		id, _ := mq.ParseMessageID(fmt.Sprintf("a%d-%d", actor, i))
		m := mq.Message{ID: id, Type: mq.Normal, Body: bytes.Repeat([]byte{byte(i)}, dice.IntN(900))}
		switch dice.IntN(8) {
		case 0:
			m.Type, m.DeliverAt = mq.Delay, w.engine.Now().Add(time.Duration(dice.IntN(3000))*time.Millisecond)
		case 1:
			m.Type = mq.Transaction
		}
		s := w.engine.Send(w.ctx, topic, []mq.Message{m})[0]
		// Virtual time runs on while real threads wait, so that the disk can look stalled.
		full := mq.KindOf(s.Err) == mq.StorageFull || mq.KindOf(s.Err) == mq.TooManyRequests
		if s.Err != nil && !full {
			w.Errorf("send: %v", s.Err)
			return
		}
		if !s.Half.IsZero() {
			if err := w.engine.Settle(w.ctx, topic, s.Half, mq.Commit, mq.ByProducer); err != nil {
				w.Errorf("settle: %v", err)
				return
			}
		}
		if !full {
			p.mu.Lock()
			p.sent[id.String()] = true
			p.mu.Unlock()
		}
		got, err := w.engine.Take(w.ctx, mq.Want{Topic: topic, Group: g, Queue: mq.AnyQueue, Max: 4})
		if err != nil {
			w.Errorf("take: %v", err)
			return
		}
		for _, d := range got {
			if dice.IntN(6) == 0 {
				w.engine.Extend(w.ctx, []mq.Lease{d.Lease}, 0, mq.Replace)
				continue
			}
			if w.engine.Ack(w.ctx, []mq.Lease{d.Lease})[0] == nil {
				p.mu.Lock()
				p.acked[d.Message.ID.String()] = true
				p.mu.Unlock()
			}
		}
		if dice.IntN(16) == 0 {
			w.clock.Advance(time.Duration(dice.IntN(700)) * time.Millisecond)
		}
	}
}

// everywhere tells where a message is: stored, scheduled or half; "" when it is nowhere.
func (w *world) everywhere(topic mq.Topic, id string) string {
	w.Helper()
	parsed, err := mq.ParseMessageID(id)
	w.must(err, "id")
	page, err := w.engine.Find(w.ctx, mq.Find{Topic: topic, ID: parsed, Limit: 5})
	w.must(err, "find")
	if len(page.Messages) == 0 {
		return ""
	}
	if len(page.Messages) > 1 {
		w.Fatalf("%s is there %d times", id, len(page.Messages))
	}
	return string(page.Messages[0].State)
}

// Power is lost in the middle of the load, again and again. Whatever the disk kept of what was not synced: what was promised is
// there, nothing acknowledged comes again, and the state does not depend on anything derived.
func TestNothingPromisedIsLostWhereverThePowerFails(t *testing.T) {
	rounds := 40
	if testing.Short() {
		rounds = 8
	}
	topic, g := topicOf("t", 3), groupOf("g")
	g.MaxAttempts = 1 << 20
	for round := range rounds {
		w := newWorld(t, func(o *Options) {
			o.SegmentBytes, o.CheckpointBytes = 48<<10, 24<<10
			if round%2 == 1 { // segments are dropped all the time
				o.MaxBytes = 5 * o.SegmentBytes
			}
		})
		p := &promised{sent: map[string]bool{}, acked: map[string]bool{}}
		var stop atomic.Bool
		var actors sync.WaitGroup
		for actor := range 3 {
			actors.Go(func() { w.load(topic, g, actor, p, &stop) })
		}
		enough := 20 + 50*(round%8)
		waitUntil(t, func() bool { sent, _ := p.copy(); return len(sent) > enough })
		sent, acked := p.copy()
		after := w.disk.CrashTorn(uint64(round), []float64{0, 0.1, 0.5, 0.9, 1}[round%5])
		stop.Store(true)
		actors.Wait()
		w.close()
		w.survives(after, topic, g, sent, acked, p.acked)
	}
}

// survives opens what the crash left. sent and acked were promised before it; atLast is all that was ever acknowledged.
func (w *world) survives(after *memfs.FS, topic mq.Topic, g mq.Group, sent, acked []string, atLast map[string]bool) {
	w.Helper()
	w.disk = after
	if !bytes.Equal(w.recovered(w.disk.Clone(), true), w.recovered(w.disk.Clone(), false)) {
		w.Fatalf("the state depends on what is derived")
	}
	w.open()
	defer w.close()
	w.pass(time.Minute)
	again := map[string]bool{}
	for got := w.take(topic, g, 32); len(got) > 0; got = w.take(topic, g, 32) {
		for _, d := range got {
			again[d.Message.ID.String()] = true
		}
		w.ack(got...)
	}
	for _, id := range acked {
		if again[id] {
			w.Fatalf("%s was acknowledged and came again", id)
		}
	}
	gone := 0
	for _, id := range sent {
		switch state := w.everywhere(topic, id); {
		case state == "stored":
		case state == "" && w.opts.MaxBytes > 0 && atLast[id] && !again[id]:
			gone++
		default:
			w.Fatalf("%s was promised and is %q", id, state)
		}
	}
	w.Logf("%d sent, %d acknowledged, %d came again, %d gone with their segments", len(sent), len(acked), len(again), gone)
}

func waitUntil(t tester, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("not so after 20 s")
		}
		<-time.After(time.Millisecond)
	}
}
