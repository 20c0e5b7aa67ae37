// SPDX-License-Identifier: Apache-2.0

package consume

import (
	"context"
	"log/slog"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/session"
)

// scripted is an engine whose answers a test sets, to force what a real one does seldom: refusals, doubts, silence. What an
// engine really does is tested by enginetest.
type scripted struct {
	Positioner // unused

	mu       sync.Mutex // guards all below
	ready    []mq.Delivery
	wakes    map[int]func()
	arms     int
	until    time.Time // of the last arm
	disarmed int
	extended []extended
	answer   func(mq.Lease) error // of acks, extensions, dead letters
	changed  chan struct{}        // capacity 64: something was asked
}

type extended struct {
	token string
	d     time.Duration
	how   mq.KeepOrReplace
}

func newScripted() *scripted {
	return &scripted{wakes: make(map[int]func()), changed: make(chan struct{}, 64), answer: func(mq.Lease) error { return nil }}
}

func (e *scripted) arrive(ds ...mq.Delivery) {
	e.mu.Lock()
	e.ready = append(e.ready, ds...)
	wakes := e.wakes
	e.wakes = make(map[int]func())
	e.mu.Unlock()
	for _, w := range wakes {
		w()
	}
}

func (e *scripted) Take(_ context.Context, want mq.Want) ([]mq.Delivery, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := min(want.Max, len(e.ready))
	out := e.ready[:n:n]
	e.ready = e.ready[n:]
	return out, nil
}

func (e *scripted) Arm(want mq.Want, wake func()) func() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.arms++
	e.until = want.Until
	id := e.arms
	e.wakes[id] = wake
	e.changed <- struct{}{}
	return func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.wakes, id)
		e.disarmed++
	}
}

func (e *scripted) each(leases []mq.Lease) []error {
	e.mu.Lock()
	defer e.mu.Unlock()
	errs := make([]error, len(leases))
	for i, l := range leases {
		errs[i] = e.answer(l)
	}
	return errs
}

func (e *scripted) Ack(_ context.Context, leases []mq.Lease) []error { return e.each(leases) }

func (e *scripted) DeadLetter(_ context.Context, leases []mq.Lease, _ string) []error {
	return e.each(leases)
}

func (e *scripted) Extend(_ context.Context, leases []mq.Lease, d time.Duration, how mq.KeepOrReplace) []mq.Extended {
	errs := e.each(leases)
	out := make([]mq.Extended, len(leases))
	e.mu.Lock()
	for i, l := range leases {
		e.extended = append(e.extended, extended{l.Token, d, how})
		out[i] = mq.Extended{Lease: l, Err: errs[i]}
		if how == mq.Replace && errs[i] == nil {
			out[i].Lease.Token += "'"
		}
	}
	e.mu.Unlock()
	e.changed <- struct{}{}
	return out
}

func (e *scripted) extensions() []extended {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]extended(nil), e.extended...)
}

func (e *scripted) idle() (armed, arms, disarmed int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.wakes), e.arms, e.disarmed
}

type bench struct {
	*Service
	engine *scripted
	clock  *clock.Virtual
	alive  map[session.ID]bool
	mu     sync.Mutex // guards alive
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{engine: newScripted(), clock: clock.NewVirtual(time.Unix(1_800_000_000, 0)), alive: make(map[session.ID]bool)}
	alive := func(id session.ID) bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.alive[id]
	}
	b.Service = New(map[mq.Cluster]Engine{cluster(): b.engine}, b.clock, alive, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return b
}

func cluster() mq.Cluster {
	c, err := mq.ParseCluster("c1")
	if err != nil {
		panic(err)
	}
	return c
}

func client(name string) session.ID {
	c, err := mq.ParseClientID(name)
	if err != nil {
		panic(err)
	}
	return session.ID{Client: c}
}

func delivery(n int, keep time.Duration) mq.Delivery {
	return mq.Delivery{Attempt: 1, Keep: keep, Lease: mq.Lease{Cluster: cluster(), Token: "t" + strconv.Itoa(n)}}
}

func request(renew bool, poll time.Duration) Request {
	return Request{Want: mq.Want{Topic: mq.Topic{Cluster: cluster()}, Max: 10, Renew: renew}, Poll: poll, Client: client("a")}
}

func (b *bench) setAlive(id session.ID, alive bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.alive[id] = alive
}

// happens waits for the next question to the engine.
func (b *bench) happens(t *testing.T) {
	t.Helper()
	select {
	case <-b.engine.changed:
	case <-time.After(5 * time.Second):
		t.Fatal("the engine was not asked within 5 s")
	}
}

func eventually(t *testing.T, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	bound := time.After(5 * time.Second)
	for !holds() {
		select {
		case <-tick.C:
		case <-bound:
			t.Fatal("the condition did not come true within 5 s")
		}
	}
}

type received struct {
	granted []mq.Delivery
	err     error
}

