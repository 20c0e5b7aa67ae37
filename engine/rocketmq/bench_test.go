// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/fakebroker"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

// BenchmarkTakeAndAckOverTheFake counts what the engine and the fake allocate together for one message: sent beforehand, taken by 32, acknowledged in
// one call.
func BenchmarkTakeAndAckOverTheFake(b *testing.B) {
	time0 := clock.NewVirtual(time.Unix(1764000000, 0))
	fake := fakebroker.New(fakebroker.Options{Clock: time0})
	defer fake.Close()
	c, err := mq.ParseCluster("DefaultCluster")
	if err != nil {
		b.Fatal(err)
	}
	e, err := overFake(fake, time0, c)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = e.Close() }()
	w := benchWant(b, e, c)
	prepare(b, e, w, b.N)
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; {
		got, err := e.Take(b.Context(), w)
		if err != nil || len(got) == 0 {
			b.Fatalf("%d of %d messages, %v", n, b.N, err)
		}
		leases := make([]mq.Lease, len(got))
		for i := range got {
			leases[i] = got[i].Lease
		}
		for _, err := range e.Ack(b.Context(), leases) {
			if err != nil {
				b.Fatal(err)
			}
		}
		n += len(got)
	}
}

// benchWant makes a topic and a group.
func benchWant(b *testing.B, e *Engine, c mq.Cluster) mq.Want {
	b.Helper()
	suffix := strconv.FormatInt(time.Now().UnixNano(), 36)
	topic, err := mq.ParsePhysical("bench-" + suffix)
	if err != nil {
		b.Fatal(err)
	}
	group, err := mq.ParsePhysical("benchers-" + suffix)
	if err != nil {
		b.Fatal(err)
	}
	t := mq.Topic{Name: topic, Cluster: c, Accepts: mq.AcceptsOf(mq.Normal), Queues: 8}
	g := mq.Group{Name: group, Cluster: c, MaxAttempts: 16, Start: mq.Start{Kind: mq.StartEarliest}}
	if err := e.PutTopic(b.Context(), t); err != nil {
		b.Fatal(err)
	}
	if err := e.PutGroup(b.Context(), g); err != nil {
		b.Fatal(err)
	}
	return mq.Want{Topic: t, Group: g, Queue: mq.AnyQueue, Max: mq.MaxReceive, Renew: true}
}

// prepare sends n messages.
func prepare(b *testing.B, e *Engine, w mq.Want, n int) {
	b.Helper()
	for at := 0; at < n; {
		var batch []mq.Message
		for ; at < n && len(batch) < 500; at++ {
			id, err := mq.ParseMessageID("bench" + strconv.Itoa(at))
			if err != nil {
				b.Fatal(err)
			}
			batch = append(batch, mq.Message{ID: id, Type: mq.Normal, Encoding: mq.Identity, Body: make([]byte, 256), Born: time.Unix(1764000000, 0)})
		}
		for _, s := range e.Send(b.Context(), w.Topic, batch) {
			if s.Err != nil {
				b.Fatal(s.Err)
			}
		}
	}
}

// BenchmarkAcksOnARealCluster compares acknowledgements of 64 callers that share requests with the same ones alone. CAUSEWAY_NAMESRV names a cluster
// that runs: without it there is nothing to measure.
func BenchmarkAcksOnARealCluster(b *testing.B) {
	server := os.Getenv("CAUSEWAY_NAMESRV")
	if server == "" {
		b.Skip("needs a running cluster: set CAUSEWAY_NAMESRV to its name server")
	}
	c, err := mq.ParseCluster("DefaultCluster")
	if err != nil {
		b.Fatal(err)
	}
	for _, kind := range []struct {
		name string
		ack  func(e *Engine, l mq.Lease) error
	}{
		{"alone", func(e *Engine, l mq.Lease) error { return e.ackOne(b.Context(), l) }},
		{"together", func(e *Engine, l mq.Lease) error { return e.ackAlone(b.Context(), l) }},
	} {
		b.Run(kind.name, func(b *testing.B) {
			e, err := Open(Options{NameServers: []string{server}, Cluster: c})
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = e.Close() }()
			w := benchWant(b, e, c)
			prepare(b, e, w, b.N)
			leases := make(chan mq.Lease, b.N)
			for end := time.Now().Add(time.Minute); len(leases) < b.N; {
				got, err := e.Take(b.Context(), w)
				if err != nil || time.Now().After(end) {
					b.Fatalf("%d of %d messages, %v", len(leases), b.N, err)
				}
				for i := range got {
					leases <- got[i].Lease
				}
			}
			close(leases)
			b.ReportAllocs()
			b.ResetTimer()
			var under sync.WaitGroup
			for range 64 {
				under.Go(func() {
					for l := range leases {
						if err := kind.ack(e, l); err != nil {
							b.Error(err)
						}
					}
				})
			}
			under.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "acks/s")
		})
	}
}

// BenchmarkSendsOnARealCluster compares sends of 128 callers to one topic that share requests with the same ones alone, on a cluster as above.
func BenchmarkSendsOnARealCluster(b *testing.B) {
	server := os.Getenv("CAUSEWAY_NAMESRV")
	if server == "" {
		b.Skip("needs a running cluster: set CAUSEWAY_NAMESRV to its name server")
	}
	c, err := mq.ParseCluster("DefaultCluster")
	if err != nil {
		b.Fatal(err)
	}
	for _, batched := range []bool{false, true} {
		b.Run("batch_sends="+strconv.FormatBool(batched), func(b *testing.B) {
			e, err := Open(Options{NameServers: []string{server}, Cluster: c, BatchSends: batched})
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = e.Close() }()
			w := benchWant(b, e, c)
			numbers := make(chan int, b.N)
			for i := range b.N {
				numbers <- i
			}
			close(numbers)
			b.ReportAllocs()
			b.ResetTimer()
			var under sync.WaitGroup
			for range 128 {
				under.Go(func() {
					for i := range numbers {
						id, err := mq.ParseMessageID("bench" + strconv.Itoa(i))
						if err != nil {
							b.Error(err)
						}
						m := mq.Message{ID: id, Type: mq.Normal, Encoding: mq.Identity, Body: make([]byte, 1024), Born: time.Now()}
						if s := e.Send(b.Context(), w.Topic, []mq.Message{m})[0]; s.Err != nil {
							b.Error(s.Err)
						}
					}
				})
			}
			under.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "sends/s")
		})
	}
}
