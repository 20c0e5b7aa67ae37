// SPDX-License-Identifier: Apache-2.0

package log_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/engine/embedded/log"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/internal/fsys"
)

const benchPayload = 1024

// BenchmarkAppend measures durable appends of 1 KiB on the disk of the temporary directory, and in turns with them the
// ceiling: the same load without a log, a buffer that all writers share, written into a preallocated file and synced
// by one goroutine, with no frames, checksums or positions. Turns of a tenth of a second let both see the same
// neighbours; the ratio is what counts.
func BenchmarkAppend(b *testing.B) {
	for _, writers := range []int{1, 16, 128, 512} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) { againstCeiling(b, writers) })
	}
}

func againstCeiling(b *testing.B, writers int) {
	l, _, err := log.Open(log.Options{FS: fsys.OS(b.TempDir()), Clock: clock.System()})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	f, err := fsys.OS(b.TempDir()).Create("raw")
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	const size = 1 << 30
	if err := errors.Join(f.Preallocate(size), f.Sync()); err != nil {
		b.Fatal(err)
	}
	g := newRawGroup(f, size)
	defer g.close()
	data := make([]byte, benchPayload)
	logged := func() error {
		pos, err := l.Append(data)
		if err != nil {
			return err
		}
		return l.Wait(context.Background(), pos)
	}
	raw := func() error { return g.add(data) }
	turn := max(writers, b.N/20)
	var inLog, inRaw time.Duration
	done := 0
	b.ResetTimer()
	for ; done < b.N; done += turn {
		inLog += measure(b, writers, turn, logged)
		b.StopTimer()
		inRaw += measure(b, writers, turn, raw)
		b.StartTimer()
	}
	b.StopTimer()
	b.ReportMetric(float64(done)/inLog.Seconds(), "appends/s")
	b.ReportMetric(float64(done)/inRaw.Seconds(), "ceiling/s")
	b.ReportMetric(inRaw.Seconds()/inLog.Seconds(), "of-ceiling")
	st := l.Stats()
	b.ReportMetric(float64(st.Records)/float64(st.Batches), "records/sync")
}

// measure lets writers do one count times between them.
func measure(b *testing.B, writers, count int, one func() error) time.Duration {
	var left atomic.Int64
	left.Store(int64(count))
	var wg sync.WaitGroup
	start := time.Now()
	for range writers {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if err := one(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return time.Since(start)
}

// rawGroup is group commit and nothing else.
type rawGroup struct {
	file fsys.File
	size int64

	mu      sync.Mutex // guards the fields below
	work    *sync.Cond
	filling []byte
	spare   []byte
	done    chan struct{}
	closing bool
	err     error
	joined  sync.WaitGroup
}

func newRawGroup(f fsys.File, size int64) *rawGroup {
	g := &rawGroup{file: f, size: size, filling: make([]byte, 0, 1<<20), spare: make([]byte, 0, 1<<20),
		done: make(chan struct{})}
	g.work = sync.NewCond(&g.mu)
	g.joined.Go(g.run)
	return g
}

func (g *rawGroup) add(data []byte) error {
	g.mu.Lock()
	g.filling = append(g.filling, data...)
	done := g.done
	g.work.Signal()
	g.mu.Unlock()
	<-done
	return g.err
}

func (g *rawGroup) run() {
	var off int64
	for {
		g.mu.Lock()
		for len(g.filling) == 0 && !g.closing {
			g.work.Wait()
		}
		if len(g.filling) == 0 {
			g.mu.Unlock()
			return
		}
		batch, done := g.filling, g.done
		g.filling, g.spare, g.done = g.spare, nil, make(chan struct{})
		g.mu.Unlock()
		if off+int64(len(batch)) > g.size {
			off = 0
		}
		_, err := g.file.WriteAt(batch, off)
		if err == nil {
			err = g.file.Sync()
		}
		off += int64(len(batch))
		g.mu.Lock()
		g.spare = batch[:0]
		if err != nil {
			g.err = err
		}
		g.mu.Unlock()
		close(done)
	}
}

func (g *rawGroup) close() {
	g.mu.Lock()
	g.closing = true
	g.work.Signal()
	g.mu.Unlock()
	g.joined.Wait()
}

// BenchmarkOpen measures opening a log of default segments that was closed in good order, almost empty.
func BenchmarkOpen(b *testing.B) {
	opts := log.Options{FS: fsys.OS(b.TempDir()), Clock: clock.System()}
	for range b.N {
		l, _, err := log.Open(opts)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := l.Append([]byte("x")); err != nil {
			b.Fatal(err)
		}
		if err := l.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
