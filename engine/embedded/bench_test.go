// SPDX-License-Identifier: Apache-2.0

package embedded_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/engine/embedded"
	"github.com/causeway-mq/causeway/engine/embedded/log"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/internal/fsys"
	"github.com/causeway-mq/causeway/mq"
)

// writers runs n operations on w goroutines.
func writers(b *testing.B, w int, op func(writer int) error) {
	b.Helper()
	var next atomic.Int64
	var all sync.WaitGroup
	b.ResetTimer()
	for i := range w {
		all.Go(func() {
			for next.Add(1) <= int64(b.N) {
				if err := op(i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
}

// BenchmarkCeiling is what the log alone gives: the same bytes, appended and waited for, without an engine.
func BenchmarkCeiling(b *testing.B) {
	for _, w := range []int{1, 16, 128, 512} {
		b.Run(fmt.Sprint(w), func(b *testing.B) {
			l, _, err := log.Open(log.Options{FS: fsys.OS(b.TempDir()), Clock: clock.System()})
			if err != nil {
				b.Fatal(err)
			}
			payload := make([]byte, 1200)
			writers(b, w, func(int) error {
				pos, err := l.Append(payload)
				if err != nil {
					return err
				}
				return l.Wait(context.Background(), pos)
			})
			if err := l.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// BenchmarkSend is durable sends of 1 KiB over eight queues.
func BenchmarkSend(b *testing.B) {
	for _, w := range []int{1, 16, 128, 512} {
		b.Run(fmt.Sprint(w), func(b *testing.B) {
			e, _, err := embedded.Open(context.Background(), embedded.Options{Dir: b.TempDir()})
			if err != nil {
				b.Fatal(err)
			}
			topic := topicNamed("bench")
			message := textMessage("id-of-thirty-four-characters-or-so", string(make([]byte, 1024)))
			writers(b, w, func(int) error {
				return e.Send(context.Background(), topic, []mq.Message{message})[0].Err
			})
			if err := e.Close(context.Background()); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// BenchmarkTakeAndAck is receiving in batches of 32 with one acknowledgement for each batch.
func BenchmarkTakeAndAck(b *testing.B) {
	e, _, err := embedded.Open(context.Background(), embedded.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	topic := topicNamed("bench")
	batch := make([]mq.Message, 500)
	for i := range batch {
		batch[i] = textMessage(fmt.Sprint("id-", i), string(make([]byte, 1024)))
	}
	for sent := 0; sent < b.N+16*32; sent += len(batch) {
		for _, s := range e.Send(context.Background(), topic, batch) {
			if s.Err != nil {
				b.Fatal(s.Err)
			}
		}
	}
	want := mq.Want{Topic: topic, Group: groupNamed("readers"), Queue: mq.AnyQueue, Max: 32}
	var done atomic.Int64
	var all sync.WaitGroup
	b.ResetTimer()
	for range 16 {
		all.Go(func() {
			for done.Load() < int64(b.N) {
				got, err := e.Take(context.Background(), want)
				if err != nil || len(got) == 0 {
					b.Errorf("%d messages, %v", len(got), err)
					return
				}
				leases := make([]mq.Lease, len(got))
				for i := range got {
					leases[i] = got[i].Lease
				}
				for _, err := range e.Ack(context.Background(), leases) {
					if err != nil {
						b.Error(err)
					}
				}
				done.Add(int64(len(got)))
			}
		})
	}
	all.Wait()
	b.StopTimer()
	b.ReportMetric(float64(done.Load())/b.Elapsed().Seconds(), "msg/s")
	if err := e.Close(context.Background()); err != nil {
		b.Fatal(err)
	}
}

func topicNamed(name string) mq.Topic {
	p, err := mq.ParsePhysical(name)
	if err != nil {
		panic(err)
	}
	return mq.Topic{Name: p, Queues: 8, Accepts: mq.AcceptsOf(mq.Normal, mq.FIFO, mq.Delay, mq.Transaction)}
}

func groupNamed(name string) mq.Group {
	p, err := mq.ParsePhysical(name)
	if err != nil {
		panic(err)
	}
	return mq.Group{Name: p, MaxAttempts: 3, Start: mq.Start{Kind: mq.StartEarliest}, Hold: time.Minute}
}

func textMessage(id, body string) mq.Message {
	i, err := mq.ParseMessageID(id)
	if err != nil {
		panic(err)
	}
	return mq.Message{ID: i, Type: mq.Normal, Body: []byte(body), Born: time.Unix(1, 0)}
}
