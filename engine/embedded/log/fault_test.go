// SPDX-License-Identifier: Apache-2.0

package log_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/engine/embedded/log"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/internal/fsys/faultfs"
	"github.com/causeway-mq/causeway/internal/fsys/memfs"
)

// sweepRun is a fixed workload over a log whose disk fails somewhere.
type sweepRun struct {
	acked, refused, unknown []rec
}

func (r *sweepRun) work(opts log.Options) error {
	l, _, err := log.Open(opts)
	if err != nil {
		return err
	}
	ctx := context.Background()
	for i := range 60 {
		data := payload(uint64(i), i*53%900)
		pos, err := l.Append(data)
		if err != nil {
			r.refused = append(r.refused, rec{0, data})
			continue
		}
		if err := l.Wait(ctx, pos); err != nil {
			r.unknown = append(r.unknown, rec{pos, data})
			continue
		}
		r.acked = append(r.acked, rec{pos, data})
		if segs := l.Segments(); i%20 == 19 && segs[0].Sealed && len(segs) > 2 {
			l.Drop(segs[0].Base) // a drop that fails half-way is finished by the next Open
			for len(r.acked) > 0 && r.acked[0].pos < segs[0].End {
				r.acked = r.acked[1:]
			}
		}
	}
	return l.Close()
}

// TestAnErrorAtAnyFileCallNeverLosesWhatWasAcknowledged walks every call of the workload with every error, and looks
// at the disk as a killed process leaves it and as power loss leaves it.
func TestAnErrorAtAnyFileCallNeverLosesWhatWasAcknowledged(t *testing.T) {
	options := func(faulty *faultfs.FS) log.Options {
		return log.Options{FS: faulty, Clock: clock.NewVirtual(time.Unix(0, 0)), SegmentSize: 12 << 10, MaxRecord: 2 << 10}
	}
	clean := faultfs.New(memfs.New())
	if err := new(sweepRun).work(options(clean)); err != nil {
		t.Fatal(err)
	}
	calls := clean.Calls()
	faults := map[string]faultfs.Rule{
		"EIO": {Err: syscall.EIO}, "ENOSPC": {Err: syscall.ENOSPC}, "short write": {Err: syscall.EIO, Short: true},
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for n := 1; n <= calls+3; n++ {
				disk := memfs.New()
				faulty := faultfs.New(disk)
				fault.First = n
				faulty.Inject(fault)
				run := new(sweepRun)
				err := run.work(options(faulty))
				if len(run.unknown) > 0 && err == nil {
					t.Fatalf("call %d: the log failed and Close did not say so", n)
				}
				for _, after := range []*memfs.FS{disk.Killed(), disk.Crash(uint64(n), 0), disk.CrashTorn(uint64(n), 0.5)} {
					run.check(t, n, options(faultfs.New(after)))
				}
			}
		})
	}
	t.Logf("%d calls x %d faults x 3 disks", calls+3, len(faults))
}

func (r *sweepRun) check(t *testing.T, n int, opts log.Options) {
	t.Helper()
	l, report, err := log.Open(opts)
	if err != nil {
		t.Fatalf("call %d: failed start: %v", n, err)
	}
	defer l.Close()
	if len(report.Damage) > 0 {
		t.Fatalf("call %d: an error was taken for damage: %v", n, report.Damage)
	}
	for _, a := range r.acked {
		if got, err := l.Read(a.pos, nil); err != nil || !bytes.Equal(got, a.data) {
			t.Fatalf("call %d: acknowledged record at %d: %v", n, a.pos, err)
		}
	}
	found, err := contents(l)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		for _, no := range r.refused {
			if bytes.Equal(f.data, no.data) {
				t.Fatalf("call %d: a refused record was stored", n)
			}
		}
	}
}

