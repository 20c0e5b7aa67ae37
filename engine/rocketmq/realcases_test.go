// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/admin"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/watch"
	"github.com/causeway-mq/causeway/mq"
)

// realCases are promises that only a real broker can prove. Each has topics and groups of its own.
func realCases() map[string]func(t *testing.T, r *real) {
	return map[string]func(t *testing.T, r *real){
		"an-acknowledgement-wakes-the-ordered":   ackWakesTheOrdered,
		"what-was-not-taken-comes-at-once":       notTakenComesAtOnce,
		"a-wait-elsewhere-takes-no-wake":         waitElsewhereTakesNoWake,
		"the-first-token-settles-elsewhere":      firstTokenSettlesElsewhere,
		"the-first-token-of-a-run-settles-later": firstTokenOfARunSettles,
		"acknowledgements-together":              acknowledgementsTogether,
		"what-is-given-back-at-once-comes-again": givenBackAtOnce,
	}
}

// ground is a topic and a group on a real cluster.
type ground struct {
	*Engine
	t     *testing.T
	r     *real
	topic mq.Topic
	group mq.Group
}

func (r *real) ground(t *testing.T, ordered bool, queues int) *ground {
	t.Helper()
	g := &ground{Engine: r.open(t), t: t, r: r}
	t.Cleanup(func() { g.ok(g.Close()) })
	name := func(s string) mq.Physical {
		p, err := mq.ParsePhysical(s + "-" + rand.Text()[:8])
		g.ok(err)
		return p
	}
	g.topic = mq.Topic{Name: name("real"), Cluster: defaultCluster(t), Accepts: mq.AcceptsOf(mq.Normal, mq.FIFO), Queues: queues}
	g.group = mq.Group{Name: name("group"), Cluster: defaultCluster(t), Ordered: ordered, MaxAttempts: 16, Start: mq.Start{Kind: mq.StartEarliest}}
	g.ok(g.PutTopic(t.Context(), g.topic))
	g.ok(g.PutGroup(t.Context(), g.group))
	return g
}

func (g *ground) ok(err error) {
	g.t.Helper()
	if err != nil {
		g.t.Fatal(err)
	}
}

func (g *ground) want(attempt string, most int) mq.Want {
	return mq.Want{Topic: g.topic, Group: g.group, Queue: mq.AnyQueue, Max: most, Attempt: mq.AttemptID(attempt)}
}

// send stores n messages, those of an ordered group in one message group.
func (g *ground) send(n int) {
	g.t.Helper()
	lane, err := mq.ParseMessageGroup("order-1")
	g.ok(err)
	for range n {
		id, err := mq.ParseMessageID(rand.Text())
		g.ok(err)
		m := mq.Message{ID: id, Type: mq.Normal, Encoding: mq.Identity, Body: []byte("body"), Born: time.Now()}
		if g.group.Ordered {
			m.Type, m.Group = mq.FIFO, lane
		}
		g.ok(g.Send(g.t.Context(), g.topic, []mq.Message{m})[0].Err)
	}
}

// some takes until it has n.
func (g *ground) some(e *Engine, w mq.Want, n int) (all []mq.Delivery) {
	g.t.Helper()
	for end := time.Now().Add(30 * time.Second); len(all) < n; <-time.After(5 * time.Millisecond) {
		got, err := e.Take(g.t.Context(), w)
		g.ok(err)
		all = append(all, got...)
		if time.Now().After(end) {
			g.t.Fatalf("%d of %d messages came", len(all), n)
		}
	}
	return all
}

// wake waits for a bell.
func (g *ground) wake(woken chan struct{}) {
	g.t.Helper()
	select {
	case <-woken:
	case <-time.After(30 * time.Second):
		g.t.Fatal("not woken")
	}
}

// nothing demands that takes find nothing while d goes by.
func (g *ground) nothing(e *Engine, w mq.Want, d time.Duration) {
	g.t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); <-time.After(200 * time.Millisecond) {
		got, err := e.Take(g.t.Context(), w)
		g.ok(err)
		if len(got) > 0 {
			g.t.Fatalf("a message came again, attempt %d", got[0].Attempt)
		}
	}
}

