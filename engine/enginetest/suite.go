// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/consume"
	"github.com/causeway-mq/causeway/proxy/produce"
	"github.com/causeway-mq/causeway/proxy/route"
)

// Engine is all that an engine must be.
type Engine interface {
	produce.Store
	consume.Leaser
	consume.Positioner
	route.Topology
	control.Provisioner
	control.Inspector
}

// Instance is a running engine as one case sees it.
type Instance struct {
	Engine Engine
	// Now is the engine's clock.
	Now func() time.Time
	// Advance lets d go by on the engine's clock: it moves a virtual one and returns when what fell due was started, or it
	// waits on a real one.
	Advance func(d time.Duration)
	// Second is another handle to the same engine, as another proxy would hold it. nil: the target has none.
	Second Engine
	// Reopen ends the engine and starts it again over what it stored. nil: the target cannot.
	Reopen func() (Engine, error)
	// Crash ends the engine suddenly, while calls are under way, and starts it again: calls that have returned keep their word,
	// those under way end with an unknown outcome. It is called while other goroutines call the engine. nil: the target cannot.
	Crash func() (Engine, error)
	// Close ends the engine. nil: nothing to end, for example a cluster that all cases use.
	Close func() error
}

// Target is one engine under the suite.
type Target struct {
	Name    string
	Cluster mq.Cluster
	// Open gives each case its instance: a fresh engine, or always the same cluster. Names of topics and groups are fresh in
	// either case.
	Open func() (*Instance, error)
	// Patience bounds each wait in real time; 0 means 10 s.
	Patience time.Duration
	// Lateness bounds by the engine's clock how late something that is due may show; 0 means 1 s.
	Lateness time.Duration
	// CheckEvery is the engine's rest between two checks of one transaction, 0 means 30 s; CheckRounds is how many it asks, 0
	// means 15.
	CheckEvery  time.Duration
	CheckRounds int
	// Differs names cases that this engine does not fulfil and for which there is no trait, each with what it does instead. Their
	// line says so, and they are not played, unless Certain.
	Differs map[string]string
	// Certain tells that the engine does the same each time. Then a case of Differs is played too, and has to fail: a difference that is none any more
	// must leave the list.
	Certain bool
	// Limit bounds one case in real time; 0 means 60 s.
	Limit time.Duration
	// Seeds is how many random histories are played; 0 means 8.
	Seeds int
}

func (t Target) withDefaults() Target {
	fill := func(d *time.Duration, value time.Duration) {
		if *d == 0 {
			*d = value
		}
	}
	fill(&t.Patience, 10*time.Second)
	fill(&t.Lateness, time.Second)
	fill(&t.CheckEvery, 30*time.Second)
	fill(&t.Limit, time.Minute)
	if t.CheckRounds == 0 {
		t.CheckRounds = 15
	}
	if t.Seeds == 0 {
		t.Seeds = 8
	}
	return t
}

// Case is one promise of the ports.
type Case struct {
	Name string
	// Excluded says which trait of the engine excludes the case, "" when none does. nil: no trait can.
	Excluded func(mq.Traits) string
	// Needs says what the instance must offer and does not, "" when nothing is missing. nil: nothing is needed.
	Needs func(*Instance) string
	// Play asserts the promise, Inverse what an excluding engine documents. A nil Inverse has nothing to assert.
	Play, Inverse func(*Scene)
}

// Category is how a case applied to an engine.
type Category string

// The categories. All but the first carry their reason behind a colon.
const (
	Holds      Category = "holds"
	Inverse    Category = "inverse"
	Differs    Category = "differs"
	NotOffered Category = "not offered"
)

// Result is how one case ended.
type Result struct {
	Case     string
	Category Category
	Reason   string // of a category other than Holds
	Failures []string
	Took     time.Duration
}