func TestAFailedSyncIsFinal(t *testing.T) {
	for _, op := range []faultfs.Op{faultfs.Write, faultfs.Sync} {
		t.Run(string(op), func(t *testing.T) {
			disk := memfs.New()
			faulty := faultfs.New(disk)
			told := make(chan error, 2)
			l, _, err := log.Open(log.Options{FS: faulty, Clock: clock.NewVirtual(time.Unix(0, 0)), SegmentSize: 16 << 10,
				OnFailed: func(err error) { told <- err }})
			if err != nil {
				t.Fatal(err)
			}
			ctx := context.Background()
			good, err := l.Append([]byte("good"))
			if err == nil {
				err = l.Wait(ctx, good)
			}
			if err != nil {
				t.Fatal(err)
			}
			durable := l.Durable()
			faulty.Inject(faultfs.Rule{Ops: []faultfs.Op{op}, Pattern: "0000000000000000.seg", Err: syscall.EIO})
			bad, err := l.Append([]byte("bad"))
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := l.Wait(ctx, bad); !errors.Is(err, log.ErrFailed) || !errors.Is(err, syscall.EIO) {
					t.Fatalf("wait: %v", err)
				}
			}
			if _, err := l.Append([]byte("later")); !errors.Is(err, log.ErrFailed) {
				t.Fatalf("append after the failure: %v", err)
			}
			if err := l.Flush(ctx); !errors.Is(err, log.ErrFailed) {
				t.Fatalf("flush after the failure: %v", err)
			}
			if l.Durable() != durable || !l.Stats().Failed {
				t.Fatalf("durable moved from %d to %d", durable, l.Durable())
			}
			if got, err := l.Read(good, nil); err != nil || string(got) != "good" {
				t.Fatalf("what was durable must stay readable: %v", err)
			}
			if _, err := l.Read(bad, nil); !errors.Is(err, log.ErrNotDurable) {
				t.Fatalf("read of the unknown: %v", err)
			}
			if err := <-told; !errors.Is(err, syscall.EIO) || !strings.Contains(err.Error(), "0000000000000000.seg") {
				t.Fatalf("told %v", err)
			}
			if err := l.Close(); !errors.Is(err, log.ErrFailed) || !errors.Is(l.Close(), log.ErrFailed) {
				t.Fatalf("close: %v", err)
			}
		})
	}
}

// TestAFullDiskRefusesOrdinaryRecordsWhileControlRecordsGoOn fills a small volume, settles on the reserve, frees a
// segment and goes on.
func TestAFullDiskRefusesOrdinaryRecordsWhileControlRecordsGoOn(t *testing.T) {
	const segment = 16 << 10
	disk := memfs.New()
	disk.SetCapacity(4*segment + 16<<10)
	virtual := clock.NewVirtual(time.Unix(0, 0))
	changes := make(chan bool, 8)
	opts := log.Options{FS: disk, Clock: virtual, SegmentSize: segment, MaxRecord: 2 << 10, ReserveSize: 8 << 10,
		OnFull: func(full bool) { changes <- full }}
	l, _, err := log.Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	var kept []rec
	add := func(size int, control bool) error {
		data := payload(uint64(len(kept)), size)
		pos, err := l.AppendEntry(log.Entry{Size: len(data), Control: control,
			Fill: func(_ log.Position, dst []byte) { copy(dst, data) }})
		if err == nil {
			if err = l.Wait(ctx, pos); err != nil {
				t.Fatal(err)
			}
			kept = append(kept, rec{pos, data})
		}
		return err
	}
	fill := func(size int, control bool, limit int) error {
		for range limit {
			if err := add(size, control); err != nil {
				return err
			}
		}
		t.Fatalf("%d records of %d bytes fit", limit, size)
		return nil
	}
	if err := fill(1000, false, 200); !errors.Is(err, log.ErrFull) {
		t.Fatalf("ordinary record on a full disk: %v", err)
	}
	if full := <-changes; !full {
		t.Fatal("not told that the disk is full")
	}
	before := len(kept)
	if err := fill(40, true, 2000); !errors.Is(err, log.ErrFull) || !strings.Contains(err.Error(), "reserve") {
		t.Fatalf("control record: %v", err)
	}
	if onReserve := len(kept) - before; onReserve < 50 { // what the reserve alone holds
		t.Fatalf("only %d control records after the disk was full", onReserve)
	}
	if stats := l.Stats(); !stats.Full || stats.Failed {
		t.Fatalf("%+v", stats)
	}
	if err := l.Close(); err != nil { // a full disk keeps neither a close nor an open from working
		t.Fatal(err)
	}
	if l, _, err = log.Open(opts); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if full := <-changes; !full {
		t.Fatal("not told that the disk is still full")
	}
	if err := add(10, false); !errors.Is(err, log.ErrFull) {
		t.Fatalf("ordinary record after reopening: %v", err)
	}
	for range 2 {
		oldest := l.Segments()[0]
		if err := l.Drop(oldest.Base); err != nil {
			t.Fatal(err)
		}
		for kept[0].pos < oldest.End {
			kept = kept[1:]
		}
	}
	if full := <-changes; full {
		t.Fatal("not told that there is space again")
	}
	if err := add(1000, false); err != nil {
		t.Fatalf("ordinary record when there is space again: %v", err)
	}
	found, err := contents(l)
	if err != nil || !same(found, kept) {
		t.Fatalf("%d records, want %d, %v", len(found), len(kept), err)
	}
}

