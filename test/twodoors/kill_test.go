// SPDX-License-Identifier: Apache-2.0

package twodoors_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/engine/wrap"
	"github.com/causeway-mq/causeway/mq"
)

func TestADoorThatDiesUnderLoadLosesNothing(t *testing.T) {
	c := newCrowd(t)
	while := func() { c.virtually(20 * time.Second) }
	c.play(func() {
		for range 2 { // both doors die, and fresh ones come with an empty memory
			while()
			c.kill()
			while()
			c.join()
		}
		while()
	})
}

// Between a door and its engine calls are refused, come late, or happen without anybody being told.
func TestRepliesThatAreLostBetweenDoorAndEngineLoseNothing(t *testing.T) {
	c := newCrowd(t)
	dice := rand.New(rand.NewPCG(3, 9))
	verbs := []wrap.Verb{wrap.Send, wrap.Settle, wrap.Take, wrap.Ack, wrap.Extend}
	faults := []wrap.Fault{
		{LoseReply: true}, {Delay: 2 * time.Second}, {Refuse: mq.Refuse(mq.Unavailable, "refused by plan")}, {Delay: time.Second, LoseReply: true},
	}
	c.play(func() {
		for range 60 {
			for _, verb := range verbs {
				c.house.faults.At(verb, 1+dice.IntN(10), faults[dice.IntN(len(faults))])
			}
			c.virtually(time.Second)
		}
	})
}
