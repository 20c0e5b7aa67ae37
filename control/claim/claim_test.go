// SPDX-License-Identifier: Apache-2.0

package claim_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
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
	stop  func() // called before a claim is judged
}

type row struct {
	holder string
	ends   time.Time
}

func (t *table) Claim(_ context.Context, what, holder string, d time.Duration) (bool, error) {
	t.mu.Lock()
	stop := t.stop
	t.mu.Unlock()
	if stop != nil {
		stop()
	}
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
	for bound := time.Now().Add(30 * time.Second); !holds(); tab.clock.Advance(100 * time.Millisecond) {
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
	take(t, one, "a", false)
	tab.set(func() { delete(tab.rows, "a") })
	take(t, one, "a", false) // who lost it may still be at it
	if err := one.Drop(context.Background(), "a"); err != nil {
		t.Error(err)
	}
	take(t, one, "a", true)
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

// line is who waits for one thing, and who had it, in order.
type line struct {
	t    *testing.T
	tab  *table
	done sync.WaitGroup

	mu  sync.Mutex // guards had
	had []string
}

// join lets one more wait, and returns when he does. Who has it gives it back at once.
func (l *line) join(name string, k *claim.Keeper, wait claim.Way) {
	l.t.Helper()
	pending := l.tab.clock.Pending()
	l.done.Go(func() {
		_, ok, err := wait(context.Background(), "a", 1000*time.Hour)
		if err != nil || !ok {
			l.t.Errorf("%s: %v, %v", name, ok, err)
			return
		}
		l.mu.Lock()
		l.had = append(l.had, name)
		l.mu.Unlock()
		if err := k.Drop(context.Background(), "a"); err != nil {
			l.t.Error(err)
		}
	})
	until(l.t, name+" waits", func() bool { return l.tab.clock.Pending() == pending+1 })
}

func (l *line) soFar() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.had)
}

// until waits for what other goroutines do without time going by.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for bound := time.Now().Add(30 * time.Second); !holds(); <-look.C {
		if time.Now().After(bound) {
			t.Fatalf("it never came true: %s", what)
		}
	}
}

func TestWhoWaitsHasItInTurnWhenItIsGivenBack(t *testing.T) {
	tab, one, _ := keepers(t)
	until(t, "renewals", func() bool { return tab.clock.Pending() == 1 })
	for _, k := range []*claim.Keeper{one, claim.New(nil, "", 0, tab.clock)} {
		take(t, k, "a", true)
		l := &line{t: t, tab: tab}
		l.join("first", k, k.Wait)
		l.join("second", k, k.Wait)
		l.join("third", k, k.Wait)
		l.join("a look", k, k.WaitFirst)
		take(t, k, "b", true) // nobody waits for that
		if err := errors.Join(k.Drop(context.Background(), "b"), k.Drop(context.Background(), "a")); err != nil {
			t.Error(err)
		}
		l.done.Wait()
		if got := strings.Join(l.soFar(), ", "); got != "a look, first, second, third" {
			t.Errorf("no time went by: %s", got)
		}
		take(t, k, "a", true)
	}
}

func TestOneOfAPlaneAsksForWhatAnotherOneHolds(t *testing.T) {
	tab, one, two := keepers(t)
	until(t, "renewals", func() bool { return tab.clock.Pending() == 1 })
	take(t, two, "a", true)
	l := &line{t: t, tab: tab}
	l.join("first", one, one.Wait)
	l.join("second", one, one.Wait)
	begin, pending := tab.calls(), tab.clock.Pending()
	for n := range 10 {
		tab.clock.Advance(100 * time.Millisecond)
		until(t, "it is asked for", func() bool { return tab.calls() > begin+n && tab.clock.Pending() == pending })
	}
	if asked := tab.calls() - begin; asked != 10 {
		t.Errorf("%d questions in a second, two wait", asked)
	}
	if err := two.Drop(context.Background(), "a"); err != nil {
		t.Fatal(err)
	}
	tab.clock.Advance(100 * time.Millisecond)
	l.done.Wait()
	if got := strings.Join(l.soFar(), ", "); got != "first, second" {
		t.Error(got)
	}
}

func TestWaitingHasABoundAndEndsWithItsCaller(t *testing.T) {
	tab, one, two := keepers(t)
	until(t, "renewals", func() bool { return tab.clock.Pending() == 1 })
	tab.set(func() { tab.rows["a"] = row{"two", tab.clock.Now().Add(1000 * time.Hour)} })
	l := &line{t: t, tab: tab}
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	wait := func(ctx context.Context, want error) {
		pending := tab.clock.Pending()
		go func() {
			_, ok, err := one.Wait(ctx, "a", 2*time.Second)
			if ok || !errors.Is(err, want) {
				err = fmt.Errorf("%v, %w", ok, err)
			} else {
				err = nil
			}
			ended <- err
		}()
		until(t, "he waits", func() bool { return tab.clock.Pending() == pending+1 })
	}
	wait(ctx, context.Canceled)
	l.join("behind him", one, one.Wait)
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	wait(context.Background(), nil)
	begin := tab.clock.Now()
	var over bool
	pass(t, tab, "the bound is over", func() bool {
		select {
		case err := <-ended:
			over = true
			if err != nil {
				t.Error(err)
			}
		default:
		}
		return over
	})
	if long := tab.clock.Now().Sub(begin); long < 2*time.Second {
		t.Errorf("after %v", long)
	}
	if err := two.Drop(context.Background(), "a"); err != nil {
		t.Fatal(err)
	}
	pass(t, tab, "who is left has it", func() bool { return len(l.soFar()) == 1 })
	l.done.Wait()
	take(t, two, "a", true)
}

// A plane knows at once that it gave a claim back, and another one only when it asks.
func TestALongLineKeepsNoClaimFromOtherPlanes(t *testing.T) {
	tab, one, two := keepers(t)
	until(t, "renewals", func() bool { return tab.clock.Pending() == 1 })
	take(t, one, "a", true)
	l := &line{t: t, tab: tab}
	l.join("another plane's", two, two.Wait)
	for n := range 30 {
		l.join(strconv.Itoa(n), one, one.Wait)
	}
	if err := one.Drop(context.Background(), "a"); err != nil {
		t.Fatal(err)
	}
	until(t, "so many had it in a row", func() bool { return len(l.soFar()) == 7 })
	tab.clock.Advance(100 * time.Millisecond)
	until(t, "the other plane has it", func() bool { return slices.Contains(l.soFar(), "another plane's") })
	if at := slices.Index(l.soFar(), "another plane's"); at != 7 {
		t.Errorf("%d of the line came before", at)
	}
	pass(t, tab, "all had it", func() bool { return len(l.soFar()) == 31 })
	l.done.Wait()
}

func TestARenewalThatIsUnderWayDoesNotOutliveItsClaim(t *testing.T) {
	tab, one, two := keepers(t)
	take(t, one, "a", true)
	asked, judge := make(chan struct{}), make(chan struct{})
	var once sync.Once
	tab.set(func() {
		tab.stop = func() { once.Do(func() { close(asked); <-judge }) }
	})
	pass(t, tab, "it is renewed", func() bool {
		select {
		case <-asked:
			return true
		default:
			return false
		}
	})
	dropped := make(chan error, 1)
	go func() { dropped <- one.Drop(context.Background(), "a") }()
	select {
	case <-dropped:
		t.Error("the renewal may come after it")
	default:
	}
	close(judge)
	if err := <-dropped; err != nil {
		t.Error(err)
	}
	take(t, two, "a", true)
}