// ackWakesTheOrdered measures from an acknowledgement to the wake of who waits for the queue.
func ackWakesTheOrdered(t *testing.T, r *real) {
	g := r.ground(t, true, 4)
	const rounds = 30
	g.send(rounds + 1)
	held := g.some(g.Engine, g.want("first", 1), 1)[0]
	var took []time.Duration
	for i := range rounds {
		w := g.want(fmt.Sprint("round", i), 1)
		woken := make(chan struct{}, 1)
		disarm := g.Arm(w, func() { woken <- struct{}{} })
		parked := time.After(20 * time.Millisecond) // it reaches the broker: this is what is measured, and not the first look
		<-parked
		began := time.Now()
		g.ok(g.Ack(t.Context(), []mq.Lease{held.Lease})[0])
		g.wake(woken)
		took = append(took, time.Since(began))
		got, err := g.Take(t.Context(), w)
		g.ok(err)
		disarm()
		if len(got) != 1 || got[0].Attempt != 1 {
			t.Fatalf("round %d: %d messages were kept for who was woken", i, len(got))
		}
		held = got[0]
	}
	g.ok(g.Ack(t.Context(), []mq.Lease{held.Lease})[0])
	slices.Sort(took)
	t.Logf("from acknowledgement to wake: median %v, most %v", took[rounds/2], took[rounds-1])
	if took[rounds/2] > 250*time.Millisecond {
		t.Errorf("a median of %v is no round trip", took[rounds/2])
	}
}

func notTakenComesAtOnce(t *testing.T, r *real) {
	g := r.ground(t, true, 4)
	other := r.open(t)
	t.Cleanup(func() { g.ok(other.Close()) })
	woken := make(chan struct{}, 1)
	disarm := g.Arm(g.want("gone", 2), func() { woken <- struct{}{} })
	if got, err := g.Take(t.Context(), g.want("gone", 2)); err != nil || len(got) > 0 {
		t.Fatalf("%d messages, %v", len(got), err)
	}
	g.send(1)
	g.wake(woken)
	began := time.Now()
	disarm()
	d := g.some(other, g.want("other", 2), 1)[0]
	if took := time.Since(began); took > mq.DefaultHold/4 {
		t.Errorf("it came after %v", took)
	}
	if d.Attempt > 2 {
		t.Errorf("attempt %d: a run that was given back counts once at other proxies", d.Attempt)
	}
	g.ok(other.Ack(t.Context(), []mq.Lease{d.Lease})[0])
	g.nothing(other, g.want("last", 2), 2*time.Second)
}

// waitElsewhereTakesNoWake waits here, there and here again, as a client does that polls one proxy after the other, each time in vain but the last.
func waitElsewhereTakesNoWake(t *testing.T, r *real) {
	g := r.ground(t, false, 4)
	other := r.open(t)
	t.Cleanup(func() { g.ok(other.Close()) })
	w := g.want("", 1)
	w.Until = time.Now().Add(time.Minute)
	for _, e := range []*Engine{g.Engine, other} {
		got, err := e.Take(t.Context(), w)
		g.ok(err)
		if len(got) > 0 {
			t.Fatal("the topic is empty")
		}
		disarm := e.Arm(w, func() {})
		parked := time.After(100 * time.Millisecond) // it reaches the broker, and stays there
		<-parked
		disarm()
	}
	woken := make(chan struct{}, 1)
	defer g.Arm(w, func() { woken <- struct{}{} })()
	g.send(1)
	began := time.Now()
	g.wake(woken)
	if took := time.Since(began); took > watch.Most/2 {
		t.Errorf("woken after %v", took)
	}
	d := g.some(g.Engine, w, 1)[0]
	g.ok(g.Ack(t.Context(), []mq.Lease{d.Lease})[0])
}

// firstTokenSettlesElsewhere takes with renewal in one engine, ends it, and acknowledges with the first token through another one.
func firstTokenSettlesElsewhere(t *testing.T, r *real) {
	g := r.ground(t, false, 4)
	config := admin.NewGroup(g.group.Name.String())
	config.TimeoutMinutes = 1
	g.ok(g.everywhere(t.Context(), func(at target) error {
		return g.ask(t.Context(), at, remoting.Request{Code: remoting.CreateGroup, Body: config.AppendJSON(nil)}, nil)
	}))
	g.send(1)
	giver := r.open(t)
	w := g.want("", 1)
	w.Renew = true
	d := g.some(giver, w, 1)[0]
	if left := time.Until(d.Lease.Until); d.Keep != 0 || left > time.Minute || left < 50*time.Second {
		t.Errorf("a lease of %v, kept every %v: want the group's minute, without renewals", left, d.Keep)
	}
	g.ok(giver.Close())
	g.ok(g.Ack(t.Context(), []mq.Lease{d.Lease})[0])
	g.nothing(g.Engine, g.want("", 1), time.Until(d.Lease.Until)+15*time.Second)
}

