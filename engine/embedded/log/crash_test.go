// SPDX-License-Identifier: Apache-2.0

package log_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/engine/embedded/log"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/internal/fsys"
	"github.com/causeway-mq/causeway/internal/fsys/faultfs"
	"github.com/causeway-mq/causeway/internal/fsys/memfs"
)

// rec is one record as the test knows it: the body follows from its number.
type rec struct {
	pos  log.Position
	data []byte
}

// payload makes a body that can be checked by recomputation: its number, then bytes of a generator seeded with it.
func payload(number uint64, size int) []byte {
	b := make([]byte, 8+size)
	binary.LittleEndian.PutUint64(b, number)
	x := number*2862933555777941757 + 3037000493
	for i := 8; i < len(b); i++ {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		b[i] = byte(x)
	}
	return b
}

func contents(l *log.Log) ([]rec, error) {
	var all []rec
	err := l.Scan(0, func(pos log.Position, data []byte) error {
		all = append(all, rec{pos, bytes.Clone(data)})
		return nil
	})
	return all, err
}

func same(a, b []rec) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].pos != b[i].pos || !bytes.Equal(a[i].data, b[i].data) {
			return false
		}
	}
	return true
}

// life is a log on a disk that will lose power at one of its file calls.
type life struct {
	t        *testing.T
	rng      *rand.Rand
	next     uint64 // number of the next record
	appended []rec  // everything that got a position, in order, since and before all crashes

	mu    sync.Mutex // guards the two below, shared with the hook on the log's goroutines
	acked int        // so many of appended are known to be durable
	after *crashed
}

// crashed is the disk that the next life starts from, with how much had been promised by then.
type crashed struct {
	disk  *memfs.FS
	acked int
}

var chances = []float64{0, 0.1, 0.5, 0.9, 1}

func (v *life) options(files fsys.FS) log.Options {
	return log.Options{
		FS: files, Clock: clock.System(), SegmentSize: int64(16+4*v.rng.IntN(6)) << 10, MaxRecord: 6 << 10,
		BufferSize: (8 + v.rng.IntN(24)) << 10, ReserveSize: 8 << 10,
	}
}

// crashAt arms the power loss at the n-th file call from now.
func (v *life) crashAt(faulty *faultfs.FS, disk *memfs.FS, n int) {
	at := faulty.Calls() + n
	seed, p, how := v.rng.Uint64(), chances[v.rng.IntN(len(chances))], v.rng.IntN(3)
	faulty.SetHook(func(c faultfs.Call) {
		if c.N != at {
			return
		}
		v.mu.Lock()
		defer v.mu.Unlock()
		v.after = &crashed{acked: v.acked} // what is promised before the picture is taken must be in it
		switch how {
		case 0:
			v.after.disk = disk.Crash(seed, p)
		case 1:
			v.after.disk = disk.CrashTorn(seed, p)
		case 2:
			v.after.disk = disk.Killed() // what it leaves unsynced, a later power loss may still take
		}
	})
}

func (v *life) lost() *crashed {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.after
}

func (v *life) ack(count int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.acked = max(v.acked, count)
}

// begin starts a life with what an earlier one left.
func (v *life) begin(from *crashed) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.after, v.acked = nil, from.acked
}

// run uses the log until power is lost or it has done enough.
func (v *life) run(l *log.Log) {
	scale, eager := 6+v.rng.IntN(7), 1+v.rng.IntN(8) // small records or large ones, small batches or large ones
	for range 40 + v.rng.IntN(200) {
		if v.lost() != nil {
			return
		}
		switch k := v.rng.IntN(10); {
		case k < 7:
			data := payload(v.next, v.rng.IntN(1<<scale))
			v.next++
			pos, err := l.AppendEntry(log.Entry{Size: len(data), Fill: func(_ log.Position, dst []byte) { copy(dst, data) },
				Within: time.Duration(v.rng.IntN(eager)) * time.Hour})
			if err != nil {
				v.t.Fatalf("append: %v", err)
			}
			v.appended = append(v.appended, rec{pos, data})
		case k < 9:
			if err := l.Flush(context.Background()); err != nil {
				v.t.Fatalf("flush: %v", err)
			}
			v.ack(len(v.appended))
		default:
			if segs := l.Segments(); len(segs) > 4 && segs[0].Sealed {
				v.drop(l, segs[0])
			}
		}
	}
}

// drop forgets the oldest segment. A crash may bring it back whole, so the check skips what lies below the first
// record that is found.
func (v *life) drop(l *log.Log, s log.Segment) {
	if err := l.Drop(s.Base); err != nil {
		v.t.Fatalf("drop: %v", err)
	}
}

