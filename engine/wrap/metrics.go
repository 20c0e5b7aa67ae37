// SPDX-License-Identifier: Apache-2.0

package wrap

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/causeway-mq/causeway/mq"
)

// Metrics counts what passes an engine's ports. The door counts calls and messages as clients see them
// (rocketmq_rpc_latency, rocketmq_messages_in_total); these figures are about the engine behind it, under RocketMQ 5's names
// where the meaning is the same.
type Metrics struct {
	clock   func() time.Time
	latency *prometheus.HistogramVec
	size    *prometheus.HistogramVec
	verdict map[mq.Verdict]*prometheus.CounterVec
}

// NewMetrics registers the figures; now is the clock by which calls are timed. It fails when a name is taken.
func NewMetrics(r prometheus.Registerer, now func() time.Time) (*Metrics, error) {
	m := &Metrics{
		clock: now,
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "causeway_engine_call_latency", Help: "Time of one call of the engine, in milliseconds.",
			Buckets: []float64{.1, .25, .5, 1, 2.5, 5, 10, 25, 50, 100, 250, 1000, 5000},
		}, []string{"engine", "verb", "result"}),
		size: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "rocketmq_message_size", Help: "Bytes of the bodies of stored messages.",
			Buckets: []float64{1 << 10, 4 << 10, 512 << 10, 1 << 20, 2 << 20, 4 << 20},
		}, []string{"topic", "message_type"}),
		verdict: map[mq.Verdict]*prometheus.CounterVec{
			mq.Commit: prometheus.NewCounterVec(prometheus.CounterOpts{
				Name: "rocketmq_commit_messages_total", Help: "Transactions that were committed, repeats included.",
			}, []string{"topic"}),
			mq.Rollback: prometheus.NewCounterVec(prometheus.CounterOpts{
				Name: "rocketmq_rollback_messages_total", Help: "Transactions that were rolled back, repeats included.",
			}, []string{"topic"}),
		},
	}
	for _, c := range []prometheus.Collector{m.latency, m.size, m.verdict[mq.Commit], m.verdict[mq.Rollback]} {
		if err := r.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// Wrap gives an engine that is counted. Several engines may share the figures; they differ by Traits.Name.
func (m *Metrics) Wrap(e Engine) Engine {
	name := e.Traits().Name
	return counted{calls{e, func(_ context.Context, verb Verb, do func() error) error {
		began := m.clock()
		err := do()
		took := float64(m.clock().Sub(began)) / float64(time.Millisecond)
		m.latency.WithLabelValues(name, string(verb), mq.KindOf(err).String()).Observe(took)
		return nil
	}}, m}
}

// counted adds to the calls what their arguments tell.
type counted struct {
	calls
	m *Metrics
}

// Send passes through.
func (c counted) Send(ctx context.Context, t mq.Topic, batch []mq.Message) []mq.Sent {
	sent := c.calls.Send(ctx, t, batch)
	for i, one := range sent {
		if one.Err == nil {
			c.m.size.WithLabelValues(t.Name.String(), batch[i].Type.String()).Observe(float64(len(batch[i].Body)))
		}
	}
	return sent
}

// Settle passes through.
func (c counted) Settle(ctx context.Context, t mq.Topic, h mq.Half, v mq.Verdict, by mq.SettledBy) error {
	err := c.calls.Settle(ctx, t, h, v, by)
	if counter := c.m.verdict[v]; err == nil && counter != nil {
		counter.WithLabelValues(t.Name.String()).Inc()
	}
	return err
}