// TestSpaceThatSomebodyElseFreesIsNoticed: nothing is dropped here, the volume grows, and the retry timer sees it.
func TestSpaceThatSomebodyElseFreesIsNoticed(t *testing.T) {
	disk := memfs.New()
	disk.SetCapacity(40 << 10)
	virtual := clock.NewVirtual(time.Unix(0, 0))
	changes := make(chan bool, 8)
	l, _, err := log.Open(log.Options{FS: disk, Clock: virtual, SegmentSize: 16 << 10, MaxRecord: 2 << 10,
		OnFull: func(full bool) { changes <- full }})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for err == nil {
		var pos log.Position
		if pos, err = l.Append(make([]byte, 1000)); err == nil {
			err = l.Wait(context.Background(), pos)
		}
	}
	if !errors.Is(err, log.ErrFull) || !<-changes {
		t.Fatal(err)
	}
	disk.SetCapacity(1 << 20)
	virtual.Advance(2 * time.Second)
	if <-changes {
		t.Fatal("told that it is full again")
	}
	if _, err := l.Append([]byte("x")); err != nil {
		t.Fatal(err)
	}
}

// TestARollWhileTheReserveIsMadeTakesTheNextSegmentOnce: the preparer is busy with the reserve, and the segment that was
// ready when it began is taken meanwhile.
func TestARollWhileTheReserveIsMadeTakesTheNextSegmentOnce(t *testing.T) {
	disk, opts, all := filled(t, 60)
	if err := disk.Remove("reserve"); err != nil {
		t.Fatal(err)
	}
	faulty := faultfs.New(disk)
	busy, release := make(chan struct{}), make(chan struct{})
	faulty.SetHook(func(c faultfs.Call) {
		if c.Op == faultfs.Create && c.Name == "reserve.tmp" {
			close(busy)
			<-release
		}
	})
	opts.FS = faulty
	l, _, err := log.Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	<-busy
	rolled := len(l.Segments()) + 1
	add := func(until func() bool) {
		for i := len(all); !until(); i++ {
			data := payload(uint64(i), i*37%700)
			pos, err := l.Append(data)
			if err == nil {
				err = l.Wait(context.Background(), pos)
			}
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, rec{pos, data})
		}
	}
	add(func() bool { return len(l.Segments()) == rolled })
	close(release)
	add(func() bool { return len(l.Segments()) == rolled+3 })
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	opts.FS = disk
	if l, _, err = log.Open(opts); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if found, err := contents(l); err != nil || !same(found, all) {
		t.Fatalf("%d of %d records, %v", len(found), len(all), err)
	}
}

