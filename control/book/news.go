// SPDX-License-Identifier: Apache-2.0

package book

import (
	"slices"

	"github.com/causeway-mq/causeway/control/audit"
)

// News is what proxies see otherwise at a version than at an older one.
type News[R Record] struct {
	Version audit.Version
	// Whole says that Now is everything: what it lacks is not there.
	Whole bool
	Now   []R // what is new or changed, as it is now, in no order
	Gone  []R // what was there and is not any more, as it was
}

// maxJournal is how many changes a book remembers at least; who is behind by more gets everything.
const maxJournal = 8192

// journal is the changes that proxies see, in their order.
type journal[R Record] struct {
	floor   audit.Version // what changed since this version, or since a newer one, is known
	steps   []change[R]
	pending []R // of the version that is being made
}

// change is one record that changed. It may have changed again since.
type change[R Record] struct {
	version audit.Version
	record  R
}

// note takes down a record that the version which is being made changes.
func (j *journal[R]) note(r R) { j.pending = append(j.pending, r) }

// step ends a version; it tells whether proxies see a difference. Half of a full journal is dropped at a time, so that a change costs the
// same however long the journal is.
func (j *journal[R]) step(v audit.Version) (visible bool) {
	visible = len(j.pending) > 0
	for _, r := range j.pending {
		j.steps = append(j.steps, change[R]{v, r})
	}
	j.pending = nil
	if old := len(j.steps) - maxJournal; old > maxJournal {
		j.floor = j.steps[old-1].version
		j.steps = slices.Clone(j.steps[old:])
	}
	return visible
}

// since gives the records that were changed after a version, each once, as far as the journal reaches back.
func (j *journal[R]) since(have audit.Version) (some map[audit.Ref]R, known bool) {
	if have < j.floor {
		return nil, false
	}
	from, _ := slices.BinarySearchFunc(j.steps, have, func(c change[R], v audit.Version) int {
		if c.version <= v {
			return -1
		}
		return 1
	})
	some = make(map[audit.Ref]R, len(j.steps)-from)
	for _, c := range j.steps[from:] {
		some[c.record.Ref()] = c.record
	}
	return some, true
}

// Since is what proxies see otherwise now than at a version, everything where that is too long ago or not a version of this book; 0 is before anything was there.
// It costs as much as changed.
func (b *Book[R]) Since(have audit.Version) News[R] {
	b.mu.RLock()
	defer b.mu.RUnlock()
	some, known := b.journal.since(have)
	n := News[R]{Version: b.version}
	if have == 0 || have > b.version || !known {
		n.Whole = true
		for _, r := range b.records {
			if b.rules.Seen(r) {
				n.Now = append(n.Now, r)
			}
		}
		return n
	}
	for ref, last := range some {
		if now, there := b.records[ref]; there && b.rules.Seen(now) {
			n.Now = append(n.Now, now)
		} else {
			n.Gone = append(n.Gone, last)
		}
	}
	return n
}
