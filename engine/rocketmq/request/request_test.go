// SPDX-License-Identifier: Apache-2.0

package request

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/causeway-mq/causeway/engine/rocketmq/fastjson"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/stored"
	"github.com/causeway-mq/causeway/internal/testkit/prop"
)

func headers() []remoting.Header {
	return []remoting.Header{
		&Send{}, &SendAnswer{}, &EndTransaction{}, &Check{}, &Recall{}, &RecallAnswer{}, &SendBack{}, &Pop{}, &PopAnswer{}, &Notify{},
		&NotifyAnswer{}, &Ack{}, &ChangeInvisible{}, &ChangeInvisibleAnswer{}, &Pull{}, &PullAnswer{}, &Committed{}, &Commit{}, &OffsetAnswer{},
		&OffsetAt{}, &Bound{}, &EarliestAnswer{}, &Query{}, &View{}, &RouteOf{},
	}
}

// fill draws every field of a header.
func fill(t *prop.T, v reflect.Value) {
	for i := range v.NumField() {
		f, name := v.Field(i), v.Type().Field(i).Name
		switch f.Kind() {
		case reflect.Struct:
			fill(t, f)
		case reflect.String:
			f.SetString(prop.String().Draw(t, name))
		case reflect.Bool:
			f.SetBool(prop.Bool().Draw(t, name))
		case reflect.Int32:
			f.SetInt(int64(int32(prop.Int64().Draw(t, name))))
		default:
			f.SetInt(prop.Int64().Draw(t, name))
		}
	}
}

// A field that Walk forgets, or visits under one name with another, shows here.
func TestEveryFieldOfEveryHeaderTravels(t *testing.T) {
	for _, h := range headers() {
		t.Run(reflect.TypeOf(h).Elem().Name(), func(t *testing.T) {
			prop.Check(t, func(t *prop.T) {
				fill(t, reflect.ValueOf(h).Elem())
				f := &remoting.Frame{}
				f.Put(h)
				back := reflect.New(reflect.TypeOf(h).Elem())
				if err := f.Into(back.Interface().(remoting.Header)); err != nil {
					t.Fatal(err)
				}
				if !reflect.DeepEqual(h, back.Interface()) {
					t.Fatalf("%+v comes back as %+v", h, back.Interface())
				}
				seen := map[string]bool{}
				for name := range f.Fields.All() {
					if seen[string(name)] {
						t.Fatalf("field %s twice", name)
					}
					seen[string(name)] = true
				}
			})
		})
	}
}

