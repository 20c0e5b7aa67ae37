// SPDX-License-Identifier: Apache-2.0

package request_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/causeway-mq/causeway/engine/rocketmq/admin"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/engine/rocketmq/stored"
	"github.com/causeway-mq/causeway/mq"
)

// golden reads a frame that a real name server or broker sent.
func golden(t testing.TB, name string) *remoting.Frame {
	t.Helper()
	wire, err := os.ReadFile(filepath.Join("testdata", "rocketmq-5.5.0", name+"-json"))
	if err != nil {
		t.Fatal(err)
	}
	f := &remoting.Frame{}
	if err := remoting.ParseFrame(wire[4:], f); err != nil {
		t.Fatal(err)
	}
	return f
}

func into[H remoting.Header](t *testing.T, name string, h H) (H, *remoting.Frame) {
	t.Helper()
	f := golden(t, name)
	if err := f.Into(h); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return h, f
}

// A broker answers binary requests with JSON headers, unless its own configuration says otherwise.
func TestARealAnswerToASend(t *testing.T) {
	a, f := into(t, "answer-310-0", &request.SendAnswer{})
	place, err := stored.ParsePlace(a.PlaceID)
	if err != nil || place.Physical != 0x1f3b || a.TransactionID != "asked" || a.Offset != 1 || !f.JSON || !f.IsResponse() || f.Version != remoting.Version {
		t.Errorf("%+v, %+v, %v", a, place, err)
	}
	a, _ = into(t, "answer-320-0", &request.SendAnswer{})
	if ids := strings.Split(a.PlaceID, ","); len(ids) != 5 || a.Offset != 1 {
		t.Errorf("%+v", a)
	}
}

func TestARealPop(t *testing.T) {
	a, f := into(t, "answer-200050-0", &request.PopAnswer{})
	messages, err := stored.All(f.Body, 32)
	if err != nil || len(messages) != 1 || !messages[0].Intact() {
		t.Fatalf("%+v, %v", messages, err)
	}
	got, err := a.Deliveries(messages, "broker-a")
	if err != nil || got[0].Handle.Queue != 0 || got[0].Handle.PopMillis != a.PopMillis || got[0].Topic != "Tran" || got[0].Properties.Get(stored.UniqueKey) != "asked" {
		t.Errorf("%+v, %v", got, err)
	}
	if f := golden(t, "answer-200050-210"); f.Code != remoting.PollingTimeout {
		t.Errorf("nothing to pop: code %d", f.Code)
	}
}

// The header of a check names the topic of halves; the message in the body has its own topic again.
func TestARealCheck(t *testing.T) {
	h, f := into(t, "request-39", &request.Check{})
	m, _, ok, err := stored.Next(f.Body)
	if err != nil || !ok || !f.IsOneWay() || f.IsResponse() || h.Topic != "RMQ_SYS_TRANS_HALF_TOPIC" || m.Topic != "Tran" || h.MessageID != "asked" || h.Broker != "broker-a" {
		t.Errorf("%+v, %+v, %v", h, m, err)
	}
	if place, err := stored.ParsePlace(h.PlaceID); err != nil || place.Physical != h.Physical {
		t.Errorf("place %+v of %+v, %v", place, h, err)
	}
}

func TestARealPullAndQuery(t *testing.T) {
	a, f := into(t, "answer-11-0", &request.PullAnswer{})
	if messages, err := stored.All(f.Body, 32); err != nil || len(messages) != 2 || a.Next != 2 || a.Min != 0 {
		t.Errorf("%+v, %d messages, %v", a, len(messages), err)
	}
	if messages, err := stored.All(golden(t, "answer-12-0").Body, 32); err != nil || len(messages) != 1 || messages[0].Properties.Get(stored.UniqueKey) != "first" {
		t.Errorf("%+v, %v", messages, err)
	}
	if o, _ := into(t, "answer-14-0", &request.OffsetAnswer{}); o.Offset != 2 {
		t.Errorf("%+v", o)
	}
	if c, _ := into(t, "answer-200053-0", &request.ChangeInvisibleAnswer{}); c.InvisibleMillis == 0 || c.PopMillis == 0 {
		t.Errorf("%+v", c)
	}
	into(t, "answer-200054-0", &request.NotifyAnswer{})
	if r, _ := into(t, "answer-370-0", &request.RecallAnswer{}); r.MessageID != "recalled" {
		t.Errorf("%+v", r)
	}
}

// Numbers stand as names where the request did not ask for standard JSON, and could not: 106 has no such field.
func TestRealTablesWithOddNames(t *testing.T) {
	c, err := request.ParseCluster(golden(t, "answer-106-0").Body)
	if err != nil || c.Brokers["broker-a"].Addresses[0] == "" || len(c.Clusters["DefaultCluster"]) != 1 {
		t.Errorf("%+v, %v", c, err)
	}
	r, err := request.ParseRoute(golden(t, "answer-105-0").Body)
	if err != nil || len(r.Queues) != 1 || r.Queues[0].Permission != admin.ReadWrite || r.Brokers[0].Addresses[0] == "" {
		t.Errorf("%+v, %v", r, err)
	}
	queue := admin.QueueKey{Topic: "Normal", Broker: "broker-a"}
	if stats, err := admin.ParseTopicStats(golden(t, "answer-202-0").Body); err != nil || stats[queue].Max != 7 {
		t.Errorf("%+v, %v", stats, err)
	}
	if p, err := admin.ParseProgress(golden(t, "answer-208-0").Body); err != nil || p[queue].Committed != 2 || p[queue].End != 7 {
		t.Errorf("%+v, %v", p, err)
	}
	if done, err := admin.ParseReset(golden(t, "answer-222-0").Body); err != nil || len(done) != 1 || done[queue] != 0 {
		t.Errorf("%+v, %v", done, err)
	}
	if topic, err := admin.ParseTopic(golden(t, "answer-351-0").Body); err != nil || topic.Attributes[admin.TypeAttribute] != admin.TypeFIFO {
		t.Errorf("%+v, %v", topic, err)
	}
	if g, err := admin.ParseGroup(golden(t, "answer-352-0").Body); err != nil || !g.Orderly || len(g.Retry.Steps) != 2 {
		t.Errorf("%+v, %v", g, err)
	}
}

func TestRealRefusals(t *testing.T) {
	for name, want := range map[string]mq.Kind{
		"answer-105-17": mq.TopicNotFound, "answer-310-17": mq.TopicNotFound, "answer-310-13": mq.IllegalDeliveryTime,
		"answer-200050-17": mq.TopicNotFound, "answer-14-22": mq.MessageNotFound, "answer-200050-210": mq.MessageNotFound,
	} {
		if err := golden(t, name).Err(); mq.KindOf(err) != want || mq.Outcome(err) != mq.Refused {
			t.Errorf("%s: %v, kind %v, want %v", name, err, mq.KindOf(err), want)
		}
	}
}

func BenchmarkParseARealAnswer(b *testing.B) {
	wire, err := os.ReadFile(filepath.Join("testdata", "rocketmq-5.5.0", "answer-310-0-json"))
	if err != nil {
		b.Fatal(err)
	}
	f, a := &remoting.Frame{}, &request.SendAnswer{}
	b.ReportAllocs()
	for b.Loop() {
		if err := remoting.ParseFrame(wire[4:], f); err != nil {
			b.Fatal(err)
		}
		if err := f.Into(a); err != nil {
			b.Fatal(err)
		}
	}
}
