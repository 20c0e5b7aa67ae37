// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"testing"

	"github.com/causeway-mq/causeway/engine/rocketmq/fakebroker"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/mq"
)

// A broker finds a message by its id some milliseconds after it stored it: a move to the dead letters that is repeated meanwhile makes no second copy.
func TestAMoveThatIsRepeatedAtOnceMakesNoSecondDeadLetter(t *testing.T) {
	b := newBench(t)
	b.ok(b.Send(b.ctx(), b.topic, []mq.Message{b.message("m")})[0].Err)
	w := mq.Want{Topic: b.topic, Group: b.group, Queue: mq.AnyQueue, Max: 1}
	lease := b.take(w, "m")[0].Lease
	b.fake.Inject(fakebroker.Fault{Request: remoting.QueryMessage, Harm: fakebroker.Answer, Code: remoting.QueryNotFound, Remark: "can not find message, maybe time range not correct"})
	for range 3 {
		if err := b.DeadLetter(b.ctx(), []mq.Lease{lease}, "poison")[0]; err != nil && mq.KindOf(err) != mq.Settled {
			t.Error(err)
		}
	}
	if n := b.count(remoting.SendMessage); n != 2 {
		t.Errorf("%d messages were sent, want the message and one dead letter", n)
	}
}

// Two groups may get one message in the same millisecond, under handles that are alike: each has its own dead letter.
func TestEachGroupHasItsOwnDeadLetterOfOneMessage(t *testing.T) {
	b := newBench(t)
	b.ok(b.Send(b.ctx(), b.topic, []mq.Message{b.message("m")})[0].Err)
	other := b.group
	var err error
	other.Name, err = mq.ParsePhysical("other")
	b.ok(err)
	b.ok(b.PutGroup(b.ctx(), other))
	for _, g := range []mq.Group{b.group, other} {
		lease := b.take(mq.Want{Topic: b.topic, Group: g, Queue: mq.AnyQueue, Max: 1}, "m")[0].Lease
		b.ok(b.DeadLetter(b.ctx(), []mq.Lease{lease}, "poison")[0])
	}
	if n := b.count(remoting.SendMessage); n != 3 {
		t.Errorf("%d messages were sent, want the message and a dead letter of each group", n)
	}
}
