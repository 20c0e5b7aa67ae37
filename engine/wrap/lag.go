// SPDX-License-Identifier: Apache-2.0

package wrap

import (
	"context"
	"sync"
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
	engine  func(mq.Cluster) control.Inspector
	list    func() []Subscription
	now     func() time.Time
	timeout time.Duration // of one scrape

	ready, inflight, lag, latency *prometheus.Desc
}

// NewLag builds the collector. engine gives whom to ask about a cluster, nil for nobody; list gives what to look at; both must be quick.
func NewLag(engine func(mq.Cluster) control.Inspector, list func() []Subscription, now func() time.Time) *Lag {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, []string{"tenant", "topic", "consumer_group"}, nil)
	}
	return &Lag{
		engine: engine, list: list, now: now, timeout: 5 * time.Second,
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

// Collect asks each cluster about its subscriptions, the clusters side by side: one that does not answer takes no time from the others. A
// subscription whose figures cannot be had is left out of this scrape.
func (l *Lag) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), l.timeout)
	defer cancel()
	clusters := map[mq.Cluster][]Subscription{}
	for _, s := range l.list() {
		clusters[s.Topic.Cluster] = append(clusters[s.Topic.Cluster], s)
	}
	var asking sync.WaitGroup
	for name, subscriptions := range clusters {
		engine := l.engine(name)
		if engine == nil {
			continue
		}
		asking.Go(func() {
			for _, s := range subscriptions {
				if queues, err := engine.Progress(ctx, s.Group, s.Topic); err == nil && len(queues) > 0 {
					l.show(to, s, queues)
				}
			}
		})
	}
	asking.Wait()
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
