// SPDX-License-Identifier: Apache-2.0

// Package stall watches the calls of a file system for those that do not come back.
//
// A disk that hangs is worse than one that fails: callers pile up behind it and nobody is told. [Watch] wraps a file
// system so that a call of more than a second is counted, one of more than five makes the state Shedding, in which
// its owner should refuse new work, and one of more than twenty is Unhealthy: reported once through a hook, after
// which the process should leave. The state falls back by itself when the call returns.
//
// One timer serves all calls, and only while there are any: a call costs two short critical sections.
package stall

import (
	"io"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/internal/fsys"
)

// The ages at which a call counts as slow, sheds load, and makes the disk unhealthy.
const (
	SlowAfter      = time.Second
	ShedAfter      = 5 * time.Second
	UnhealthyAfter = 20 * time.Second
)

// State says how bad the oldest call of the moment is.
type State int

// The states, in order.
const (
	Fine      State = iota
	Slow            // a call runs for more than SlowAfter
	Shedding        // more than ShedAfter: refuse new work
	Unhealthy       // more than UnhealthyAfter: leave
)

// String returns the state in a word.
func (s State) String() string {
	return [...]string{"fine", "slow", "shedding", "unhealthy"}[s]
}

func stateAt(age time.Duration) State {
	switch {
	case age > UnhealthyAfter:
		return Unhealthy
	case age > ShedAfter:
		return Shedding
	case age > SlowAfter:
		return Slow
	}
	return Fine
}

// FS is a watched file system.
type FS struct {
	inner     fsys.FS
	clock     clock.Clock
	unhealthy func(op string, age time.Duration)

	mu    sync.Mutex // guards the fields below
	calls call       // ring of calls in progress, oldest behind it
	timer clock.Timer
	armed bool
	slow  uint64
	told  bool
}

// call is one call in progress, a member of the ring.
type call struct {
	prev, next *call
	op, name   string
	since      time.Time
	counted    bool
}

var _ fsys.FS = (*FS)(nil)

// Watch wraps inner. unhealthy, which may be nil, is called once for each stretch of being unhealthy, on a goroutine
// of the clock; it must not wait.
func Watch(inner fsys.FS, c clock.Clock, unhealthy func(op string, age time.Duration)) *FS {
	f := &FS{inner: inner, clock: c, unhealthy: unhealthy}
	f.calls.prev, f.calls.next = &f.calls, &f.calls
	return f
}

// State returns the state of this moment.
func (f *FS) State() State {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.stateLocked()
}

func (f *FS) stateLocked() State {
	oldest := f.calls.next
	if oldest == &f.calls {
		return Fine
	}
	return stateAt(f.clock.Now().Sub(oldest.since))
}

// SlowCalls returns how many calls took, or have been taking, more than SlowAfter.
func (f *FS) SlowCalls() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.slow
}

func (f *FS) begin(op, name string) *call {
	c := &call{op: op, name: name, since: f.clock.Now()}
	f.mu.Lock()
	defer f.mu.Unlock()
	last := f.calls.prev
	c.prev, c.next = last, &f.calls
	last.next, f.calls.prev = c, c
	if !f.armed {
		f.armed = true
		f.armLocked(SlowAfter)
	}
	return c
}

func (f *FS) armLocked(d time.Duration) {
	d += time.Millisecond // the bounds are exclusive
	if f.timer == nil {
		f.timer = f.clock.AfterFunc(d, f.look)
		return
	}
	f.timer.Reset(d)
}

func (f *FS) end(c *call) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.countLocked(c)
	c.prev.next, c.next.prev = c.next, c.prev
	if f.told && f.stateLocked() != Unhealthy {
		f.told = false
	}
}

func (f *FS) countLocked(c *call) {
	if !c.counted && f.clock.Now().Sub(c.since) > SlowAfter {
		c.counted = true
		f.slow++
	}
}

