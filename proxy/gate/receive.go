// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"context"
	"errors"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/mq/filter"
	"github.com/causeway-mq/causeway/proxy/catalog"
	"github.com/causeway-mq/causeway/proxy/consume"
	"github.com/causeway-mq/causeway/proxy/route"
	"github.com/causeway-mq/causeway/proxy/trail"
)

// Sink takes the responses of one stream, in order. An error means that the client will see no more.
type Sink[T any] interface{ Send(*T) error }

const (
	// earliness is how long before the client's deadline a poll is answered, since some set the deadline to the poll itself.
	earliness = 400 * time.Millisecond
	// allowance is what clients that name no polling time put on top of it in their deadline, at least.
	allowance    = 1500 * time.Millisecond
	maxAttemptID = 128
)

// ReceiveMessage hands messages out: the status, then the messages, then the time. Nothing within the polling time is
// MESSAGE_NOT_FOUND. What the client did not get, as far as the transport can tell, is freed at once.
func (d *Door) ReceiveMessage(ctx context.Context, c Caller, req *v2.ReceiveMessageRequest, out Sink[v2.ReceiveMessageResponse]) *v2.Status {
	group, topic, want, err := d.receiveIn(ctx, &c, req)
	if err != nil {
		return d.lastReceive(out, d.status(&c, ReceiveMessage, err))
	}
	h := holding{group, topic}
	d.noteWanted(&c, h, want.Want.Filter)
	granted, err := d.await(ctx, &poll{caller: &c, group: group, topic: topic}, want)
	d.noteWanted(&c, h, want.Want.Filter) // what was stored meanwhile was held against it, too
	if err == nil && len(granted) == 0 {
		err = mq.Refuse(mq.MessageNotFound, "no message within the polling time")
	}
	if err != nil {
		return d.lastReceive(out, d.status(&c, ReceiveMessage, err))
	}
	d.noteDeliveries(&c, h, granted, trail.Delivered) // before the consumer has them, or its acknowledgement could come first
	sent, bytes := d.handOut(&c, handing{h, req, granted}, out)
	if sent < len(granted) {
		d.ports.Consume.GiveBack(granted[sent:])
		d.noteDeliveries(&c, h, granted[sent:], trail.Returned)
	}
	if sent > 0 {
		d.observer.Delivered(group, topic, sent, bytes)
	}
	return d.ok
}

// await receives; a poll that may have to wait needs a place to do so.
func (d *Door) await(ctx context.Context, one *poll, req consume.Request) ([]mq.Delivery, error) {
	if one.group.Paused {
		return nil, d.idle(ctx, one, req.Poll)
	}
	if req.Poll <= 0 {
		granted, err := d.ports.Consume.Receive(ctx, req)
		return granted, there(one.topic, err)
	}
	ctx, leave, err := d.wait(ctx, one)
	if err != nil {
		return nil, err
	}
	defer leave()
	granted, err := d.ports.Consume.Receive(ctx, req)
	return granted, whyEnded(ctx, there(one.topic, err))
}

// whyEnded is the catalog's reason where it was the catalog that ended a wait.
func whyEnded(ctx context.Context, err error) error {
	var r revoked
	if err != nil && errors.As(context.Cause(ctx), &r) {
		return r.error
	}
	return err
}

func (d *Door) lastReceive(out Sink[v2.ReceiveMessageResponse], status *v2.Status) *v2.Status {
	// An error here says that nobody waits any more, which changes nothing.
	_ = out.Send(&v2.ReceiveMessageResponse{Content: &v2.ReceiveMessageResponse_Status{Status: status}})
	return status
}

// handing is one answer with messages.
type handing struct {
	holding
	req     *v2.ReceiveMessageRequest
	granted []mq.Delivery
}

// handOut tells how many messages went out. After a failure it is none: a stream that broke in the middle is an error for
// the client, which then drops what it had read of it.
func (d *Door) handOut(c *Caller, h handing, out Sink[v2.ReceiveMessageResponse]) (sent, bytes int) {
	if out.Send(&v2.ReceiveMessageResponse{Content: &v2.ReceiveMessageResponse_Status{Status: d.ok}}) != nil {
		return 0, 0
	}
	name := h.req.GetMessageQueue().GetTopic()
	now := d.ports.Clock.Now()
	for i := range h.granted {
		g := &h.granted[i]
		m := c.deliveryOut(g, name, d.receiptOut(c, h.holding, g, h.req.GetAutoRenew()), now)
		if out.Send(&v2.ReceiveMessageResponse{Content: &v2.ReceiveMessageResponse_Message{Message: m}}) != nil {
			return 0, 0
		}
		bytes += len(m.Body)
	}
	at := timestamppb.New(d.ports.Clock.Now())
	if out.Send(&v2.ReceiveMessageResponse{Content: &v2.ReceiveMessageResponse_DeliveryTimestamp{DeliveryTimestamp: at}}) != nil {
		return 0, 0
	}
	return len(h.granted), bytes
}

