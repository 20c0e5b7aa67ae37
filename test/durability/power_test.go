// SPDX-License-Identifier: Apache-2.0

package durability_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/causeway-mq/causeway/internal/fsys"
	"github.com/causeway-mq/causeway/internal/fsys/faultfs"
	"github.com/causeway-mq/causeway/internal/fsys/memfs"
)

// seedsOf returns the seeds to play: all below n, or the one that the environment names, to play a failure again.
func seedsOf(t *testing.T, n uint64) []uint64 {
	if text := os.Getenv("CAUSEWAY_SEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("CAUSEWAY_SEED: %v", err)
		}
		return []uint64{seed}
	}
	if testing.Short() {
		n /= 10
	}
	seeds := make([]uint64, n)
	for i := range seeds {
		seeds[i] = uint64(i)
	}
	return seeds
}

// TestPowerLoss lets engines live through several losses of power, some of them during a recovery, some with the index
// lost too, and lets an independent checker judge the whole of what their clients saw.
func TestPowerLoss(t *testing.T) {
	var sum tally
	t.Run("all", func(t *testing.T) {
		for _, seed := range seedsOf(t, 1500) {
			t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
				t.Parallel()
				losePower(t, seed, &sum)
			})
		}
	})
	sum.report(t)
}

var chances = []float64{0, 0.1, 0.5, 0.9, 1}

func losePower(t *testing.T, seed uint64, sum *tally) {
	w := newWorld(t, fmt.Sprintf("again with CAUSEWAY_SEED=%d", seed))
	dice := rand.New(rand.NewPCG(seed, 99))
	disk := memfs.New()
	actors := 1 + dice.IntN(3)
	for life := range 4 {
		disk = w.live(dice, disk, actors, seed<<8|uint64(life), sum)
		if t.Failed() {
			return
		}
		if dice.IntN(3) == 0 {
			if err := fsys.RemoveAll(disk, "index"); err != nil {
				t.Fatal(err)
			}
		}
	}
	if seed%4 == 0 {
		w.sameWithoutIndex(disk)
	}
	w.excused = func() bool { return false }
	if _, err := w.open(disk); err != nil {
		w.fatalf("failed start: %v", err)
	}
	sum.starts.Add(1)
	defer w.engine.Close(w.ctx)
	w.provision()
	w.checkStanding()
	w.drain()
	w.judge(sum)
}

// live runs one life of the engine, from a start to a loss of power, and returns what is left of the disk.
func (w *world) live(dice *rand.Rand, disk *memfs.FS, actors int, seed uint64, sum *tally) *memfs.FS {
	faulty := faultfs.New(disk)
	var dark atomic.Bool
	var after *memfs.FS
	how, draw, p := dice.IntN(3), dice.Uint64(), chances[dice.IntN(len(chances))]
	cut := func() {
		switch how {
		case 0:
			after = disk.Crash(draw, p)
		case 1:
			after = disk.CrashTorn(draw, p)
		case 2:
			after = disk.Killed() // of a process; what it did not sync the next loss of power may still take
		}
		dark.Store(true)
	}
	calls := 1 + dice.IntN(30)
	if dice.IntN(4) > 0 {
		calls = 40 + dice.IntN(400)
	}
	faulty.CutPower(calls, cut)
	w.excused = dark.Load
	if _, err := w.open(faulty); err != nil {
		if !dark.Load() {
			w.fatalf("failed start: %v", err)
		}
		return after
	}
	sum.starts.Add(1)
	w.provision()
	w.play(seed, actors, 150/actors, dark.Load)
	if !dark.Load() && dice.IntN(4) > 0 {
		faulty.CutPower(1, cut) // in the middle of nothing
	}
	err := w.engine.Close(w.ctx)
	if !dark.Load() { // this one ended in good order
		if err != nil {
			w.fatalf("close: %v", err)
		}
		return disk.Crash(draw, 0)
	}
	return after
}

// sameWithoutIndex demands that the index is derived: the state without it equals the state with it.
func (w *world) sameWithoutIndex(disk *memfs.FS) {
	var dumps [2][]byte
	for i := range dumps {
		copied := disk.Clone()
		if i == 1 {
			if err := fsys.RemoveAll(copied, "index"); err != nil {
				w.fatalf("%v", err)
			}
		}
		if _, err := w.open(copied); err != nil {
			w.fatalf("failed start: %v", err)
		}
		dumps[i] = w.engine.Dump()
		if err := w.engine.Close(w.ctx); err != nil {
			w.fatalf("%v", err)
		}
	}
	if !bytes.Equal(dumps[0], dumps[1]) {
		w.fatalf("the state depends on the index: %d and %d bytes", len(dumps[0]), len(dumps[1]))
	}
}
