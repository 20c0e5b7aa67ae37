// SPDX-License-Identifier: Apache-2.0

package lending_test

import (
	"strings"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/controltest"
	"github.com/causeway-mq/causeway/control/grant"
	"github.com/causeway-mq/causeway/control/lending"
	"github.com/causeway-mq/causeway/control/reception"
	"github.com/causeway-mq/causeway/control/request"
	"github.com/causeway-mq/causeway/mq"
)

// What somebody asks of a tenant or for a topic that is not there is taken as any other request: the answer must not tell.
func TestAskingTellsNothing(t *testing.T) {
	h := newHouse(t)
	shape := func(r request.Request) request.Request {
		r.ID, r.To, r.Wish, r.Revision = "", mq.Tenant{}, nil, 0
		return r
	}
	there := h.asked(h.wish())
	for of, topic := range map[string]string{"nobody": "orders", "pay": "nothing"} {
		r, err := h.asks(of, h.wish(func(w *lending.Wish) { w.Topic = h.topicName(topic) }))
		if err != nil {
			t.Fatal(err)
		}
		if a, b := shape(r), shape(there); a.State != b.State || a.Ends != b.Ends || len(a.Comments) != 0 || a.Why != "" {
			t.Errorf("%s/%s: %+v, there %+v", of, topic, a, b)
		}
	}
	if _, err := h.desk.Request(request.At{Tenant: h.tenant("default"), ID: there.ID}); mq.KindOf(err) != mq.NotFound {
		t.Errorf("a third tenant: %v", err)
	}
}

