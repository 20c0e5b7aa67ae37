// SPDX-License-Identifier: Apache-2.0

package series_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/grant"
	"github.com/causeway-mq/causeway/control/series"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/tally"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

var (
	shop   = must(mq.ParseTenant("shop"))
	bank   = must(mq.ParseTenant("bank"))
	orders = must(mq.ParseTopicName("orders"))
	refund = must(mq.ParseTopicName("refunds"))
	bills  = must(mq.ParseGroupName("bills"))
	stored = tally.Pair{Tenant: shop, Topic: orders}
	read   = tally.Pair{Tenant: shop, Topic: orders, Reader: bank, Group: bills}

	ofOrders = series.Topic{Tenant: shop, Name: orders}
	ofBills  = series.Group{Tenant: bank, Name: bills}
	hour     = series.Window{Span: series.Hour}
)

// scene is a proxy that tells series in virtual time.
type scene struct {
	t     *testing.T
	clock *clock.Virtual
	s     *series.Series
	p     *tally.Tally
	after uint64
}

func newScene(t *testing.T) *scene {
	c := clock.NewVirtual(time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC))
	return &scene{t: t, clock: c, s: series.New(c, 0), p: tally.New(c)}
}

// tell lets ten seconds pass and reports.
func (s *scene) tell() {
	s.t.Helper()
	s.clock.Advance(10 * time.Second)
	r := s.p.Report(s.after)
	r.Proxy, r.Zone = "p-1", "az-1"
	if !s.s.Take(r) {
		s.t.Fatal("the report was not taken")
	}
	s.after = r.Number
}

// messages are a curve's messages in a second; -1 for what is not known.
func messages(c series.Curve, of func(series.Point) *series.Rate) []float64 {
	var all []float64
	for _, p := range c.Points {
		n := -1.0
		if r := of(p); r != nil {
			n = r.Messages
		}
		all = append(all, n)
	}
	return all
}

func in(p series.Point) *series.Rate  { return p.In }
func out(p series.Point) *series.Rate { return p.Out }

// tail is the last n of them.
func tail[T any](all []T, n int) []T { return all[max(len(all)-n, 0):] }

func TestRatesAreWhatWasCountedInEachStep(t *testing.T) {
	s := newScene(t)
	for n := range 4 {
		s.p.Stored(shop, orders, 100*(n+1), 1000)
		s.p.Delivered(read, 10*(n+1), 100)
		s.tell()
	}
	s.clock.Advance(20 * time.Second)
	c := s.s.Topic(ofOrders, hour)
	if got, want := tail(messages(c, in), 5), []float64{-1, 10, 20, 30, 40}; !slices.Equal(got, want) {
		t.Errorf("in: %v, want %v", got, want)
	}
	if got, want := tail(messages(c, out), 5), []float64{-1, 1, 2, 3, 4}; !slices.Equal(got, want) {
		t.Errorf("out: %v, want %v", got, want)
	}
	if got := tail(messages(s.s.Tenant(bank, hour), out), 1); got[0] != 4 {
		t.Errorf("the reader's tenant: %v", got)
	}
	if got := tail(messages(s.s.Group(ofBills, nil, hour), out), 1); got[0] != 4 {
		t.Errorf("the group: %v", got)
	}
	if got := tail(messages(s.s.Topic(series.Topic{Tenant: bank, Name: orders}, hour), in), 1); got[0] != 0 {
		t.Errorf("a topic of the same name of another tenant: %v", got)
	}
	if p := s.s.Proxies(); len(p) != 1 || p[0].Zone != "az-1" || p[0].In.Messages != 1000.0/60 {
		t.Errorf("%+v", p)
	}
}

func TestWhatNobodyToldOfIsNotKnown(t *testing.T) {
	s := newScene(t)
	s.clock.Advance(30 * time.Second)
	s.p.Stored(shop, orders, 10, 10)
	s.tell()
	s.clock.Advance(40 * time.Second)
	c := s.s.Topic(ofOrders, hour)
	got := messages(c, in)
	if last := got[len(got)-1]; last != -1 {
		t.Errorf("the last step, which nobody told of, shows %v", last)
	}
	if !slices.Contains(got, 1) || got[0] != -1 {
		t.Errorf("%v", got)
	}
	if c.Points[0].Time.After(s.clock.Now().Add(-59 * time.Minute)) {
		t.Errorf("an hour begins at %v", c.Points[0].Time)
	}
}

