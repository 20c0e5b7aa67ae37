// SPDX-License-Identifier: Apache-2.0

package grpcfront_test

import (
	"bytes"
	"context"
	"sync/atomic"
	"testing"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"

	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/session"
)

// nothing stores nothing, so that the benchmark measures the door.
type nothing struct{}

func (nothing) Send(_ context.Context, _ session.ID, _ mq.Topic, batch []mq.Message) []mq.Sent {
	return make([]mq.Sent, len(batch))
}

func (nothing) Settle(context.Context, mq.Topic, mq.Half, mq.Verdict, mq.SettledBy) error { return nil }

func (nothing) Recall(context.Context, mq.Topic, mq.Scheduled) error { return nil }

func BenchmarkSend(b *testing.B) {
	w := newWorld(b, worldOptions{produce: nothing{}})
	clients := make([]v2.MessagingServiceClient, 4)
	for i := range clients {
		clients[i] = v2.NewMessagingServiceClient(w.dial())
	}
	body := bytes.Repeat([]byte("x"), 1024)
	var turn atomic.Int64
	b.SetParallelism(64)
	b.ReportAllocs()
	ctx := w.as()
	ctx = context.WithoutCancel(ctx)
	b.RunParallel(func(pb *testing.PB) {
		client := clients[turn.Add(1)%4]
		m := normal("orders", "")
		m.Body = body
		for pb.Next() {
			out, err := client.SendMessage(ctx, one(m))
			if err != nil || out.Status.Code != v2.Code_OK {
				b.Error(out, err)
				return
			}
		}
	})
}
