// SPDX-License-Identifier: Apache-2.0

package post_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/controltest"
	"github.com/causeway-mq/causeway/control/post"
	"github.com/causeway-mq/causeway/control/sqlstore"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// hall is a control plane with topic orders of the default tenant, that takes every type but fifo.
type hall struct {
	post.Office
	t      *testing.T
	clock  *clock.Virtual
	engine *controltest.Engine
	to     post.Place
	spec   mq.Topic
}

func newHall(t *testing.T) *hall {
	t.Helper()
	h := &hall{t: t, clock: clock.NewVirtual(time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)), engine: controltest.New()}
	plane := must(control.Open(t.Context(), control.Options{
		Store: must(sqlstore.OpenSQLite(t.Context(), t.TempDir())), Engine: h.engine, Inspector: h.engine, Mover: h.engine, Courier: h.engine, Cluster: must(mq.ParseCluster("test")), Clock: h.clock,
	}))
	t.Cleanup(func() {
		if err := plane.Close(); err != nil {
			t.Error(err)
		}
	})
	h.engine.Now = h.clock.Now
	h.Office = post.Office{Plane: plane, Now: h.clock.Now}
	h.to = post.Place{Tenant: must(mq.ParseTenant(mq.DefaultTenant)), Topic: must(mq.ParseTopicName("orders"))}
	h.spec = must(plane.CreateTopic(t.Context(), control.Itself("test"), control.NewTopic{Tenant: h.to.Tenant, Name: h.to.Topic, Accepts: mq.AcceptsOf(mq.Normal, mq.Delay)})).Spec
	return h
}

func (h *hall) stored() []mq.Found {
	h.t.Helper()
	h.clock.Advance(time.Second) // what is stored in this moment is not before it
	return must(h.Plane.Find(h.t.Context(), h.to.Tenant, h.to.Topic, mq.Find{})).Messages
}

func TestAMessageIsSentAsItWasWrittenAndTheAuditDoesNotHaveItsContent(t *testing.T) {
	h := newHall(t)
	sent := must(h.Send(t.Context(), control.Itself("anna"), h.to, post.Letter{
		Body: []byte("canary"), Keys: []mq.Key{must(mq.ParseKey("o-1"))}, Tag: must(mq.ParseTag("paid")), Properties: map[string]string{"b": "canary", "a": "2"},
	}))
	got := h.stored()
	if len(got) != 1 {
		t.Fatalf("%+v", got)
	}
	m := got[0].Message
	if m.ID != sent.ID || string(m.Body) != "canary" || m.Tag.String() != "paid" || m.Keys[0].String() != "o-1" || len(m.Properties) != 2 || m.Properties[0].Name != "a" || m.Type != mq.Normal || !m.Born.Equal(h.clock.Now().Add(-time.Second)) {
		t.Errorf("%+v", m)
	}
	later := must(h.Send(t.Context(), control.Itself("anna"), h.to, post.Letter{Body: []byte("x"), DeliverAt: h.clock.Now().Add(time.Minute)}))
	if later.Type != mq.Delay || !later.Due.Equal(h.clock.Now().Add(time.Minute)) || later.ID == sent.ID {
		t.Errorf("%+v", later)
	}
	rows := must(h.Plane.Audit(t.Context(), control.AuditQuery{Limit: 10, Kind: control.TopicRecord})).Entries
	text := fmt.Sprintf("%+v", rows)
	if strings.Contains(text, "canary") || !strings.Contains(text, sent.ID.String()) || !strings.Contains(text, `"bytes":6`) || !strings.Contains(text, "message.send") || !strings.Contains(text, "anna") {
		t.Errorf("the audit has %s", text)
	}
}

