// SPDX-License-Identifier: Apache-2.0

// Package faultfs wraps a file system so that a test decides which of its calls fail.
//
// Every call of the port is counted, also those of open files. A [Rule] makes calls fail by number, operation and
// name; a budget makes the volume full after so many bytes; a hook sees every call before it is made, and may block
// it for a while (a stall); and the power can go at one call, between all that was done and all that never will be.
package faultfs

import (
	"errors"
	"io"
	"path"
	"slices"
	"sync"
	"syscall"

	"github.com/causeway-mq/causeway/internal/fsys"
)

// Op names an operation of the port.
type Op string

// The operations of fsys.FS and fsys.File.
const (
	Create      Op = "create"
	Open        Op = "open"
	List        Op = "list"
	Remove      Op = "remove"
	Rename      Op = "rename"
	MkdirAll    Op = "mkdir"
	SyncDir     Op = "syncdir"
	Lock        Op = "lock"
	Space       Op = "space"
	Read        Op = "read"
	Write       Op = "write"
	Sync        Op = "sync"
	Truncate    Op = "truncate"
	Preallocate Op = "preallocate"
	Size        Op = "size"
	Close       Op = "close"
)

// Call is one call of the port.
type Call struct {
	N    int // from 1, over all calls
	Op   Op
	Name string // the file or directory; of a rename the old name
}

// Rule makes calls fail. A call matches if its operation and name do; of the matching calls those from First on, Times
// many, fail.
type Rule struct {
	Ops     []Op   // empty: all
	Pattern string // of path.Match against the last part of the name; "": all
	First   int    // the first matching call that fails, from 1; 0 is 1
	Times   int    // how many fail; 0 is one, negative all
	Err     error  // what they return, for instance syscall.EIO
	Short   bool   // of a write, half is done before it fails
}

// FS is a faulty file system over another one.
type FS struct {
	inner fsys.FS

	mu     sync.Mutex // guards the fields below
	calls  int
	rules  []*armed
	budget int64 // bytes that may still be written, negative for no bound
	hook   func(Call)
	hits   int
	cutAt  int // the first call without power, 0 for none
	cut    func()

	power sync.RWMutex // held for reading by every call while it runs, for writing by the one that finds the power gone
	off   bool         // guarded by power
}

// ErrPowerOff is what every call returns once the power is gone.
var ErrPowerOff = errors.New("the power is off")

type armed struct {
	Rule
	seen int
}

var _ fsys.FS = (*FS)(nil)

// New wraps inner; without rules it only counts.
func New(inner fsys.FS) *FS { return &FS{inner: inner, budget: -1} }

// Inject adds a rule, which counts matching calls from now on.
func (f *FS) Inject(r Rule) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules = append(f.rules, &armed{Rule: r})
}

// Heal removes all rules and the budget.
func (f *FS) Heal() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules, f.budget = nil, -1
}

// SetBudget lets so many bytes be written or preallocated; what goes beyond fails with ENOSPC. Negative: no bound.
func (f *FS) SetBudget(bytes int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.budget = bytes
}

// SetHook sets a function that is called before each call, on the caller's goroutine and under no lock; nil for none.
func (f *FS) SetHook(hook func(Call)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hook = hook
}

// CutPower makes the n-th call from now, and every one after it, fail with ErrPowerOff. Right before, when all earlier
// calls are done, cut is called once: that is the moment to take the disk away. Calls that block in a hook block it too.
func (f *FS) CutPower(n int, cut func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cutAt, f.cut = f.calls+n, cut
}

// Calls returns how many calls were made.
func (f *FS) Calls() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls
}

// Hits returns how many calls were made to fail.
func (f *FS) Hits() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.hits
}

// enter counts a call and returns the rule that makes it fail, if any. The caller calls leave when the call is done.
func (f *FS) enter(op Op, name string, grow int64) (hit *Rule, leave func()) {
	f.power.RLock()
	f.mu.Lock()
	f.calls++
	call, hook := Call{f.calls, op, name}, f.hook
	dark := f.cutAt > 0 && f.calls >= f.cutAt
	if !dark {
		hit = f.judgeLocked(call, grow)
	}
	if hit != nil {
		f.hits++
	}
	f.mu.Unlock()
	if dark {
		f.power.RUnlock()
		f.powerOff()
		return &Rule{Err: ErrPowerOff}, func() {}
	}
	if hook != nil {
		hook(call)
	}
	return hit, f.power.RUnlock
}