func (b *bench) receive(ctx context.Context, req Request) chan received {
	out := make(chan received, 1)
	go func() {
		granted, err := b.Receive(ctx, req)
		out <- received{granted, err}
	}()
	return out
}

func TestAPollWaitsForTheFirstMessage(t *testing.T) {
	b := newBench(t)
	got := b.receive(t.Context(), request(false, 20*time.Second))
	b.happens(t) // armed
	b.engine.arrive(delivery(1, 0))
	if r := <-got; r.err != nil || len(r.granted) != 1 {
		t.Fatalf("got %+v", r)
	}
	if armed, arms, disarmed := b.engine.idle(); armed != 0 || arms != disarmed {
		t.Fatalf("%d arms, %d disarmed, %d left", arms, disarmed, armed)
	}
}

func TestAPollEndsEmptyWhenItsTimeIsOver(t *testing.T) {
	b := newBench(t)
	ends := b.clock.Now().Add(20 * time.Second)
	got := b.receive(t.Context(), request(false, 20*time.Second))
	b.happens(t)
	b.engine.mu.Lock()
	if !b.engine.until.Equal(ends) {
		t.Errorf("the engine was told that the caller waits until %v, want %v", b.engine.until, ends)
	}
	b.engine.mu.Unlock()
	b.clock.Advance(20 * time.Second)
	if r := <-got; r.err != nil || len(r.granted) != 0 {
		t.Fatalf("got %+v", r)
	}
	if armed, _, _ := b.engine.idle(); armed != 0 {
		t.Fatal("still armed")
	}
}

func TestADrainAnswersParkedPollsEarly(t *testing.T) {
	b := newBench(t)
	got := b.receive(t.Context(), request(false, 20*time.Second))
	b.happens(t)
	b.Drain()
	b.Drain()
	if r := <-got; r.err != nil || len(r.granted) != 0 {
		t.Fatalf("got %+v", r)
	}
}

