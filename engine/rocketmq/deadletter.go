// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/admin"
	"github.com/causeway-mq/causeway/engine/rocketmq/mapping"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/engine/rocketmq/routes"
	"github.com/causeway-mq/causeway/engine/rocketmq/soft"
	"github.com/causeway-mq/causeway/engine/rocketmq/stored"
	"github.com/causeway-mq/causeway/engine/rocketmq/token"
	"github.com/causeway-mq/causeway/mq"
)

// DeadLetter moves messages to their group's dead letters: see consume.Leaser. The copy is sent like any message, and so is as durable; the
// brokers' own move answers before the disk and the replicas have it.
func (e *Engine) DeadLetter(ctx context.Context, leases []mq.Lease, why string) []error {
	errs := make([]error, len(leases))
	var under sync.WaitGroup
	for i, l := range leases {
		under.Go(func() { errs[i] = e.deadLetter(ctx, l, why) })
	}
	under.Wait()
	return errs
}

func (e *Engine) deadLetter(ctx context.Context, l mq.Lease, why string) error {
	t, err := e.lease(l)
	if err != nil {
		return err
	}
	r, err := e.routes.Route(ctx, l.Topic.Name)
	if err != nil {
		return err
	}
	h := &request.View{Topic: t.Handle.RealTopic(l.Topic.Name.String(), l.Group.Name.String()), Physical: t.Physical, Broker: t.Handle.Broker}
	f, err := e.call(ctx, r, t.Handle.Broker, remoting.Request{Code: remoting.ViewMessage, Header: h})
	if err != nil {
		return gone(err)
	}
	defer f.Release()
	m, _, ok, err := stored.Next(f.Body)
	if err != nil || !ok {
		return mq.Doubt(mq.Internal, err, "answer to a look at a message")
	}
	if err := e.sendDead(ctx, &m, l, reason{why, t.Attempt}); err != nil {
		return err
	}
	return e.ackOne(ctx, l)
}

// reason is why a message is dead and how many deliveries were tried.
type reason struct {
	why      string
	attempts int64
}

// sendDead stores the copy of a message among the dead letters of the lease's group, unless this very delivery has one already.
func (e *Engine) sendDead(ctx context.Context, m *stored.Message, l mq.Lease, because reason) error {
	t, ok := token.ParseLease(l.Token)
	if !ok {
		return mq.Refuse(mq.InvalidReceipt, "not a lease of this cluster")
	}
	dead := mq.PhysicalDeadLetters(l.Group.Name)
	p := m.Properties
	for _, name := range []string{stored.PopCheckpoint, stored.FirstPopMillis, stored.RetryTopic, stored.OriginGroup, stored.DeliverMillis, stored.Half, stored.ProducerGroup, stored.Wait} {
		if p.Get(name) != "" {
			p = p.With(name, "")
		}
	}
	p = p.With(stored.DeadTopic, l.Topic.Name.String()).With(stored.DeadMessage, p.Get(stored.UniqueKey))
	origin := fmt.Sprintf("%d %d %d %s", t.Handle.Queue, t.Handle.Offset, because.attempts, mapping.Clean(because.why))
	p = p.With(mapping.OriginProperty, origin)
	h := &request.Send{
		Group: dead.String(), Topic: dead.String(), DefaultTopic: routes.TemplateTopic, DefaultQueues: 1, SysFlag: m.Sys & stored.Compressed,
		BornMillis: m.Born.UnixMilli(), Flag: m.Flag, Properties: string(p),
	}
	r, err := e.deadRoute(ctx, dead)
	if err != nil {
		return err
	}
	if e.buried.Has(soft.DeliveryOf(l)) || e.isDead(ctx, r, dead, p) {
		return nil
	}
	at, ok := r.Pick(mq.MessageGroup{}, "")
	if !ok {
		return mq.Refuse(mq.Unavailable, "no queue takes dead letters now")
	}
	h.Queue, h.Broker = at.Queue, at.Broker
	var a request.SendAnswer
	err = e.ask(ctx, target{r, at.Broker}, remoting.Request{Code: remoting.SendMessage, Header: h, Body: m.Body, Timeout: sendTimeout}, &a)
	if err != nil {
		e.routes.Doubt(dead, err)
		return err
	}
	e.buried.Note(soft.DeliveryOf(l), e.clock.Now())
	return nil
}

// deadRoute gives the route of a group's dead letters, making the topic if it is not there: groups that another tool made have none.
func (e *Engine) deadRoute(ctx context.Context, dead mq.Physical) (*routes.Route, error) {
	r, err := e.routes.Route(ctx, dead)
	if err == nil || mq.KindOf(err) != mq.TopicNotFound {
		return r, err
	}
	err = e.putTopic(ctx, dead, func(was admin.Topic) admin.Topic {
		return admin.Topic{Name: dead.String(), Read: max(was.Read, 1), Write: max(was.Write, 1), Permission: admin.ReadWrite}
	})
	if err != nil {
		return nil, err
	}
	return e.routes.Route(ctx, dead)
}

// isDead looks whether the copy is there, for a move that is repeated. If a broker cannot tell, a second copy is the lesser evil.
func (e *Engine) isDead(ctx context.Context, r *routes.Route, dead mq.Physical, p stored.Properties) bool {
	h := &request.Query{Topic: dead.String(), Key: p.Get(stored.UniqueKey), Unique: true, Max: indexedAtOnce, EndMillis: e.clock.Now().Add(time.Minute).UnixMilli()}
	for broker := range r.Addresses {
		f, err := e.call(ctx, r, broker, remoting.Request{Code: remoting.QueryMessage, Header: h})
		if err != nil {
			continue
		}
		copies, _ := stored.All(f.Body, 4*indexedAtOnce) // what makes no sense is no copy
		for i := range copies {
			if copies[i].Properties.Get(mapping.OriginProperty) == p.Get(mapping.OriginProperty) && copies[i].Properties.Get(stored.UniqueKey) == h.Key {
				return true
			}
		}
	}
	return false
}
