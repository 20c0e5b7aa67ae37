// SPDX-License-Identifier: Apache-2.0

package grpcfront_test

import (
	"context"
	"strings"
	"testing"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/causeway-mq/causeway/mq"
)

// onlyAtItsRole calls every verb that belongs to one role.
func onlyAtItsRole(w *world) (sending, consuming map[string]*v2.Status) {
	w.t.Helper()
	status := func(s *v2.Status, err error) *v2.Status {
		w.t.Helper()
		if err != nil {
			w.t.Fatal(err)
		}
		return s
	}
	ctx := w.as()
	receive := &v2.ReceiveMessageRequest{
		Group: res("billing"), MessageQueue: &v2.MessageQueue{Topic: res("orders")}, BatchSize: 1, InvisibleDuration: durationpb.New(time.Minute),
		LongPollingTimeout: durationpb.New(0),
	}
	received, _ := w.receive(ctx, receive)
	pulled, err := w.client.PullMessage(ctx, &v2.PullMessageRequest{Group: res("puller"), MessageQueue: &v2.MessageQueue{Topic: res("orders")}, LongPollingTimeout: durationpb.New(0)})
	if err != nil {
		w.t.Fatal(err)
	}
	part, err := pulled.Recv()
	pull := status(part.GetStatus(), err)
	acked, err := w.client.AckMessage(ctx, &v2.AckMessageRequest{Group: res("billing"), Topic: res("orders"), Entries: []*v2.AckMessageEntry{{ReceiptHandle: "x"}}})
	ack := status(acked.GetStatus(), err)
	forwarded, err := w.client.ForwardMessageToDeadLetterQueue(ctx, &v2.ForwardMessageToDeadLetterQueueRequest{Group: res("billing"), Topic: res("orders"), ReceiptHandle: "x"})
	return map[string]*v2.Status{"send": w.send(ctx, normal("orders", "m")).GetStatus()}, map[string]*v2.Status{
		"receive": received, "pull": pull, "ack": ack, "forward": status(forwarded.GetStatus(), err), "change": w.change(ctx, "x", time.Second).GetStatus(),
	}
}

func TestOnlyTheOtherRolesVerbsAreRefused(t *testing.T) {
	for _, role := range []mq.Role{mq.ProduceRole, mq.ConsumeRole, mq.BothRoles} {
		w := newWorld(t, worldOptions{role: role})
		sending, consuming := onlyAtItsRole(w)
		check := func(verbs map[string]*v2.Status, served bool) {
			for verb, s := range verbs {
				if refused := s.GetCode() == v2.Code_UNSUPPORTED && strings.Contains(s.GetMessage(), "role "+role.String()); refused == served {
					t.Errorf("%s at a proxy of role %s: %v", verb, role, s)
				}
			}
		}
		check(sending, role.Produces())
		check(consuming, role.Consumes())
	}
}

// permissions is what a route answers to a client of a language.
func permissions(w *world, language string) (all []v2.Permission) {
	w.t.Helper()
	ctx := metadata.NewOutgoingContext(context.Background(), metadata.Pairs("x-mq-client-id", "c-"+language, "x-mq-language", language))
	out, err := w.client.QueryRoute(ctx, &v2.QueryRouteRequest{Topic: res("orders"), Endpoints: endpoints()})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, q := range out.GetMessageQueues() {
		all = append(all, q.GetPermission())
	}
	return all
}

func TestEveryEntryOfARouteCanBeUsedAtItsProxy(t *testing.T) {
	for role, want := range map[mq.Role]v2.Permission{mq.ProduceRole: v2.Permission_WRITE, mq.ConsumeRole: v2.Permission_READ, mq.BothRoles: v2.Permission_READ_WRITE} {
		w := newWorld(t, worldOptions{role: role})
		for _, language := range []string{"JAVA", "GO", "RUST", "nobody's"} {
			all := permissions(w, language)
			if len(all) != 4 {
				t.Errorf("%s at role %s: %v", language, role, all)
			}
			for _, p := range all {
				if p != want {
					t.Errorf("%s at role %s: permission %v, want %v", language, role, p, want)
				}
			}
		}
	}
}
