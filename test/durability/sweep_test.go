// SPDX-License-Identifier: Apache-2.0

package durability_test

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"testing"

	"github.com/causeway-mq/causeway/engine/embedded/log"
	"github.com/causeway-mq/causeway/internal/fsys/faultfs"
	"github.com/causeway-mq/causeway/internal/fsys/memfs"
)

const (
	sweepSteps = 300
	sweepSeed  = 4711
)

var sweepFaults = []struct {
	name string
	rule faultfs.Rule
}{
	{"EIO", faultfs.Rule{Err: syscall.EIO}},
	{"ENOSPC", faultfs.Rule{Err: syscall.ENOSPC}},
	{"short write", faultfs.Rule{Err: syscall.EIO, Short: true, Ops: []faultfs.Op{faultfs.Write}}},
}

// TestAnErrorAtEveryFileCall plays one workload again and again, and lets another file call fail each time: every call
// that the workload makes, with every error. Afterwards the engine starts again, from the disk as the process left it or
// as a loss of power at that moment leaves it, and the checker judges what its clients saw before and after.
func TestAnErrorAtEveryFileCall(t *testing.T) {
	var sum tally
	t.Run("all", func(t *testing.T) {
		for _, fault := range sweepFaults {
			calls := countCalls(t, fault.rule.Ops)
			t.Logf("%s: %d calls", fault.name, calls)
			const shares = 8
			for share := range shares {
				t.Run(fmt.Sprint(fault.name, "/", share), func(t *testing.T) {
					t.Parallel()
					for n := 1 + share; n <= calls+10; n += shares {
						if only, err := strconv.Atoi(os.Getenv("CAUSEWAY_CALL")); err == nil && only != n {
							continue
						}
						rule := fault.rule
						rule.First = n
						failOnce(t, fmt.Sprintf("%s, again with CAUSEWAY_CALL=%d", fault.name, n), rule, &sum)
						if t.Failed() {
							return
						}
					}
				})
			}
		}
	})
	sum.report(t)
}

// countCalls plays the workload without a fault.
func countCalls(t *testing.T, ops []faultfs.Op) int {
	faulty := faultfs.New(memfs.New())
	counted := 0
	faulty.SetHook(func(c faultfs.Call) {
		for _, op := range ops {
			if c.Op == op {
				counted++
			}
		}
	})
	w := newWorld(t, "without a fault")
	if _, err := w.open(faulty); err != nil {
		w.fatalf("failed start: %v", err)
	}
	w.provision()
	w.play(sweepSeed, 1, sweepSteps, func() bool { return false })
	if err := w.engine.Close(w.ctx); err != nil {
		w.fatalf("close: %v", err)
	}
	if len(ops) == 0 {
		return faulty.Calls()
	}
	return counted
}

func failOnce(t *testing.T, label string, rule faultfs.Rule, sum *tally) {
	disk := memfs.New()
	faulty := faultfs.New(disk)
	faulty.Inject(rule)
	w := newWorld(t, label)
	w.excused = func() bool { return faulty.Hits() > 0 }
	_, err := w.open(faulty)
	if err == nil {
		w.provision()
		w.play(sweepSeed, 1, sweepSteps, func() bool { return w.engine.Probe(w.ctx) != nil })
		err = w.engine.Close(w.ctx)
	}
	if err != nil && faulty.Hits() == 0 {
		w.fatalf("%v", err)
	}
	after := disk.Killed()
	if rule.First%2 == 0 {
		after = disk.CrashTorn(uint64(rule.First), 0.5)
	}
	w.excused = func() bool { return false }
	report, err := w.open(after)
	if err != nil {
		w.fatalf("failed start: %v", err)
	}
	defer w.engine.Close(w.ctx)
	if len(report.Log.Damage) > 0 || errors.Is(err, log.ErrDamaged) {
		w.fatalf("an error was taken for damage: %v", report.Log.Damage)
	}
	sum.starts.Add(2)
	w.provision()
	w.checkStanding()
	w.drain()
	w.judge(sum)
}
