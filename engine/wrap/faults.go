// SPDX-License-Identifier: Apache-2.0

package wrap

import (
	"context"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

// Fault is what goes wrong with one call.
type Fault struct {
	// Delay is waited before the call reaches the engine; an ended context ends the wait, and the call is then an unknown
	// outcome that never reached the engine.
	Delay time.Duration
	// Refuse answers with this and never reaches the engine; nil does not refuse.
	Refuse error
	// LoseReply lets the engine do it and answers that nobody knows.
	LoseReply bool
}

// Faults makes calls of an engine fail by plan, for tests. The zero plan lets everything pass.
type Faults struct {
	clock clock.Clock

	mu    sync.Mutex // guards plan and count
	plan  map[Verb]map[int]Fault
	count map[Verb]int
}

// NewFaults starts an empty plan. Delays are waited on the clock.
func NewFaults(c clock.Clock) *Faults {
	return &Faults{clock: c, plan: map[Verb]map[int]Fault{}, count: map[Verb]int{}}
}

// At plans a fault for the n-th call of a verb from now on, 1 for the next one.
func (f *Faults) At(verb Verb, n int, fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.plan[verb] == nil {
		f.plan[verb] = map[int]Fault{}
	}
	f.plan[verb][f.count[verb]+n] = fault
}

// Calls is how often the verb was called.
func (f *Faults) Calls(verb Verb) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.count[verb]
}

// Wrap gives an engine that follows the plan. Several engines may follow one.
func (f *Faults) Wrap(e Engine) Engine { return calls{e, f.around} }

func (f *Faults) next(verb Verb) Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count[verb]++
	fault := f.plan[verb][f.count[verb]]
	delete(f.plan[verb], f.count[verb])
	return fault
}

func (f *Faults) around(ctx context.Context, verb Verb, do func() error) error {
	fault := f.next(verb)
	if fault.Delay > 0 {
		if err := clock.Rest(ctx, f.clock, fault.Delay); err != nil {
			return mq.Doubt(mq.Timeout, err, "%s: the context ended during a planned delay", verb)
		}
	}
	if fault.Refuse != nil {
		return fault.Refuse
	}
	_ = do() // its error is the caller's answer, unless the reply is lost
	if fault.LoseReply {
		return mq.Doubt(mq.Timeout, nil, "%s: the reply was lost by plan", verb)
	}
	return nil
}
