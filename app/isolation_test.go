// SPDX-License-Identifier: Apache-2.0

package app

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1" // the protocol's signature is HMAC-SHA1
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/causeway-mq/causeway/control/wire"
)

// The matrix of isolation at the proxy: every RPC of the service's descriptor, called by everybody there is. Another tenant's things are
// held against a house where that tenant does not exist: the answers have to be the same.

// names are a tenant's topic and group as a request has them.
type names struct{ namespace, topic, group string }

func (n names) Topic() *v2.Resource {
	return &v2.Resource{ResourceNamespace: n.namespace, Name: n.topic}
}
func (n names) Group() *v2.Resource {
	return &v2.Resource{ResourceNamespace: n.namespace, Name: n.group}
}

// rpc is one RPC with a request about a tenant's things. about says whether the answer depends on whose they are.
type rpc struct {
	request func(names) proto.Message
	about   bool
}

func rpcs() map[string]rpc {
	queue := func(n names) *v2.MessageQueue { return &v2.MessageQueue{Topic: n.Topic(), Id: 0} }
	every := &v2.FilterExpression{Type: v2.FilterType_TAG, Expression: "*"}
	return map[string]rpc{
		"QueryRoute": {func(n names) proto.Message { return &v2.QueryRouteRequest{Topic: n.Topic()} }, true},
		"Heartbeat": {func(n names) proto.Message {
			return &v2.HeartbeatRequest{Group: n.Group(), ClientType: v2.ClientType_SIMPLE_CONSUMER}
		}, true},
		"QueryAssignment": {func(n names) proto.Message { return &v2.QueryAssignmentRequest{Topic: n.Topic(), Group: n.Group()} }, true},
		"SendMessage": {func(n names) proto.Message {
			return &v2.SendMessageRequest{Messages: []*v2.Message{{Topic: n.Topic(), SystemProperties: &v2.SystemProperties{MessageId: "id", MessageType: v2.MessageType_NORMAL}, Body: []byte("b")}}}
		}, true},
		"ReceiveMessage": {func(n names) proto.Message {
			return &v2.ReceiveMessageRequest{Group: n.Group(), MessageQueue: queue(n), FilterExpression: every, BatchSize: 1, InvisibleDuration: durationpb.New(30 * time.Second),
				LongPollingTimeout: durationpb.New(0)}
		}, true},
		"AckMessage": {func(n names) proto.Message {
			return &v2.AckMessageRequest{Group: n.Group(), Topic: n.Topic(), Entries: []*v2.AckMessageEntry{{MessageId: "id", ReceiptHandle: "none"}}}
		}, true},
		"ForwardMessageToDeadLetterQueue": {func(n names) proto.Message {
			return &v2.ForwardMessageToDeadLetterQueueRequest{Group: n.Group(), Topic: n.Topic(), ReceiptHandle: "none", MessageId: "id", DeliveryAttempt: 1, MaxDeliveryAttempts: 1}
		}, true},
		"ChangeInvisibleDuration": {func(n names) proto.Message {
			return &v2.ChangeInvisibleDurationRequest{Group: n.Group(), Topic: n.Topic(), ReceiptHandle: "none", MessageId: "id", InvisibleDuration: durationpb.New(time.Minute)}
		}, true},
		"PullMessage": {func(n names) proto.Message {
			return &v2.PullMessageRequest{Group: n.Group(), MessageQueue: queue(n), FilterExpression: every, BatchSize: 1, LongPollingTimeout: durationpb.New(0)}
		}, true},
		"UpdateOffset": {func(n names) proto.Message {
			return &v2.UpdateOffsetRequest{Group: n.Group(), MessageQueue: queue(n), Offset: 0}
		}, true},
		"GetOffset": {func(n names) proto.Message { return &v2.GetOffsetRequest{Group: n.Group(), MessageQueue: queue(n)} }, true},
		"QueryOffset": {func(n names) proto.Message {
			return &v2.QueryOffsetRequest{MessageQueue: queue(n), QueryOffsetPolicy: v2.QueryOffsetPolicy_TIMESTAMP, Timestamp: timestamppb.New(time.Unix(1, 0))}
		}, true},
		"EndTransaction": {func(n names) proto.Message {
			return &v2.EndTransactionRequest{Topic: n.Topic(), MessageId: "id", TransactionId: "none", Resolution: v2.TransactionResolution_COMMIT}
		}, true},
		"RecallMessage": {func(n names) proto.Message { return &v2.RecallMessageRequest{Topic: n.Topic(), RecallHandle: "none"} }, true},
		"SyncLiteSubscription": {func(n names) proto.Message {
			return &v2.SyncLiteSubscriptionRequest{Topic: n.Topic(), Group: n.Group()}
		}, false},
		"NotifyClientTermination": {func(n names) proto.Message { return &v2.NotifyClientTerminationRequest{Group: n.Group()} }, false},
		"Telemetry": {func(n names) proto.Message {
			return &v2.TelemetryCommand{Command: &v2.TelemetryCommand_Settings{Settings: &v2.Settings{
				ClientType: v2.ClientType_PRODUCER.Enum(), PubSub: &v2.Settings_Publishing{Publishing: &v2.Publishing{Topics: []*v2.Resource{n.Topic()}}},
			}}}
		}, true},
	}
}

