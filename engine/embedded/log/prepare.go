// SPDX-License-Identifier: Apache-2.0

package log

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/causeway-mq/causeway/internal/fsys"
)

// prepareLoop is the preparer: it keeps the next segment and the reserve ready, so that a roll never waits for the
// disk. Want of space is a state that it leaves by itself; any other error is final, as for the syncer.
func (l *Log) prepareLoop() {
	defer l.joined.Done()
	for {
		if err := l.prepareNow(); err != nil {
			l.fail(err)
			return
		}
		select {
		case <-l.prepare:
		case <-l.stop:
			return
		}
	}
}

// prepareNow brings reserve and next segment into being as far as there is space.
func (l *Log) prepareNow() error {
	l.mu.Lock()
	dip, next, reserve, base := l.dip, l.next, l.reserve, l.active.next()
	l.mu.Unlock()
	var err error
	if !reserve {
		err = l.ensureReserve()
	}
	var made *segment // only where there was none: a roll takes what is there at any moment, and waits where nothing is
	if err == nil && next == nil {
		made, err = createSegment(l.opts.FS, l.headerFor(base, l.opts.SegmentSize))
	}
	if err != nil && !fsys.IsNoSpace(err) {
		return err
	}
	full := err != nil
	if full && dip && next == nil {
		if made, err = l.dipIntoReserve(base); err != nil {
			return err
		}
	}
	l.settlePrepared(made, full)
	return nil
}

func (l *Log) headerFor(base Position, capacity int64) header {
	return header{id: l.id, base: base, capacity: capacity, created: l.opts.Clock.Now(), synced: l.Durable()}
}

func (l *Log) settlePrepared(made *segment, full bool) {
	l.mu.Lock()
	changed := full != l.full
	l.full = full
	if made != nil {
		l.next, l.dip = made, false
	}
	l.room.Broadcast()
	l.mu.Unlock()
	if full {
		l.retry.Reset(fullRetryEvery)
	}
	if changed && l.opts.OnFull != nil {
		l.opts.OnFull(full)
	}
}

// ensureReserve makes the reserve file: blocks that nobody else can take while the disk is full.
func (l *Log) ensureReserve() error {
	f, err := l.opts.FS.Create(reserveName + tempSuffix)
	if err != nil {
		return fmt.Errorf("log: create the reserve: %w", err)
	}
	if err = f.Preallocate(l.opts.ReserveSize); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		if err = l.opts.FS.Rename(reserveName+tempSuffix, reserveName); err == nil {
			err = l.opts.FS.SyncDir(".")
		}
	}
	if err != nil {
		if fsys.IsNoSpace(err) {
			l.opts.FS.Remove(reserveName + tempSuffix) // gives the blocks back
		}
		return fmt.Errorf("log: make the reserve of %d bytes: %w", l.opts.ReserveSize, err)
	}
	l.mu.Lock()
	l.reserve = true
	l.mu.Unlock()
	return nil
}

// dipIntoReserve turns the reserve into the next segment; it returns nil when there is no reserve.
func (l *Log) dipIntoReserve(base Position) (*segment, error) {
	f, err := l.opts.FS.Open(reserveName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("log: open the reserve: %w", err)
	}
	size, err := f.Size()
	h := l.headerFor(base, min(size, l.opts.ReserveSize))
	if err == nil {
		err = installSegment(l.opts.FS, f, h, reserveName)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("log: make a segment of the reserve: %w", err), f.Close())
	}
	l.mu.Lock()
	l.reserve = false
	l.mu.Unlock()
	return newSegment(f, h), nil
}
