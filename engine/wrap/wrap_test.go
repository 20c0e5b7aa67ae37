// SPDX-License-Identifier: Apache-2.0

package wrap_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/engine/wrap"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

// small is an engine that stores by counting. Calls that it does not have would end the test with a nil pointer.
type small struct {
	wrap.Engine
	stored, settled int
	progress        []mq.QueueProgress
	takes           error
	wake, during    func()
}

func (s *small) Arm(_ mq.Want, wake func()) func() {
	s.wake = wake
	return func() {}
}

func (s *small) Checks(ctx context.Context, _ func() []mq.Topic, _ func(mq.Check) bool) error {
	<-ctx.Done()
	return ctx.Err()
}

func (s *small) Traits() mq.Traits { return mq.Traits{Name: "small"} }

func (s *small) Send(_ context.Context, _ mq.Topic, batch []mq.Message) []mq.Sent {
	if s.during != nil {
		s.during()
	}
	out := make([]mq.Sent, len(batch))
	for i := range out {
		out[i].Offset = mq.Offset(s.stored)
		s.stored++
	}
	return out
}

func (s *small) Settle(context.Context, mq.Topic, mq.Half, mq.Verdict, mq.SettledBy) error {
	s.settled++
	return nil
}

func (s *small) Take(context.Context, mq.Want) ([]mq.Delivery, error) { return nil, s.takes }

func (s *small) Extend(_ context.Context, leases []mq.Lease, _ time.Duration, _ mq.KeepOrReplace) []mq.Extended {
	return make([]mq.Extended, len(leases))
}

func (s *small) Progress(context.Context, mq.Group, mq.Topic) ([]mq.QueueProgress, error) {
	return s.progress, nil
}

func topic(t *testing.T) mq.Topic {
	name, err := mq.ParsePhysical("orders")
	if err != nil {
		t.Fatal(err)
	}
	return mq.Topic{Name: name}
}

func start() time.Time { return time.Date(2031, 2, 3, 4, 5, 6, 0, time.UTC) }

func TestARefusedCallNeverReachesTheEngine(t *testing.T) {
	e, faults := &small{}, wrap.NewFaults(clock.NewVirtual(start()))
	faults.At(wrap.Send, 2, wrap.Fault{Refuse: mq.Refuse(mq.StorageFull, "full by plan")})
	wrapped := faults.Wrap(e)
	batch := make([]mq.Message, 3)

	first := wrapped.Send(t.Context(), topic(t), batch)
	second := wrapped.Send(t.Context(), topic(t), batch)
	third := wrapped.Send(t.Context(), topic(t), batch)

	if first[0].Err != nil || third[2].Err != nil || third[2].Offset != 5 {
		t.Fatalf("calls without a fault answered %v and %v", first, third)
	}
	for _, s := range second {
		if mq.KindOf(s.Err) != mq.StorageFull || mq.Outcome(s.Err) != mq.Refused || s.Offset != -1 {
			t.Fatalf("the refused call answered %+v", s)
		}
	}
	if e.stored != 6 || faults.Calls(wrap.Send) != 3 {
		t.Fatalf("the engine stored %d, %d calls were counted", e.stored, faults.Calls(wrap.Send))
	}
}

func TestALostReplyHappenedAndNobodyKnows(t *testing.T) {
	e, faults := &small{}, wrap.NewFaults(clock.NewVirtual(start()))
	faults.At(wrap.Settle, 1, wrap.Fault{LoseReply: true})
	err := faults.Wrap(e).Settle(t.Context(), topic(t), mq.Half{}, mq.Commit, mq.ByProducer)
	if mq.Outcome(err) != mq.Unknown || e.settled != 1 {
		t.Fatalf("answered %v, the engine settled %d", err, e.settled)
	}
}

func TestADelayedCallWaitsOnTheClock(t *testing.T) {
	e, c := &small{}, clock.NewVirtual(start())
	faults := wrap.NewFaults(c)
	faults.At(wrap.Send, 1, wrap.Fault{Delay: time.Minute})
	done := make(chan []mq.Sent, 1)
	go func() { done <- faults.Wrap(e).Send(t.Context(), topic(t), make([]mq.Message, 1)) }()
	for c.Pending() == 0 {
		select {
		case <-done:
			t.Fatal("it did not wait")
		default:
		}
	}
	c.Advance(time.Minute)
	if sent := <-done; sent[0].Err != nil || e.stored != 1 {
		t.Fatalf("answered %v, stored %d", sent, e.stored)
	}
}

func TestADelayEndsWithItsContext(t *testing.T) {
	e, faults := &small{}, wrap.NewFaults(clock.NewVirtual(start()))
	faults.At(wrap.Extend, 1, wrap.Fault{Delay: time.Minute})
	ctx, end := context.WithCancel(t.Context())
	end()
	lease := mq.Lease{Token: "mine"}
	got := faults.Wrap(e).Extend(ctx, []mq.Lease{lease}, time.Second, mq.Keep)
	if mq.Outcome(got[0].Err) != mq.Unknown || got[0].Lease.Token != "mine" {
		t.Fatalf("answered %+v", got[0])
	}
}

