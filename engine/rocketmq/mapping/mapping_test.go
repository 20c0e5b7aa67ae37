// SPDX-License-Identifier: Apache-2.0

package mapping

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/stored"
	"github.com/causeway-mq/causeway/mq"
)

func parsed[V any](t *testing.T, parse func(string) (V, error), s string) V {
	t.Helper()
	v, err := parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestMessagesComeBackAsTheyWereSent(t *testing.T) {
	topic := parsed(t, mq.ParsePhysical, "t%orders")
	at := time.UnixMilli(1764000000123)
	plain := mq.Message{
		ID: parsed(t, mq.ParseMessageID, "01AB"), Type: mq.Normal, Tag: parsed(t, mq.ParseTag, "paid"), Keys: []mq.Key{parsed(t, mq.ParseKey, "a"), parsed(t, mq.ParseKey, "b")},
		Properties: []mq.Property{{Name: "amount", Value: "12"}, {Name: "note", Value: "grüße ✓"}}, Trace: "00-abc", Born: at, BornHost: "10.0.0.1:5", Encoding: mq.Identity, Body: []byte("body"),
	}
	fifo, delay, half, dead := plain, plain, plain, plain
	fifo.Type, fifo.Group = mq.FIFO, parsed(t, mq.ParseMessageGroup, "order-1")
	delay.Type, delay.DeliverAt = mq.Delay, at.Add(time.Hour)
	half.Type = mq.Transaction
	dead.Origin = mq.Origin{Topic: topic, Message: plain.ID, Queue: 3, Offset: 17, Attempt: 4, Why: "cannot be read"}
	dead.Encoding = mq.Gzip
	for name, m := range map[string]mq.Message{"plain": plain, "fifo": fifo, "delay": delay, "half": half, "dead": dead} {
		p, err := Properties(nil, &m, topic)
		if err != nil {
			t.Fatal(err)
		}
		kept := stored.Message{Topic: topic.String(), Queue: 2, Offset: 9, Stored: at, Body: m.Body, Properties: stored.Properties(p)}
		if m.Encoding == mq.Gzip {
			kept.Sys |= stored.Compressed
		}
		if m.Type == mq.Transaction {
			kept.Sys |= stored.Committed
		}
		got := Message(&kept, "broker-a", topic)
		if !reflect.DeepEqual(got.Message, m) || got.Queue != 2 || got.Offset != 9 || got.Broker != "broker-a" {
			t.Errorf("%s:\n%+v\n%+v", name, got.Message, m)
		}
	}
}

func TestPropertiesThatBrokersCannotKeep(t *testing.T) {
	topic := parsed(t, mq.ParsePhysical, "T")
	for want, p := range map[string]mq.Property{
		"reserved": {Name: "UNIQ_KEY", Value: "x"}, "bytes 1 and 2": {Name: "a", Value: "b\x02UNIQ_KEY\x01c"}, "brokers take": {Name: "a", Value: strings.Repeat("x", stored.MaxProperties)},
	} {
		m := mq.Message{ID: parsed(t, mq.ParseMessageID, "m"), Properties: []mq.Property{p}}
		if _, err := Properties(nil, &m, topic); mq.Outcome(err) != mq.Refused || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
