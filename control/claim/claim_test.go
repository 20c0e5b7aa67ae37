// SPDX-License-Identifier: Apache-2.0

package claim_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control/claim"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

// table is a table in memory by a virtual clock.
type table struct {
	clock *clock.Virtual

	mu    sync.Mutex // guards all below
	rows  map[string]row
	away  bool
	asked int
}

type row struct {
	holder string
	ends   time.Time
}

func (t *table) Claim(_ context.Context, what, holder string, d time.Duration) (bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.asked++
	if t.away {
		return false, mq.Refuse(mq.Unavailable, "away")
	}
	now := t.clock.Now()
	if r, there := t.rows[what]; there && r.holder != holder && r.ends.After(now) {
		return false, nil
	}
	t.rows[what] = row{holder, now.Add(d)}
	return true, nil
}

func (t *table) Unclaim(_ context.Context, what, holder string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.rows[what].holder == holder {
		delete(t.rows, what)
	}
	return nil
}

func (t *table) set(do func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	do()
}

func (t *table) calls() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.asked
}

const lasts = 10 * time.Second

// keepers are two planes over one table; both renew until the test ends.
func keepers(t *testing.T) (*table, *claim.Keeper, *claim.Keeper) {
	virtual := clock.NewVirtual(time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC))
	tab := &table{clock: virtual, rows: map[string]row{}}
	one, two := claim.New(tab, "one", lasts, virtual), claim.New(tab, "two", lasts, virtual)
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { one.Run(ctx) })
	t.Cleanup(func() { cancel(); done.Wait() })
	return tab, one, two
}

func take(t *testing.T, k *claim.Keeper, what string, want bool) context.Context {
	t.Helper()
	work, ok, err := k.Take(context.Background(), what)
	if err != nil || ok != want {
		t.Fatalf("take %s: %v, %v, want %v", what, ok, err, want)
	}
	return work
}

// pass lets time go by in steps until something holds.
func pass(t *testing.T, tab *table, what string, holds func() bool) {
	t.Helper()
	for bound := time.Now().Add(10 * time.Second); !holds(); tab.clock.Advance(100 * time.Millisecond) {
		if time.Now().After(bound) {
			t.Fatalf("it never came true: %s", what)
		}
	}
}

func TestWhatIsHeldIsRenewedAndStaysHeld(t *testing.T) {
	tab, one, two := keepers(t)
	work := take(t, one, "a", true)
	begin := tab.calls()
	pass(t, tab, "twenty renewals", func() bool { return tab.calls() >= begin+20 })
	if work.Err() != nil {
		t.Error("the work was ended")
	}
	take(t, two, "a", false)
	if err := one.Drop(context.Background(), "a"); err != nil || work.Err() == nil {
		t.Errorf("%v; given back, the work's context is over", err)
	}
	take(t, two, "a", true)
}

func TestTwoOnOnePlaneDoNotHoldTheSame(t *testing.T) {
	tab, one, _ := keepers(t)
	alone := claim.New(nil, "", 0, tab.clock)
	for _, k := range []*claim.Keeper{one, alone} {
		work := take(t, k, "a", true)
		take(t, k, "a", false)
		take(t, k, "b", true)
		if work.Err() != nil {
			t.Error("the first one lost it")
		}
		if err := k.Drop(context.Background(), "a"); err != nil {
			t.Error(err)
		}
		take(t, k, "a", true)
	}
}

func TestWorkEndsWhenAnotherOneHasItsClaim(t *testing.T) {
	tab, one, _ := keepers(t)
	work := take(t, one, "a", true)
	tab.set(func() { tab.rows["a"] = row{"two", tab.clock.Now().Add(time.Hour)} }) // as after a long sleep of this process
	pass(t, tab, "the work ends", func() bool { return work.Err() != nil })
}

func TestWorkEndsWhenItsClaimCannotBeRenewedInTime(t *testing.T) {
	tab, one, _ := keepers(t)
	work := take(t, one, "a", true)
	begin := tab.clock.Now()
	tab.set(func() { tab.away = true })
	pass(t, tab, "the work ends", func() bool { return work.Err() != nil })
	if after := tab.clock.Now().Sub(begin); after < lasts/2 {
		t.Errorf("after %v", after)
	}
	if _, _, err := one.Take(context.Background(), "b"); mq.KindOf(err) != mq.Unavailable {
		t.Errorf("without the table: %v", err)
	}
	tab.set(func() { tab.away = false })
	take(t, one, "b", true)
}

func TestTheClaimOfADeadPlaneEnds(t *testing.T) {
	tab, one, two := keepers(t)
	take(t, two, "a", true) // nobody renews for two
	pass(t, tab, "another may have it", func() bool {
		_, ok, err := one.Take(context.Background(), "a")
		return err == nil && ok
	})
}