// String is the case's one line.
func (r Result) String() string {
	category := string(r.Category)
	if r.Reason != "" {
		category += ": " + r.Reason
	}
	verdict := "ok"
	if len(r.Failures) > 0 {
		verdict = "FAILED"
	}
	return fmt.Sprintf("%-44s %-6s %8s  %s", r.Case, verdict, r.Took.Round(time.Millisecond), category)
}

// Run plays every case as a subtest and logs one line for each.
func Run(t *testing.T, target Target) {
	t.Helper()
	for _, c := range Cases() {
		t.Run(c.Name, func(t *testing.T) {
			r := c.on(target.withDefaults())
			t.Logf("%s %s", target.Name, r)
			for _, f := range r.Failures {
				t.Error(f)
			}
		})
	}
}

// Check plays the named cases, all when none is named, and gives their results. It is Run for those who are no test.
func Check(target Target, names ...string) []Result {
	var results []Result
	for _, c := range Cases() {
		if len(names) == 0 || slices.Contains(names, c.Name) {
			results = append(results, c.on(target.withDefaults()))
		}
	}
	return results
}

// Cases lists every case, by theme.
func Cases() []Case {
	return slices.Concat(
		sendCases(), receiveCases(), filterCases(), ackCases(), extendCases(), retryCases(), fifoCases(), delayCases(),
		transactionCases(), checkCases(), armCases(), pullCases(), topologyCases(), findCases(), progressCases(), resetCases(),
		restartCases(), doorCases(), concurrencyCases(), randomCases(),
	)
}

// on plays the case in the form that fits the engine.
func (c Case) on(target Target) (r Result) {
	began := time.Now()
	r = Result{Case: c.Name, Category: Holds}
	if r.Reason = target.Differs[c.Name]; r.Reason != "" {
		r.Category = Differs
		if !target.Certain {
			return r
		}
	}
	defer func() { r.Took = time.Since(began) }()
	instance, err := target.Open()
	if err != nil {
		r.Failures = []string{fmt.Sprintf("open: %v", err)}
		return r
	}
	play := c.Play
	if c.Needs != nil && r.Category != Differs {
		if r.Reason = c.Needs(instance); r.Reason != "" {
			r.Category, play = NotOffered, nil
		}
	}
	if c.Excluded != nil && play != nil && r.Category != Differs {
		if r.Reason = c.Excluded(instance.Engine.Traits()); r.Reason != "" {
			r.Category, play = Inverse, c.Inverse
		}
	}
	if play != nil {
		r.Failures = perform(target, instance, play)
	}
	if r.Category == Differs {
		if len(r.Failures) == 0 {
			r.Failures = []string{"the promise holds: take the case off the list of differences"}
		} else {
			r.Failures = nil
		}
	}
	if instance.Close != nil {
		if err := instance.Close(); err != nil {
			r.Failures = append(r.Failures, fmt.Sprintf("close: %v", err))
		}
	}
	return r
}

// perform plays on a goroutine of its own, so that a failing scene can end itself from any depth and a hanging engine costs
// one case only.
func perform(target Target, instance *Instance, play func(*Scene)) []string {
	ctx, cancel := context.WithTimeout(context.Background(), target.Limit)
	defer cancel()
	s := newScene(ctx, target, instance)
	over := make(chan struct{})
	go func() {
		defer close(over)
		defer s.end()
		defer func() {
			if p := recover(); p != nil {
				s.errorf("panic: %v\n%s", p, debug.Stack())
			}
		}()
		play(s)
	}()
	select {
	case <-over:
		return s.report()
	case <-ctx.Done():
	}
	patience := time.NewTimer(target.Patience)
	defer patience.Stop()
	select {
	case <-over:
	case <-patience.C:
		stacks := make([]byte, 1<<16)
		s.errorf("the case hangs: a call did not return after its context had ended\n%s", stacks[:runtime.Stack(stacks, true)])
	}
	return append(s.report(), fmt.Sprintf("not over within %v", target.Limit))
}
