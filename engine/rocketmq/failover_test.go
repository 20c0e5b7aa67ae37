// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"testing"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/fakebroker"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/mq"
)

// A primary that was replaced while it was cut off says that it is busy, which is also what a primary says that is merely slow. The virtual time
// stands still: the second send must not wait for the next look at all routes.
func TestAPrimaryThatWasReplacedIsLeftAtItsFirstRefusal(t *testing.T) {
	b := newBench(t)
	b.ok(b.Send(b.ctx(), b.topic, []mq.Message{b.message("before")})[0].Err)
	b.fake.Replace("broker-a")
	refused := b.Send(b.ctx(), b.topic, []mq.Message{b.message("refused")})[0].Err
	if mq.KindOf(refused) != mq.TooManyRequests || mq.Outcome(refused) != mq.Refused {
		t.Errorf("%v", refused)
	}
	b.ok(b.Send(b.ctx(), b.topic, []mq.Message{b.message("after")})[0].Err)
}

// A frozen primary answers nothing: its silence speaks against the route like a refusal.
func TestASilentPrimaryIsLeftWhenAnotherOneIsElected(t *testing.T) {
	b := newBench(t)
	b.ok(b.Send(b.ctx(), b.topic, []mq.Message{b.message("before")})[0].Err)
	b.fake.Requests()
	b.fake.Freeze(b.fake.Address("broker-a"))
	done := make(chan error, 1)
	go func() { done <- b.Send(b.ctx(), b.topic, []mq.Message{b.message("lost")})[0].Err }()
	b.until("the frozen primary has the send", func() bool { return b.count(remoting.SendMessage) > 0 })
	b.fake.Replace("broker-a")
	b.time.Advance(sendTimeout)
	if err := <-done; mq.Outcome(err) != mq.Unknown {
		t.Errorf("%v", err)
	}
	b.ok(b.Send(b.ctx(), b.topic, []mq.Message{b.message("after")})[0].Err)
}

// Who waits is parked at the old primary, which lives on and says nothing. Any use of the topic that finds the new one wakes him.
func TestWhoWaitsFollowsTheNewPrimary(t *testing.T) {
	for name, ordered := range map[string]bool{"without order": false, "in order": true} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			want := mq.Want{Topic: b.topic, Group: b.group, Queue: mq.AnyQueue, Max: 1}
			if ordered {
				want = b.ordered("first", 1)
			}
			b.take(want)
			woken, disarm := b.wait(want)
			parked := b.topic.Queues // one pop for each queue
			if !ordered {
				parked = 1
			}
			b.until("it is parked", func() bool { return b.fake.Parked() == parked })
			b.fake.Replace("broker-a")
			_, err := b.Refresh(b.ctx(), b.topic)
			b.ok(err)
			b.isWoken(woken)
			disarm()
			b.take(want) // nothing is there yet
			woken, disarm = b.wait(want)
			defer disarm()
			b.until("it is parked at the new primary, too", func() bool { return b.fake.Parked() == 2*parked })
			if ordered {
				b.sendInOrder("m")
			} else {
				b.ok(b.Send(b.ctx(), b.topic, []mq.Message{b.message("m")})[0].Err)
			}
			b.isWoken(woken)
			b.take(want, "m")
		})
	}
}

// While a broker name has no primary every send fails at once; name servers must not hear of each.
func TestAFailOverDoesNotFloodTheNameServers(t *testing.T) {
	b := newBench(t)
	b.ok(b.Send(b.ctx(), b.topic, []mq.Message{b.message("before")})[0].Err)
	b.fake.Inject(fakebroker.Fault{Request: remoting.SendMessage, Harm: fakebroker.Answer, Code: remoting.ServiceNotAvailable})
	b.fake.Requests()
	for range 500 {
		if err := b.Send(b.ctx(), b.topic, []mq.Message{b.message("refused")})[0].Err; mq.KindOf(err) != mq.Unavailable {
			t.Fatal(err)
		}
	}
	if n := b.count(remoting.TopicRoute); n > 2 {
		t.Errorf("%d looks in no time", n)
	}
	b.fake.Heal()
	b.time.Advance(time.Second)
	b.ok(b.Send(b.ctx(), b.topic, []mq.Message{b.message("after")})[0].Err)
}

