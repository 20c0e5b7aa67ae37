// SPDX-License-Identifier: Apache-2.0

package consume

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/session"
)

// leaving is the cluster that a topic moves away from: scripted, with a rest that the test sets.
type leaving struct {
	*scripted
	told sync.Mutex // guards all below
	rest []mq.QueueProgress
	fail error
	asks int
}

func (e *leaving) Progress(context.Context, mq.Group, mq.Topic) ([]mq.QueueProgress, error) {
	e.told.Lock()
	defer e.told.Unlock()
	e.asks++
	return slices.Clone(e.rest), e.fail
}

func (e *leaving) leaves(fail error, rest ...mq.QueueProgress) {
	e.told.Lock()
	defer e.told.Unlock()
	e.rest, e.fail = rest, fail
}

func (e *leaving) asked() int {
	e.told.Lock()
	defer e.told.Unlock()
	return e.asks
}

// crossing is a service before two clusters, and a topic on its way from the first to the second.
type crossing struct {
	*Service
	old  *leaving
	next *scripted
	time *clock.Virtual
}

func oldCluster() mq.Cluster {
	c, err := mq.ParseCluster("c0")
	if err != nil {
		panic(err)
	}
	return c
}

func newCrossing() *crossing {
	c := &crossing{old: &leaving{scripted: newScripted()}, next: newScripted(), time: clock.NewVirtual(time.Unix(1_800_000_000, 0))}
	c.Service = New(map[mq.Cluster]Engine{oldCluster(): c.old, cluster(): c.next}, c.time, func(session.ID) bool { return true }, slog.New(slog.DiscardHandler))
	return c
}

func at(c mq.Cluster, token string) mq.Delivery {
	return mq.Delivery{Attempt: 1, Lease: mq.Lease{Cluster: c, Token: token}}
}

func moving(ordered bool, poll time.Duration) Request {
	req := request(false, poll)
	req.From, req.Want.Group.Ordered = oldCluster(), ordered
	return req
}

func tokens(ds []mq.Delivery) (all []string) {
	for _, d := range ds {
		all = append(all, d.Lease.Token)
	}
	return all
}

// take receives once without waiting.
func (c *crossing) take(t *testing.T, ordered bool) []string {
	t.Helper()
	granted, err := c.Receive(t.Context(), moving(ordered, 0))
	if err != nil {
		t.Fatal(err)
	}
	return tokens(granted)
}

func TestAnOrderedGroupTakesNothingNewBeforeTheOldIsDone(t *testing.T) {
	done := mq.QueueProgress{Lo: 3, Hi: 9, Committed: 9, Leased: -1, Retrying: -1}
	for what, rest := range map[string][]mq.QueueProgress{
		"one is not committed":   {done, {Hi: 5, Committed: 4}},
		"one never was taken":    {done, {Hi: 5, Committed: -1}},
		"one is leased":          {done, {Hi: 5, Committed: 5, Leased: 1}},
		"one waits for a retry":  {done, {Hi: 5, Committed: 5, Retrying: 2}},
		"no queue can be looked": {},
	} {
		c := newCrossing()
		c.next.arrive(at(cluster(), "new"))
		c.old.leaves(nil, rest...)
		if got := c.take(t, true); len(got) > 0 {
			t.Errorf("%s, and the group took %v", what, got)
		}
	}
	c := newCrossing()
	c.next.arrive(at(cluster(), "new"))
	c.old.leaves(mq.Refuse(mq.Unavailable, "silent"), done)
	if got := c.take(t, true); len(got) > 0 {
		t.Errorf("nothing is known of the old cluster, and the group took %v", got)
	}
	c.time.Advance(relook)
	c.old.leaves(nil, done, mq.QueueProgress{Lo: 7, Hi: 7, Committed: -1}) // an empty queue may never have been committed
	c.old.arrive(at(oldCluster(), "late"))
	if got := c.take(t, true); !slices.Equal(got, []string{"new"}) {
		t.Errorf("nothing is left, and the group took %v", got)
	}
}

// The old topic takes no messages any more, so what was found once stays true, and no more questions are asked.
func TestWhatIsGoneIsNotAskedAgain(t *testing.T) {
	c := newCrossing()
	c.old.leaves(nil, mq.QueueProgress{Hi: 5, Committed: 5})
	c.take(t, true)
	c.old.leaves(mq.Refuse(mq.Unavailable, "the old cluster was switched off"))
	c.next.arrive(at(cluster(), "new"))
	c.time.Advance(time.Hour)
	if got := c.take(t, true); !slices.Equal(got, []string{"new"}) || c.old.asked() != 1 {
		t.Errorf("the group took %v after %d questions", got, c.old.asked())
	}
}

