// SPDX-License-Identifier: Apache-2.0

package reception

import (
	"context"
	"log/slog"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/internal/clock"
)

// Rest is how long what is due, or over, waits for the next look at the most.
const Rest = 15 * time.Second

// Tend carries out approved requests whose plane died, ends those that nobody decided, and takes back grants that have expired, until ctx
// ends. Each plane over a store may do so at the same time.
func Tend(ctx context.Context, plane *control.Plane, c clock.Clock, log *slog.Logger) {
	r := Open(plane, nil, c.Now)
	for {
		for _, sweep := range []func(context.Context) error{r.Desk.Sweep, r.Lending.Sweep} {
			if err := sweep(ctx); err != nil && ctx.Err() == nil {
				log.Warn("requests and grants wait for the next look", "error", err)
			}
		}
		if clock.Rest(ctx, c, Rest) != nil {
			return
		}
	}
}
