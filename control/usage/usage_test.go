// SPDX-License-Identifier: Apache-2.0

package usage_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control/usage"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/tally"
)

// table notes what is written.
type table struct {
	rows    map[string]usage.Row
	writes  int
	largest int
	err     error
	before  usage.Day
}

func (t *table) KeepUsage(_ context.Context, some []usage.Row) error {
	if t.err != nil {
		return t.err
	}
	t.writes++
	t.largest = max(t.largest, len(some))
	for _, r := range some {
		t.rows[r.Run+" "+string(r.Day)+" "+r.Tenant.String()] = r
	}
	return nil
}

func (t *table) Usage(context.Context, mq.Tenant, usage.Day, usage.Day) ([]usage.Total, error) {
	return nil, nil
}

func (t *table) DropUsage(_ context.Context, before usage.Day) error { t.before = before; return nil }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func newMeter() (*usage.Meter, *table, *clock.Virtual) {
	c := clock.NewVirtual(time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC))
	t := &table{rows: map[string]usage.Row{}}
	return usage.NewMeter(t, c, slog.New(slog.DiscardHandler)), t, c
}

func report(run string, tenants int, messages int64) tally.Report {
	r := tally.Report{Proxy: "p", Run: run}
	for i := range tenants {
		r.Uses = append(r.Uses, tally.Use{Day: "2026-12-01", Tenant: must(mq.ParseTenant(fmt.Sprintf("t-%d", i))), In: usage.Count{Messages: messages, Bytes: 1}})
	}
	return r
}

func TestOnlyWhatChangedIsWrittenAndInPieces(t *testing.T) {
	m, to, _ := newMeter()
	m.Take(report("r", 1200, 1))
	m.Flush(t.Context())
	if len(to.rows) != 1200 || to.writes != 3 || to.largest != 500 {
		t.Fatalf("%d rows in %d writes of up to %d", len(to.rows), to.writes, to.largest)
	}
	m.Take(report("r", 1200, 1))
	m.Flush(t.Context())
	if to.writes != 3 {
		t.Error("what was written already is written again")
	}
	m.Take(report("r", 1, 2))
	m.Flush(t.Context())
	if to.writes != 4 || to.rows["r 2026-12-01 t-0"].In.Messages != 2 {
		t.Errorf("%d writes, %+v", to.writes, to.rows["r 2026-12-01 t-0"])
	}
}

func TestWhatTheStoreDoesNotTakeWaits(t *testing.T) {
	m, to, _ := newMeter()
	to.err = errors.New("the database is away")
	m.Take(report("r", 1, 1))
	m.Flush(t.Context())
	m.Take(report("r", 1, 5))
	to.err = nil
	m.Flush(t.Context())
	if got := to.rows["r 2026-12-01 t-0"].In.Messages; got != 5 || to.writes != 1 {
		t.Errorf("%d messages in %d writes", got, to.writes)
	}
}

func TestWhatWaitsIsWrittenAtTheEndAndOldDaysAreDropped(t *testing.T) {
	m, to, _ := newMeter()
	m.Take(report("r", 1, 1))
	if err := m.Close(t.Context()); err != nil {
		t.Error(err)
	}
	m.Take(report("late", 1, 1))
	m.Flush(t.Context())
	if len(to.rows) != 1 || to.before != "2025-10-27" {
		t.Errorf("%d rows; days before %s are dropped", len(to.rows), to.before)
	}
}
