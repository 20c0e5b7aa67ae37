// SPDX-License-Identifier: Apache-2.0

package grpcfront_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

// bare is a cluster on which nobody made the topics, and that says so in its own words.
type bare struct{ *memory }

func (bare) Queues(mq.Topic) (mq.QueueSet, bool) { return nil, false }

func (bare) Refresh(_ context.Context, t mq.Topic) (mq.QueueSet, error) { return nil, gone(t) }

func gone(t mq.Topic) error {
	return mq.Refuse(mq.TopicNotFound, "the cluster does not have the topic").Because(errors.New("No topic route info for " + t.Name.String() + ", see https://example.org"))
}

func (b bare) Send(_ context.Context, t mq.Topic, batch []mq.Message) []mq.Sent {
	out := make([]mq.Sent, len(batch))
	for i := range out {
		out[i] = mq.Sent{Offset: -1, Err: gone(t)}
	}
	return out
}

func TestATopicThatIsNotOnItsClusterIsToldInOurWordsAndLoggedInTheBrokers(t *testing.T) {
	w := newWorld(t, worldOptions{store: bare{newMemory(clock.System())}})
	routed, err := w.client.QueryRoute(w.as(), &v2.QueryRouteRequest{Topic: res("orders"), Endpoints: endpoints()})
	if err != nil {
		t.Fatal(err)
	}
	assigned, err := w.client.QueryAssignment(w.as(), &v2.QueryAssignmentRequest{Topic: res("orders"), Group: res("billing"), Endpoints: endpoints()})
	if err != nil {
		t.Fatal(err)
	}
	for what, s := range map[string]*v2.Status{"route": routed.GetStatus(), "assignment": assigned.GetStatus(), "send": w.send(w.as(), normal("orders", "m")).GetEntries()[0].GetStatus()} {
		if s.GetCode() != v2.Code_TOPIC_NOT_FOUND || !strings.Contains(s.GetMessage(), "topic orders is in the catalog but not on cluster c0") || strings.Contains(s.GetMessage(), "example.org") {
			t.Errorf("%s: %v", what, s)
		}
	}
	if !w.log.has("level=WARN") || !w.log.has("as orders: the operator has to make it there") || !w.log.has("see https://example.org") {
		t.Errorf("the log: %s", w.log.text.String())
	}
}

func TestAProxyThatDoesNotServeWhatIsAskedForNamesItsRole(t *testing.T) {
	w := newWorld(t, worldOptions{role: mq.ProduceRole})
	out, err := w.client.QueryAssignment(w.as(), &v2.QueryAssignmentRequest{Topic: res("orders"), Group: res("billing"), Endpoints: endpoints()})
	if err != nil {
		t.Fatal(err)
	}
	want(t, out.GetStatus(), v2.Code_HA_NOT_AVAILABLE, "this proxy's role is produce, and it knows no other proxy")
	if !w.log.has("this proxy's role is produce") {
		t.Error("the log does not name the role")
	}
}