// TestOrdinaryRecordsWaitInTheMiddleOfASegmentForTheNext: a preparer that is late to tell that there is no space finds half of the segment left for
// control records.
func TestOrdinaryRecordsWaitInTheMiddleOfASegmentForTheNext(t *testing.T) {
	const segment, reserve = 16 << 10, 8 << 10
	disk := memfs.New()
	disk.SetCapacity(segment + reserve + 4<<10)
	faulty := faultfs.New(disk)
	busy, release := make(chan struct{}), make(chan struct{})
	segments := 0
	faulty.SetHook(func(c faultfs.Call) {
		if c.Op == faultfs.Create && !strings.HasPrefix(c.Name, "reserve") && strings.Contains(c.Name, ".seg") {
			if segments++; segments == 2 {
				close(busy)
				<-release
			}
		}
	})
	l, _, err := log.Open(log.Options{FS: faulty, Clock: clock.NewVirtual(time.Unix(0, 0)), SegmentSize: segment, MaxRecord: 2 << 10, ReserveSize: reserve})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	letGo := sync.OnceFunc(func() { close(release) })
	defer letGo()
	within := time.NewTimer(time.Minute)
	defer within.Stop()
	select {
	case <-busy:
	case <-within.C:
		t.Fatal("nobody prepares a second segment")
	}
	var stored atomic.Int64
	refused := make(chan error, 1)
	go func() {
		for {
			if _, err := l.Append(make([]byte, 1000)); err != nil {
				refused <- err
				return
			}
			stored.Add(1)
		}
	}()
	const most = segment / 2 / 1000
	stacks := make([]byte, 1<<20)
	pulse := time.NewTicker(time.Millisecond)
	defer pulse.Stop()
	for waits := false; !waits; waits = bytes.Contains(stacks[:runtime.Stack(stacks, true)], []byte("(*Log).makeRoomLocked")) {
		select {
		case <-pulse.C:
		case <-within.C:
			t.Fatalf("nobody waits, and %d records are stored", stored.Load())
		}
	}
	letGo()
	select {
	case err = <-refused:
	case <-within.C:
		t.Fatal("nobody is refused")
	}
	if n := stored.Load(); n > most || !errors.Is(err, log.ErrFull) {
		t.Errorf("%d ordinary records of 1,000 bytes, at most %d leave half of the segment; then %v", n, most, err)
	}
	for n := range (segment/2 + reserve/2) / 500 {
		if _, err := l.AppendEntry(log.Entry{Size: 400, Control: true, Fill: func(_ log.Position, dst []byte) { clear(dst) }}); err != nil {
			t.Fatalf("control record %d: %v", n, err)
		}
	}
}

