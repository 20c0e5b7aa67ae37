// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"context"

	"github.com/causeway-mq/causeway/mq"
)

// Source gives snapshots to a proxy.
type Source interface {
	// Next blocks until there is a snapshot newer than have, or ctx ends.
	Next(ctx context.Context, have Version) (*Snapshot, error)
}

// Lookup finds what the newest snapshot lacks, where the catalog is not complete by its nature. It blocks for one question to the
// cluster at the most; what it found is in the next snapshot too.
type Lookup interface {
	// Topic answers TopicNotFound when there is none.
	Topic(ctx context.Context, tenant mq.Tenant, name mq.TopicName) (*Topic, error)
	// Group answers GroupNotFound when there is none.
	Group(ctx context.Context, tenant mq.Tenant, name mq.GroupName) (*Group, error)
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