// signer is who calls: an access key with its secret, and the namespace that his headers name.
type signer struct{ key, secret, namespace string }

func (s signer) context(t *testing.T, client string) context.Context {
	now := time.Now().UTC().Format("20060102T150405Z")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	pairs := []string{"x-mq-client-id", client, "x-mq-language", "GO", "x-mq-client-version", "5.1.4", "x-mq-protocol", "v2", "x-mq-date-time", now}
	if s.namespace != "" {
		pairs = append(pairs, "x-mq-namespace", s.namespace)
	}
	if s.key != "" {
		mac := hmac.New(sha1.New, []byte(s.secret))
		mac.Write([]byte(now))
		pairs = append(pairs, "authorization", fmt.Sprintf("MQv2-HMAC-SHA1 Credential=%s, SignedHeaders=x-mq-date-time, Signature=%s", s.key, strings.ToUpper(hex.EncodeToString(mac.Sum(nil)))))
	}
	return metadata.AppendToOutgoingContext(ctx, pairs...)
}

// played is a proxy to be called.
type played struct {
	*house
	conn *grpc.ClientConn
}

func play(t *testing.T) *played {
	h := open(t, t.TempDir(), nil)
	conn, err := grpc.NewClient("passthrough:///"+h.GRPC, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &played{h, conn}
}

// ask calls a method and gives code and message of the answer, and the answer as text. Where the protocol has no place for a status the
// stream's error speaks.
func (p *played) ask(ctx context.Context, t *testing.T, m protoreflect.MethodDescriptor, in proto.Message) (code v2.Code, said string) {
	t.Helper()
	name := fmt.Sprintf("/%s/%s", m.Parent().FullName(), m.Name())
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	kind, err := protoregistry.GlobalTypes.FindMessageByName(m.Output().FullName())
	if err != nil {
		t.Fatal(err)
	}
	desc := &grpc.StreamDesc{ServerStreams: m.IsStreamingServer(), ClientStreams: m.IsStreamingClient()}
	stream, err := p.conn.NewStream(ctx, desc, name)
	if err == nil {
		err = stream.SendMsg(in)
	}
	if err == nil && !m.IsStreamingClient() {
		err = stream.CloseSend()
	}
	if errors.Is(err, io.EOF) { // refused before the request was whole: why is read from the stream
		err = nil
	}
	for err == nil {
		out := kind.New().Interface()
		if err = stream.RecvMsg(out); err != nil {
			break
		}
		if f := out.ProtoReflect().Descriptor().Fields().ByName("status"); f != nil && out.ProtoReflect().Has(f) {
			s, _ := out.ProtoReflect().Get(f).Message().Interface().(*v2.Status)
			return s.GetCode(), s.GetMessage()
		}
		if m.IsStreamingClient() { // the settings came back
			return v2.Code_OK, ""
		}
	}
	text := status.Convert(err).Message()
	for kind, code := range map[string]v2.Code{"unauthorized": v2.Code_UNAUTHORIZED, "forbidden": v2.Code_FORBIDDEN, "topic_not_found": v2.Code_TOPIC_NOT_FOUND, "group_not_found": v2.Code_CONSUMER_GROUP_NOT_FOUND, "not_found": v2.Code_NOT_FOUND} {
		if strings.HasPrefix(text, kind+": ") {
			return code, text
		}
	}
	return v2.Code_CODE_UNSPECIFIED, err.Error()
}

func (p *played) tenant(t *testing.T, id string) names {
	t.Helper()
	n := names{"", "orders-" + id, "billing-" + id}
	p.post(t, "/v1/tenants", wire.NewTenant{ID: id})
	p.post(t, "/v1/tenants/"+id+"/topics", wire.NewTopic{Name: n.topic})
	p.post(t, "/v1/tenants/"+id+"/groups", wire.NewGroup{Name: n.group})
	return n
}

func (p *played) app(t *testing.T, tenant string, want wire.NewApplication) signer {
	t.Helper()
	raw, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.Post("http://"+p.HTTP+"/v1/tenants/"+tenant+"/apps", "application/json", bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var made wire.Application
	if err := json.NewDecoder(answer.Body).Decode(&made); err != nil || made.Key == nil {
		t.Fatalf("application: %s: %v", answer.Status, err)
	}
	return signer{key: made.Key.ID, secret: made.Key.Secret}
}

func (p *played) revoke(t *testing.T, tenant, app string, s signer) {
	t.Helper()
	req, err := http.NewRequest(http.MethodDelete, "http://"+p.HTTP+"/v1/tenants/"+tenant+"/apps/"+app+"/keys/"+s.key, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil || answer.StatusCode != http.StatusNoContent {
		t.Fatalf("revoke: %v, %v", answer, err)
	}
	answer.Body.Close()
}

func TestEveryRPCKeepsTenantsApart(t *testing.T) {
	here, there := play(t), play(t) // there is no victim there
	victim := here.tenant(t, "shop")
	here.tenant(t, "bank")
	there.tenant(t, "bank")
	owner, idle, gone := here.app(t, "shop", wire.NewApplication{Name: "owner", Owner: true}), here.app(t, "shop", wire.NewApplication{Name: "idle"}), here.app(t, "shop", wire.NewApplication{Name: "gone", Owner: true})
	here.revoke(t, "shop", "gone", gone)
	lent := here.lend(t, loan{"shop", victim.topic, "bank", "lent"}) // what bank borrows answers; all else of its owner answers like missing
	defer here.end(t, "bank", lent)
	thief, twin := here.app(t, "bank", wire.NewApplication{Name: "thief", Owner: true}), there.app(t, "bank", wire.NewApplication{Name: "thief", Owner: true})
	wrong := owner
	wrong.secret += "x"
	methods := v2.File_apache_rocketmq_v2_service_proto.Services().ByName("MessagingService").Methods()
	rows := rpcs()
	if methods.Len() != len(rows) {
		t.Errorf("the service has %d RPCs, %d have a row", methods.Len(), len(rows))
	}
	for i := range methods.Len() {
		m := methods.Get(i)
		row, ok := rows[string(m.Name())]
		if !ok {
			t.Errorf("%s has no row", m.Name())
			continue
		}
		client := fmt.Sprint("walker@", i)
		for name, s := range map[string]signer{"a wrong secret": wrong, "a revoked key": gone, "an unknown key": {key: "CWnobody", secret: "x"}} {
			s.namespace = "shop"
			if code, said := here.ask(s.context(t, client), t, m, row.request(victim)); code != v2.Code_UNAUTHORIZED {
				t.Errorf("%s by %s: %v %q", m.Name(), name, code, said)
			}
		}
		unsigned := signer{namespace: "shop"}
		code, said := here.ask(unsigned.context(t, client), t, m, row.request(victim))
		if like, saidThere := there.ask(unsigned.context(t, client), t, m, row.request(victim)); code != v2.Code_NOT_FOUND || code != like || said != saidThere {
			t.Errorf("%s by nobody: %v %q; without the victim %v %q", m.Name(), code, said, like, saidThere)
		}
		for _, namespace := range []string{"", "shop"} { // his names in one's own namespace, and in his
			for _, header := range []string{"", "shop"} {
				asked := victim
				asked.namespace = namespace
				a, b := thief, twin
				a.namespace, b.namespace = header, header
				code, said := here.ask(a.context(t, client), t, m, row.request(asked))
				like, saidThere := there.ask(b.context(t, client), t, m, row.request(asked))
				if code != like || said != saidThere {
					t.Errorf("%s in namespaces %q and %q: %v %q; without the victim %v %q", m.Name(), namespace, header, code, said, like, saidThere)
				}
				if row.about && code == v2.Code_OK && m.Name() != "Telemetry" { // a topic that is not there does not cut off a producer that names it
					t.Errorf("%s in namespaces %q and %q: another tenant's answers with OK", m.Name(), namespace, header)
				}
			}
		}
		code, said = here.ask(idle.context(t, client), t, m, row.request(victim))
		if row.about && code != v2.Code_FORBIDDEN {
			t.Errorf("%s without a right: %v %q", m.Name(), code, said)
		}
		if code, said := here.ask(owner.context(t, client), t, m, row.request(victim)); code == v2.Code_UNAUTHORIZED || code == v2.Code_FORBIDDEN || code == v2.Code_TOPIC_NOT_FOUND || code == v2.Code_CONSUMER_GROUP_NOT_FOUND {
			t.Errorf("%s by the owner: %v %q", m.Name(), code, said)
		}
	}
}
