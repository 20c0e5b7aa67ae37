// SPDX-License-Identifier: Apache-2.0

package admin

import (
	"errors"
	"maps"
	"reflect"
	"testing"

	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
)

func TestTopicsTravelWhole(t *testing.T) {
	topic := Topic{Name: "t%orders", Read: 8, Write: 4, Permission: ReadWrite, Order: true, Attributes: map[string]string{TypeAttribute: TypeFIFO, "old": ""}}
	f := &remoting.Frame{}
	f.Put(PutTopicOf(topic))
	if got := f.Fields.Text("attributes"); got != "+message.type=FIFO,-old" {
		t.Errorf("attributes %q", got)
	}
	var back PutTopic
	if err := f.Into(&back); err != nil || !reflect.DeepEqual(back.Topic, topic) {
		t.Errorf("%+v, %v", back.Topic, err)
	}
	delete(topic.Attributes, "old")
	if got, err := ParseTopic(topic.AppendJSON(nil)); err != nil || !reflect.DeepEqual(got, topic) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestGroupsTravelWhole(t *testing.T) {
	for _, retry := range []Retry{{}, {Steps: []int64{1000, 5000}}, {Initial: 5000, Max: 60000, Multiplier: 2}} {
		g := NewGroup("t%workers")
		g.Orderly, g.Retry, g.RetryMost, g.Consume = true, retry, 3, false
		if got, err := ParseGroup(g.AppendJSON(nil)); err != nil || !reflect.DeepEqual(got, g) {
			t.Errorf("%+v comes back as %+v, %v", g, got, err)
		}
	}
	if g, err := ParseGroup([]byte(`{"groupName":"g"}`)); err != nil || !reflect.DeepEqual(g, NewGroup("g")) {
		t.Errorf("the brokers' defaults: %+v, %v", g, err)
	}
}

func TestUsersAndRightsTravel(t *testing.T) {
	for _, u := range []User{{Name: "a", Secret: "s", Super: true}, {Name: "b\"", Off: true}} {
		if got, err := ParseUser(u.AppendJSON(nil)); err != nil || got != u {
			t.Errorf("%+v, %v", got, err)
		}
	}
	a := ACL{Subject: "User:u1", Entries: []Entry{
		{Resource: "Topic:orders*", Actions: []string{"Pub"}, Sources: []string{"10.0.0.0/8"}}, {Resource: "Group:*", Actions: []string{"Sub", "Get"}, Deny: true},
	}}
	if got, err := ParseACL(a.AppendJSON(nil)); err != nil || !reflect.DeepEqual(got, a) {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := ParseACLs(append(a.AppendJSON([]byte("[")), ']')); err != nil || len(got) != 1 || !reflect.DeepEqual(got[0], a) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestABrokerWithoutRulesAnswersNothing(t *testing.T) {
	if got, err := ParseACLs(nil); err != nil || len(got) > 0 {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := ParseUsers(nil); err != nil || len(got) > 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestSettingsAreLines(t *testing.T) {
	want := map[string]string{"brokerName": "broker-a", "messageDelayLevel": "1s 5s", "credentials": `{"a"="b"}`}
	got := ParseConfig(append([]byte("#a comment\n!another\nno pair\n\n"), AppendConfig(nil, want)...))
	if !maps.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

func TestAResetNamesAnOffsetForOneQueueOnly(t *testing.T) {
	f := &remoting.Frame{}
	f.Put(&Reset{Group: "g", Topic: "T", Queue: -1, Offset: 9, Millis: 5})
	if _, ok := f.Fields.Get("offset"); ok {
		t.Error("an offset for every queue")
	}
	f = &remoting.Frame{}
	f.Put(&Reset{Group: "g", Topic: "T", Queue: 3, Offset: 9, Millis: 5, Force: true})
	var back Reset
	if err := f.Into(&back); err != nil || back != (Reset{Group: "g", Topic: "T", Queue: 3, Offset: 9, Millis: 5, Force: true}) {
		t.Errorf("%+v, %v", back, err)
	}
}

func TestSystemTopics(t *testing.T) {
	for name, want := range map[string]bool{
		"rmq_sys_wheel_timer": true, "RMQ_SYS_TRANS_HALF_TOPIC": true, "RMQ_SYS_ROCKSDB_TRANS_HALF_TOPIC": true, "TBW102": true, "DefaultCluster_REPLY_TOPIC": true, "orders": false, "%RETRY%g_T": false,
	} {
		if IsSystemTopic(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}

// A cluster whose access control was just switched on has one user and no rule.
func TestBrokersWithoutARuleAnswerWithNothing(t *testing.T) {
	if all, err := ParseACLs(nil); err != nil || len(all) != 0 {
		t.Errorf("%v, %v", all, err)
	}
	if all, err := ParseUsers([]byte{}); err != nil || len(all) != 0 {
		t.Errorf("%v, %v", all, err)
	}
}

func FuzzAnswers(f *testing.F) {
	f.Add([]byte(`{"offsetTable":{{"brokerName":"a","queueId":0,"topic":"T"}:{"maxOffset":1}},"topicConfigTable":{"T":{"attributes":{"+message.type":"FIFO"}}},"table":{"a":1},"topicList":["a"]}`))
	f.Add([]byte(`[{"subject":"User:a","policies":[{"entries":[{"actions":["Pub"]}]}]}]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, parse := range []func() error{
			func() error { _, err := ParseTopic(body); return err }, func() error { _, err := ParseTopics(body); return err },
			func() error { _, err := ParseTopicNames(body); return err }, func() error { _, err := ParseTopicStats(body); return err },
			func() error { _, err := ParseGroup(body); return err }, func() error { _, err := ParseGroups(body); return err },
			func() error { _, err := ParseProgress(body); return err }, func() error { _, err := ParseReset(body); return err },
			func() error { _, err := ParseConsumers(body); return err }, func() error { _, err := ParseRuntime(body); return err },
			func() error { _, err := ParseUsers(body); return err }, func() error { _, err := ParseACLs(body); return err },
			func() error { _, err := ParseUser(body); return err }, func() error { _, err := ParseACL(body); return err },
			func() error { ParseConfig(body); return nil },
		} {
			if err := parse(); err != nil && !errors.Is(err, ErrAnswer) {
				t.Fatal(err)
			}
		}
	})
}
