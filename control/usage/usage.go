// SPDX-License-Identifier: Apache-2.0

// Package usage keeps what each tenant used on each day: messages and bytes in and out.
//
// Proxies count by day themselves and say where their counters stand (proxy/tally). What is kept is the newest word of each run of each proxy; a day is the sum over
// the runs. So the same word may be kept twice, by two control planes at once, or after a long silence, and a day stays right: a control plane that was away or is
// started anew loses nothing that its proxies still know. What is lost is what a proxy counted within the last seconds before it died: those since its last report,
// and in an installation of one process those since the last write as well, forty seconds together.
package usage

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/tally"
)

// Count is messages with the bytes of their bodies.
type Count = tally.Count

// Day is a day of UTC, as in 2026-12-01.
type Day = tally.Day

// Row is what one run of a proxy counted for a tenant on a day.
type Row struct {
	tally.Use
	Run string
}

// Total is what a tenant used on a day.
type Total struct {
	Day     Day
	In, Out Count
}

// Table is the rows in the database.
type Table interface {
	// KeepUsage keeps rows. Where one is there already each counter keeps its larger value: counters only grow.
	KeepUsage(ctx context.Context, some []Row) error
	// Usage sums up a tenant's days from one to another, both included, oldest first. Days without a row are left out.
	Usage(ctx context.Context, tenant mq.Tenant, from, to Day) ([]Total, error)
	// DropUsage forgets the days before one.
	DropUsage(ctx context.Context, before Day) error
}

// Bounds.
const (
	// KeptDays is how many days are kept.
	KeptDays = 400
	// flushEvery is the time between two writes, so that traffic makes no load on the store.
	flushEvery = 30 * time.Second
	// piece is how many rows are written in one go: other writers stand in line.
	piece = 500
	// maxWaiting bounds the rows that wait while the store does not answer.
	maxWaiting = 100_000
)

type key struct {
	run    string
	day    Day
	tenant mq.Tenant
}

// Meter takes what proxies say and keeps it. Take is safe for concurrent use; Run must be running.
type Meter struct {
	table Table
	clock clock.Clock
	log   *slog.Logger

	mu      sync.Mutex // guards all below; never held across a write
	waiting map[key]Row
	kept    map[key]Row // what the store has of the days that proxies still tell of
	swept   Day         // the last day on which old ones were dropped
	failed  bool
	closed  bool
}

// NewMeter makes a meter.
func NewMeter(t Table, c clock.Clock, log *slog.Logger) *Meter {
	return &Meter{table: t, clock: c, log: log, waiting: map[key]Row{}, kept: map[key]Row{}}
}

// Take notes where a proxy's counters stand.
func (m *Meter) Take(r tally.Report) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, u := range r.Uses {
		k := key{r.Run, u.Day, u.Tenant}
		row := Row{u, r.Run}
		if m.kept[k] == row {
			continue
		}
		if _, there := m.waiting[k]; !there && len(m.waiting) >= maxWaiting {
			continue // the proxy says it again
		}
		m.waiting[k] = row
	}
}

// Run writes now and then until ctx ends. What waits then is for Close.
func (m *Meter) Run(ctx context.Context) error {
	tick := m.clock.NewTimer(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C():
			m.Flush(ctx)
			tick.Reset(flushEvery)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Close writes what waits. Nothing is written afterwards.
func (m *Meter) Close(ctx context.Context) error {
	m.Flush(ctx)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	if n := len(m.waiting); n > 0 {
		return mq.Refuse(mq.Unavailable, "the use of %d tenants could not be kept", n)
	}
	return nil
}

// Flush writes what waits. What the store does not take waits for the next time.
func (m *Meter) Flush(ctx context.Context) {
	for ctx.Err() == nil {
		some := m.some()
		if len(some) == 0 {
			break
		}
		err := m.table.KeepUsage(ctx, some)
		m.done(some, err)
		if err != nil {
			return
		}
	}
	m.sweep(ctx)
}

// some is a piece of what waits.
func (m *Meter) some() []Row {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil
	}
	var some []Row
	for _, row := range m.waiting {
		if some = append(some, row); len(some) == piece {
			break
		}
	}
	return some
}

// done notes what was written, and says once when nothing can be.
func (m *Meter) done(some []Row, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err != nil {
		if !m.failed {
			m.log.Warn("usage cannot be kept; it waits", "error", err)
		}
		m.failed = true
		return
	}
	m.failed = false
	for _, row := range some {
		k := key{row.Run, row.Day, row.Tenant}
		m.kept[k] = row
		if m.waiting[k] == row {
			delete(m.waiting, k)
		}
	}
}

// sweep forgets old days, once a day.
func (m *Meter) sweep(ctx context.Context) {
	now := m.clock.Now()
	today := tally.DayOf(now)
	m.mu.Lock()
	over := m.closed || m.swept == today
	m.mu.Unlock()
	if over {
		return
	}
	if err := m.table.DropUsage(ctx, tally.DayOf(now.AddDate(0, 0, -KeptDays))); err != nil {
		return // with the next write
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.swept = today
	told := tally.DayOf(now.AddDate(0, 0, -10)) // proxies tell of fewer days
	for k := range m.kept {
		if k.day < told {
			delete(m.kept, k)
		}
	}
}
