// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"context"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/session"
)

// What producers are told about repeating a failed send, and bounds of what consumers are told.
const (
	defaultSendAttempts = 3
	maxSendAttempts     = 16
	sendBackoffFirst    = 10 * time.Millisecond
	sendBackoffMax      = time.Second
	maxRetrySteps       = 64
)

// agreement is what client and platform settle on.
type agreement struct {
	kind   session.Kind
	group  mq.GroupName       // consumers only
	topics []mq.Topic         // producers only: those of the announced topics that exist
	wants  []session.Interest // of topics that exist, borrowed ones among them
	reply  *v2.Settings
}

// agree answers settings with the client's own, completed by the platform's. Each value that some client can't do without is
// always there: max_body_size (the Go client sends nothing without it), a backoff policy of the kind that the client
// understands, and fifo, by which consumers choose their ordered path.
func (d *Door) agree(ctx context.Context, c *Caller, in *v2.Settings) (agreement, error) {
	kind, err := clientKind(in)
	if err != nil {
		return agreement{}, err
	}
	reply := &v2.Settings{
		ClientType:     v2.ClientType(kind).Enum(),
		AccessPoint:    in.GetAccessPoint(),
		RequestTimeout: in.GetRequestTimeout(),
		UserAgent:      in.GetUserAgent(),
		Metric:         &v2.Metric{On: false},
	}
	if kind == session.Producer {
		return d.agreeProducer(ctx, c, in, reply)
	}
	return d.agreeConsumer(ctx, c, in, reply)
}

// clientKind is the declared type, which must fit the half of the settings that is filled, or the type that this half means.
func clientKind(in *v2.Settings) (session.Kind, error) {
	publishing, subscription := in.GetPublishing() != nil, in.GetSubscription() != nil
	switch t := in.GetClientType(); t {
	case v2.ClientType_PRODUCER:
		if publishing {
			return session.Producer, nil
		}
	case v2.ClientType_PUSH_CONSUMER, v2.ClientType_SIMPLE_CONSUMER, v2.ClientType_PULL_CONSUMER:
		if subscription {
			return session.Kind(t), nil
		}
	case v2.ClientType_LITE_PUSH_CONSUMER, v2.ClientType_LITE_SIMPLE_CONSUMER:
		return 0, liteRefused()
	case v2.ClientType_CLIENT_TYPE_UNSPECIFIED:
		switch {
		case publishing:
			return session.Producer, nil
		case subscription:
			return session.PushConsumer, nil
		}
	default:
		return 0, mq.Refuse(mq.UnrecognizedClient, "client type %d is not known", t)
	}
	return 0, mq.Refuse(mq.BadRequest, "settings: publishing or subscription, as the client's type wants, is missing")
}

// agreeProducer is lenient about topics that do not exist: one that was deleted must not cut a client off from all others.
func (d *Door) agreeProducer(ctx context.Context, c *Caller, in, reply *v2.Settings) (agreement, error) {
	a := agreement{kind: session.Producer, reply: reply}
	if n := len(in.GetPublishing().GetTopics()); n > maxTopics {
		return a, mq.Refuse(mq.BadRequest, "settings: %d topics, the limit is %d", n, maxTopics)
	}
	for _, r := range in.GetPublishing().GetTopics() {
		t, err := d.publishable(ctx, c, r)
		switch mq.KindOf(err) {
		case 0:
			if t.Lent == nil { // the owner's producers alone are asked how a transaction ended
				a.topics = append(a.topics, t.Topic)
			}
			a.wants = append(a.wants, session.Interest{Topic: t.Name})
		case mq.TopicNotFound:
		default:
			return a, err
		}
	}
	reply.PubSub = &v2.Settings_Publishing{Publishing: &v2.Publishing{
		Topics:              in.GetPublishing().GetTopics(),
		MaxBodySize:         mq.MaxBody,
		ValidateMessageType: true,
	}}
	attempts := in.GetBackoffPolicy().GetMaxAttempts()
	if attempts < 1 || attempts > maxSendAttempts {
		attempts = defaultSendAttempts
	}
	reply.BackoffPolicy = &v2.RetryPolicy{
		MaxAttempts: attempts,
		Strategy: &v2.RetryPolicy_ExponentialBackoff{ExponentialBackoff: &v2.ExponentialBackoff{
			Initial: durationpb.New(sendBackoffFirst), Max: durationpb.New(sendBackoffMax), Multiplier: 2,
		}},
	}
	return a, nil
}

// maxTopics bounds what one client announces.
const maxTopics = 1024

func (d *Door) agreeConsumer(ctx context.Context, c *Caller, in, reply *v2.Settings) (agreement, error) {
	kind := session.Kind(reply.GetClientType())
	said := in.GetSubscription()
	g, err := d.group(ctx, c, said.GetGroup())
	if err != nil {
		return agreement{}, err
	}
	if err := c.MaySubscribe(g, nil); err != nil {
		return agreement{}, err
	}
	if n := len(said.GetSubscriptions()); n > maxTopics {
		return agreement{}, mq.Refuse(mq.BadRequest, "settings: %d subscriptions, the limit is %d", n, maxTopics)
	}
	a := agreement{kind: kind, group: g.Name, reply: reply}
	for _, s := range said.GetSubscriptions() {
		t, err := d.topic(ctx, c, s.GetTopic())
		if mq.KindOf(err) == mq.TopicNotFound {
			continue
		}
		if err == nil {
			err = c.MaySubscribe(g, t)
		}
		if err != nil {
			return agreement{}, err
		}
		wanted, err := filterIn(s.GetExpression())
		if err != nil {
			return agreement{}, err
		}
		d.noteFilter(c, g, t, wanted)
		a.wants = append(a.wants, session.Interest{Topic: t.Name, Filter: wanted})
	}
	reply.PubSub = &v2.Settings_Subscription{Subscription: &v2.Subscription{
		Group:              said.GetGroup(),
		Subscriptions:      said.GetSubscriptions(),
		Fifo:               proto.Bool(g.Ordered),
		ReceiveBatchSize:   proto.Int32(mq.MaxReceive),
		LongPollingTimeout: durationpb.New(mq.MaxPoll),
	}}
	reply.BackoffPolicy = retryOut(&g.Group)
	return a, nil
}

// retryOut spells the group's policy out step by step, also an exponential one: some clients understand nothing else.
func retryOut(g *mq.Group) *v2.RetryPolicy {
	attempts := g.MaxAttempts
	if attempts < 1 {
		attempts = mq.DefaultMaxAttempts
	}
	steps := make([]*durationpb.Duration, min(max(attempts-1, 1), maxRetrySteps))
	for i := range steps {
		steps[i] = durationpb.New(g.Retry.After(i + 1))
	}
	return &v2.RetryPolicy{
		MaxAttempts: int32(attempts),
		Strategy:    &v2.RetryPolicy_CustomizedBackoff{CustomizedBackoff: &v2.CustomizedBackoff{Next: steps}},
	}
}
