// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/mq"
)

// The half came by a proxy behind which no producer listens. Brokers ask one of all that announced the topic; the proxy in vain asked takes its
// announcement back, so that each later round reaches the one with the producer.
func TestAProxyThatIsAskedInVainIsNotAskedAgain(t *testing.T) {
	b := newBench(t)
	other, err := overFake(b.fake, b.time, b.topic.Cluster)
	b.ok(err)
	var asked atomic.Int64
	ctx, end := context.WithCancel(context.Background())
	var listening sync.WaitGroup
	listen := func(e *Engine, live []mq.Topic, sink func(mq.Check) bool) {
		listening.Go(func() {
			if err := e.Checks(ctx, func() []mq.Topic { return live }, sink); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
	t.Cleanup(func() {
		end()
		listening.Wait()
		b.ok(other.Close())
	})
	half := b.message("half")
	half.Type, half.FirstCheck = mq.Transaction, time.Second
	b.ok(b.Send(b.ctx(), b.topic, []mq.Message{half})[0].Err)
	listen(b.Engine, nil, func(mq.Check) bool { return false })
	listen(other, []mq.Topic{b.topic}, func(mq.Check) bool { asked.Add(1); return true })
	heartbeats := 0
	b.until("the producer is announced, after the proxy by which the half came", func() bool {
		heartbeats += b.count(remoting.HeartBeat)
		return heartbeats == 2
	})
	taken := 0
	b.until("the announcement is taken back", func() bool {
		b.time.Advance(time.Second)
		taken += b.count(remoting.UnregisterClient)
		return taken > 0
	})
	before := asked.Load()
	const rounds = 6
	for range rounds {
		was := asked.Load()
		b.time.Advance(30 * time.Second) // the rest between two checks
		b.until("the producer is asked in this very round", func() bool { return asked.Load() > was })
	}
	if got := asked.Load() - before; got != rounds {
		t.Errorf("asked %d times in %d rounds", got, rounds)
	}
}