func (f *FS) powerOff() {
	f.power.Lock()
	defer f.power.Unlock()
	if !f.off {
		f.off = true
		f.cut()
	}
}

func (f *FS) judgeLocked(call Call, grow int64) *Rule {
	var hit *Rule
	for _, a := range f.rules {
		if !a.matches(call) {
			continue
		}
		a.seen++
		first, times := max(a.First, 1), a.Times
		if times == 0 {
			times = 1
		}
		if a.seen >= first && (times < 0 || a.seen < first+times) && hit == nil {
			hit = &a.Rule
		}
	}
	if hit == nil && f.budget >= 0 && grow > 0 {
		if grow > f.budget {
			return &Rule{Err: syscall.ENOSPC}
		}
		f.budget -= grow
	}
	return hit
}

func (a *armed) matches(call Call) bool {
	if len(a.Ops) > 0 && !slices.Contains(a.Ops, call.Op) {
		return false
	}
	if a.Pattern == "" {
		return true
	}
	ok, err := path.Match(a.Pattern, path.Base(call.Name))
	return ok && err == nil
}

// Create implements fsys.FS.
func (f *FS) Create(name string) (fsys.File, error) {
	hit, leave := f.enter(Create, name, 0)
	defer leave()
	if hit != nil {
		return nil, hit.Err
	}
	return f.wrap(name)(f.inner.Create(name))
}

// Open implements fsys.FS.
func (f *FS) Open(name string) (fsys.File, error) {
	hit, leave := f.enter(Open, name, 0)
	defer leave()
	if hit != nil {
		return nil, hit.Err
	}
	return f.wrap(name)(f.inner.Open(name))
}

func (f *FS) wrap(name string) func(fsys.File, error) (fsys.File, error) {
	return func(inner fsys.File, err error) (fsys.File, error) {
		if err != nil {
			return nil, err
		}
		return &file{fs: f, inner: inner, name: name}, nil
	}
}

// List implements fsys.FS.
func (f *FS) List(dir string) ([]fsys.Entry, error) {
	hit, leave := f.enter(List, dir, 0)
	defer leave()
	if hit != nil {
		return nil, hit.Err
	}
	return f.inner.List(dir)
}

// Remove implements fsys.FS.
func (f *FS) Remove(name string) error {
	hit, leave := f.enter(Remove, name, 0)
	defer leave()
	if hit != nil {
		return hit.Err
	}
	return f.inner.Remove(name)
}

// Rename implements fsys.FS.
func (f *FS) Rename(from, to string) error {
	hit, leave := f.enter(Rename, from, 0)
	defer leave()
	if hit != nil {
		return hit.Err
	}
	return f.inner.Rename(from, to)
}

// MkdirAll implements fsys.FS.
func (f *FS) MkdirAll(dir string) error {
	hit, leave := f.enter(MkdirAll, dir, 0)
	defer leave()
	if hit != nil {
		return hit.Err
	}
	return f.inner.MkdirAll(dir)
}

// SyncDir implements fsys.FS.
func (f *FS) SyncDir(dir string) error {
	hit, leave := f.enter(SyncDir, dir, 0)
	defer leave()
	if hit != nil {
		return hit.Err
	}
	return f.inner.SyncDir(dir)
}

// Lock implements fsys.FS.
func (f *FS) Lock(name string) (io.Closer, error) {
	hit, leave := f.enter(Lock, name, 0)
	defer leave()
	if hit != nil {
		return nil, hit.Err
	}
	return f.inner.Lock(name)
}

// Space implements fsys.FS.
func (f *FS) Space() (fsys.Space, error) {
	hit, leave := f.enter(Space, ".", 0)
	defer leave()
	if hit != nil {
		return fsys.Space{}, hit.Err
	}
	return f.inner.Space()
}
