// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"sync"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/internal/fsys/faultfs"
	"github.com/causeway-mq/causeway/mq"
)

func TestAWindowTopicIsAnsweredBeforeTheDiskAndSeenAfterIt(t *testing.T) {
	w, disk := faulty(t)
	e, _, err := Open(w.ctx, w.opts)
	w.must(err, "open")
	w.engine = e
	defer w.close()
	topic, g := topicOf("t", 1), groupOf("g")
	topic.Durability, err = mq.Window(50 * time.Millisecond)
	w.must(err, "window")
	w.expect(len(w.take(topic, g, 1)), 0, "there is nothing")
	w.settle()
	stuck := make(chan struct{})
	var once sync.Once
	release := func() { once.Do(func() { close(stuck) }) }
	defer release()
	disk.SetHook(func(c faultfs.Call) {
		if c.Op == faultfs.Sync {
			<-stuck
		}
	})
	w.sendBodies(topic, "answered while the disk hangs")
	w.expect(len(w.take(topic, g, 1)), 0, "and not visible")

	// Once the disk is behind by more than the window, the topic waits like any other.
	w.clock.Advance(51 * time.Millisecond)
	answered, first := make(chan error, 1), e.j.Behind()
	go func() { answered <- e.Send(w.ctx, topic, []mq.Message{textOf("waits")})[0].Err }()
	waitUntil(t, func() bool { return e.j.Behind() > first })
	select {
	case err := <-answered:
		t.Fatalf("answered although the window has passed: %v", err)
	default:
	}
	release()
	w.must(<-answered, "the send that waited")
	w.settle()
	w.expect(bodies(w.take(topic, g, 9)), []string{"answered while the disk hangs", "waits"}, "visible")
}

func textOf(body string) mq.Message {
	id, err := mq.ParseMessageID("text")
	if err != nil {
		panic(err)
	}
	return mq.Message{ID: id, Type: mq.Normal, Body: []byte(body)}
}

func TestTheLatestIsTheLatestAtFirstContactAlsoAfterACrash(t *testing.T) {
	w := quick(t)
	topic, g := topicOf("t", 2), groupOf("g")
	g.Start = mq.Start{Kind: mq.StartLatest}
	w.sendBodies(topic, "before", "before")
	w.expect(len(w.take(topic, g, 9)), 0, "taken at first contact")
	w.sendBodies(topic, "after", "after")
	w.crash(3, 0)
	w.open()
	w.expect(bodies(w.take(topic, g, 9)), []string{"after", "after"}, "taken after the crash")
}

func TestTimeNeverRunsBackwardsOverARestart(t *testing.T) {
	w := quick(t)
	topic, g := topicOf("t", 1), groupOf("g")
	w.pass(24 * time.Hour)
	sent := w.engine.Now()
	w.sendBodies(topic, "from the future")
	w.expect(len(w.take(topic, g, 1)), 1, "taken")
	w.close()
	w.clock = newClock() // this machine's clock was set back by a day
	w.opts.Clock = w.clock
	report := w.open()
	w.expect(report.ClockAhead, 24*time.Hour, "what the report says")
	if now := w.engine.Now(); now.Before(sent) {
		t.Fatalf("engine time %v after %v", now, sent)
	}
	w.expect(len(w.take(topic, g, 1)), 0, "the lease still holds")
	w.pass(mq.DefaultHold)
	w.expect(len(w.take(topic, g, 1)), 1, "it ends in time")
	later := w.sendBodies(topic, "later")[0]
	at, err := w.engine.At(w.ctx, mq.QueueRef{Topic: topic}, sent.Add(time.Second))
	w.must(err, "at")
	w.expect(at, later.Offset, "stored times never fall")
}

func TestASecondEngineOnOneDirectoryIsRefused(t *testing.T) {
	w := quick(t)
	if _, _, err := Open(w.ctx, w.opts); err == nil {
		t.Fatal("two engines on one directory")
	}
	w.sendBodies(topicOf("t", 1), "the first goes on")
}

func TestATransactionThatNobodyAnswersForIsGivenUp(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.CheckRounds, o.HalfLife = 3, 2*time.Hour })
	defer func() { _ = w.engine.Close(w.ctx) }()
	topic := topicOf("t", 1)
	asked, silent := w.message("asked in vain"), w.message("nobody there")
	asked.Type, silent.Type = mq.Transaction, mq.Transaction
	half := w.send(topic, asked)[0].Half
	id := w.engine.question(topic, w.onlyHalf(), asked).Half
	w.expect(id, half, "the question names the half as the answer to the send did")
	for range 3 {
		w.pass(30 * time.Second)
		due := w.engine.dueHalves(topic.Name, nil)
		w.expect(len(due), 1, "questions")
		w.engine.askOne(topic, due[0], func(mq.Check) bool { return true }, nil)
	}
	w.send(topic, silent)
	w.expect(w.everywhere(topic, asked.ID.String()), "half", "after the last question")
	w.pass(30 * time.Second)
	given := mq.Topic{Name: giveUpTopic()}
	w.expect(w.everywhere(given, asked.ID.String()), "stored", "after an interval without an answer")
	w.expect(mq.KindOf(w.engine.Settle(w.ctx, topic, half, mq.Commit, mq.ByCheck)), mq.Conflict, "a verdict that comes too late")
	w.expect(w.everywhere(topic, silent.ID.String()), "half", "a transaction whose producer is away")
	w.pass(2 * time.Hour)
	w.expect(w.everywhere(given, silent.ID.String()), "stored", "the same when it is too old")
}
