// SPDX-License-Identifier: Apache-2.0

package app

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/causeway-mq/causeway/engine/wrap"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog"
	"github.com/causeway-mq/causeway/proxy/gate"
	"github.com/causeway-mq/causeway/proxy/roll"
	"github.com/causeway-mq/causeway/proxy/tally"
)

// metrics is what the door counts, under RocketMQ 5's names where the meaning is the same. Tenants appear by id: the endpoint is
// for operators only.
type metrics struct {
	registry    *prometheus.Registry
	latency     *prometheus.HistogramVec
	in, out     *prometheus.CounterVec
	inB, outB   *prometheus.CounterVec
	differences *prometheus.CounterVec
	panics      *prometheus.CounterVec
	opened      *prometheus.CounterVec
	turned      *prometheus.CounterVec
	busy        *prometheus.CounterVec
	readers     subscriptions
	tally       *tally.Tally // what control planes are told
	roll        *roll.Roll   // as well
}

func newMetrics(c clock.Clock) *metrics {
	topic, both := []string{"tenant", "topic"}, []string{"tenant", "topic", "consumer_group"}
	m := &metrics{
		registry: prometheus.NewRegistry(),
		tally:    tally.New(c),
		roll:     roll.New(),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "rocketmq_rpc_latency", Help: "Time of a call at the door, in milliseconds, long polls included.",
			Buckets: []float64{.25, .5, 1, 2.5, 5, 10, 25, 50, 100, 250, 1000, 5000, 25000},
		}, []string{"request_code", "response_code"}),
		in:   counter("rocketmq_messages_in_total", "Messages that were stored.", topic),
		out:  counter("rocketmq_messages_out_total", "Messages that were handed to consumers.", both),
		inB:  counter("rocketmq_throughput_in_total", "Bytes of bodies that were stored.", topic),
		outB: counter("rocketmq_throughput_out_total", "Bytes of bodies that were handed to consumers.", both),
		differences: counter("causeway_group_filter_differs_total",
			"Receives of a group's member whose filter differs from another member's.", both),
		panics: counter("causeway_panics_total", "Defects that a call ran into; the call failed, the process went on.", []string{"request_code"}),
	}
	m.opened = counter("causeway_connections_opened_total", "Connections that came as far as HTTP/2.", []string{"tls"})
	m.turned = counter("causeway_connections_turned_total", "Connections that a rule ended, by reason.", []string{"why"})
	m.busy = counter("causeway_broker_busy_total", "Answers of brokers that were too busy, by cause.", []string{"cluster", "cause"})
	m.registry.MustRegister(buildInfo(), m.busy, m.opened, m.turned, m.latency, m.in, m.out, m.inB, m.outB, m.differences, m.panics,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func counter(name, help string, labels []string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

// gauge adds a figure that is read when somebody asks for it.
func (m *metrics) gauge(name, help string, read func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, read))
}

// clusters adds the figures of each cluster's breaker, read when somebody asks.
func (m *metrics) clusters(guards map[mq.Cluster]*wrap.Breaker) error {
	for name, g := range guards {
		label := prometheus.Labels{"cluster": name.String()}
		for _, one := range []prometheus.Collector{
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "causeway_cluster_up", Help: "1 while the cluster answers; at 0 its calls are refused at once.", ConstLabels: label},
				func() float64 {
					if g.Open() != "" {
						return 0
					}
					return 1
				}),
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "causeway_cluster_calls", Help: "Calls that are under way to the cluster.", ConstLabels: label},
				func() float64 { return float64(g.UnderWay()) }),
			prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "causeway_cluster_refused_total", Help: "Calls that were refused because the cluster does not answer, or too many were under way.", ConstLabels: label},
				func() float64 { return float64(g.Refused()) }),
		} {
			if err := m.registry.Register(one); err != nil {
				return err
			}
		}
	}
	return nil
}

// Called counts one answered call.
func (m *metrics) Called(verb gate.Verb, kind mq.Kind, took time.Duration) {
	m.latency.WithLabelValues(string(verb), kind.String()).Observe(float64(took) / float64(time.Millisecond))
}

// Stored counts what was sent.
func (m *metrics) Stored(t *catalog.Topic, messages, bytes int) {
	tenant, topic := t.Tenant.String(), t.Name.String()
	m.in.WithLabelValues(tenant, topic).Add(float64(messages))
	m.inB.WithLabelValues(tenant, topic).Add(float64(bytes))
	m.tally.Stored(t.Tenant, t.Name, messages, bytes)
}

// Delivered counts what was received.
func (m *metrics) Delivered(g *catalog.Group, t *catalog.Topic, messages, bytes int) {
	tenant, topic, group := t.Tenant.String(), t.Name.String(), g.Name.String()
	m.out.WithLabelValues(tenant, topic, group).Add(float64(messages))
	m.outB.WithLabelValues(tenant, topic, group).Add(float64(bytes))
	m.tally.Delivered(tally.Pair{Tenant: t.Tenant, Topic: t.Name, Reader: g.Tenant, Group: g.Name}, messages, bytes)
	m.readers.met(g, t)
}

// Differed counts a member whose filter is not the group's.
func (m *metrics) Differed(g *catalog.Group, t *catalog.Topic) {
	m.differences.WithLabelValues(t.Tenant.String(), t.Name.String(), g.Name.String()).Inc()
}

// Panicked counts a defect.
func (m *metrics) Panicked(verb gate.Verb) { m.panics.WithLabelValues(string(verb)).Inc() }

// Opened counts a connection.
func (m *metrics) Opened(tls bool) { m.opened.WithLabelValues(strconv.FormatBool(tls)).Inc() }

// Closed is told by the gauge of open connections.
func (m *metrics) Closed() {}

// Turned counts a connection that a rule ended.
func (m *metrics) Turned(why string) { m.turned.WithLabelValues(why).Inc() }