func TestWhatRiskKnowsItselfIsRefusedAtOnce(t *testing.T) {
	h := newHouse(t)
	h.topic("risk", "mine", mq.Normal)
	for name, c := range map[string]struct {
		change func(*lending.Wish)
		kind   mq.Kind
	}{
		"no right":      {func(w *lending.Wish) { w.Rights = grant.Rights{} }, mq.BadRequest},
		"in the past":   {func(w *lending.Wish) { w.Expires = h.clock.Now() }, mq.BadRequest},
		"dead letters":  {func(w *lending.Wish) { w.Topic = h.topicName("%DLQ%g") }, mq.BadRequest},
		"a dead name":   {func(w *lending.Wish) { w.As = h.topicName("%DLQ%g") }, mq.BadRequest},
		"a topic of it": {func(w *lending.Wish) { w.As = h.topicName("mine") }, mq.Conflict},
	} {
		if _, err := h.asks("pay", h.wish(c.change)); mq.KindOf(err) != c.kind {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := h.asks("risk", h.wish())
	controltest.WantKind(t, err, mq.BadRequest, control.OutOfRange)
	h.asked(h.wish())
	_, err = h.asks("pay", h.wish())
	controltest.WantKind(t, err, mq.Conflict, control.Exists)
}

func TestAnApprovedRequestLendsTheTopic(t *testing.T) {
	h := newHouse(t)
	g := h.lent(h.wish())
	if topic, ok := h.Lent(g); !ok || topic.Spec.Name.String() != "pay%orders" {
		t.Fatalf("lent %+v, %v", topic, ok)
	}
	c := h.Contents()
	if len(c.Documents) != 1 || c.Documents[0].Kind != grant.Kind {
		t.Fatalf("proxies see %+v", c.Documents)
	}
	_, err := h.CreateTopic(t.Context(), control.Itself("test"), control.NewTopic{Tenant: h.tenant("risk"), Name: g.As})
	controltest.WantKind(t, err, mq.Conflict, control.Exists)
	if all, err := h.office.Grants(h.tenant("pay")); err != nil || len(all) != 1 {
		t.Errorf("pay lends %v, %v", all, err)
	}
	if _, err := h.office.Grant(h.tenant("default"), g.ID); mq.KindOf(err) != mq.NotFound {
		t.Errorf("a third tenant: %v", err)
	}
	for _, want := range []struct {
		tenant  string
		action  control.Verb
		outcome control.Outcome
	}{
		{"risk", "request.create", control.Done}, {"pay", "request.approve", control.Begun}, {"pay", "request.approve", control.Done}, {"risk", "request.approve", control.Done},
		{"risk", "grant.create", control.Done}, {"risk", "request.settle", control.Done},
	} {
		if n := h.rows(want.tenant, want.action, want.outcome); n != 1 {
			t.Errorf("%d rows of %s %s in %s", n, want.action, want.outcome, want.tenant)
		}
	}
}

func TestTheAskingTenantsAuditDoesNotNameWhoDecided(t *testing.T) {
	h := newHouse(t)
	r := h.asked(h.wish())
	if _, err := h.desk.Comment(t.Context(), h.bob(), h.at("pay", r), "for how long?"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.desk.Approve(t.Context(), h.bob(), h.at("pay", r), request.Decision{Why: "fine"}); err != nil {
		t.Fatal(err)
	}
	page, err := h.Audit(t.Context(), control.AuditQuery{Tenant: "risk", Limit: control.MaxAuditPage})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range page.Entries {
		if text := e.Actor.Name + e.Before + e.After + e.Why; strings.Contains(text, "bob") {
			t.Errorf("%s tells: %s", e.Action, text)
		}
	}
	if r, err = h.desk.Request(h.at("pay", r)); err != nil || r.Decider.Name != "pay/bob" || r.Comments[0].By.Name != "pay/bob" {
		t.Errorf("pay knows %+v, %v", r, err)
	}
}

func TestALaterApprovalReplacesTheGrant(t *testing.T) {
	h := newHouse(t)
	first := h.lent(h.wish())
	second := h.lent(h.wish(func(w *lending.Wish) { w.Rights.Publish = true }))
	if second.ID != first.ID || !second.Rights.Publish || len(h.Borrowed(h.tenant("risk"))) != 1 {
		t.Errorf("first %+v, second %+v", first, second)
	}
	_, err := h.asks("pay", h.wish(func(w *lending.Wish) { w.As = h.topicName("other") }))
	controltest.WantKind(t, err, mq.Conflict, control.Exists)
}

func TestWhatCannotBeLentIsNotApproved(t *testing.T) {
	h := newHouse(t)
	h.topic("pay", "books", mq.Transaction)
	for name, w := range map[string]lending.Wish{
		"no such topic": h.wish(func(w *lending.Wish) { w.Topic = h.topicName("nothing") }),
		"transactions":  h.wish(func(w *lending.Wish) { w.Topic, w.Rights = h.topicName("books"), grant.Rights{Publish: true} }),
		"over by then":  h.wish(func(w *lending.Wish) { w.Expires = h.clock.Now().Add(time.Hour) }),
		"a name in use": h.wish(func(w *lending.Wish) { w.As = h.topicName("taken") }),
	} {
		r := h.asked(w)
		if name == "a name in use" {
			h.topic("risk", "taken", mq.Normal)
		}
		if name == "over by then" {
			h.clock.Advance(2 * time.Hour)
		}
		if _, err := h.desk.Approve(t.Context(), h.bob(), h.at("pay", r), request.Decision{}); mq.Outcome(err) != mq.Refused || err == nil {
			t.Errorf("%s: %v", name, err)
		}
		if r, err := h.desk.Request(h.at("risk", r)); err != nil || r.State != request.Pending {
			t.Errorf("%s: %v, %v", name, r.State, err)
		}
	}
}

func TestEitherSideEndsAGrant(t *testing.T) {
	for side, rows := range map[string]control.Verb{"pay": "grant.delete", "risk": "grant.delete"} {
		h := newHouse(t)
		g := h.lent(h.wish())
		by := h.ann()
		if side == "pay" {
			by = h.bob()
		}
		err := h.office.End(t.Context(), by, request.At{Tenant: h.tenant(side), ID: g.ID}, g.Revision+1)
		controltest.WantKind(t, err, mq.Conflict, control.Stale)
		if err := h.office.End(t.Context(), by, request.At{Tenant: h.tenant(side), ID: g.ID}, g.Revision); err != nil {
			t.Fatal(err)
		}
		if len(h.Borrowed(h.tenant("risk"))) != 0 || h.rows(side, rows, control.Done) != 1 || h.rows("risk", rows, control.Done) != 1 {
			t.Errorf("%s ended it: %v", side, h.Borrowed(h.tenant("risk")))
		}
		if err := h.desk.Sweep(t.Context()); err != nil || len(h.Borrowed(h.tenant("risk"))) != 0 {
			t.Errorf("it came back: %v", err)
		}
	}
}

func TestATopicThatGoesTakesItsGrantsWithIt(t *testing.T) {
	h := newHouse(t)
	g := h.lent(h.wish())
	if err := h.DeleteTopic(t.Context(), control.Itself("test"), h.tenant("pay"), h.topicName("orders"), control.Deletion{Confirmed: true}); err != nil {
		t.Fatal(err)
	}
	h.topic("pay", "orders", mq.Normal)
	if all := h.Borrowed(h.tenant("risk")); len(all) != 0 {
		t.Errorf("lent again: %+v", all)
	}
	if _, ok := h.Document(g.Ref()); ok == nil {
		t.Error("the grant is kept")
	}
}

func TestAGrantEndsWithItsTime(t *testing.T) {
	h := newHouse(t)
	g := h.lent(h.wish(func(w *lending.Wish) { w.Expires = h.clock.Now().Add(time.Hour) }))
	h.clock.Advance(time.Hour - time.Second)
	if err := h.office.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, ok := h.Lent(g); !ok {
		t.Error("over too early")
	}
	h.clock.Advance(time.Second)
	if _, ok := h.Lent(g); ok {
		t.Error("it holds although its time is over")
	}
	for range 2 { // the second look finds nothing to do
		if err := h.office.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if len(h.Borrowed(h.tenant("risk"))) != 0 || h.rows("risk", "grant.delete", control.Done) != 1 {
		t.Error("it was not taken back once")
	}
}

// The process of the plane dies at every step between an approval and the end of its effect; the next one finishes what was approved, once.
func TestAPlaneThatDiesWithAnApprovalLendsTheTopicOnce(t *testing.T) {
	step := 1
	for ; ; step++ {
		h := newHouse(t)
		r := h.asked(h.wish())
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
		crash := controltest.CrashAt(step)
		if h.open(crash) == nil {
			_, _ = h.desk.Approve(t.Context(), h.bob(), h.at("pay", r), request.Decision{}) // what it answers is lost with it
		}
		died := crash.Dead()
		if err := h.open(nil); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := h.desk.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		r, err := h.desk.Request(h.at("risk", r))
		if err != nil {
			t.Fatal(err)
		}
		lent, want := len(h.Borrowed(h.tenant("risk"))), 0
		if r.State == request.Approved {
			want = 1
		}
		rows := []int{h.rows("risk", "request.approve", control.Done), h.rows("risk", "grant.create", control.Done), h.rows("risk", "request.settle", control.Done)}
		if r.Due || r.Failed != "" || lent != want || rows[0] != want || rows[1] != want || rows[2] != want || want == 1 && h.rows("pay", "request.approve", control.Begun) != 1 {
			t.Fatalf("killed at step %d: %+v, %d lent, rows %v", step, r, lent, rows)
		}
		if !died {
			break
		}
	}
	if step < 8 {
		t.Errorf("%d steps: rows and records have two each", step-1)
	}
}

// The loop that a process runs carries out, ends and takes back without being asked.
func TestTendingFinishesWhatIsLeft(t *testing.T) {
	h := newHouse(t)
	h.lent(h.wish(func(w *lending.Wish) { w.Expires = h.clock.Now().Add(time.Minute) }))
	pending := h.asked(h.wish(func(w *lending.Wish) { w.Topic, w.As = h.topicName("nothing"), h.topicName("later") }))
	stop := tending(t, h)
	defer stop()
	h.clock.Advance(request.Life)
	for bound := time.Now().Add(30 * time.Second); ; h.clock.Advance(reception.Rest) {
		kept, err := h.Document(pending.Ref())
		if err == nil && strings.Contains(kept.Body, `"state":"expired"`) && len(h.Borrowed(h.tenant("risk"))) == 0 {
			return
		}
		if time.Now().After(bound) {
			t.Fatalf("still %s, lent %v", kept.Body, h.Borrowed(h.tenant("risk")))
		}
		<-time.After(time.Millisecond)
	}
}
