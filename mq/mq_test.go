// SPDX-License-Identifier: Apache-2.0

package mq

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestNamesThatAreRefused(t *testing.T) {
	topic := func(s string) error { _, err := ParseTopicName(s); return err }
	group := func(s string) error { _, err := ParseGroupName(s); return err }
	tag := func(s string) error { _, err := ParseTag(s); return err }
	key := func(s string) error { _, err := ParseKey(s); return err }
	order := func(s string) error { _, err := ParseMessageGroup(s); return err }
	id := func(s string) error { _, err := ParseMessageID(s); return err }
	for _, c := range []struct {
		what  string
		parse func(string) error
		input string
		want  Kind
	}{
		{"empty topic", topic, "", IllegalTopic},
		{"long topic", topic, strings.Repeat("t", 128), IllegalTopic},
		{"topic that climbs", topic, "../x", IllegalTopic},
		{"retry topic", topic, "%RETRY%g", IllegalTopic},
		{"system topic", topic, "rmq_sys_wheel_timer", IllegalTopic},
		{"topic with NUL", topic, "a\x00", IllegalTopic},
		{"topic with a look-alike", topic, "раy", IllegalTopic},
		{"topic with a trailing space", topic, "pay ", IllegalTopic},
		{"topic with the joiner", topic, "b%c", IllegalTopic},
		{"dead letters of no group", topic, "%DLQ%", IllegalTopic},
		{"dead letters of dead letters", topic, "%DLQ%%DLQ%g", IllegalTopic},
		{"group with a system prefix", group, "CID_RMQ_SYS_x", IllegalGroup},
		{"long group", group, strings.Repeat("g", 121), IllegalGroup},
		{"tag with a bar", tag, "a|b", IllegalTag},
		{"blank tag", tag, "  ", IllegalTag},
		{"key with a control character", key, "a\nb", IllegalKey},
		{"message group of 64 bytes", order, strings.Repeat("o", 64), IllegalMessageGroup},
		{"empty message id", id, "", IllegalMessageID},
		{"message id of 10 KiB", id, strings.Repeat("i", 10<<10), IllegalMessageID},
	} {
		t.Run(c.what, func(t *testing.T) {
			err := c.parse(c.input)
			if KindOf(err) != c.want || Outcome(err) != Refused {
				t.Fatalf("%q: got %v", c.input, err)
			}
			if len(err.Error()) > 200 {
				t.Fatalf("hostile input fills the answer: %d bytes", len(err.Error()))
			}
		})
	}
}

func TestNamesThatAreAccepted(t *testing.T) {
	for _, s := range []string{"a", "Pay-Orders_2", strings.Repeat("t", MaxTopicName), "%DLQ%billing"} {
		if n, err := ParseTopicName(s); err != nil || n.String() != s {
			t.Errorf("%q: %v, %v", s, n, err)
		}
	}
	if _, err := ParseMessageGroup(strings.Repeat("o", 63)); err != nil {
		t.Error(err)
	}
}

// Two pairs of tenant and name never meet in one physical name, because the joiner can stand in neither.
func TestPhysicalNamesNeverMeet(t *testing.T) {
	if _, err := ParseTenant("a%b"); err == nil {
		t.Error("the joiner was accepted in a tenant")
	}
	a, _ := ParseTenant("a")
	topic, _ := ParseTopicName("orders")
	group, _ := ParseGroupName("billing")
	def, _ := ParseTenant(DefaultTenant)
	for _, c := range []struct{ got, want string }{
		{PhysicalTopic(a, topic).String(), "a%orders"},
		{PhysicalTopic(def, topic).String(), "orders"},
		{PhysicalTopic(a, DeadLetters(group)).String(), "%DLQ%a%billing"},
		{PhysicalDeadLetters(PhysicalGroup(a, group)).String(), "%DLQ%a%billing"},
		{PhysicalGroup(def, group).String(), "billing"},
	} {
		if c.got != c.want {
			t.Errorf("got %s, want %s", c.got, c.want)
		}
		if _, err := ParsePhysical(c.got); err != nil {
			t.Errorf("%s does not survive storage: %v", c.got, err)
		}
	}
}

