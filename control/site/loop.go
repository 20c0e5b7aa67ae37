// SPDX-License-Identifier: Apache-2.0

package site

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/causeway-mq/causeway/control/audit"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

// defaultRest lies between something that was left undone and the next look.
const defaultRest = 5 * time.Second

// Attend looks at every period, and sooner, after a rest, whenever something was left undone, until ctx ends.
func (s *Site) Attend(ctx context.Context, c clock.Clock, every time.Duration, look func()) {
	period := c.NewTimer(every)
	defer period.Stop()
	for {
		select {
		case <-period.C():
		case <-s.wake:
			pause := c.NewTimer(s.Rest)
			select {
			case <-pause.C():
			case <-ctx.Done():
				pause.Stop()
				return
			}
		case <-ctx.Done():
			return
		}
		look()
		period.Reset(every)
	}
}

// Mend follows up what is under way and what is missing or different, record by record, until the cluster does not answer. attempt does
// one, and tells whether it could be tried. What came of it stands in drift afterwards.
func (s *Site) Mend(ctx context.Context, underWay []audit.Ref, drift []Drift, attempt func(audit.Ref) (tried bool, err error)) {
	todo := map[audit.Ref]*Drift{}
	for _, ref := range underWay {
		todo[ref] = nil
	}
	for i := range drift {
		if k := drift[i].Kind; k == Missing || k == Different {
			todo[drift[i].Ref] = &drift[i]
		}
	}
	refs := make([]audit.Ref, 0, len(todo))
	for ref := range todo {
		refs = append(refs, ref)
	}
	slices.SortFunc(refs, func(a, b audit.Ref) int {
		return cmp.Or(-cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Name, b.Name)) // topics before groups
	})
	for _, ref := range refs {
		if ctx.Err() != nil {
			return
		}
		tried, err := attempt(ref)
		if d := todo[ref]; d != nil && tried {
			d.Mended = "done"
			if err != nil {
				d.Mended = err.Error()
			}
		}
		if err != nil {
			s.Stir()
			if !Final(err) {
				return // it does not answer now
			}
		}
	}
}

// Final tells whether trying the same again would be in vain.
func Final(err error) bool {
	switch mq.KindOf(err) {
	case mq.Unavailable, mq.Timeout, mq.TooManyRequests, mq.StorageFull, mq.Internal:
		return false
	}
	return true
}

// Absent tells whether an engine says that a thing is not there.
func Absent(err error) bool {
	switch mq.KindOf(err) {
	case mq.NotFound, mq.TopicNotFound, mq.GroupNotFound:
		return true
	}
	return false
}