// firstTokenOfARunSettles renews an orderly run in one engine, ends it, and acknowledges with the first tokens through another one.
func firstTokenOfARunSettles(t *testing.T, r *real) {
	g := r.ground(t, true, 4)
	g.send(3)
	giver := r.open(t)
	w := g.want("a", 2)
	w.Renew = true
	var run []mq.Delivery
	for len(run) < 2 { // a moment after the send the run may be one message short
		run = g.some(giver, w, 1)
	}
	for range 2 {
		for i, x := range giver.Extend(t.Context(), []mq.Lease{run[0].Lease, run[1].Lease}, 20*time.Second, mq.Keep) {
			g.ok(x.Err)
			if x.Lease.Token != run[i].Lease.Token {
				t.Error("a renewal changed the token")
			}
		}
	}
	g.ok(giver.Close())
	for _, err := range g.Ack(t.Context(), []mq.Lease{run[0].Lease, run[1].Lease}) {
		g.ok(err)
	}
	rest := g.some(g.Engine, g.want("b", 3), 1)
	if len(rest) != 1 || rest[0].Attempt != 1 {
		t.Errorf("%d messages after the run was settled, attempt %d", len(rest), rest[0].Attempt)
	}
	g.ok(g.Ack(t.Context(), []mq.Lease{rest[0].Lease})[0])
	g.nothing(g.Engine, g.want("c", 3), 25*time.Second)
}

// acknowledgementsTogether acknowledges many messages, each in a call of its own, and sees to it that none comes again.
func acknowledgementsTogether(t *testing.T, r *real) {
	g := r.ground(t, false, 8)
	const n = 600
	g.sendMany(t.Context(), n)
	w := g.want("", mq.MaxReceive)
	hold, err := mq.ParseHold(20 * time.Second)
	g.ok(err)
	w.Hold = hold
	all := g.some(g.Engine, w, n)
	var under sync.WaitGroup
	began := time.Now()
	for part := range 64 {
		under.Go(func() {
			for i := part; i < len(all); i += 64 {
				if err := g.Ack(context.WithoutCancel(t.Context()), []mq.Lease{all[i].Lease})[0]; err != nil {
					t.Error(err)
				}
			}
		})
	}
	under.Wait()
	t.Logf("%d acknowledgements from 64 callers took %v", len(all), time.Since(began))
	g.nothing(g.Engine, w, time.Until(all[len(all)-1].Lease.Until)+8*time.Second)
}

// givenBackAtOnce takes messages for a short while and gives each back as soon as it is there, most of them in the millisecond in which the broker gave it.
func givenBackAtOnce(t *testing.T, r *real) {
	g := r.ground(t, false, 1)
	const n = 100
	g.sendMany(t.Context(), n)
	w := g.want("", 1)
	var err error
	w.Hold, err = mq.ParseHold(2 * time.Second)
	g.ok(err)
	again := map[mq.MessageID]bool{}
	for end := time.Now().Add(time.Minute); len(again) < n; {
		got, err := g.Take(t.Context(), w)
		g.ok(err)
		for _, d := range got {
			if d.Attempt > 1 {
				again[d.Message.ID] = true
				g.ok(g.Ack(t.Context(), []mq.Lease{d.Lease})[0])
			} else if x := g.Extend(t.Context(), []mq.Lease{d.Lease}, 0, mq.Replace)[0]; mq.KindOf(x.Err) != mq.Expired { // a busy machine: its lease is over, and it comes by itself
				g.ok(x.Err)
			}
		}
		if len(got) == 0 {
			<-time.After(5 * time.Millisecond)
		}
		if time.Now().After(end) {
			t.Fatalf("of %d messages that were given back at once %d came again", n, len(again))
		}
	}
}

func (g *ground) sendMany(ctx context.Context, n int) {
	var batch []mq.Message
	for range n {
		id, err := mq.ParseMessageID(rand.Text())
		g.ok(err)
		batch = append(batch, mq.Message{ID: id, Type: mq.Normal, Encoding: mq.Identity, Body: []byte("body"), Born: time.Now()})
	}
	for _, s := range g.Send(ctx, g.topic, batch) {
		g.ok(s.Err)
	}
}