// A new primary knows no producer: it is told within a second or so, not with the next announcement.
func TestANewPrimaryIsToldWhoCanBeAskedAboutTransactions(t *testing.T) {
	b := newBench(t)
	ctx := b.ctx()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = b.Checks(ctx, func() []mq.Topic { return []mq.Topic{b.topic} }, func(mq.Check) bool { return true })
	}()
	b.until("the first primary is told", func() bool { return b.count(remoting.HeartBeat) > 0 })
	address := b.fake.Replace("broker-a")
	_, err := b.Refresh(b.ctx(), b.topic)
	b.ok(err)
	looks := 0
	b.until("the new primary is told", func() bool {
		if looks++; looks%50 == 1 { // what a busy machine needs to tell it is not the engine's rest
			b.time.Advance(liveLook)
		}
		for _, a := range b.fake.Requests() {
			if a.Code == int32(remoting.HeartBeat) && a.Address == address {
				return b.time.Now().Before(time.Unix(1764000000, 0).Add(heartbeatRest))
			}
		}
		return false
	})
	b.ok(b.Close())
	<-ended
}

// A copy that takes over before it heard of a topic has its messages, and refuses more.
func TestATopicThatANewPrimaryDoesNotKnowIsMadeAgain(t *testing.T) {
	b := newBench(t)
	for _, id := range []string{"a", "b", "c"} {
		b.ok(b.Send(b.ctx(), b.topic, []mq.Message{b.message(id)})[0].Err)
	}
	b.fake.Replace("broker-a", b.topic.Name.String())
	_, err := b.Refresh(b.ctx(), b.topic)
	b.ok(err)
	want, came := mq.Want{Topic: b.topic, Group: b.group, Queue: mq.AnyQueue, Max: 32}, 0
	b.ok(b.Send(b.ctx(), b.topic, []mq.Message{b.message("d")})[0].Err)
	for came < 4 {
		got, err := b.Take(b.ctx(), want)
		b.ok(err)
		came += len(got)
	}
	r, known := b.routes.Known(b.topic.Name)
	if !known || len(r.Writable) != int(b.topic.Queues) {
		t.Errorf("%+v", r)
	}
}

// A reader finds it, too. It is made once: who deletes it afterwards means it.
func TestATopicIsMadeAgainOnceAndOnlyAfterAFailOver(t *testing.T) {
	b := newBench(t)
	b.ok(b.Send(b.ctx(), b.topic, []mq.Message{b.message("m")})[0].Err)
	want := mq.Want{Topic: b.topic, Group: b.group, Queue: mq.AnyQueue, Max: 32}
	staysAway := func() {
		b.fake.Inject(fakebroker.Fault{Request: remoting.SendMessage, Harm: fakebroker.Answer, Code: remoting.TopicNotExist})
		b.fake.Requests()
		if err := b.Send(b.ctx(), b.topic, []mq.Message{b.message("x")})[0].Err; mq.KindOf(err) != mq.TopicNotFound {
			t.Errorf("%v", err)
		}
		if b.count(remoting.CreateTopic) > 0 {
			t.Error("a deleted topic was made again")
		}
		b.fake.Heal()
	}
	staysAway()
	b.fake.Replace("broker-a", b.topic.Name.String())
	_, err := b.Refresh(b.ctx(), b.topic)
	b.ok(err)
	if _, err := b.Take(b.ctx(), want); mq.KindOf(err) != mq.TopicNotFound {
		t.Errorf("%v", err)
	}
	b.take(want, "m")
	staysAway()
}
