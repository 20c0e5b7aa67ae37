// SPDX-License-Identifier: Apache-2.0

package wrap_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/engine/wrap"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

// patient is a cluster that can stop answering.
type patient struct {
	small
	mu     sync.Mutex // guards ill, lose and hangs
	ill    error      // what canaries hear
	lose   int        // how many more canaries are lost
	hangs  bool       // canaries wait for their time to be over
	probes atomic.Int64
	topic  error         // what sends hear
	hold   chan struct{} // sends wait for it to close, nil: they do not
	at     chan struct{} // receives for each send that waits
}

func (p *patient) becomes(ill error, hangs bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ill, p.hangs = ill, hangs
}

func (p *patient) Probe(ctx context.Context) error {
	defer p.probes.Add(1)
	p.mu.Lock()
	ill, hangs := p.ill, p.hangs
	if p.lose > 0 {
		p.lose--
		ill = mq.Refuse(mq.Unavailable, "lost")
	}
	p.mu.Unlock()
	if hangs {
		<-ctx.Done()
		return mq.Doubt(mq.Timeout, ctx.Err(), "probe")
	}
	return ill
}

func (p *patient) Send(context.Context, mq.Topic, []mq.Message) []mq.Sent {
	if p.hold != nil {
		p.at <- struct{}{}
		<-p.hold
	}
	return []mq.Sent{{Err: p.topic}}
}

// ledger is a log that a test can read while it is written.
type ledger struct {
	mu   sync.Mutex // guards text
	text strings.Builder
}

func (l *ledger) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *ledger) lines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Split(strings.TrimSpace(l.text.String()), "\n")
}

type ward struct {
	*patient
	log     *ledger
	t       *testing.T
	time    *clock.Virtual
	breaker *wrap.Breaker
	engine  wrap.Engine
}

func newWard(t *testing.T, most int) *ward {
	w := &ward{patient: &patient{}, t: t, log: &ledger{}, time: clock.NewVirtual(time.Unix(1764000000, 0))}
	name, err := mq.ParseCluster("west")
	if err != nil {
		t.Fatal(err)
	}
	w.breaker = wrap.NewBreaker(wrap.BreakerOptions{Engine: w.patient, Cluster: name, Clock: w.time, Most: most, Log: slog.New(slog.NewJSONHandler(w.log, nil)).With("cluster", name)})
	w.engine = w.breaker.Guarded()
	ctx, end := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := w.breaker.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	t.Cleanup(func() { end(); running.Wait() })
	return w
}

func (w *ward) send() error {
	return w.engine.Send(w.t.Context(), mq.Topic{}, make([]mq.Message, 1))[0].Err
}

// until lets time go by in steps until a condition holds.
func (w *ward) until(what string, is func() bool) {
	w.t.Helper()
	for end := time.Now().Add(time.Minute); !is(); <-time.After(5 * time.Millisecond) { // long enough for who is woken to do his work within the step
		if time.Now().After(end) {
			w.t.Fatalf("not within a minute: %s", what)
		}
		w.time.Advance(100 * time.Millisecond)
	}
}

