// SPDX-License-Identifier: Apache-2.0

// Package readings is the figures that a control plane of this process keeps, who is connected, and who tells it: its own proxy, proxies elsewhere, and the clusters.
package readings

import (
	"context"
	"log/slog"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/roster"
	"github.com/causeway-mq/causeway/control/series"
	"github.com/causeway-mq/causeway/control/site"
	"github.com/causeway-mq/causeway/control/usage"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/internal/lifecycle"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/herald"
	"github.com/causeway-mq/causeway/proxy/roll"
	"github.com/causeway-mq/causeway/proxy/tally"
)

// Readings are the figures. Start must be called.
type Readings struct {
	Series  *series.Series
	Usage   usage.Table
	Roster  *roster.Roster
	meter   *usage.Meter
	sampler *series.Sampler
	clock   clock.Clock
}

// Estate is the control plane as readings see it.
type Estate interface {
	series.Estate
	Topic(mq.Tenant, mq.TopicName) (control.Topic, error)
	Site(mq.Cluster) (*site.Site, error)
}

// Options is what readings are made of.
type Options struct {
	Estate Estate
	Table  usage.Table
	Clock  clock.Clock
	Log    *slog.Logger
}

// New makes readings, which begin with nothing but the days that the table has.
func New(o Options) *Readings {
	s := series.New(o.Clock, 0)
	s.StoredIn(func(t series.Topic) string {
		topic, err := o.Estate.Topic(t.Tenant, t.Name)
		if err != nil {
			return ""
		}
		at, err := o.Estate.Site(topic.Spec.Cluster)
		if err != nil {
			return ""
		}
		return at.Zone
	})
	return &Readings{Series: s, Usage: o.Table, Roster: roster.New(o.Clock, 0), meter: usage.NewMeter(o.Table, o.Clock, o.Log), sampler: series.NewSampler(s, o.Estate, o.Clock), clock: o.Clock}
}

// Take takes what a proxy says; false where the whole is needed.
func (r *Readings) Take(told tally.Report) bool {
	r.meter.Take(told)
	return r.Series.Take(told)
}

// Start runs what keeps the figures. When the group stops what waits is written, after those that tell have stopped: they are started later.
func (r *Readings) Start(g *lifecycle.Group) {
	g.OnStop("usage", r.meter.Close)
	g.Go("usage", r.meter.Run)
	g.Go("lag", r.sampler.Run)
}

// Own is what this process's own proxy tells, under its name.
type Own struct {
	Name  string
	Tally *tally.Tally
	Roll  *roll.Roll
}

// Listen takes what this process's own proxy tells.
func (r *Readings) Listen(g *lifecycle.Group, own Own) {
	g.Go("figures", func(ctx context.Context) error {
		after, seen := uint64(0), uint64(0)
		tick := r.clock.NewTimer(herald.Every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C():
				tick.Reset(herald.Every)
			case <-ctx.Done():
				return ctx.Err()
			}
			told := own.Tally.Report(after)
			told.Proxy = own.Name
			r.Take(told)
			after = told.Number
			here := own.Roll.Report(seen)
			here.Proxy = own.Name
			if !r.Roster.Take(here) { // it has no room, and is told the whole the next time
				here.Number = 0
			}
			seen = here.Number
		}
	})
	g.OnStop("figures", func(context.Context) error {
		told := own.Tally.Report(0)
		told.Proxy = own.Name
		r.meter.Take(told)
		return nil
	})
}
