// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"context"
	"time"

	"github.com/causeway-mq/causeway/engine/embedded/log"
)

// The keeper is the goroutine that does the housekeeping of files: index files of sealed segments, checkpoints, retention. It
// works when a segment was sealed, when space is short, and once a minute.

const keepEvery = time.Minute

func (e *Engine) keepLoop() {
	defer e.joined.Done()
	tick := e.clock.NewTimer(keepEvery)
	defer tick.Stop()
	for {
		e.keep(e.stopped)
		tick.Reset(keepEvery)
		select {
		case <-e.stopped.Done():
			return
		case <-e.toKeep:
		case <-tick.C():
		}
	}
}

// keep does what there is to do; what fails is tried again the next time.
func (e *Engine) keep(ctx context.Context) {
	if e.failure.Load() != nil {
		return
	}
	e.rebuildIndex(ctx)
	e.installIndex(ctx)
	if e.appended.Load()-int64(e.checkpointed) > e.opts.CheckpointBytes {
		if err := e.checkpoint(ctx); err != nil && ctx.Err() == nil {
			e.journal.Warn("a checkpoint could not be saved", "why", err)
		}
	}
	for ctx.Err() == nil && e.dropOldest(ctx) {
	}
}

// installIndex writes the index files of sealed segments.
func (e *Engine) installIndex(ctx context.Context) {
	for _, s := range e.index.Pending() {
		if e.log.Durable() < s.End && e.log.Flush(ctx) != nil {
			return
		}
		e.publish()
		if err := e.index.Install(s.Base); err != nil && ctx.Err() == nil {
			e.journal.Warn("an index file could not be written; its entries stay in memory", "segment", s.Base, "why", err)
		}
	}
}

// rebuildIndex reads segments again whose index file turned out to be damaged.
func (e *Engine) rebuildIndex(ctx context.Context) {
	e.mu.Lock()
	var bases []log.Position
	for base := range e.damaged {
		bases = append(bases, base)
	}
	clear(e.damaged)
	e.mu.Unlock()
	for _, base := range bases {
		e.journal.Warn("an index file is damaged and is rebuilt", "segment", base)
		s, err := e.index.Rebuild(base)
		if err == nil {
			err = e.scanSegment(ctx, s, e.indexPart)
		}
		if err == nil {
			err = e.index.Install(base)
		}
		if err != nil && ctx.Err() == nil {
			e.journal.Error("a damaged index file could not be rebuilt", "segment", base, "why", err)
		}
	}
}