func TestAnUnorderedGroupTakesFromBothClusters(t *testing.T) {
	c := newCrossing()
	c.old.arrive(at(oldCluster(), "old"))
	c.next.arrive(at(cluster(), "new"))
	if got := append(c.take(t, false), c.take(t, false)...); !slices.Equal(got, []string{"old", "new"}) {
		t.Errorf("it took %v", got)
	}
}

func TestEitherClusterWakesAPoll(t *testing.T) {
	for _, from := range []mq.Cluster{oldCluster(), cluster()} {
		c := newCrossing()
		got := make(chan []mq.Delivery, 1)
		go func() {
			granted, _ := c.Receive(t.Context(), moving(false, 20*time.Second))
			got <- granted
		}()
		<-c.old.changed // armed at both
		<-c.next.changed
		if from == cluster() {
			c.next.arrive(at(from, "woke"))
		} else {
			c.old.arrive(at(from, "woke"))
		}
		if r := <-got; !slices.Equal(tokens(r), []string{"woke"}) {
			t.Errorf("a message at %s: the poll got %v", from, tokens(r))
		}
		for _, e := range []*scripted{c.old.scripted, c.next} {
			if armed, arms, disarmed := e.idle(); armed != 0 || arms != disarmed {
				t.Errorf("%d arms, %d disarmed, %d left", arms, disarmed, armed)
			}
		}
	}
}

// Nothing wakes a poll when the last message of the old cluster is acknowledged: it looks again by itself.
func TestAnOrderedPollGoesOverToTheNewClusterByItself(t *testing.T) {
	c := newCrossing()
	c.old.leaves(nil, mq.QueueProgress{Hi: 5, Committed: 4})
	c.next.arrive(at(cluster(), "new"))
	got := make(chan []mq.Delivery, 1)
	go func() {
		granted, _ := c.Receive(t.Context(), moving(true, 20*time.Second))
		got <- granted
	}()
	<-c.old.changed
	c.old.leaves(nil, mq.QueueProgress{Hi: 5, Committed: 5})
	eventually(t, func() bool { return c.time.Pending() > 1 }) // the end of the poll and the next look
	c.time.Advance(relook)
	if r := <-got; !slices.Equal(tokens(r), []string{"new"}) {
		t.Errorf("the poll got %v", tokens(r))
	}
}

func TestEachClusterAnswersForItsOwnLeases(t *testing.T) {
	c := newCrossing()
	say := func(e *scripted, kind mq.Kind) {
		e.answer = func(l mq.Lease) error { return mq.Refuse(kind, "%s", l.Token) }
	}
	say(c.old.scripted, mq.Settled)
	say(c.next, mq.Expired)
	leases := []mq.Lease{at(cluster(), "n1").Lease, at(oldCluster(), "o1").Lease, at(cluster(), "n2").Lease, at(oldCluster(), "o2").Lease}
	want := []mq.Kind{mq.Expired, mq.Settled, mq.Expired, mq.Settled}
	for what, errs := range map[string][]error{
		"acknowledgements": c.Ack(t.Context(), leases), "dead letters": c.DeadLetter(t.Context(), leases, "poison"),
	} {
		for i, err := range errs {
			if mq.KindOf(err) != want[i] {
				t.Errorf("%s: %d is answered with %v, want %v", what, i, err, want[i])
			}
		}
	}
	c.GiveBack([]mq.Delivery{at(cluster(), "n1"), at(oldCluster(), "o1")})
	if old, next := c.old.extensions(), c.next.extensions(); len(old) != 1 || old[0].token != "o1" || len(next) != 1 || next[0].token != "n1" {
		t.Errorf("given back: %v at the old cluster, %v at the new one", old, next)
	}
}

// One of the clusters does not answer: the other one's messages are delivered all the same to a group without order.
func TestAClusterThatIsAwayHoldsUpOnlyItsOwnMessages(t *testing.T) {
	c := newCrossing()
	c.engines = map[mq.Cluster]Engine{cluster(): c.next}
	c.next.arrive(at(cluster(), "new"))
	if _, err := c.Receive(t.Context(), moving(true, 0)); mq.KindOf(err) != mq.Unavailable {
		t.Errorf("an ordered group was answered with %v though the old cluster is away", err)
	}
	if got := c.take(t, false); !slices.Equal(got, []string{"new"}) {
		t.Errorf("it took %v", got)
	}
	c.engines = map[mq.Cluster]Engine{oldCluster(): c.old}
	c.old.arrive(at(oldCluster(), "old"))
	if got := c.take(t, false); !slices.Equal(got, []string{"old"}) {
		t.Errorf("it took %v", got)
	}
}
