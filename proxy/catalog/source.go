// SPDX-License-Identifier: Apache-2.0

package catalog

import "context"

// Source gives snapshots to a proxy.
type Source interface {
	// Next blocks until there is a snapshot newer than have, or ctx ends.
	Next(ctx context.Context, have Version) (*Snapshot, error)
}

// Follow keeps holder at the source's newest snapshot until ctx ends. onChange, if not nil, runs after each change, on the
// caller's goroutine.
func Follow(ctx context.Context, src Source, holder *Holder, onChange func(*Snapshot)) error {
	for {
		s, err := src.Next(ctx, holder.Now().Version())
		if err != nil {
			return err
		}
		if holder.Put(s) && onChange != nil {
			onChange(s)
		}
	}
}