func TestADeadClusterIsRefusedAtOnceAndTriedAgain(t *testing.T) {
	for name, ill := range map[string]func(*patient){
		"it refuses": func(p *patient) { p.becomes(mq.Refuse(mq.Unavailable, "nobody is there"), false) },
		"it hangs":   func(p *patient) { p.becomes(nil, true) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWard(t, 0)
			if err := w.send(); err != nil {
				t.Fatal(err)
			}
			ill(w.patient)
			began := w.time.Now()
			w.until("it opens", func() bool { return w.breaker.Open() != "" })
			if took := w.time.Now().Sub(began); took > 9*time.Second {
				t.Errorf("it took %v", took)
			}
			err := w.send()
			if mq.KindOf(err) != mq.Unavailable || mq.Outcome(err) != mq.Refused || !strings.Contains(err.Error(), "cluster west does not answer") {
				t.Errorf("%v", err)
			}
			if w.breaker.Refused() != 1 {
				t.Errorf("%d refused", w.breaker.Refused())
			}
			w.becomes(nil, false)
			w.until("it closes", func() bool { return w.breaker.Open() == "" })
			if err := w.send(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// The log that a breaker is given names its cluster already: an object with a key twice is read in two ways.
func TestNoLineNamesTheClusterTwice(t *testing.T) {
	w := newWard(t, 0)
	w.becomes(mq.Refuse(mq.Unavailable, "nobody is there"), false)
	w.until("it opens", func() bool { return w.breaker.Open() != "" })
	w.becomes(nil, false)
	w.until("it says that it closed", func() bool { return len(w.log.lines()) == 2 })
	for _, line := range w.log.lines() {
		if strings.Count(line, `"cluster":`) != 1 {
			t.Errorf("%s", line)
		}
	}
}

func TestOneLostCanaryOpensNothing(t *testing.T) {
	w := newWard(t, 0)
	w.mu.Lock()
	w.lose = 1
	w.mu.Unlock()
	w.until("several canaries", func() bool {
		if w.breaker.Open() != "" {
			t.Fatal("it opened")
		}
		return w.probes.Load() > 3
	})
}

// A topic whose sends fail says nothing of its cluster.
func TestABadTopicClosesNoCluster(t *testing.T) {
	w := newWard(t, 0)
	w.topic = mq.Refuse(mq.Unavailable, "no queue takes messages now")
	for range 1000 {
		if err := w.send(); !strings.Contains(err.Error(), "no queue") {
			t.Fatal(err)
		}
	}
	seen := w.probes.Load()
	w.until("canaries come", func() bool { return w.probes.Load() > seen+3 })
	if why := w.breaker.Open(); why != "" {
		t.Error(why)
	}
}

// On a machine with more work than processors canaries come too late while messages pass.
func TestAClusterThatAnswersCallsIsNotDead(t *testing.T) {
	w := newWard(t, 0)
	w.becomes(nil, true)
	seen := w.probes.Load()
	w.until("canaries are lost", func() bool {
		if err := w.send(); err != nil {
			t.Fatal(err)
		}
		return w.probes.Load() > seen+5
	})
	if why := w.breaker.Open(); why != "" {
		t.Error(why)
	}
	w.until("it opens once no call is answered", func() bool { return w.breaker.Open() != "" })
}

func TestCallsUnderWayToOneClusterAreBounded(t *testing.T) {
	const most = 8
	w := newWard(t, most)
	w.hold, w.at = make(chan struct{}), make(chan struct{}, most)
	var under sync.WaitGroup
	for range most {
		under.Go(func() {
			if err := w.send(); err != nil {
				t.Error(err)
			}
		})
		<-w.at
	}
	err := w.send()
	if mq.KindOf(err) != mq.TooManyRequests || mq.Outcome(err) != mq.Refused || !strings.Contains(err.Error(), "the limit is 8") {
		t.Errorf("%v", err)
	}
	if w.breaker.UnderWay() != most {
		t.Errorf("%d under way", w.breaker.UnderWay())
	}
	close(w.hold)
	under.Wait()
	w.hold = nil
	if err := w.send(); err != nil {
		t.Error(err)
	}
}

func TestWhoIsParkedStaysParked(t *testing.T) {
	w := newWard(t, 0)
	w.becomes(mq.Refuse(mq.Unavailable, "gone"), false)
	w.until("it opens", func() bool { return w.breaker.Open() != "" })
	woken := false
	disarm := w.engine.Arm(mq.Want{}, func() { woken = true })
	if woken {
		t.Error("a poll on a dead cluster is woken, and would spin")
	}
	w.wake()
	if !woken {
		t.Error("no wake passes")
	}
	disarm()
}