// check compares what is found after a crash with what was appended, and adopts it.
func (v *life) check(l *log.Log, report log.Recovery, acked int) {
	v.t.Helper()
	found, err := contents(l)
	if err != nil {
		v.t.Fatal(err)
	}
	if len(report.Damage) > 0 || len(l.Damage()) > 0 {
		v.t.Fatalf("power loss was taken for damage: %v %v", report.Damage, l.Damage())
	}
	first := l.Segments()[0].Base
	skip := 0
	for skip < len(v.appended) && v.appended[skip].pos < first {
		skip++
	}
	expected := v.appended[skip:]
	if len(found) > len(expected) || !same(found, expected[:len(found)]) {
		v.t.Fatalf("%d records found are no prefix of %d appended", len(found), len(expected))
	}
	if skip+len(found) < acked {
		v.t.Fatalf("%d records found (%d dropped), %d were acknowledged", len(found), skip, acked)
	}
	v.appended = v.appended[:skip+len(found)]
	v.ack(len(v.appended))
	for _, r := range found {
		if got, err := l.Read(r.pos, nil); err != nil || !bytes.Equal(got, r.data) {
			v.t.Fatalf("read at %d: %v", r.pos, err)
		}
	}
}

// TestPowerLossLeavesAPrefixWithAllThatWasAcknowledged lets logs live through several crashes each, some of them in
// the middle of a recovery.
func TestPowerLossLeavesAPrefixWithAllThatWasAcknowledged(t *testing.T) {
	seeds := 150
	if testing.Short() {
		seeds = 40
	}
	for seed := range seeds {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			powerLoss(t, uint64(seed))
		})
	}
}

func powerLoss(t *testing.T, seed uint64) {
	v := &life{t: t, rng: rand.New(rand.NewPCG(seed, 1))}
	state := &crashed{disk: memfs.New()}
	for generation := range 5 {
		disk := state.disk
		faulty := faultfs.New(disk)
		v.begin(state)
		v.crashAt(faulty, disk, 1+v.rng.IntN(90))
		l, report, err := log.Open(v.options(faulty))
		if err != nil {
			t.Fatalf("generation %d: %v", generation, err)
		}
		v.check(l, report, state.acked)
		v.run(l)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		v.ack(len(v.appended))
		if state = v.lost(); state == nil { // it lived longer than its crash point: the power goes now
			state = &crashed{disk: disk.Crash(seed, 0), acked: len(v.appended)}
		}
	}
	l, report, err := log.Open(v.options(state.disk))
	if err != nil {
		t.Fatal(err)
	}
	v.check(l, report, state.acked)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestRecoveryCanBeCutShortAtEveryCall stops a recovery at each of its file calls, by a kill or by power loss, and
// demands that the next one finds the same records.
func TestRecoveryCanBeCutShortAtEveryCall(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			interruptRecovery(t, seed)
		})
	}
}

func interruptRecovery(t *testing.T, seed uint64) {
	v := &life{t: t, rng: rand.New(rand.NewPCG(seed, 2))}
	disk := memfs.New()
	faulty := faultfs.New(disk)
	opts := v.options(faulty)
	l, _, err := log.Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	v.crashAt(faulty, disk, 20+v.rng.IntN(100))
	v.run(l)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	start := v.lost()
	if start == nil {
		start = &crashed{disk: disk.Killed()}
	}
	opts.FS = start.disk.Clone()
	whole, _, err := log.Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	most, err := contents(whole)
	if err != nil {
		t.Fatal(err)
	}
	if err := whole.Close(); err != nil {
		t.Fatal(err)
	}
	for at := 1; ; at++ {
		disk := start.disk.Killed()
		faulty := faultfs.New(disk)
		v.begin(start)
		v.crashAt(faulty, disk, at)
		opts.FS = faulty
		l, _, err := log.Open(opts)
		opened := faulty.Calls()
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if at > opened {
			return
		}
		opts.FS = v.lost().disk
		again, report, err := log.Open(opts)
		if err != nil {
			t.Fatalf("call %d: %v", at, err)
		}
		got, err := contents(again)
		for len(got) > 0 && len(most) > 0 && got[0].pos < most[0].pos {
			got = got[1:] // of a segment whose removal was not durable yet
		}
		if err != nil || len(report.Damage) > 0 || len(got) > len(most) || len(got) < start.acked-dropped(most, v.appended) ||
			!same(got, most[:len(got)]) {
			t.Fatalf("call %d: %d of %d records, %d acknowledged, %+v, %v", at, len(got), len(most), start.acked, report, err)
		}
		if err := again.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// dropped counts the appended records that lie before the first one found.
func dropped(found, appended []rec) int {
	n := 0
	for n < len(appended) && (len(found) == 0 || appended[n].pos < found[0].pos) {
		n++
	}
	return n
}
