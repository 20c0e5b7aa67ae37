// SPDX-License-Identifier: Apache-2.0

package steward_test

import (
	"strings"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/controltest"
	"github.com/causeway-mq/causeway/control/estate"
	"github.com/causeway-mq/causeway/control/refusal"
	"github.com/causeway-mq/causeway/control/sqlstore"
	"github.com/causeway-mq/causeway/control/steward"
	"github.com/causeway-mq/causeway/mq"
)

// house is a control plane, beside others over the database in dir, with its steward. It hears of what others change only when a change of its own
// is outrun.
type house struct {
	*control.Plane
	*steward.Steward
	t *testing.T
}

func open(t *testing.T, dir string) house {
	t.Helper()
	store, err := sqlstore.OpenSQLite(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	engine := controltest.New()
	p, err := control.Open(t.Context(), control.Options{
		Store: store, Cluster: parsed(t, mq.ParseCluster, "east"), Zone: "az1", Engine: engine, Inspector: engine, Sharing: &control.Sharing{Poll: time.Hour, Claim: time.Hour},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return house{p, steward.New(p, time.Now), t}
}

func parsed[T any](t *testing.T, parse func(string) (T, error), text string) T {
	t.Helper()
	v, err := parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func name(t *testing.T, text string) estate.Name {
	return parsed(t, func(s string) (estate.Name, error) { return estate.ParseName("name", s) }, text)
}

func by() control.Actor { return control.Itself("test") }

func (h house) make(kind control.RecordKind, called string) {
	h.t.Helper()
	if _, err := h.Create(h.t.Context(), by(), estate.Item{Kind: kind, Name: name(h.t, called)}); err != nil {
		h.t.Fatal(err)
	}
}

// put gives the default tenant a plan.
func (h house) put(plan string) error {
	n := name(h.t, plan)
	_, err := h.Steward.ChangeTenant(h.t.Context(), by(), parsed(h.t, mq.ParseTenant, mq.DefaultTenant), steward.TenantChange{Plan: &n})
	return err
}

func TestWhatAnotherPlaneNamedOrDeletedMeanwhileIsSeenInTime(t *testing.T) {
	dir := t.TempDir()
	one := open(t, dir)
	one.make(estate.Plan, "gold")
	one.make(estate.Plan, "silver")
	other := open(t, dir)
	if err := one.put("gold"); err != nil {
		t.Fatal(err)
	}
	if err := other.Delete(t.Context(), by(), control.Ref{Kind: estate.Plan, Name: "gold"}, 0); !refusal.Because(err, steward.InUse) {
		t.Errorf("a plan that a tenant got at another plane was deleted: %v", err)
	}
	if err := one.Delete(t.Context(), by(), control.Ref{Kind: estate.Plan, Name: "silver"}, 0); err != nil {
		t.Fatal(err)
	}
	if err := other.put("silver"); !refusal.Because(err, refusal.OutOfRange) {
		t.Errorf("a tenant got a plan that another plane had deleted: %v", err)
	}
}

func TestAZoneThatNobodyMadeIsFound(t *testing.T) {
	h := open(t, t.TempDir())
	h.make(estate.Zone, "az2")
	proxies := []steward.Stands{{What: "proxy a", Zone: "az2"}, {What: "proxy b", Zone: "az9"}, {What: "proxy c"}}
	f := h.Lost(proxies)
	if f.Status != control.Warn || !strings.Contains(f.Detail, `cluster east says "az1", proxy b says "az9"`) || strings.Contains(f.Detail, "proxy a") || strings.Contains(f.Detail, "proxy c") {
		t.Errorf("found %+v", f)
	}
	h.make(estate.Zone, "az1")
	if f := h.Lost(proxies[:1]); f.Status != control.Good {
		t.Errorf("found %+v", f)
	}
	if err := h.Delete(t.Context(), by(), control.Ref{Kind: estate.Zone, Name: "az1"}, 0); !refusal.Because(err, steward.InUse) {
		t.Errorf("the zone of a cluster was deleted: %v", err)
	}
	if err := h.Delete(t.Context(), by(), control.Ref{Kind: estate.Zone, Name: "az2"}, 0); err != nil {
		t.Errorf("a zone that no cluster names: %v", err)
	}
}
