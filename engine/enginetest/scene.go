// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

// Scene is one case under way: an engine, its clock, and the words in which cases are written. Words that fail end the
// scene, so a case needs no error handling of its own. They may be used from several goroutines unless they say otherwise.
type Scene struct {
	ctx      context.Context
	target   Target
	instance *Instance
	current  atomic.Pointer[Engine]
	traits   mq.Traits
	run      string
	names    atomic.Int64

	mu       sync.Mutex // guards failures, sent and atEnd
	failures []string
	sent     map[mq.MessageID]mq.Message
	atEnd    []func()
}

func newScene(ctx context.Context, target Target, instance *Instance) *Scene {
	s := &Scene{
		ctx: ctx, target: target, instance: instance, traits: instance.Engine.Traits(),
		run:  strconv.FormatInt(time.Now().UnixNano(), 36),
		sent: map[mq.MessageID]mq.Message{},
	}
	s.current.Store(&instance.Engine)
	return s
}

// engine is the engine as it runs now: after a restart it is another one.
func (s *Scene) engine() Engine { return *s.current.Load() }

// errorf notes a failure and goes on.
func (s *Scene) errorf(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.failures) < 20 {
		s.failures = append(s.failures, fmt.Sprintf(format, args...))
	}
}

// fatalf notes a failure, with the line of the case in which it happened, and ends the calling goroutine.
func (s *Scene) fatalf(format string, args ...any) {
	where := "?"
	for skip := 1; ; skip++ {
		_, file, line, ok := runtime.Caller(skip)
		if !ok {
			break
		}
		where = fmt.Sprintf("%s:%d", filepath.Base(file), line)
		if name := filepath.Base(file); name != "scene.go" && name != "words.go" {
			break
		}
	}
	s.errorf("%s: %s", where, fmt.Sprintf(format, args...))
	runtime.Goexit()
}

func (s *Scene) report() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.failures)
}

// finally runs f when the scene ends, last registered first.
func (s *Scene) finally(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.atEnd = append(s.atEnd, f)
}

func (s *Scene) end() {
	s.mu.Lock()
	todo := s.atEnd
	s.atEnd = nil
	s.mu.Unlock()
	for _, f := range slices.Backward(todo) {
		f()
	}
}

func (s *Scene) ok(err error, doing string) {
	if err != nil {
		s.fatalf("%s: %v (%v, outcome %d)", doing, err, mq.KindOf(err), mq.Outcome(err))
	}
}

// during does what the engine may rest in, while time goes by on its clock.
func (s *Scene) during(do func() error, doing string) {
	over := make(chan error, 1)
	go func() { over <- do() }()
	for pulse := time.NewTicker(2 * time.Millisecond); ; {
		select {
		case err := <-over:
			pulse.Stop()
			s.ok(err, doing)
			return
		case <-s.ctx.Done():
			pulse.Stop()
			s.fatalf("the case ran out of time: %s", doing)
		case <-pulse.C:
			s.instance.Advance(10 * time.Millisecond)
		}
	}
}

// refused demands a refusal of one of the kinds; no kind means any.
func (s *Scene) refused(err error, doing string, kinds ...mq.Kind) {
	switch {
	case err == nil:
		s.fatalf("%s: done, want a refusal %v", doing, kinds)
	case mq.Outcome(err) != mq.Refused:
		s.fatalf("%s: unknown outcome (%v), want a refusal %v", doing, err, kinds)
	case len(kinds) > 0 && !slices.Contains(kinds, mq.KindOf(err)):
		s.fatalf("%s: refused with %v (%v), want one of %v", doing, mq.KindOf(err), err, kinds)
	}
}

// eventually waits for cond in real time, within the target's patience. The engine's clock stands still if it is virtual.
func (s *Scene) eventually(what string, cond func() bool) { s.within(0, what, cond) }

// atOnce is eventually for what many actors do at full speed: it looks without resting in between.
func (s *Scene) atOnce(what string, cond func() bool) {
	patience := time.Now().Add(s.target.Patience)
	for !cond() {
		if time.Now().After(patience) || s.ctx.Err() != nil {
			s.fatalf("still not so after %v: %s", s.target.Patience, what)
		}
		runtime.Gosched()
	}
}

// within waits for cond while up to late goes by on the engine's clock, and then for as long as patience lasts.
func (s *Scene) within(late time.Duration, what string, cond func() bool) {
	const steps = 20
	step, left := late/steps, late
	patience := time.NewTimer(s.target.Patience)
	defer patience.Stop()
	pulse := time.NewTicker(2 * time.Millisecond)
	defer pulse.Stop()
	for !cond() {
		if left > 0 {
			s.instance.Advance(step)
			left -= step
			if cond() {
				return
			}
		}
		select {
		case <-pulse.C:
		case <-patience.C:
			s.fatalf("still not so after %v: %s", s.target.Patience, what)
		case <-s.ctx.Done():
			s.fatalf("the case ran out of time waiting for: %s", what)
		}
	}
}

// while looks again and again that cond holds while d goes by on the engine's clock.
func (s *Scene) while(d time.Duration, what string, cond func() bool) {
	const steps = 8
	for range steps {
		if !cond() {
			s.fatalf("no longer so: %s", what)
		}
		s.instance.Advance(d / steps)
	}
	if !cond() {
		s.fatalf("no longer so: %s", what)
	}
}

// now is the engine's time.
func (s *Scene) now() time.Time { return s.instance.Now() }

// pass lets d go by on the engine's clock.
func (s *Scene) pass(d time.Duration) { s.instance.Advance(d) }

// passUntil lets time go by until t.
func (s *Scene) passUntil(t time.Time) {
	if d := t.Sub(s.now()); d > 0 {
		s.instance.Advance(d)
	}
}

// leisurely is how long a lease or a delay of a case is that must not end before the case did something about it: d by a virtual clock. By a real one an engine or a
// machine may stand still for seconds, and what comes too late then is no fault.
func (s *Scene) leisurely(d time.Duration) time.Duration {
	if s.traits.VirtualTime {
		return d
	}
	return max(d, 8*time.Second)
}

// justBefore is the last moment before t at which the clock can be stopped for sure.
func (s *Scene) justBefore(t time.Time) time.Time {
	if s.traits.VirtualTime {
		return t.Add(-time.Millisecond)
	}
	return t.Add(-700 * time.Millisecond)
}

// all runs f n times at once and waits for all of them.
func (s *Scene) all(n int, f func(i int)) {
	var crowd sync.WaitGroup
	for i := range n {
		crowd.Go(func() { f(i) })
	}
	crowd.Wait()
	if len(s.report()) > 0 {
		runtime.Goexit()
	}
}

// bell counts wakes.
type bell struct{ rings atomic.Int32 }

func (b *bell) ring()      { b.rings.Add(1) }
func (b *bell) rung() bool { return b.rings.Load() > 0 }