// look runs while calls are in progress: it counts the slow ones and reports the stuck one.
func (f *FS) look() {
	f.mu.Lock()
	oldest := f.calls.next
	if oldest == &f.calls {
		f.armed = false
		f.mu.Unlock()
		return
	}
	for c := oldest; c != &f.calls && f.clock.Now().Sub(c.since) > SlowAfter; c = c.next {
		f.countLocked(c)
	}
	age := f.clock.Now().Sub(oldest.since)
	tell := stateAt(age) == Unhealthy && !f.told
	f.told = f.told || tell
	what := oldest.op + " " + oldest.name
	f.armLocked(SlowAfter)
	f.mu.Unlock()
	if tell && f.unhealthy != nil {
		f.unhealthy(what, age)
	}
}

// Create implements fsys.FS.
func (f *FS) Create(name string) (fsys.File, error) {
	defer f.end(f.begin("create", name))
	inner, err := f.inner.Create(name)
	return f.wrap(inner, name, err)
}

// Open implements fsys.FS.
func (f *FS) Open(name string) (fsys.File, error) {
	defer f.end(f.begin("open", name))
	inner, err := f.inner.Open(name)
	return f.wrap(inner, name, err)
}

func (f *FS) wrap(inner fsys.File, name string, err error) (fsys.File, error) {
	if err != nil {
		return nil, err
	}
	return &file{fs: f, inner: inner, name: name}, nil
}

// List implements fsys.FS.
func (f *FS) List(dir string) ([]fsys.Entry, error) {
	defer f.end(f.begin("list", dir))
	return f.inner.List(dir)
}

// Remove implements fsys.FS.
func (f *FS) Remove(name string) error {
	defer f.end(f.begin("remove", name))
	return f.inner.Remove(name)
}

// Rename implements fsys.FS.
func (f *FS) Rename(from, to string) error {
	defer f.end(f.begin("rename", from))
	return f.inner.Rename(from, to)
}

// MkdirAll implements fsys.FS.
func (f *FS) MkdirAll(dir string) error {
	defer f.end(f.begin("mkdir", dir))
	return f.inner.MkdirAll(dir)
}

// SyncDir implements fsys.FS.
func (f *FS) SyncDir(dir string) error {
	defer f.end(f.begin("syncdir", dir))
	return f.inner.SyncDir(dir)
}

// Lock implements fsys.FS.
func (f *FS) Lock(name string) (io.Closer, error) {
	defer f.end(f.begin("lock", name))
	return f.inner.Lock(name)
}

// Space implements fsys.FS.
func (f *FS) Space() (fsys.Space, error) {
	defer f.end(f.begin("space", "."))
	return f.inner.Space()
}

type file struct {
	fs    *FS
	inner fsys.File
	name  string
}

func (f *file) ReadAt(p []byte, off int64) (int, error) {
	defer f.fs.end(f.fs.begin("read", f.name))
	return f.inner.ReadAt(p, off)
}

func (f *file) WriteAt(p []byte, off int64) (int, error) {
	defer f.fs.end(f.fs.begin("write", f.name))
	return f.inner.WriteAt(p, off)
}

func (f *file) Sync() error {
	defer f.fs.end(f.fs.begin("sync", f.name))
	return f.inner.Sync()
}

func (f *file) Truncate(size int64) error {
	defer f.fs.end(f.fs.begin("truncate", f.name))
	return f.inner.Truncate(size)
}

func (f *file) Preallocate(size int64) error {
	defer f.fs.end(f.fs.begin("preallocate", f.name))
	return f.inner.Preallocate(size)
}

func (f *file) Size() (int64, error) {
	defer f.fs.end(f.fs.begin("size", f.name))
	return f.inner.Size()
}

func (f *file) Close() error {
	defer f.fs.end(f.fs.begin("close", f.name))
	return f.inner.Close()
}

// NextData answers for the file below.
func (f *file) NextData(off int64) (fsys.Range, error) {
	defer f.fs.end(f.fs.begin("seek", f.name))
	if s, ok := f.inner.(fsys.Sparse); ok {
		return s.NextData(off)
	}
	size, err := f.inner.Size()
	return fsys.Range{From: off, To: size}, err
}

// Forget passes the hint on.
func (f *file) Forget(off int64) { fsys.Forget(f.inner, off) }