func TestWhatAGoneCallerWasGrantedIsGivenBack(t *testing.T) {
	b := newBench(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b.engine.arrive(delivery(1, 0), delivery(2, 0))
	r := <-b.receive(ctx, request(true, 0))
	if mq.KindOf(r.err) != mq.Timeout {
		t.Fatalf("got %+v", r)
	}
	ex := b.engine.extensions()
	if len(ex) != 2 || ex[0] != (extended{"t1", 0, mq.Replace}) || b.Renewing() != 0 {
		t.Fatalf("extensions %v, renewing %d", ex, b.Renewing())
	}
}

func TestLeasesAreRenewedUntilTheyAreSettled(t *testing.T) {
	b := newBench(t)
	b.setAlive(client("a"), true)
	b.engine.arrive(delivery(1, 20*time.Second), delivery(2, 20*time.Second))
	r := <-b.receive(t.Context(), request(true, 0))
	if len(r.granted) != 2 || b.Renewing() != 2 {
		t.Fatalf("granted %d, renewing %d", len(r.granted), b.Renewing())
	}
	b.pass(t, 21*time.Second)
	b.happens(t)
	ex := b.engine.extensions()
	if len(ex) != 2 || ex[0].d != time.Minute || ex[0].how != mq.Keep {
		t.Fatalf("extensions %v", ex)
	}
	if err := b.Ack(t.Context(), []mq.Lease{r.granted[0].Lease})[0]; err != nil {
		t.Fatal(err)
	}
	b.pass(t, 21*time.Second)
	b.happens(t)
	if ex := b.engine.extensions(); len(ex) != 3 || b.Renewing() != 1 {
		t.Fatalf("extensions %v, renewing %d", ex, b.Renewing())
	}
}

// Two groups may hold one message under the same token: both leases are renewed, and the end of one is not the end of the other.
func TestLeasesOfTwoGroupsWithOneTokenAreRenewedApart(t *testing.T) {
	b := newBench(t)
	b.setAlive(client("a"), true)
	one, two := delivery(1, 20*time.Second), delivery(1, 20*time.Second)
	for d, name := range map[*mq.Delivery]string{&one: "one", &two: "two"} {
		p, err := mq.ParsePhysical(name)
		if err != nil {
			t.Fatal(err)
		}
		d.Lease.Group.Name = p
	}
	b.engine.arrive(one, two)
	r := <-b.receive(t.Context(), request(true, 0))
	if len(r.granted) != 2 || b.Renewing() != 2 {
		t.Fatalf("granted %d, renewing %d", len(r.granted), b.Renewing())
	}
	if err := b.Ack(t.Context(), []mq.Lease{r.granted[0].Lease})[0]; err != nil {
		t.Fatal(err)
	}
	if n := b.Renewing(); n != 1 {
		t.Errorf("%d are renewed after one of two was acknowledged", n)
	}
}

// pass moves time on in steps of a second, as the renewal loop ticks.
func (b *bench) pass(t *testing.T, d time.Duration) {
	t.Helper()
	for range int(d / time.Second) {
		eventually(t, func() bool { return b.clock.Pending() > 0 })
		b.clock.Advance(time.Second)
	}
}

func TestADoubtfulAckKeepsTheRenewal(t *testing.T) {
	b := newBench(t)
	b.setAlive(client("a"), true)
	b.engine.arrive(delivery(1, 20*time.Second))
	lease := (<-b.receive(t.Context(), request(true, 0))).granted[0].Lease
	b.engine.mu.Lock()
	b.engine.answer = func(mq.Lease) error { return mq.Doubt(mq.Timeout, nil, "no answer") }
	b.engine.mu.Unlock()
	if err := b.Ack(t.Context(), []mq.Lease{lease})[0]; mq.Outcome(err) != mq.Unknown || b.Renewing() != 1 {
		t.Fatalf("err %v, renewing %d", err, b.Renewing())
	}
	b.engine.mu.Lock()
	b.engine.answer = func(mq.Lease) error { return mq.Refuse(mq.Settled, "settled before") }
	b.engine.mu.Unlock()
	b.pass(t, 20*time.Second) // settled at another proxy: the next renewal learns it
	eventually(t, func() bool { return b.Renewing() == 0 })
}

// The client asks again and again, and must not lose its lease meanwhile.
func TestARefusalForNowKeepsTheRenewal(t *testing.T) {
	b := newBench(t)
	b.setAlive(client("a"), true)
	b.engine.arrive(delivery(1, 20*time.Second))
	lease := (<-b.receive(t.Context(), request(true, 0))).granted[0].Lease
	b.engine.mu.Lock()
	b.engine.answer = func(mq.Lease) error { return mq.Refuse(mq.TooManyRequests, "the disk has not answered") }
	b.engine.mu.Unlock()
	if err := b.Ack(t.Context(), []mq.Lease{lease})[0]; mq.KindOf(err) != mq.TooManyRequests || b.Renewing() != 1 {
		t.Fatalf("ack: %v, renewing %d", err, b.Renewing())
	}
	if _, err := b.Change(t.Context(), lease, time.Second); mq.KindOf(err) != mq.TooManyRequests || b.Renewing() != 1 {
		t.Fatalf("change: %v, renewing %d", err, b.Renewing())
	}
	if err := b.DeadLetter(t.Context(), []mq.Lease{lease}, "x")[0]; mq.KindOf(err) != mq.TooManyRequests || b.Renewing() != 1 {
		t.Fatalf("dead letter: %v, renewing %d", err, b.Renewing())
	}
	b.engine.mu.Lock()
	b.engine.answer = func(mq.Lease) error { return nil }
	b.engine.mu.Unlock()
	if err := b.Ack(t.Context(), []mq.Lease{lease})[0]; err != nil || b.Renewing() != 0 {
		t.Fatalf("ack at last: %v, renewing %d", err, b.Renewing())
	}
}

func TestTheClientsOwnChangeEndsTheRenewal(t *testing.T) {
	b := newBench(t)
	b.setAlive(client("a"), true)
	b.engine.arrive(delivery(1, 20*time.Second))
	lease := (<-b.receive(t.Context(), request(true, 0))).granted[0].Lease
	next, err := b.Change(t.Context(), lease, 5*time.Second)
	if err != nil || next.Token != "t1'" || b.Renewing() != 0 {
		t.Fatalf("lease %+v, err %v, renewing %d", next, err, b.Renewing())
	}
}

func TestAGoneClientReleasesWhatItHeld(t *testing.T) {
	b := newBench(t)
	b.setAlive(client("a"), true)
	b.engine.arrive(delivery(1, 20*time.Second))
	<-b.receive(t.Context(), request(true, 0))
	b.ClientGone(client("other"))
	b.ClientGone(client("a"))
	b.happens(t)
	ex := b.engine.extensions()
	if len(ex) != 1 || ex[0] != (extended{"t1", 0, mq.Replace}) || b.Renewing() != 0 {
		t.Fatalf("extensions %v, renewing %d", ex, b.Renewing())
	}
}

func TestASilentClientIsNoLongerRenewed(t *testing.T) {
	b := newBench(t)
	b.setAlive(client("a"), false)
	b.engine.arrive(delivery(1, 20*time.Second))
	<-b.receive(t.Context(), request(true, 0))
	b.pass(t, 20*time.Second)
	eventually(t, func() bool { return b.Renewing() == 0 })
	if ex := b.engine.extensions(); len(ex) != 0 {
		t.Fatalf("extensions %v", ex)
	}
}

func TestAnUnknownClusterIsUnavailable(t *testing.T) {
	b := newBench(t)
	_, err := b.Receive(t.Context(), Request{})
	if mq.KindOf(err) != mq.Unavailable || mq.Outcome(err) != mq.Refused {
		t.Fatalf("got %v", err)
	}
	for _, err := range b.Ack(t.Context(), make([]mq.Lease, 2)) {
		if mq.KindOf(err) != mq.Unavailable {
			t.Fatalf("got %v", err)
		}
	}
}
