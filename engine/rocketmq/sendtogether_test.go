// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/fakebroker"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/mq"
)

// batching is a bench whose sends share requests.
func batching(t *testing.T) *bench {
	b := newBench(t)
	b.opts.BatchSends = true
	return b
}

// sendTogetherNow sends each message from a caller of its own while the broker is frozen with the first one under way.
func (b *bench) sendTogetherNow(all []mq.Message) []mq.Sent {
	b.t.Helper()
	const broker = "broker-a"
	b.ok(b.Send(b.ctx(), b.topic, []mq.Message{b.message("first")})[0].Err) // the route is known
	b.fake.Freeze(b.fake.Address(broker))
	b.fake.Requests()
	sent := make([]mq.Sent, len(all))
	var under sync.WaitGroup
	line := b.sends.Of(b.topic.Name.String() + "@" + broker)
	for i := range all {
		under.Go(func() { sent[i] = b.Send(b.ctx(), b.topic, all[i:i+1])[0] })
		b.until("it waits", func() bool { return line.Waiting() == i+1 })
	}
	b.fake.Thaw(b.fake.Address(broker))
	under.Wait()
	return sent
}

func (b *bench) messages(n int) (all []mq.Message) {
	for i := range n {
		all = append(all, b.message(fmt.Sprint("m", i)))
	}
	return all
}

// bodies takes what is there.
func (b *bench) bodies() map[string]int {
	b.t.Helper()
	got := map[string]int{}
	for {
		some, err := b.Take(b.ctx(), mq.Want{Topic: b.topic, Group: b.group, Queue: mq.AnyQueue, Max: mq.MaxReceive})
		b.ok(err)
		if len(some) == 0 {
			return got
		}
		for _, d := range some {
			got[string(d.Message.Body)]++
		}
	}
}

func TestSendsShareARequestWhileOneIsUnderWay(t *testing.T) {
	b := batching(t)
	all := b.messages(100)
	sent := b.sendTogetherNow(all)
	places := map[string]bool{}
	for i, s := range sent {
		b.ok(s.Err)
		place := fmt.Sprint(s.Broker, s.Queue, s.Offset)
		if places[place] {
			t.Errorf("message %d has the place %s of another one", i, place)
		}
		places[place] = true
	}
	alone, together := 0, 0
	for _, a := range b.fake.Requests() {
		switch a.Code {
		case int32(remoting.SendMessage):
			alone++
		case int32(remoting.SendBatch):
			together++
		}
	}
	if alone != 1 || together != 2 { // 99 wait behind the first, 64 go at once
		t.Errorf("%d requests for one message, %d for several", alone, together)
	}
	got := b.bodies()
	for i := range all {
		if name := fmt.Sprint("m", i); got[name] != 1 {
			t.Errorf("%s came %d times", name, got[name])
		}
	}
}

// A caller that gives up takes its body back while others carry the message on.
func TestABodyIsReadNoMoreOnceItsCallerGaveUp(t *testing.T) {
	b := batching(t)
	all := b.messages(3)
	b.ok(b.Send(b.ctx(), b.topic, []mq.Message{b.message("first")})[0].Err)
	b.fake.Freeze(b.fake.Address("broker-a"))
	line := b.sends.Of(b.topic.Name.String() + "@broker-a")
	var under sync.WaitGroup
	gaveUp := make(chan error, 1)
	ctx, cancel := context.WithCancel(b.ctx())
	for i := range all {
		under.Go(func() {
			if i < 2 {
				b.ok(b.Send(b.ctx(), b.topic, all[i:i+1])[0].Err)
				return
			}
			gaveUp <- b.Send(ctx, b.topic, all[i:i+1])[0].Err
			copy(all[i].Body, bytes.Repeat([]byte{'X'}, len(all[i].Body)))
		})
		b.until("it waits", func() bool { return line.Waiting() == i+1 })
	}
	cancel()
	if err := <-gaveUp; err == nil {
		t.Error("a caller whose time is over was told that its message is stored")
	}
	b.fake.Thaw(b.fake.Address("broker-a"))
	under.Wait()
	for body, n := range b.bodies() {
		if n != 1 || bytes.Contains([]byte(body), []byte("X")) {
			t.Errorf("%q came %d times", body, n)
		}
	}
}

// What a broker says of a batch need not concern each of its messages.
func TestMessagesOfARefusedBatchAreSentAlone(t *testing.T) {
	b := batching(t)
	b.fake.Inject(fakebroker.Fault{Address: b.fake.Address("broker-a"), Request: remoting.SendBatch, Harm: fakebroker.Answer, Code: remoting.MessageIllegal})
	for _, s := range b.sendTogetherNow(b.messages(5)) {
		b.ok(s.Err)
	}
	if got := b.bodies(); len(got) != 6 {
		t.Errorf("%v", got)
	}
}

// Of a batch without an answer nobody knows, and nobody sends it again.
func TestABatchWithoutAnAnswerIsUnknownToAll(t *testing.T) {
	b := batching(t)
	b.fake.Inject(fakebroker.Fault{Address: b.fake.Address("broker-a"), Request: remoting.SendBatch, Harm: fakebroker.Answer, Code: remoting.FlushDiskTimeout})
	for i, s := range b.sendTogetherNow(b.messages(5)) {
		if want := i > 0; (mq.Outcome(s.Err) == mq.Unknown) != want {
			t.Errorf("message %d: %v", i, s.Err)
		}
	}
}

func TestWhatNeedsItsOwnRequestSharesNone(t *testing.T) {
	b := batching(t)
	plain := b.message("m")
	ordered, later, half, packed, large := plain, plain, plain, plain, plain
	ordered.Type = mq.FIFO
	ordered.Group, _ = mq.ParseMessageGroup("lane")
	later.Type, later.DeliverAt = mq.Delay, b.time.Now().Add(time.Minute)
	half.Type, packed.Encoding, large.Body = mq.Transaction, mq.Gzip, make([]byte, maxTogether+1)
	for name, m := range map[string]mq.Message{"ordered": ordered, "delayed": later, "a half": half, "compressed": packed, "large": large} {
		if b.mayShare(&m) {
			t.Error(name)
		}
	}
	if !b.mayShare(&plain) {
		t.Error("a plain one may")
	}
	b.opts.BatchSends = false
	if b.mayShare(&plain) {
		t.Error("although nobody asked for it")
	}
}
