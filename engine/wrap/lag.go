// SPDX-License-Identifier: Apache-2.0

package wrap

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/mq"
)

// Subscription is a group on a topic, with the names under which its lag is shown.
type Subscription struct {
	Group         mq.Group
	Topic         mq.Topic
	Tenant        string
	ConsumerGroup string
	TopicName     string
}

// Lag is how far consumer groups are behind, read from the engine whenever the figures are scraped. A figure that the engine
// does not know is left out, so that unknown never looks like zero.
type Lag struct {
	engine  control.Inspector
	list    func() []Subscription
	now     func() time.Time
	timeout time.Duration // of one scrape

	ready, inflight, lag, latency *prometheus.Desc
}

// NewLag builds the collector; list gives what to look at and must be quick.
func NewLag(e control.Inspector, list func() []Subscription, now func() time.Time) *Lag {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, []string{"tenant", "topic", "consumer_group"}, nil)
	}
	return &Lag{
		engine: e, list: list, now: now, timeout: 5 * time.Second,
		ready:    desc("rocketmq_consumer_ready_messages", "Messages that wait for their first delivery."),
		inflight: desc("rocketmq_consumer_inflight_messages", "Messages that are leased."),
		lag:      desc("rocketmq_consumer_lag_messages", "Messages that are not settled: ready, leased or waiting for another attempt."),
		latency:  desc("rocketmq_consumer_lag_latency", "Age of the oldest message that is not settled, in milliseconds."),
	}
}

// Describe names the figures.
func (l *Lag) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{l.ready, l.inflight, l.lag, l.latency} {
		to <- d
	}
}

// Collect asks the engine about each subscription. One that fails is left out of this scrape.
func (l *Lag) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), l.timeout)
	defer cancel()
	for _, s := range l.list() {
		queues, err := l.engine.Progress(ctx, s.Group, s.Topic)
		if err != nil || len(queues) == 0 {
			continue
		}
		l.show(to, s, queues)
	}
}

func (l *Lag) show(to chan<- prometheus.Metric, s Subscription, queues []mq.QueueProgress) {
	var ready, leased, retrying int64
	var oldest time.Time
	add := func(sum *int64, n int64) {
		if *sum < 0 || n < 0 {
			*sum = -1
			return
		}
		*sum += n
	}
	for _, q := range queues {
		add(&ready, q.Ready)
		add(&leased, q.Leased)
		add(&retrying, q.Retrying)
		if !q.Oldest.IsZero() && (oldest.IsZero() || q.Oldest.Before(oldest)) {
			oldest = q.Oldest
		}
	}
	gauge := func(d *prometheus.Desc, known bool, value float64) {
		if known {
			to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, s.Tenant, s.TopicName, s.ConsumerGroup)
		}
	}
	gauge(l.ready, ready >= 0, float64(ready))
	gauge(l.inflight, leased >= 0, float64(leased))
	gauge(l.lag, ready >= 0 && leased >= 0 && retrying >= 0, float64(ready+leased+retrying))
	age := 0.0
	if !oldest.IsZero() {
		age = float64(max(l.now().Sub(oldest), 0)) / float64(time.Millisecond)
	}
	gauge(l.latency, true, age)
}
