// SPDX-License-Identifier: Apache-2.0

package produce

import (
	"context"
	"errors"
	"sync"
)

// Run relays the engines' check-backs to live producers until ctx ends. A question for which no producer is connected here
// is left to the engine, which asks again, here or at another proxy.
func (s *Service) Run(ctx context.Context) error {
	var group sync.WaitGroup
	errs := make([]error, len(s.stores))
	i := 0
	for _, store := range s.stores {
		slot := &errs[i]
		i++
		group.Go(func() { *slot = store.Checks(ctx, s.sessions.Live, s.sessions.Ask) })
	}
	group.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return errors.Join(errs...)
}