func TestALazyRecordWaitsItsTimeUnlessAnotherTakesItAlong(t *testing.T) {
	virtual := clock.NewVirtual(time.Unix(0, 0))
	l, _, err := log.Open(log.Options{FS: memfs.New(), Clock: virtual, SegmentSize: 64 << 10, MaxRecord: 4 << 10})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx := context.Background()
	lazy := func(within time.Duration) log.Position {
		pos, err := l.AppendEntry(log.Entry{Size: 4, Within: within, Fill: func(_ log.Position, dst []byte) { copy(dst, "lazy") }})
		if err != nil {
			t.Fatal(err)
		}
		return pos
	}
	long, short := lazy(time.Second), lazy(50*time.Millisecond)
	virtual.Advance(49 * time.Millisecond)
	soon, cancel := context.WithCancel(ctx)
	cancel()
	if err := l.Wait(soon, long); !errors.Is(err, context.Canceled) {
		t.Fatalf("durable before its time: %v", err)
	}
	virtual.Advance(time.Millisecond)
	for _, pos := range []log.Position{long, short} {
		if err := l.Wait(ctx, pos); err != nil {
			t.Fatal(err)
		}
	}
	third := lazy(time.Hour)
	eager, err := l.Append([]byte("eager"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(l.Wait(ctx, eager), l.Wait(ctx, third)); err != nil {
		t.Fatal(err)
	}
	fourth := lazy(time.Hour)
	if err := l.Flush(ctx); err != nil || l.Durable() <= fourth {
		t.Fatalf("flush: %v, durable %d, record %d", err, l.Durable(), fourth)
	}
}

// TestFlushOfAnIdleLogIsDone: what is being written then may be a mark, which nobody waits for.
func TestFlushOfAnIdleLogIsDone(t *testing.T) {
	virtual := clock.NewVirtual(time.Unix(0, 0))
	faulty := faultfs.New(memfs.New())
	l, _, err := log.Open(log.Options{FS: faulty, Clock: virtual, SegmentSize: 64 << 10, MaxRecord: 4 << 10})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx := context.Background()
	for range 2000 {
		if _, err := l.Append([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if err := l.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		virtual.Advance(time.Second) // wakes the syncer for a mark
		if err := l.Flush(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

// TestManyWritersGetOrderedPositionsAndDurableIsToldBeforeTheyReturn runs writers, readers and a dropper together.
func TestManyWritersGetOrderedPositionsAndDurableIsToldBeforeTheyReturn(t *testing.T) {
	var mu sync.Mutex
	var told log.Position
	sealed := map[log.Position]bool{}
	l, _, err := log.Open(log.Options{FS: memfs.New(), Clock: clock.System(), SegmentSize: 32 << 10, MaxRecord: 1 << 10,
		BufferSize: 8 << 10,
		OnDurable: func(upTo log.Position) {
			mu.Lock()
			defer mu.Unlock()
			if upTo <= told {
				t.Errorf("durable went from %d to %d", told, upTo)
			}
			told = upTo
		},
		OnSeal: func(s log.Segment) { mu.Lock(); sealed[s.Base] = s.Sealed; mu.Unlock() },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	var wg sync.WaitGroup
	var last log.Position // guarded by the append lock
	for w := range 16 {
		wg.Go(func() {
			for i := range 150 {
				data := payload(uint64(w*1000+i), 200)
				pos, err := l.AppendFunc(len(data), func(pos log.Position, dst []byte) {
					if pos <= last {
						t.Errorf("position %d after %d", pos, last)
					}
					last = pos
					copy(dst, data)
				})
				if err == nil {
					err = l.Wait(ctx, pos)
				}
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if told <= pos {
					t.Errorf("record %d returned before OnDurable, which was at %d", pos, told)
				}
				mu.Unlock()
				if got, err := l.Read(pos, nil); !errors.Is(err, log.ErrGone) && (err != nil || !bytes.Equal(got, data)) {
					t.Errorf("read at %d: %v", pos, err)
				}
			}
		})
	}
	stop := make(chan struct{})
	var dropper sync.WaitGroup
	dropped := 0
	dropper.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if segs := l.Segments(); len(segs) > 6 {
				if err := l.Drop(segs[0].Base); err != nil {
					t.Error(err)
				}
				dropped++
			}
		}
	})
	wg.Wait()
	close(stop)
	dropper.Wait()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if dropped == 0 || len(sealed) < dropped || told != l.Durable() && told > l.Durable() {
		t.Fatalf("dropped %d, sealed %d", dropped, len(sealed))
	}
	for base, yes := range sealed {
		if !yes {
			t.Fatalf("segment %d was reported before it was sealed", base)
		}
	}
}

func TestRefusals(t *testing.T) {
	l, _, err := log.Open(log.Options{FS: memfs.New(), Clock: clock.System(), SegmentSize: 16 << 10, MaxRecord: 1000})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(make([]byte, 1001)); !errors.Is(err, log.ErrTooLarge) || !strings.Contains(err.Error(), "1000") {
		t.Fatalf("too large: %v", err)
	}
	pos, err := l.Append(make([]byte, 1000))
	if err == nil {
		err = l.Wait(context.Background(), pos)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range []log.Position{0, 8, pos + 8, pos + 3} {
		if _, err := l.Read(wrong, nil); err == nil {
			t.Errorf("read at %d, where no record begins", wrong)
		}
	}
	if _, err := l.Read(l.Durable(), nil); !errors.Is(err, log.ErrNotDurable) {
		t.Fatalf("read at the end: %v", err)
	}
	if err := l.Wait(context.Background(), l.Durable()+4096); !errors.Is(err, log.ErrNotDurable) {
		t.Fatalf("wait for nothing: %v", err)
	}
	if err := l.Drop(0); err == nil {
		t.Fatal("dropped the segment that takes appends")
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append([]byte("x")); !errors.Is(err, log.ErrClosed) {
		t.Fatalf("append after close: %v", err)
	}
	for _, bad := range []log.Options{
		{}, {FS: memfs.New(), Clock: clock.System(), SegmentSize: 100},
		{FS: memfs.New(), Clock: clock.System(), SegmentSize: 16 << 10, MaxRecord: 16 << 10},
	} {
		if _, _, err := log.Open(bad); err == nil {
			t.Errorf("opened with %+v", bad)
		}
	}
}

func TestANewerFormatIsRefused(t *testing.T) {
	for _, name := range []string{"causeway.log", "0000000000000000.seg"} {
		disk, opts, _ := filled(t, 10)
		for _, off := range []int64{0, 2048} {
			if err := disk.Damage(name, off, 64, log.BumpFormat); err != nil {
				t.Fatal(err)
			}
		}
		_, _, err := log.Open(opts)
		if !errors.Is(err, log.ErrFormat) || !strings.Contains(fmt.Sprint(err), name) {
			t.Fatalf("%s: %v", name, err)
		}
	}
}
