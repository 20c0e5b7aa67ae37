// SPDX-License-Identifier: Apache-2.0

package produce

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/session"
)

// noted is a store that notes what it is asked, to see what the service does around it. What stores do is tested by enginetest.
type noted struct {
	sent    int
	settled int
	err     error
	atSend  func()
	check   mq.Check
	asked   chan bool
}

func (n *noted) Send(_ context.Context, _ mq.Topic, batch []mq.Message) []mq.Sent {
	n.sent += len(batch)
	if n.atSend != nil {
		n.atSend()
	}
	return make([]mq.Sent, len(batch))
}

func (n *noted) Settle(context.Context, mq.Topic, mq.Half, mq.Verdict, mq.SettledBy) error {
	n.settled++
	return n.err
}

func (n *noted) Checks(ctx context.Context, live func() []mq.Topic, sink func(mq.Check) bool) error {
	n.asked <- len(live()) == 1 && sink(n.check)
	<-ctx.Done()
	return ctx.Err()
}

func (n *noted) Recall(context.Context, mq.Topic, mq.Scheduled) error { return n.err }

func house(t *testing.T) (*Service, *noted, *session.Registry, mq.Topic) {
	t.Helper()
	cluster, err := mq.ParseCluster("c1")
	if err != nil {
		t.Fatal(err)
	}
	name, err := mq.ParsePhysical("pay")
	if err != nil {
		t.Fatal(err)
	}
	sessions := session.New(clock.NewVirtual(time.Unix(0, 0)), 10, nil)
	store := &noted{asked: make(chan bool, 1)}
	topic := mq.Topic{Name: name, Cluster: cluster}
	store.check = mq.Check{Topic: topic}
	return New(map[mq.Cluster]Store{cluster: store}, sessions), store, sessions, topic
}

func producer(t *testing.T) session.ID {
	t.Helper()
	c, err := mq.ParseClientID("p1")
	if err != nil {
		t.Fatal(err)
	}
	return session.ID{Client: c}
}

// The check of a half may be due at once, so its sender is known before the half is stored.
func TestTheSenderOfATransactionIsKnownBeforeItIsStored(t *testing.T) {
	s, store, sessions, topic := house(t)
	if _, err := sessions.Open(session.Client{ID: producer(t)}, func(session.Command) bool { return true }); err != nil {
		t.Fatal(err)
	}
	known := false
	store.atSend = func() { known = sessions.Ask(mq.Check{Topic: topic}) }
	if sent := s.Send(t.Context(), producer(t), topic, []mq.Message{{Type: mq.Normal}}); len(sent) != 1 || known {
		t.Fatal("a producer of ordinary messages is asked about transactions")
	}
	s.Send(t.Context(), producer(t), topic, []mq.Message{{Type: mq.Normal}, {Type: mq.Transaction}})
	if !known || store.sent != 3 {
		t.Fatalf("known %v, sent %d", known, store.sent)
	}
}

func TestAnUnreachableClusterRefusesEveryEntry(t *testing.T) {
	s, store, _, _ := house(t)
	sent := s.Send(t.Context(), producer(t), mq.Topic{}, make([]mq.Message, 3))
	for _, one := range sent {
		if mq.KindOf(one.Err) != mq.Unavailable || mq.Outcome(one.Err) != mq.Refused || one.Offset != -1 {
			t.Fatalf("got %+v", one)
		}
	}
	if len(sent) != 3 || store.sent != 0 {
		t.Fatalf("%d answers, %d stored", len(sent), store.sent)
	}
	if err := s.Settle(t.Context(), mq.Topic{}, mq.Half{}, mq.Commit, mq.ByProducer); mq.KindOf(err) != mq.Unavailable {
		t.Fatal(err)
	}
	if err := s.Recall(t.Context(), mq.Topic{}, mq.Scheduled{}); mq.KindOf(err) != mq.Unavailable {
		t.Fatal(err)
	}
}

func TestADoubtfulVerdictIsSentOnce(t *testing.T) {
	s, store, _, topic := house(t)
	store.err = mq.Doubt(mq.Timeout, nil, "no answer")
	err := s.Settle(t.Context(), topic, mq.Half{Cluster: topic.Cluster}, mq.Commit, mq.ByProducer)
	if mq.Outcome(err) != mq.Unknown || store.settled != 1 {
		t.Fatalf("err %v, sent %d times", err, store.settled)
	}
}

func TestChecksReachLiveProducersUntilTheEnd(t *testing.T) {
	s, store, sessions, topic := house(t)
	told := make(chan session.Command, 1)
	stream, err := sessions.Open(session.Client{ID: producer(t)}, func(c session.Command) bool { told <- c; return true })
	if err != nil {
		t.Fatal(err)
	}
	stream.Announce([]mq.Topic{topic})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	if !<-store.asked {
		t.Fatal("the question reached nobody")
	}
	if c, ok := (<-told).(session.CheckBack); !ok || c.Check.Topic.Name != topic.Name {
		t.Fatalf("told %+v", c)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}