func TestHandlesComeBack(t *testing.T) {
	h := Handle{Start: 5, PopMillis: 1764000000000, InvisibleMillis: 60000, ReviveQueue: 3, Retry: 1, Broker: "broker-a", Queue: 2, Offset: 7}
	const text = "5 1764000000000 60000 3 1 broker-a 2 7"
	if h.String() != text {
		t.Fatal(h.String())
	}
	for _, s := range []string{text, text + " 123456"} {
		if back, err := ParseHandle(s); err != nil || back != h {
			t.Errorf("%q: %+v, %v", s, back, err)
		}
	}
	if got := h.RealTopic("T", "g"); got != "%RETRY%g_T" {
		t.Error(got)
	}
	for _, bad := range []string{"", text[2:], strings.Replace(text, "60000", "x", 1), strings.Replace(text, " 1 broker", " 3 broker", 1), text + " 1 2"} {
		if _, err := ParseHandle(bad); !errors.Is(err, ErrAnswer) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestDeliveriesFindTheirCheckpoints(t *testing.T) {
	a := PopAnswer{
		PopMillis: 1000, InvisibleMillis: 60000, ReviveQueue: 4,
		StartOffsets: "0 0 10;0 3 20;2 0 5", MessageOffsets: "0 0 10,12;0 3 20;2 0 5", OrderCounts: "0 0 1;0 qo3%20 2",
	}
	messages := []stored.Message{
		{Topic: "T", Queue: 0, Offset: 10}, {Topic: "T", Queue: 0, Offset: 12}, {Topic: "T", Queue: 3, Offset: 20},
		{Topic: "%RETRY%g+T", Queue: 0, Offset: 5},
		{Topic: "T", Queue: 9, Offset: 1, Reconsumed: 6, Properties: "POP_CK\x0177 900 60000 1 1 broker-b 0 78\x02"},
	}
	got, err := a.Deliveries(messages, "broker-a")
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{
		"10 1000 60000 4 0 broker-a 0 10", "10 1000 60000 4 0 broker-a 0 12", "20 1000 60000 4 0 broker-a 3 20", "5 1000 60000 4 2 broker-a 0 5",
		"77 900 60000 1 1 broker-b 0 78",
	} {
		if got[i].Handle.String() != want {
			t.Errorf("delivery %d: %s, want %s", i, got[i].Handle, want)
		}
	}
	for i, want := range []int32{1, 1, 2, 0, 6} {
		if got[i].Reconsumed != want {
			t.Errorf("delivery %d was delivered %d times before, want %d", i, got[i].Reconsumed, want)
		}
	}
}

func TestAnswersThatMakeNoSense(t *testing.T) {
	m := []stored.Message{{Topic: "T"}}
	for _, a := range []PopAnswer{
		{}, {StartOffsets: "0 0 1"}, {StartOffsets: "0 0 1,2", MessageOffsets: "0 0 1"}, {StartOffsets: "0 1 1", MessageOffsets: "0 0 1"},
		{StartOffsets: "0 0", MessageOffsets: "0 0 1"}, {StartOffsets: "0 0 x", MessageOffsets: "0 0 1"}, {StartOffsets: "0 0 1;0 0 2", MessageOffsets: "0 0 1"},
		{StartOffsets: "0 0 1", MessageOffsets: "0 0 1", OrderCounts: "0 qo0 1"}, {StartOffsets: strings.Repeat("0 0 1;", maxInfo+1)},
	} {
		if got, err := a.Deliveries(m, "b"); !errors.Is(err, ErrAnswer) {
			t.Errorf("%+v: %v, %v", a, got, err)
		}
	}
}

func TestBatchAcksComeBack(t *testing.T) {
	prop.Check(t, func(t *prop.T) {
		var acks []Checkpoint
		for range prop.IntRange(0, 4).Draw(t, "checkpoints") {
			c := Checkpoint{
				Group: "g", Topic: "T%" + strings.ToValidUTF8(prop.String().Draw(t, "topic"), ""), Retry: int32(prop.IntRange(0, 2).Draw(t, "retry")), Start: prop.Int64Range(0, 1<<40).Draw(t, "start"),
				Queue: int32(prop.IntRange(0, 8).Draw(t, "queue")), PopMillis: 1000, InvisibleMillis: 60000, ReviveQueue: 7,
			}
			var want []int64
			for range prop.IntRange(1, 8).Draw(t, "messages") {
				want = append(want, c.Start+int64(prop.IntRange(0, MaxSpan-1).Draw(t, "place")))
			}
			slices.Sort(want)
			want = slices.Compact(want)
			for _, o := range want {
				if !c.Set(o) {
					t.Fatalf("offset %d of %d is refused", o, c.Start)
				}
			}
			if !slices.Equal(c.Offsets(), want) {
				t.Fatalf("%v marked, %v listed", want, c.Offsets())
			}
			acks = append(acks, c)
		}
		broker, back, err := ParseBatchAck(AppendBatchAck(nil, "broker-a", acks))
		if err != nil || broker != "broker-a" || len(back) != len(acks) || len(acks) > 0 && !reflect.DeepEqual(back, acks) {
			t.Fatalf("%s, %+v, %v", broker, back, err)
		}
	})
	c := Checkpoint{Start: 10}
	if c.Set(9) || c.Set(10+MaxSpan) {
		t.Error("what lies outside the checkpoint is taken")
	}
}

func TestRoutesComeBack(t *testing.T) {
	r := Route{
		Queues:  []RouteQueues{{Broker: "broker-a", Read: 8, Write: 4, Permission: MayRead | MayWrite}},
		Brokers: []Broker{{Cluster: "C", Name: "broker-a", Addresses: map[int64]string{0: "10.0.0.1:10911", 2: "10.0.0.3:10911"}, Acting: true}},
	}
	if back, err := ParseRoute(r.AppendJSON(nil)); err != nil || !reflect.DeepEqual(back, r) {
		t.Errorf("%+v, %v", back, err)
	}
	c := Cluster{Brokers: map[string]Broker{"broker-a": r.Brokers[0]}, Clusters: map[string][]string{"C": {"broker-a", "broker-b"}}}
	if back, err := ParseCluster(c.AppendJSON(nil)); err != nil || !reflect.DeepEqual(back, c) {
		t.Errorf("%+v, %v", back, err)
	}
	if _, err := ParseRoute([]byte("{")); !errors.Is(err, ErrAnswer) {
		t.Error(err)
	}
}

func TestHeartbeatsComeBack(t *testing.T) {
	body := AppendHeartbeat(nil, "proxy\"1", []string{"orders", "t%pay"})
	client, groups, err := ParseHeartbeat(body)
	if err != nil || client != "proxy\"1" || !slices.Equal(groups, []string{"orders", "t%pay"}) {
		t.Errorf("%s, %v, %v", client, groups, err)
	}
}

func FuzzAnswers(f *testing.F) {
	f.Add("5 1764000000000 60000 3 1 broker-a 2 7", "0 0 10;0 3 20", []byte(`{"acks":[{"b":"Aw=="}],"queueDatas":[{}],"brokerDatas":[{"brokerAddrs":{0:"a"}}]}`))
	f.Fuzz(func(t *testing.T, handle, info string, body []byte) {
		if h, err := ParseHandle(handle); err == nil {
			if again, err := ParseHandle(h.String()); err != nil || again != h {
				t.Fatalf("%+v comes back as %+v, %v", h, again, err)
			}
		}
		a := PopAnswer{StartOffsets: info, MessageOffsets: info, OrderCounts: info}
		if _, err := a.Deliveries([]stored.Message{{Topic: "T"}}, "b"); err != nil && !errors.Is(err, ErrAnswer) {
			t.Fatal(err)
		}
		for _, parse := range []func() error{
			func() error { _, _, err := ParseBatchAck(body); return err },
			func() error { _, err := ParseRoute(body); return err },
			func() error { _, err := ParseCluster(body); return err },
			func() error { _, _, err := ParseHeartbeat(body); return err },
		} {
			if err := parse(); err != nil && !errors.Is(err, ErrAnswer) && !errors.Is(err, fastjson.ErrSyntax) {
				t.Fatal(err)
			}
		}
	})
}