func (d *Door) receiveIn(ctx context.Context, c *Caller, req *v2.ReceiveMessageRequest) (*catalog.Group, *catalog.Topic, consume.Request, error) {
	refuse := func(err error) (*catalog.Group, *catalog.Topic, consume.Request, error) {
		return nil, nil, consume.Request{}, err
	}
	if err := d.takes(ReceiveMessage); err != nil {
		return refuse(err)
	}
	g, t, err := d.subscribable(ctx, c, req.GetGroup(), req.GetMessageQueue().GetTopic())
	if err != nil {
		return refuse(err)
	}
	if g.Mode != mq.Leases {
		return refuse(mq.Refuse(mq.Conflict, "consumer group %q pulls: it cannot receive", g.Name))
	}
	want := mq.Want{
		Topic:   t.Topic,
		Group:   g.Group,
		Queue:   mq.AnyQueue,
		Max:     int(min(max(req.GetBatchSize(), 1), mq.MaxReceive)),
		Renew:   req.GetAutoRenew(),
		Attempt: mq.AttemptID(printable(req.GetAttemptId(), maxAttemptID)),
	}
	// Every member of a group may take from every queue, so the queue that a simple consumer rotates to is no more than a
	// hint, in an ordered group too, where leases keep the order: to keep to it would leave messages lying while somebody
	// asks for them. Only the push consumers of an ordered group poll each queue by itself, as their assignments say.
	if g.Ordered && req.GetAutoRenew() && req.GetMessageQueue().GetId() >= 0 {
		want.Broker, want.Queue = route.BrokerOf(req.GetMessageQueue().GetBroker().GetName()), mq.QueueID(req.GetMessageQueue().GetId())
	}
	if want.Filter, err = filterIn(req.GetFilterExpression()); err != nil {
		return refuse(err)
	}
	if want.Hold, err = holdIn(req.GetInvisibleDuration(), req.GetAutoRenew()); err != nil {
		return refuse(err)
	}
	poll, err := pollIn(req.GetLongPollingTimeout(), c.Left)
	if err != nil {
		return refuse(err)
	}
	if t.Lent != nil && !t.Lent.Expires.IsZero() {
		poll = min(poll, t.Lent.Expires.Sub(d.ports.Clock.Now())) // nothing is handed out after it
	}
	d.ports.Sessions.Seen(c.Session())
	return g, t, consume.Request{Want: want, From: t.Move.From(), Poll: poll, Client: c.Session()}, nil
}

// filterIn checks a filter. It goes on as its canonical text, so that equal filters are equal strings.
func filterIn(f *v2.FilterExpression) (mq.Filter, error) {
	written := mq.Filter{Expression: f.GetExpression()}
	switch f.GetType() {
	case v2.FilterType_FILTER_TYPE_UNSPECIFIED, v2.FilterType_TAG:
	case v2.FilterType_SQL:
		written.SQL = true
	default:
		return mq.Filter{}, mq.Refuse(mq.IllegalFilter, "filter type %d is not known", f.GetType())
	}
	if written.All() {
		return mq.Filter{}, nil
	}
	compiled, err := filter.Compile(written)
	if err != nil {
		return mq.Filter{}, err
	}
	if compiled.All() {
		return mq.Filter{}, nil
	}
	return compiled.Written(), nil
}

// holdIn reads the lease that a consumer asks for. One that lets the platform renew may leave it out; any other must name it,
// since nobody else would know when its message is to come back.
func holdIn(asked *durationpb.Duration, renew bool) (mq.Hold, error) {
	if asked != nil && asked.CheckValid() != nil {
		return mq.Hold{}, mq.Refuse(mq.IllegalInvisibleTime, "invisible time: not a duration")
	}
	if asked.AsDuration() == 0 && renew {
		return mq.Hold{}, nil
	}
	return mq.ParseHold(asked.AsDuration())
}

// pollIn reads the polling time and bounds it by the platform's limit and by the call's own deadline: an answer after the
// deadline is seen by nobody, and what it granted would be lost until its lease is over.
func pollIn(asked *durationpb.Duration, left time.Duration) (time.Duration, error) {
	poll := mq.MaxPoll
	switch {
	case asked == nil && left > 0:
		// The client waits for as long as its caller said and set the deadline to that and its own request timeout.
		poll = max(left-allowance, left/2)
	case asked == nil:
	case asked.CheckValid() != nil || asked.AsDuration() < 0:
		return 0, mq.Refuse(mq.IllegalPollingTime, "polling time: from 0 to %v", mq.MaxPoll)
	default:
		poll = asked.AsDuration()
	}
	if left > 0 {
		poll = min(poll, max(left-earliness, left/2))
	}
	return min(poll, mq.MaxPoll), nil
}
