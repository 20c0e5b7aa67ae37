// SPDX-License-Identifier: Apache-2.0

package twodoors_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/engine/wrap"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/test/crowd"
)

func TestADoorThatDiesUnderLoadLosesNothing(t *testing.T) {
	c := crowd.New(t, newHouse(t).ground())
	while := func() { c.Pass(20 * time.Second) }
	c.Play(func() {
		for range 2 { // both doors die, and fresh ones come with an empty memory
			while()
			c.Kill()
			while()
			c.Join()
		}
		c.Again(1, while)
	})
}

// Between a door and its engine calls are refused, come late, or happen without anybody being told.
func TestRepliesThatAreLostBetweenDoorAndEngineLoseNothing(t *testing.T) {
	h := newHouse(t)
	c := crowd.New(t, h.ground())
	dice := rand.New(rand.NewPCG(3, 9))
	verbs := []wrap.Verb{wrap.Send, wrap.Settle, wrap.Take, wrap.Ack, wrap.Extend}
	faults := []wrap.Fault{
		{LoseReply: true}, {Delay: 2 * time.Second}, {Refuse: mq.Refuse(mq.Unavailable, "refused by plan")}, {Delay: time.Second, LoseReply: true},
	}
	c.Play(func() {
		c.Again(60, func() {
			for _, verb := range verbs {
				h.faults.At(verb, 1+dice.IntN(10), faults[dice.IntN(len(faults))])
			}
			c.Pass(time.Second)
		})
	})
}
