// SPDX-License-Identifier: Apache-2.0

package live

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/api/door"
	"github.com/causeway-mq/causeway/control/controltest"
	"github.com/causeway-mq/causeway/control/identity"
	"github.com/causeway-mq/causeway/control/job"
	"github.com/causeway-mq/causeway/control/series"
	"github.com/causeway-mq/causeway/control/sqlstore"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

// seen is a request at a control plane in virtual time.
func seen(t *testing.T) (*door.Request, *clock.Virtual) {
	t.Helper()
	v := clock.NewVirtual(time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC))
	store, err := sqlstore.OpenSQLite(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	cluster, err := mq.ParseCluster("test")
	if err != nil {
		t.Fatal(err)
	}
	engine := controltest.New()
	plane, err := control.Open(t.Context(), control.Options{Store: store, Engine: engine, Inspector: engine, Cluster: cluster, Clock: v})
	if err != nil {
		t.Fatal(err)
	}
	board := job.Open(job.Options{Plane: plane, Clock: v})
	t.Cleanup(func() {
		board.Close()
		if err := plane.Close(); err != nil {
			t.Error(err)
		}
	})
	kept := &door.Kept{Plane: plane, Jobs: board, Who: identity.New(plane, v.Now), Clock: v, Series: series.New(v, 0)}
	return &door.Request{Kept: kept}, v
}

func TestOneLookServesAllReadersOfATenant(t *testing.T) {
	r, now := seen(t)
	own, err := mq.ParseTenant(mq.DefaultTenant)
	if err != nil {
		t.Fatal(err)
	}
	add := func(n int) {
		body := fmt.Sprintf(`{"kind":"redrive","target":"g","state":"done","begun":"2026-12-01T08:0%d:00Z"}`, n)
		d := control.Document{Kind: job.Record, Tenant: own.String(), Name: fmt.Sprint("job-", n), Body: body}
		if _, err := r.Plane.AddDocument(t.Context(), control.Itself("test"), d, func() error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	c := &scene{tenant: own}
	look := func() records {
		t.Helper()
		l, err := c.list(r, jobs)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	add(1)
	first := look()
	add(2)
	if again := look(); len(again.all) != 1 || &again.all[0] != &first.all[0] {
		t.Errorf("within a second it is looked anew: %v", again.all)
	}
	now.Advance(fresh)
	second := look()
	if len(second.all) != 2 || second.turn == first.turn || second.version <= first.version {
		t.Errorf("after a second there are %v", second.all)
	}
	now.Advance(fresh)
	if still := look(); still.turn != second.turn || &still.all[0] != &second.all[0] {
		t.Error("nothing has changed, and it is looked anew")
	}
	if a, b := c.lagNow(r), c.lagNow(r); a != b {
		t.Error("lag is looked at twice within a step")
	}
}

func TestAnEventListsThoseThatCountMost(t *testing.T) {
	var all []int
	for n := range maxListed + 100 {
		all = append(all, n%300)
	}
	more := 0
	kept := most(all, &more, func(n int) float64 { return float64(n) })
	if len(kept) != maxListed || more != 100 {
		t.Fatalf("%d are kept, %d more", len(kept), more)
	}
	for _, n := range kept {
		if n < 50 {
			t.Errorf("%d is kept", n)
		}
	}
}

func TestAnIDIsReadAsItWasWritten(t *testing.T) {
	at := time.Date(2026, 12, 1, 9, 0, 10, 0, time.UTC)
	for _, p := range []place{{}, {version: 7}, {version: 1 << 60, step: at, tail: at.Add(123 * time.Millisecond)}, {step: at, over: true}} {
		if got := placeIn(p.String()); got != p {
			t.Errorf("%q is read as %+v, not %+v", p, got, p)
		}
	}
	for _, text := range []string{"", "1", "1.1.1", "2.1.1.1", "1.-1.0.0", "1.1.1.y", "1.1.1.1.1", "1.1." + strings.Repeat("9", 30) + ".0", "1.1.99999999999999.0"} {
		if got := placeIn(text); got != (place{}) {
			t.Errorf("%q is read as %+v", text, got)
		}
	}
}