func TestALateReportIsSpreadOverItsTime(t *testing.T) {
	s := newScene(t)
	s.tell()
	s.p.Stored(shop, orders, 300, 3000)
	s.clock.Advance(20 * time.Second)
	s.tell()
	s.clock.Advance(20 * time.Second)
	if got, want := tail(messages(s.s.Topic(ofOrders, hour), in), 3), []float64{10, 10, 10}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestAPlaneThatStartsTakesCountersForNoFlow(t *testing.T) {
	s := newScene(t)
	s.p.Stored(shop, orders, 1_000_000, 1)
	s.p.Delivered(read, 1_000_000, 1)
	s.tell()
	s.s = series.New(s.clock, 0) // another process
	s.p.Stored(shop, orders, 100, 1)
	s.clock.Advance(10 * time.Second)
	if s.s.Take(s.p.Report(s.after)) {
		t.Fatal("what adds to a report that was never heard was taken")
	}
	s.after = 0
	s.tell()
	s.p.Stored(shop, orders, 100, 1)
	s.p.Delivered(read, 50, 1)
	s.tell()
	s.clock.Advance(20 * time.Second)
	got := messages(s.s.Topic(ofOrders, hour), in)
	if sum := slices.Max(got); sum != 10 {
		t.Errorf("%v: counters from before are a flow", tail(got, 6))
	}
	if known := tail(got, 3); known[0] != -1 {
		t.Errorf("%v: the step of the first report is known", known)
	}
}

func TestAReportThatWasOvertakenCountsOnce(t *testing.T) {
	s := newScene(t)
	s.tell()
	s.clock.Advance(10 * time.Second)
	s.p.Stored(shop, orders, 100, 1)
	slow, fast := s.p.Report(s.after), s.p.Report(s.after)
	s.s.Take(fast)
	s.s.Take(slow)
	s.s.Take(fast)
	s.clock.Advance(30 * time.Second)
	if got := slices.Max(messages(s.s.Topic(ofOrders, hour), in)); got != 10 {
		t.Errorf("%v messages in a second", got)
	}
}

func TestADayIsKeptInStepsOfFiveMinutes(t *testing.T) {
	s := newScene(t)
	for range 25 * 6 * 10 { // 250 minutes
		s.p.Stored(shop, orders, 10, 10)
		s.tell()
	}
	c := s.s.Topic(ofOrders, series.Window{Span: series.Day})
	if got := tail(messages(c, in), 3); !slices.Equal(got, []float64{1, 1, 1}) || c.Step != 5*time.Minute || len(c.Points) < 287 {
		t.Errorf("%v of %d points", got, len(c.Points))
	}
	made := s.clock.Now().Add(-time.Hour)
	if c := s.s.Topic(ofOrders, series.Window{Span: series.Day, Since: made}); len(c.Points) > 12 {
		t.Errorf("%d points of a topic that is an hour old", len(c.Points))
	}
}

func TestLagIsKeptWithItsAge(t *testing.T) {
	s := newScene(t)
	a, b := series.Pair{Group: ofBills, Topic: ofOrders}, series.Pair{Group: ofBills, Topic: series.Topic{Tenant: shop, Name: refund}}
	s.s.Lag(a, 7, 90*time.Second)
	s.s.Lag(b, 5, -1)
	s.clock.Advance(30 * time.Second)
	c := s.s.Group(ofBills, nil, hour)
	last := c.Points[len(c.Points)-1]
	if last.Lag == nil || *last.Lag != 12 || last.Age == nil || *last.Age != 90*time.Second {
		t.Errorf("%+v", last)
	}
	only := s.s.Group(ofBills, &b.Topic, hour)
	if last := only.Points[len(only.Points)-1]; *last.Lag != 5 || last.Age != nil {
		t.Errorf("an age that is not known: %+v", last)
	}
	// One topic goes on to be looked at, the other one is not: the sum is not known any more.
	s.clock.Advance(2 * time.Minute)
	s.s.Lag(a, 7, time.Second)
	s.clock.Advance(30 * time.Second)
	c = s.s.Group(ofBills, nil, hour)
	if last := c.Points[len(c.Points)-1]; last.Lag != nil {
		t.Errorf("half a sum: %d", *last.Lag)
	}
}

func TestSeriesAreBounded(t *testing.T) {
	c := clock.NewVirtual(time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC))
	s := series.New(c, 3)
	p := tally.New(c)
	for n := range 5 {
		p.Stored(shop, must(mq.ParseTopicName(fmt.Sprintf("t-%d", n))), 10, 10)
	}
	c.Advance(10 * time.Second)
	s.Take(p.Report(0))
	kept := 0
	c.Advance(20 * time.Second)
	for n := range 5 {
		curve := s.Topic(series.Topic{Tenant: shop, Name: must(mq.ParseTopicName(fmt.Sprintf("t-%d", n)))}, hour)
		if !curve.Short {
			t.Error("that there was no room is not told")
		}
		if slices.Max(messages(curve, in)) > 0 {
			kept++
		}
	}
	if kept != 3 {
		t.Errorf("%d are kept, 3 is the bound", kept)
	}
	c.Advance(25 * time.Hour) // what saw nothing for a day makes room
	p.Stored(shop, orders, 10, 10)
	s.Take(p.Report(1))
	c.Advance(20 * time.Second)
	if got := slices.Max(messages(s.Topic(ofOrders, hour), in)); got <= 0 {
		t.Error("idle series are kept for ever")
	}
}

// estate is a control plane whose groups are behind as told.
type estate struct {
	contents control.Catalog
	lag      map[mq.TopicName]int64
	gone     bool
	asked    int
	held     int64 // what consumers hold, -1 where nobody knows
	borrowed []grant.Grant
}