func TestEveryKindHasItsOwnNameAndACode(t *testing.T) {
	names := make(map[string]Kind)
	for _, k := range Kinds() {
		if other, taken := names[k.String()]; taken || k.String() == "" {
			t.Errorf("kinds %d and %d are both called %q", other, k, k)
		}
		names[k.String()] = k
		if k.Code() < 40000 || k.Code() > 50500 {
			t.Errorf("%s has the code %d", k, k.Code())
		}
	}
}

func TestOutcomes(t *testing.T) {
	refused := Refuse(TopicNotFound, "topic %q", "x")
	doubt := Doubt(Unavailable, errors.New("sync failed"), "append")
	for _, c := range []struct {
		err  error
		kind Kind
		want Result
	}{
		{nil, 0, Done},
		{refused, TopicNotFound, Refused},
		{During("send", refused), TopicNotFound, Refused},
		{doubt, Unavailable, Unknown},
		{During("send", doubt), Unavailable, Unknown},
		{context.DeadlineExceeded, Timeout, Unknown},
		{During("send", context.Canceled), Timeout, Unknown},
		{errors.New("a stranger"), Internal, Unknown},
	} {
		if KindOf(c.err) != c.kind || Outcome(c.err) != c.want {
			t.Errorf("%v: kind %v, outcome %v", c.err, KindOf(c.err), Outcome(c.err))
		}
	}
	if got := During("send", During("append", refused)).Error(); got != `send: append: topic "x"` {
		t.Errorf("operations read %q", got)
	}
	if During("send", nil) != nil {
		t.Error("no error became one")
	}
}

func TestRetryPolicies(t *testing.T) {
	exponential := RetryPolicy{Initial: time.Second, Max: 10 * time.Second, Multiplier: 2}
	steps := RetryPolicy{Steps: []time.Duration{time.Second, 5 * time.Second}}
	for _, c := range []struct {
		policy  RetryPolicy
		attempt int
		want    time.Duration
	}{
		{RetryPolicy{}, 1, time.Second},
		{RetryPolicy{}, 99, 2 * time.Hour},
		{steps, 0, time.Second},
		{steps, 2, 5 * time.Second},
		{steps, 3, 5 * time.Second},
		{exponential, 1, time.Second},
		{exponential, 4, 8 * time.Second},
		{exponential, 5, 10 * time.Second},
		{exponential, 1000, 10 * time.Second},
	} {
		if got := c.policy.After(c.attempt); got != c.want {
			t.Errorf("%+v after attempt %d: %v, want %v", c.policy, c.attempt, got, c.want)
		}
	}
}

func TestDurabilityHasNamedLevels(t *testing.T) {
	var strongest Durability
	if !strongest.Synced() || strongest.String() != "sync" {
		t.Errorf("the zero value is %s", strongest)
	}
	weak, err := ParseDurability("window=20ms")
	if err != nil || weak.Synced() || weak.Window() != 20*time.Millisecond || weak.String() != "window=20ms" {
		t.Errorf("got %v, %v", weak, err)
	}
	for _, s := range []string{"fast", "window=", "window=-1s", "window=1h"} {
		if _, err := ParseDurability(s); KindOf(err) != BadRequest {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestHoldBounds(t *testing.T) {
	for _, d := range []time.Duration{-time.Second, 0, 999 * time.Millisecond, 13 * time.Hour} {
		if _, err := ParseHold(d); KindOf(err) != IllegalInvisibleTime {
			t.Errorf("%v: %v", d, err)
		}
	}
	if h, err := ParseHold(time.Second); err != nil || h.Duration() != time.Second {
		t.Errorf("got %v, %v", h, err)
	}
}

func TestAcceptsIsASet(t *testing.T) {
	a := AcceptsOf(Normal, Delay)
	if !a.Has(Normal) || a.Has(FIFO) || !a.Has(Delay) || len(a.Types()) != 2 {
		t.Errorf("got %v", a.Types())
	}
	for _, typ := range []MessageType{Normal, FIFO, Delay, Transaction} {
		if got, err := ParseMessageType(strings.ToUpper(typ.String())); err != nil || got != typ {
			t.Errorf("%v: %v, %v", typ, got, err)
		}
	}
}