func TestWhatAProxyWouldRefuseIsRefused(t *testing.T) {
	h := newHall(t)
	many := map[string]string{}
	for i := range mq.MaxProperties + 1 {
		many[fmt.Sprint("p", i)] = "v"
	}
	for name, c := range map[string]struct {
		letter post.Letter
		kind   mq.Kind
	}{
		"no body":             {post.Letter{}, mq.BodyEmpty},
		"a long body":         {post.Letter{Body: make([]byte, post.MaxBody+1)}, mq.BodyTooLarge},
		"an order":            {post.Letter{Body: []byte("x"), Group: must(mq.ParseMessageGroup("g"))}, mq.TypeConflict},
		"an order and a time": {post.Letter{Body: []byte("x"), Group: must(mq.ParseMessageGroup("g")), DeliverAt: h.clock.Now()}, mq.TypeConflict},
		"a far time":          {post.Letter{Body: []byte("x"), DeliverAt: h.clock.Now().Add(25 * time.Hour)}, mq.IllegalDeliveryTime},
		"a reserved property": {post.Letter{Body: []byte("x"), Properties: map[string]string{"__CAUSEWAY_ORIGIN": "x"}}, mq.IllegalPropertyKey},
		"a blank property":    {post.Letter{Body: []byte("x"), Properties: map[string]string{" ": "x"}}, mq.IllegalPropertyKey},
		"many properties":     {post.Letter{Body: []byte("x"), Properties: many}, mq.PropertiesTooLarge},
		"large properties":    {post.Letter{Body: []byte("x"), Properties: map[string]string{"a": strings.Repeat("x", mq.MaxPropertyBytes)}}, mq.PropertiesTooLarge},
	} {
		if _, err := h.Send(t.Context(), control.Itself("anna"), h.to, c.letter); mq.KindOf(err) != c.kind {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := h.stored(); len(got) != 0 {
		t.Errorf("stored: %+v", got)
	}
	nowhere := h.to
	nowhere.Topic = must(mq.ParseTopicName("none"))
	if _, err := h.Send(t.Context(), control.Itself("anna"), nowhere, post.Letter{Body: []byte("x")}); mq.KindOf(err) != mq.TopicNotFound {
		t.Errorf("to no topic: %v", err)
	}
	tenant := must(h.Plane.CreateTenant(t.Context(), control.Itself("test"), control.Tenant{ID: must(mq.ParseTenant("shop"))}))
	there := post.Place{Tenant: tenant.ID, Topic: h.to.Topic}
	must(h.Plane.CreateTopic(t.Context(), control.Itself("test"), control.NewTopic{Tenant: tenant.ID, Name: h.to.Topic}))
	tenant.Disabled = true
	must(h.Plane.ChangeTenant(t.Context(), control.Itself("test"), tenant))
	if _, err := h.Send(t.Context(), control.Itself("anna"), there, post.Letter{Body: []byte("x")}); mq.KindOf(err) != mq.Conflict {
		t.Errorf("to a tenant that is switched off: %v", err)
	}
}

func TestAStoredMessageIsSentAgainAsANewOne(t *testing.T) {
	h := newHall(t)
	old := must(mq.ParseMessageID("old/1"))
	h.engine.Send(context.Background(), h.spec, []mq.Message{{
		ID: old, Type: mq.Delay, DeliverAt: h.clock.Now(), Tag: must(mq.ParseTag("paid")), Keys: []mq.Key{must(mq.ParseKey("k"))}, Encoding: mq.Gzip, Body: make([]byte, post.MaxBody+1),
		Properties: []mq.Property{{Name: "a", Value: "1"}, {Name: mq.ResentOf, Value: "older"}, {Name: "z", Value: "2"}},
	}})
	sent := must(h.Resend(t.Context(), control.Itself("anna"), h.to, old))
	got := h.stored()
	if len(got) != 2 {
		t.Fatalf("%d messages", len(got))
	}
	m := got[1].Message
	if of, _ := m.Property(mq.ResentOf); m.ID != sent.ID || m.ID == old || of != "old/1" || len(m.Properties) != 3 || m.Type != mq.Normal || !m.DeliverAt.IsZero() || m.Encoding != mq.Gzip || len(m.Body) != post.MaxBody+1 || m.Tag.String() != "paid" {
		t.Errorf("%+v", m)
	}
	if was, _ := got[0].Message.Property(mq.ResentOf); was != "older" {
		t.Errorf("the old one has changed: %s", was)
	}
	if _, err := h.Resend(t.Context(), control.Itself("anna"), h.to, must(mq.ParseMessageID("none"))); mq.KindOf(err) != mq.MessageNotFound {
		t.Errorf("what is not there: %v", err)
	}
}

func TestASendThatFailsIsInTheAudit(t *testing.T) {
	h := newHall(t)
	h.engine.Fail = func(verb string) error {
		if verb == "Send" {
			return mq.Doubt(mq.Timeout, errors.New("gone"), "the broker did not answer")
		}
		return nil
	}
	_, err := h.Send(t.Context(), control.Itself("anna"), h.to, post.Letter{Body: []byte("x")})
	if mq.Outcome(err) != mq.Unknown || mq.KindOf(err) != mq.Timeout {
		t.Errorf("%v", err)
	}
	rows := must(h.Plane.Audit(t.Context(), control.AuditQuery{Limit: 1, Kind: control.TopicRecord})).Entries
	if len(rows) != 1 || rows[0].Outcome != control.Failed || rows[0].Action != post.Verb {
		t.Errorf("%+v", rows)
	}
}

func (h *hall) waits(state mq.FoundState) []string {
	h.t.Helper()
	var all []string
	f := mq.Find{Only: state, Limit: 2}
	for {
		page := must(h.Waiting(h.t.Context(), h.to, f))
		for _, m := range page.Messages {
			all = append(all, m.Message.ID.String())
		}
		if f.Cursor = page.Next; f.Cursor == "" {
			return all
		}
	}
}

func TestAScheduledMessageIsListedAndRecalled(t *testing.T) {
	h := newHall(t)
	var sent []post.Sent
	for i := range 3 {
		sent = append(sent, must(h.Send(t.Context(), control.Itself("anna"), h.to, post.Letter{Body: []byte("x"), DeliverAt: h.clock.Now().Add(time.Duration(i+1) * time.Hour)})))
	}
	if got := h.waits(mq.FoundScheduled); len(got) != 3 || got[0] != sent[0].ID.String() {
		t.Errorf("%v wait", got)
	}
	if m := must(h.Cancel(t.Context(), control.Itself("anna"), h.to, sent[1].ID)); !m.Due.Equal(sent[1].Due) {
		t.Errorf("%+v", m)
	}
	if got := h.waits(mq.FoundScheduled); len(got) != 2 || got[1] != sent[2].ID.String() {
		t.Errorf("after a recall %v wait", got)
	}
	if _, err := h.Cancel(t.Context(), control.Itself("anna"), h.to, sent[1].ID); mq.KindOf(err) != mq.MessageNotFound {
		t.Errorf("a second time: %v", err)
	}
	now := must(h.Send(t.Context(), control.Itself("anna"), h.to, post.Letter{Body: []byte("x")}))
	if _, err := h.Cancel(t.Context(), control.Itself("anna"), h.to, now.ID); mq.KindOf(err) != mq.Conflict {
		t.Errorf("what waits for nothing: %v", err)
	}
	rows := fmt.Sprintf("%+v", must(h.Plane.Audit(t.Context(), control.AuditQuery{Limit: 10, Kind: control.TopicRecord})).Entries)
	if !strings.Contains(rows, string(post.RecallVerb)) {
		t.Errorf("the audit has %s", rows)
	}
}

func TestATransactionIsEndedByWhoeverMeansIt(t *testing.T) {
	h := newHall(t)
	one, two := must(mq.ParseMessageID("half/1")), must(mq.ParseMessageID("half/2"))
	h.engine.Send(t.Context(), h.spec, []mq.Message{{ID: one, Type: mq.Transaction, Body: []byte("x")}, {ID: two, Type: mq.Transaction, Body: []byte("y")}})
	if got := h.waits(mq.FoundHalf); len(got) != 2 || len(h.waits(mq.FoundScheduled)) != 0 {
		t.Errorf("%v wait", got)
	}
	for _, confirm := range []string{"", "yes", "half/2"} {
		if _, err := h.Resolve(t.Context(), control.Itself("anna"), h.to, one, post.Verdict{Verdict: mq.Commit, Confirm: confirm}); mq.KindOf(err) != mq.Conflict {
			t.Errorf("confirmed with %q: %v", confirm, err)
		}
	}
	must(h.Resolve(t.Context(), control.Itself("anna"), h.to, one, post.Verdict{Verdict: mq.Commit, Confirm: "half/1"}))
	must(h.Resolve(t.Context(), control.Itself("anna"), h.to, two, post.Verdict{Verdict: mq.Rollback, Confirm: "half/2"}))
	if got := h.stored(); len(got) != 1 || got[0].Message.ID != one || len(h.waits(mq.FoundHalf)) != 0 {
		t.Errorf("stored %+v", got)
	}
	if _, err := h.Resolve(t.Context(), control.Itself("anna"), h.to, two, post.Verdict{Verdict: mq.Commit, Confirm: "half/2"}); mq.KindOf(err) != mq.MessageNotFound {
		t.Errorf("a second time: %v", err)
	}
}

func TestWhatAnEngineCannotListIsSaidSo(t *testing.T) {
	h := newHall(t)
	h.engine.Blind = true
	id := must(mq.ParseMessageID("m"))
	_, err1 := h.Waiting(t.Context(), h.to, mq.Find{Only: mq.FoundScheduled, Limit: 1})
	_, err2 := h.Cancel(t.Context(), control.Itself("anna"), h.to, id)
	_, err3 := h.Resolve(t.Context(), control.Itself("anna"), h.to, id, post.Verdict{Verdict: mq.Commit, Confirm: "m"})
	_, err4 := h.Waiting(t.Context(), h.to, mq.Find{Only: mq.FoundHalf, Limit: 1})
	const recall, end = "recalls its message by the handle", "ends its transaction itself"
	for i, want := range []string{recall, recall, end, end} { // what to do instead
		if err := []error{err1, err2, err3, err4}[i]; mq.KindOf(err) != mq.Unsupported || !strings.Contains(err.Error(), "list them for nobody") || !strings.Contains(err.Error(), want) {
			t.Errorf("%v", err)
		}
	}
}
