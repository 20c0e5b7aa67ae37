// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"context"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/admin"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/routes"
	"github.com/causeway-mq/causeway/mq"
)

// hold is how long messages are hidden, and how often the holder renews. Where the holder of a group without order would renew, the whole of
// the group's time is taken at once instead (hide is 0 here, see holds): a renewal costs a broker two writes, and voids the first token
// at every proxy that did not make it. An orderly run is renewed: its first token goes on settling, and it blocks a queue.
func hold(want mq.Want) (hide, keep time.Duration) {
	switch {
	case want.Renew && want.Group.Ordered:
		return renewHold, renewEvery
	case want.Renew:
		return 0, 0
	case want.Hold.Duration() > 0:
		return want.Hold.Duration(), 0
	case want.Group.Hold > 0:
		return want.Group.Hold, 0
	}
	return mq.DefaultHold, 0
}

// holds remembers the groups' consumeTimeoutMinute.
type holds struct{ all sync.Map } // mq.Physical -> holdOf

type holdOf struct {
	hold  time.Duration
	until time.Time // when it is asked again
}

const (
	holdMemory = time.Minute
	holdRest   = 5 * time.Second // after nobody could tell
)

// wholeHold is the time that a group's configuration grants to who holds a message. A Take that does not learn it goes by the brokers' default.
func (e *Engine) wholeHold(ctx context.Context, r *routes.Route, group mq.Physical) time.Duration {
	now := e.clock.Now()
	known, _ := e.holds.all.Load(group)
	old, ok := known.(holdOf)
	if ok && now.Before(old.until) {
		return old.hold
	}
	for _, broker := range r.Readers {
		f, err := e.call(ctx, r, broker, remoting.Request{Code: remoting.GroupConfig, Header: &admin.ByGroup{Group: group.String()}})
		if err != nil {
			continue
		}
		g, err := admin.ParseGroup(f.Body)
		f.Release()
		if err != nil || g.TimeoutMinutes <= 0 {
			continue
		}
		d := min(time.Duration(g.TimeoutMinutes)*time.Minute, e.Traits().MaxHold)
		e.holds.all.Store(group, holdOf{d, now.Add(holdMemory)})
		return d
	}
	d := longHold
	if ok {
		d = old.hold
	}
	e.holds.all.Store(group, holdOf{d, now.Add(holdRest)})
	return d
}