func (e *estate) Borrowed(of mq.Tenant) []grant.Grant {
	return slices.DeleteFunc(slices.Clone(e.borrowed), func(g grant.Grant) bool { return g.Borrower != of })
}

func (e *estate) Contents() control.Catalog { return e.contents }

func (e *estate) Progress(_ context.Context, _ mq.Tenant, _ mq.GroupName, only *mq.TopicName) ([]control.TopicProgress, error) {
	if e.gone {
		return nil, mq.Refuse(mq.GroupNotFound, "gone")
	}
	var all []control.TopicProgress
	for topic, n := range e.lag {
		if only == nil || topic == *only {
			e.asked++
			all = append(all, control.TopicProgress{Topic: topic, Queues: []mq.QueueProgress{{Begun: true, Ready: n, Leased: e.held}}})
		}
	}
	return all, nil
}

// RocketMQ's brokers do not tell what consumers hold.
func TestLagIsKnownWhereNobodyTellsWhatConsumersHold(t *testing.T) {
	for held, want := range map[int64]int64{-1: 12, 3: 15} {
		s := newScene(t)
		e := &estate{lag: map[mq.TopicName]int64{orders: 12}, held: held}
		e.contents.Groups = []control.Group{{Tenant: shop, Name: bills}}
		series.NewSampler(s.s, e, s.clock).Look(t.Context())
		s.clock.Advance(30 * time.Second)
		c := s.s.Group(series.Group{Tenant: shop, Name: bills}, nil, hour)
		if last := c.Points[len(c.Points)-1]; last.Lag == nil || *last.Lag != want {
			t.Errorf("%d are held: %+v", held, last)
		}
	}
}

func TestTheSamplerMeetsGroupsThatNobodyConsumesWith(t *testing.T) {
	s := newScene(t)
	e := &estate{lag: map[mq.TopicName]int64{orders: 12}}
	e.contents.Groups = []control.Group{{Tenant: shop, Name: bills}}
	sampler := series.NewSampler(s.s, e, s.clock)
	sampler.Look(t.Context())
	s.clock.Advance(30 * time.Second)
	c := s.s.Group(series.Group{Tenant: shop, Name: bills}, nil, hour)
	if last := c.Points[len(c.Points)-1]; last.Lag == nil || *last.Lag != 12 {
		t.Errorf("%+v", last)
	}
	e.gone = true
	sampler.Look(t.Context())
	if left := s.s.Pairs(); len(left) != 0 {
		t.Errorf("%v are kept of a group that is gone", left)
	}
}

func TestTheLagOfABorrowedTopicIsTheBorrowersUnderItsOwnName(t *testing.T) {
	s := newScene(t)
	lent := must(mq.ParseTopicName("lent"))
	e := &estate{lag: map[mq.TopicName]int64{lent: 12}, borrowed: []grant.Grant{{Owner: shop, Topic: orders, Borrower: bank, As: lent, Rights: grant.Rights{Subscribe: true}}}}
	e.contents.Groups = []control.Group{{Tenant: bank, Name: bills}}
	sampler := series.NewSampler(s.s, e, s.clock)
	sampler.Look(t.Context()) // meets it, and asks about it under the name that its tenant has for it
	s.p.Delivered(read, 10, 100)
	s.tell()
	e.lag[lent] = 7
	sampler.Look(t.Context())
	s.clock.Advance(30 * time.Second)
	if pairs := s.s.Pairs(); len(pairs) != 1 || pairs[0] != (series.Pair{Group: ofBills, Topic: ofOrders}) {
		t.Fatalf("%+v", pairs)
	}
	c := s.s.Group(ofBills, &ofOrders, hour)
	if last := c.Points[len(c.Points)-1]; last.Lag == nil || *last.Lag != 7 {
		t.Errorf("%+v", last)
	}
	e.borrowed = nil
	sampler.Look(t.Context())
	if pairs := s.s.Pairs(); slices.Contains(pairs, series.Pair{Group: ofBills, Topic: ofOrders}) {
		t.Error("the grant is over, and its lag is kept")
	}
}

func TestPairsTakeTurnsWhereThereAreMany(t *testing.T) {
	s := newScene(t)
	e := &estate{lag: map[mq.TopicName]int64{}}
	for n := range 250 {
		topic := must(mq.ParseTopicName(fmt.Sprintf("t-%03d", n)))
		e.lag[topic] = int64(n)
		s.s.Lag(series.Pair{Group: series.Group{Tenant: shop, Name: bills}, Topic: series.Topic{Tenant: shop, Name: topic}}, 0, 0)
	}
	sampler := series.NewSampler(s.s, e, s.clock)
	sampler.Look(t.Context())
	if e.asked != 200 {
		t.Fatalf("one look asked %d times", e.asked)
	}
	s.clock.Advance(10 * time.Second)
	sampler.Look(t.Context())
	s.clock.Advance(30 * time.Second)
	c := s.s.Group(series.Group{Tenant: shop, Name: bills}, nil, hour)
	if last := c.Points[len(c.Points)-1]; last.Lag == nil || *last.Lag != 250*249/2 {
		t.Errorf("%+v", last.Lag)
	}
}
