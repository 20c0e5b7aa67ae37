// SPDX-License-Identifier: Apache-2.0

package grpcfront_test

import (
	"strings"
	"testing"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/causeway-mq/causeway/mq"
)

// reach says, for every kind of error, a call that ends with it. A kind that no call reaches has no place in mq.
func reach() map[mq.Kind]func(w *world) *v2.Status {
	set := func(f func(p *v2.SystemProperties)) func(w *world) *v2.Status {
		return sends("any", func(m *v2.Message) { f(m.SystemProperties) })
	}
	engine := func(kind mq.Kind) func(w *world) *v2.Status { // what an engine alone can say
		return func(w *world) *v2.Status {
			w.engine.failNext("send", mq.Refuse(kind, "the engine said so"))
			return w.send(w.as(), normal("orders", "x")).Status
		}
	}
	pull := func(group string, offset int64) func(w *world) *v2.Status {
		return func(w *world) *v2.Status {
			status, _, _ := w.pull(&v2.PullMessageRequest{Group: res(group), MessageQueue: &v2.MessageQueue{Topic: res("orders")}, Offset: offset, LongPollingTimeout: durationpb.New(0)})
			return status
		}
	}
	return map[mq.Kind]func(w *world) *v2.Status{
		mq.BadRequest:          set(func(p *v2.SystemProperties) { p.MessageType = 77 }),
		mq.IllegalTopic:        routes("../x"),
		mq.IllegalGroup:        receives(func(r *v2.ReceiveMessageRequest) { r.Group = res("a/b") }),
		mq.IllegalTag:          set(func(p *v2.SystemProperties) { p.Tag = proto.String("a|b") }),
		mq.IllegalKey:          set(func(p *v2.SystemProperties) { p.Keys = []string{"\x01"} }),
		mq.IllegalMessageGroup: set(func(p *v2.SystemProperties) { p.MessageType, p.MessageGroup = v2.MessageType_FIFO, proto.String(" ") }),
		mq.IllegalPropertyKey:  sends("orders", func(m *v2.Message) { m.UserProperties = map[string]string{"TAGS": "x"} }),
		mq.InvalidTransaction:  func(w *world) *v2.Status { return w.end(w.as(), "x", v2.TransactionResolution_COMMIT) },
		mq.IllegalMessageID:    set(func(p *v2.SystemProperties) { p.MessageId = "" }),
		mq.IllegalFilter: receives(func(r *v2.ReceiveMessageRequest) {
			r.FilterExpression = &v2.FilterExpression{Type: v2.FilterType_SQL, Expression: "("}
		}),
		mq.IllegalInvisibleTime: receives(func(r *v2.ReceiveMessageRequest) { r.InvisibleDuration = nil }),
		mq.IllegalDeliveryTime: set(func(p *v2.SystemProperties) {
			p.MessageType, p.DeliveryTimestamp = v2.MessageType_DELAY, &timestamppb.Timestamp{Seconds: -1}
		}),
		mq.InvalidReceipt: func(w *world) *v2.Status { return w.ack(w.as(), "billing", "orders", "x").Status },
		mq.Expired: func(w *world) *v2.Status {
			old := w.handle(w.as(), time.Minute, false)
			w.change(w.as(), old, time.Minute)
			return w.ack(w.as(), "billing", "orders", old).Status
		},
		mq.Settled: func(w *world) *v2.Status {
			handle := w.handle(w.as(), time.Minute, false)
			w.ack(w.as(), "billing", "orders", handle)
			return w.ack(w.as(), "billing", "orders", handle).Status
		},
		mq.TypeConflict:       sends("sequence", func(*v2.Message) {}),
		mq.UnrecognizedClient: func(w *world) *v2.Status { _, c := w.agree(w.as(), settingsOf(99, "billing")); return c.Status },
		mq.MessageCorrupted:   sendsBatch(func() []*v2.Message { return nil }),
		mq.ClientIDRequired:   func(w *world) *v2.Status { return routeAs(w, w.as("x-mq-client-id", ""), "orders") },
		mq.IllegalPollingTime: receives(func(r *v2.ReceiveMessageRequest) { r.LongPollingTimeout = durationpb.New(-1) }),
		mq.IllegalOffset:      pull("puller", 1<<40),
		mq.Unauthorized:       func(w *world) *v2.Status { return routeAs(w, w.signed("bank-owner", "wrong"), "orders") },
		mq.Forbidden:          sends("%DLQ%billing", func(*v2.Message) {}),
		mq.NotFound:           func(w *world) *v2.Status { return routeAs(w, w.as("x-mq-namespace", "nowhere"), "orders") },
		mq.MessageNotFound:    receives(func(*v2.ReceiveMessageRequest) {}),
		mq.TopicNotFound:      routes("absent"),
		mq.GroupNotFound:      receives(func(r *v2.ReceiveMessageRequest) { r.Group = res("absent") }),
		mq.OffsetNotFound: func(w *world) *v2.Status {
			out, err := w.client.GetOffset(w.as(), &v2.GetOffsetRequest{Group: res("puller"), MessageQueue: &v2.MessageQueue{Topic: res("orders")}})
			if err != nil {
				w.t.Fatal(err)
			}
			return out.Status
		},
		mq.PayloadTooLarge: sendsBatch(func() []*v2.Message {
			a, b := normal("orders", ""), normal("orders", "")
			a.Body, b.Body = make([]byte, 2<<20), make([]byte, 2<<20+1)
			return []*v2.Message{a, b}
		}),
		mq.BodyTooLarge:       sends("orders", func(m *v2.Message) { m.Body = make([]byte, mq.MaxBody+1) }),
		mq.BodyEmpty:          sends("orders", func(m *v2.Message) { m.Body = nil }),
		mq.Conflict:           pull("billing", 0),
		mq.TooManyRequests:    engine(mq.TooManyRequests),
		mq.StorageFull:        engine(mq.StorageFull),
		mq.HeadersTooLarge:    func(w *world) *v2.Status { return routeAs(w, w.as("x-filler", strings.Repeat("f", 17<<10)), "orders") },
		mq.PropertiesTooLarge: sends("orders", func(m *v2.Message) { m.UserProperties = map[string]string{"k": strings.Repeat("v", 17<<10)} }),
		mq.Internal:           engine(mq.Internal),
		mq.Unavailable:        engine(mq.Unavailable),
		mq.Timeout:            engine(mq.Timeout),
		mq.Unsupported:        set(func(p *v2.SystemProperties) { p.Priority = proto.Int32(1) }),
	}
}

func TestEveryKindIsReachedThroughTheDoor(t *testing.T) {
	w := newWorld(t, worldOptions{})
	calls := reach()
	for _, kind := range mq.Kinds() {
		t.Run(kind.String(), func(t *testing.T) {
			call, ok := calls[kind]
			if !ok {
				t.Fatal("no call reaches it: then it has no place in the table")
			}
			status := call(w)
			want(t, status, v2.Code(kind.Code()))
			if !strings.HasPrefix(status.Message, kind.String()) {
				t.Errorf("the text %q does not begin with the reason", status.Message)
			}
			if _, known := v2.Code_name[kind.Code()]; !known {
				t.Errorf("the protocol has no code %d", kind.Code())
			}
		})
	}
}

func TestADefectsTextStaysInside(t *testing.T) {
	w := newWorld(t, worldOptions{})
	w.engine.failNext("send", mq.Refuse(mq.Internal, "segment 7 of /var/lib/secret"))
	status := w.send(w.as(), normal("orders", "x")).Status
	if strings.Contains(status.Message, "secret") {
		t.Errorf("the client reads %q", status.Message)
	}
	if !w.log.has("segment 7") {
		t.Error("the log lacks the cause")
	}
}
