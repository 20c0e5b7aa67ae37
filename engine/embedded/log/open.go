// SPDX-License-Identifier: Apache-2.0

package log

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/internal/fsys"
)

// Open opens the log in the root of opts.FS, or makes a new one if that is empty, and takes its lock. What a crash
// left half written is cut off, what the disk damaged is fenced in, and both are reported. It refuses, naming the
// file, a directory that is locked (fsys.ErrLocked), foreign (ErrForeign), of an unknown format (ErrFormat), or
// that lacks a file (ErrMissing). A crash while opening changes nothing about the result of the next Open.
func Open(opts Options) (*Log, Recovery, error) {
	if err := opts.complete(); err != nil {
		return nil, Recovery{}, err
	}
	lock, err := opts.FS.Lock(lockName)
	if err != nil {
		return nil, Recovery{}, fmt.Errorf("log: lock the directory: %w", err)
	}
	r := &recovery{opts: opts}
	if err := r.run(); err != nil {
		return nil, Recovery{}, errors.Join(err, r.closeAll(), lock.Close())
	}
	l := &Log{opts: opts, id: r.identity.id, seed: r.identity.id.seed(), lock: lock, low: r.identityFile}
	l.start(r)
	return l, r.report, nil
}

// start hands what recovery found to the running log.
func (l *Log) start(r *recovery) {
	l.work, l.room = sync.NewCond(&l.mu), sync.NewCond(&l.mu)
	l.prepare, l.stop = make(chan struct{}, 1), make(chan struct{})
	segs := r.segs[: r.active+1 : r.active+1]
	l.segs.Store(&segs)
	l.damage.Store(&r.report.Damage)
	l.newest.Store(&syncerState{})
	l.durable.Store(int64(r.report.End))
	l.chain = r.chain
	l.active, l.offset = r.segs[r.active], int64(r.report.End-r.segs[r.active].base)
	if r.active+1 < len(r.segs) {
		l.next = r.segs[r.active+1]
	}
	l.reserve = r.reserve
	l.filling = newBatch(nil, l.opts.BufferSize)
	l.idle = stopped(l.opts, l.idleDue)
	l.lazy = stopped(l.opts, l.lazyDue)
	l.retry = stopped(l.opts, l.wakePreparer)
	l.joined.Add(2)
	go l.syncLoop()
	go l.prepareLoop()
}

// stopped makes a timer that waits for its first Reset.
func stopped(opts Options, f func()) clock.Timer {
	t := opts.Clock.AfterFunc(time.Hour, f)
	t.Stop()
	return t
}

// recovery is one run of Open over a directory.
type recovery struct {
	opts         Options
	report       Recovery
	identity     identity
	identityFile fsys.File
	segs         []*segment // ascending
	marks        []Position // the synced marks in the headers of segs
	floor        Position   // all below it was durable, as far as identity and headers tell
	active       int        // index of the segment that takes appends
	chain        uint32     // crc of the last frame
	reserve      bool
}

func (r *recovery) note(format string, args ...any) {
	r.report.Notes = append(r.report.Notes, fmt.Sprintf(format, args...))
}

func (r *recovery) damaged(s *segment, from, to int64, reason string) {
	r.report.Damage = append(r.report.Damage, Damage{
		File: s.name, Base: s.base, From: s.base + Position(from), To: s.base + Position(to), Reason: reason})
}

func (r *recovery) closeAll() error {
	var err error
	for _, s := range r.segs {
		err = errors.Join(err, s.file.Close())
	}
	if r.identityFile != nil {
		err = errors.Join(err, r.identityFile.Close())
	}
	return err
}

func (r *recovery) run() error {
	names, err := r.inventory()
	if err != nil {
		return err
	}
	if err := r.identify(names); err != nil {
		return err
	}
	if err := r.openSegments(names); err != nil {
		return err
	}
	if err := r.recoverRecords(); err != nil {
		return err
	}
	r.report.Segments = len(r.segs)
	return nil
}

// inventory lists the segment files in order, removes what a crash left under a temporary name, and refuses files
// that are none of ours.
func (r *recovery) inventory() ([]Position, error) {
	entries, err := r.opts.FS.List(".")
	if err != nil {
		return nil, fmt.Errorf("log: list the directory: %w", err)
	}
	var bases []Position
	for _, e := range entries {
		base, isSegment := parseSegmentName(e.Name)
		switch {
		case e.Dir:
			return nil, fmt.Errorf("log: directory %q does not belong here: %w", e.Name, ErrForeign)
		case isSegment:
			bases = append(bases, base)
		case e.Name == lockName || e.Name == identityName:
		case e.Name == reserveName:
			r.reserve = e.Size == r.opts.ReserveSize
		case ownTemporary(e.Name):
			if err := r.opts.FS.Remove(e.Name); err != nil {
				return nil, fmt.Errorf("log: remove the unfinished %s: %w", e.Name, err)
			}
			r.note("removed the unfinished %s", e.Name)
		default:
			return nil, fmt.Errorf("log: file %q does not belong here: %w", e.Name, ErrForeign)
		}
	}
	return bases, nil
}

func ownTemporary(name string) bool {
	final, ok := strings.CutSuffix(name, tempSuffix)
	if !ok {
		return false
	}
	_, isSegment := parseSegmentName(final)
	return isSegment || final == identityName || final == reserveName
}