func TestACutCableCarriesNothing(t *testing.T) {
	e, cable := &small{}, wrap.NewCable()
	wrapped := cable.Wrap(e)
	wake := func() { t.Error("woken over a cut cable") }
	wrapped.Arm(mq.Want{}, wake)
	if sent := wrapped.Send(t.Context(), topic(t), make([]mq.Message, 2)); sent[1].Err != nil {
		t.Fatalf("a whole cable answered %v", sent)
	}
	e.during = cable.Cut
	lost := wrapped.Send(t.Context(), topic(t), make([]mq.Message, 1))
	if mq.Outcome(lost[0].Err) != mq.Unknown || e.stored != 3 {
		t.Fatalf("cut during a call: answered %v, stored %d", lost, e.stored)
	}
	never := wrapped.Send(t.Context(), topic(t), make([]mq.Message, 1))
	if mq.Outcome(never[0].Err) != mq.Unknown || e.stored != 3 {
		t.Fatalf("cut before a call: answered %v, stored %d", never, e.stored)
	}
	e.wake()
	if err := wrapped.Checks(t.Context(), nil, nil); err == nil {
		t.Fatal("checks over a cut cable ended with nil")
	}
}

func TestMetricsTellVerbResultAndVerdict(t *testing.T) {
	r, e := prometheus.NewRegistry(), &small{}
	m, err := wrap.NewMetrics(r, clock.NewVirtual(start()).Now)
	if err != nil {
		t.Fatal(err)
	}
	wrapped := m.Wrap(e)
	wrapped.Send(t.Context(), topic(t), []mq.Message{{Type: mq.FIFO, Body: make([]byte, 2000)}})
	if err := wrapped.Settle(t.Context(), topic(t), mq.Half{}, mq.Rollback, mq.ByCheck); err != nil {
		t.Fatal(err)
	}
	e.takes = mq.Refuse(mq.IllegalFilter, "bad")
	if _, err := wrapped.Take(t.Context(), mq.Want{}); mq.KindOf(err) != mq.IllegalFilter {
		t.Fatalf("answered %v", err)
	}
	want := `
# HELP rocketmq_rollback_messages_total Transactions that were rolled back, repeats included.
# TYPE rocketmq_rollback_messages_total counter
rocketmq_rollback_messages_total{topic="orders"} 1
`
	if err := testutil.GatherAndCompare(r, strings.NewReader(want), "rocketmq_rollback_messages_total", "rocketmq_commit_messages_total"); err != nil {
		t.Error(err)
	}
	all := gathered(t, r)
	for _, line := range []string{
		`causeway_engine_call_latency{engine=small,result=illegal_filter,verb=take} 1`,
		`causeway_engine_call_latency{engine=small,result=ok,verb=send} 1`,
		`rocketmq_message_size{message_type=fifo,topic=orders} 1`,
	} {
		if !all[line] {
			t.Errorf("no %s in %v", line, all)
		}
	}
	if _, err := wrap.NewMetrics(r, time.Now); err == nil {
		t.Error("the same names were registered twice")
	}
}

// gathered lists the histograms as "name{label=value,...} count".
func gathered(t *testing.T, r *prometheus.Registry) map[string]bool {
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	lines := map[string]bool{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			if h := m.GetHistogram(); h != nil {
				lines[f.GetName()+"{"+strings.Join(labels, ",")+"} "+string(rune('0'+h.GetSampleCount()))] = true
			}
		}
	}
	return lines
}

func TestSizesOfTwoTenantsTopicsStayApart(t *testing.T) {
	r := prometheus.NewRegistry()
	figures, err := wrap.NewMetrics(r, start)
	if err != nil {
		t.Fatal(err)
	}
	name, err := mq.ParseTopicName("orders")
	if err != nil {
		t.Fatal(err)
	}
	e := figures.Wrap(&small{})
	for _, id := range []string{"default", "acme"} {
		tenant, err := mq.ParseTenant(id)
		if err != nil {
			t.Fatal(err)
		}
		e.Send(context.Background(), mq.Topic{Name: mq.PhysicalTopic(tenant, name)}, []mq.Message{{Type: mq.Normal}})
	}
	n, err := testutil.GatherAndCount(r, "rocketmq_message_size")
	if err != nil || n != 2 {
		t.Errorf("%d series, %v", n, err)
	}
}

func TestLagAddsUpQueuesAndLeavesOutWhatIsUnknown(t *testing.T) {
	now := start()
	e := &small{progress: []mq.QueueProgress{
		{Ready: 3, Leased: 2, Retrying: 1, Oldest: now.Add(-2 * time.Second)},
		{Ready: 4, Leased: -1, Retrying: 0, Oldest: now.Add(-5 * time.Second)},
	}}
	list := func() []wrap.Subscription {
		return []wrap.Subscription{{Tenant: "default", TopicName: "orders", ConsumerGroup: "billing"}}
	}
	r := prometheus.NewRegistry()
	r.MustRegister(wrap.NewLag(func(mq.Cluster) control.Inspector { return e }, list, func() time.Time { return now }))
	want := `
# HELP rocketmq_consumer_lag_latency Age of the oldest message that is not settled, in milliseconds.
# TYPE rocketmq_consumer_lag_latency gauge
rocketmq_consumer_lag_latency{consumer_group="billing",tenant="default",topic="orders"} 5000
# HELP rocketmq_consumer_ready_messages Messages that wait for their first delivery.
# TYPE rocketmq_consumer_ready_messages gauge
rocketmq_consumer_ready_messages{consumer_group="billing",tenant="default",topic="orders"} 7
`
	if err := testutil.GatherAndCompare(r, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
	e.progress[1].Leased = 0
	want = `
# HELP rocketmq_consumer_lag_messages Messages that are not settled: ready, leased or waiting for another attempt.
# TYPE rocketmq_consumer_lag_messages gauge
rocketmq_consumer_lag_messages{consumer_group="billing",tenant="default",topic="orders"} 10
`
	if err := testutil.GatherAndCompare(r, strings.NewReader(want), "rocketmq_consumer_lag_messages"); err != nil {
		t.Error(err)
	}
}
