// SPDX-License-Identifier: Apache-2.0

package journal

import (
	"context"
	"time"

	"github.com/causeway-mq/causeway/engine/embedded/log"
)

// The keeper is the goroutine that does the housekeeping of files: index files of sealed segments, checkpoints, retention. It
// works when a segment was sealed, when space is short, and once a minute.

const keepEvery = time.Minute

func (j *Journal) keepLoop() {
	defer j.joined.Done()
	tick := j.opts.Clock.NewTimer(keepEvery)
	defer tick.Stop()
	for {
		j.Keep(j.stopped)
		tick.Reset(keepEvery)
		select {
		case <-j.stopped.Done():
			return
		case <-j.toKeep:
		case <-tick.C():
		}
	}
}

// Keep does what there is to do for the keeper; what fails is tried again the next time. One call at a time.
func (j *Journal) Keep(ctx context.Context) {
	if j.failure.Load() != nil {
		return
	}
	j.rebuildIndex(ctx)
	j.installIndex(ctx)
	if j.appended.Load()-int64(j.checkpointed) > j.opts.CheckpointBytes {
		if err := j.checkpoint(ctx); err != nil && ctx.Err() == nil {
			j.opts.Logger.Warn("a checkpoint could not be saved", "why", err)
		}
	}
	for ctx.Err() == nil && j.dropOldest(ctx) {
	}
}

// installIndex writes the index files of sealed segments.
func (j *Journal) installIndex(ctx context.Context) {
	for _, s := range j.index.Pending() {
		if j.log.Durable() < s.End && j.log.Flush(ctx) != nil {
			return
		}
		j.publish()
		if err := j.index.Install(s.Base); err != nil && ctx.Err() == nil {
			j.opts.Logger.Warn("an index file could not be written; its entries stay in memory", "segment", s.Base, "why", err)
		}
	}
}

// rebuildIndex reads segments again whose index file turned out to be damaged.
func (j *Journal) rebuildIndex(ctx context.Context) {
	j.mu.Lock()
	var bases []log.Position
	for base := range j.damaged {
		bases = append(bases, base)
	}
	clear(j.damaged)
	j.mu.Unlock()
	for _, base := range bases {
		j.opts.Logger.Warn("an index file is damaged and is rebuilt", "segment", base)
		s, err := j.index.Rebuild(base)
		if err == nil {
			err = j.scanSegment(ctx, s, j.indexPart)
		}
		if err == nil {
			err = j.index.Install(base)
		}
		if err != nil && ctx.Err() == nil {
			j.opts.Logger.Error("a damaged index file could not be rebuilt", "segment", base, "why", err)
		}
	}
}
