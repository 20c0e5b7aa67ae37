// SPDX-License-Identifier: Apache-2.0

package control_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

// An update is kept while the engine is down; when the engine is back it refuses the update. The topic and its messages are
// there all the same.
func TestAnUpdateThatTheEngineRefusesLaterDoesNotRemoveTheTopic(t *testing.T) {
	var answer atomic.Pointer[mq.Error]
	virtual := clock.NewVirtual(time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC))
	p := openPlane(t, func(opt *control.Options) { opt.Clock = virtual })
	was := p.topic("orders")
	p.engine.Fail = func(verb string) error {
		if why := answer.Load(); why != nil && verb == "PutTopic" {
			return why
		}
		return nil
	}
	answer.Store(mq.Refuse(mq.Unavailable, "down"))
	queues := 32
	_, err := p.UpdateTopic(context.Background(), tester(), was.Tenant, was.Name, control.TopicChange{Queues: &queues})
	wantRefusal(t, err, mq.Unavailable, control.Pending)
	answer.Store(mq.Refuse(mq.BadRequest, "not on this engine"))
	asked := p.engine.Calls("PutTopic")
	eventually(t, virtual, func() bool { return p.engine.Calls("PutTopic") >= asked+2 || len(p.UnderWay()) == 0 })
	if _, err := p.Topic(was.Tenant, was.Name); err != nil {
		t.Fatalf("a topic that exists, with its messages, is gone from the catalog: %v", err)
	}
}
