// SPDX-License-Identifier: Apache-2.0

package history

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

// tale writes a record by hand, so that each thing that must not happen can be told.
type tale struct {
	t     *testing.T
	now   time.Time
	h     *History
	topic mq.Topic
	group mq.Group
	next  mq.Offset
}

func newTale(t *testing.T, shapes ...func(*Group)) *tale {
	s := &tale{t: t, now: time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC)}
	s.h = New(func() time.Time { return s.now })
	s.topic.Name, s.group.Name = physical(t, "topic"), physical(t, "group")
	g := Group{Name: s.group.Name, Topic: s.topic.Name, MaxAttempts: 3}
	for _, shape := range shapes {
		shape(&g)
	}
	s.h.Judging(g)
	return s
}

func inOrder(g *Group) { g.Ordered = true }

func physical(t *testing.T, s string) mq.Physical {
	p, err := mq.ParsePhysical(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (s *tale) message(name string, shapes ...func(*mq.Message)) mq.Message {
	id, err := mq.ParseMessageID(name)
	if err != nil {
		s.t.Fatal(err)
	}
	lane, err := mq.ParseMessageGroup("lane")
	if err != nil {
		s.t.Fatal(err)
	}
	m := mq.Message{ID: id, Group: lane, Body: []byte(name)}
	for _, shape := range shapes {
		shape(&m)
	}
	return m
}

func (s *tale) sent(m mq.Message) mq.Message {
	s.h.Sent(s.h.Begin(), s.topic.Name, m, mq.Sent{Offset: s.next})
	s.next++
	return m
}

func (s *tale) delivery(m mq.Message, attempt int) mq.Delivery {
	at := mq.Offset(0)
	for _, op := range s.h.sends[m.ID] {
		at = op.place.Offset
	}
	return mq.Delivery{
		Stored: mq.Stored{Message: m, Topic: s.topic.Name, Offset: at}, Attempt: attempt,
		Lease: mq.Lease{Group: s.group, Token: fmt.Sprint(m.ID, "/", attempt), Until: s.now.Add(10 * time.Second)},
	}
}

// took tells of a receive by an attempt.
func (s *tale) took(id string, ds ...mq.Delivery) {
	s.h.Took(s.h.Begin(), mq.Want{Topic: s.topic, Group: s.group, Attempt: mq.AttemptID(id)}, ds, nil)
}

func (s *tale) acked(ds ...mq.Delivery) {
	for _, d := range ds {
		s.h.Acked(s.h.Begin(), d.Lease, nil)
	}
}

func (s *tale) later() { s.now = s.now.Add(11 * time.Second) }

func (s *tale) is(want string) {
	s.t.Helper()
	v := s.h.Judge(Rules{})
	switch {
	case want == "" && !v.Innocent():
		s.t.Errorf("an allowed tale was accused: %s", v)
	case want != "" && (v.Innocent() || !strings.HasPrefix(v.Violations[0], want)):
		s.t.Errorf("want an accusation of %q, got %s", want, v)
	}
}

func TestWhatIsAllowedIsNotAccused(t *testing.T) {
	s := newTale(t, inOrder)
	a, b := s.sent(s.message("a")), s.sent(s.message("b"))
	first, second := s.delivery(a, 1), s.delivery(b, 1)
	s.took("x", first, second)
	s.took("x", first, second) // the reply was lost
	s.acked(second)
	s.later()
	again := s.delivery(a, 2)
	s.took("y", again)
	s.h.Extended(s.h.Begin(), again.Lease, 0, mq.Extended{Lease: again.Lease})
	third := s.delivery(a, 3)
	s.took("z", third)
	s.later()
	s.h.FoundDead(s.group.Name, a.ID)
	s.is("")
}

func TestALossIsAccused(t *testing.T) {
	s := newTale(t)
	a := s.sent(s.message("a"))
	s.took("", s.delivery(a, 1))
	s.is("loss")
}

func TestAnUnknownSendMayBeMissing(t *testing.T) {
	s := newTale(t)
	s.h.Sent(s.h.Begin(), s.topic.Name, s.message("a"), mq.Sent{Err: mq.Doubt(mq.Timeout, nil, "no reply")})
	s.is("")
}

func TestAPhantomIsAccused(t *testing.T) {
	s := newTale(t)
	s.h.Sent(s.h.Begin(), s.topic.Name, s.message("refused"), mq.Sent{Err: mq.Refuse(mq.StorageFull, "full")})
	d := s.delivery(s.message("refused"), 1)
	s.took("", d)
	s.acked(d)
	s.is("phantom")
}

func TestOtherContentIsAccused(t *testing.T) {
	s := newTale(t)
	a := s.sent(s.message("a"))
	a.Body = []byte("not what was sent")
	d := s.delivery(a, 1)
	s.took("", d)
	s.acked(d)
	s.is("content")
}

func TestADeliveryAfterTheAckIsAccused(t *testing.T) {
	s := newTale(t)
	a := s.sent(s.message("a"))
	d := s.delivery(a, 1)
	s.took("", d)
	s.acked(d)
	s.later()
	s.took("", s.delivery(a, 2))
	s.is("duplicate")
}

func TestADeliveryUnderALiveLeaseIsAccused(t *testing.T) {
	s := newTale(t)
	a := s.sent(s.message("a"))
	s.took("", s.delivery(a, 1))
	d := s.delivery(a, 2)
	s.took("", d)
	s.acked(d)
	s.is("duplicate")
}

func TestADeliveryUnderARenewedLeaseIsAccused(t *testing.T) {
	s := newTale(t)
	a := s.sent(s.message("a"))
	d := s.delivery(a, 1)
	s.took("", d)
	longer := d.Lease
	longer.Until = s.now.Add(time.Minute)
	s.h.Extended(s.h.Begin(), d.Lease, time.Minute, mq.Extended{Lease: longer})
	s.later()
	again := s.delivery(a, 2)
	s.took("", again)
	s.acked(again)
	s.is("duplicate")
}

func TestAttemptsThatDoNotCountUpAreAccused(t *testing.T) {
	for _, n := range []int{1, 3} {
		s := newTale(t)
		a := s.sent(s.message("a"))
		s.took("", s.delivery(a, 1))
		s.later()
		d := s.delivery(a, n)
		d.Lease.Token += "again"
		s.took("", d)
		s.acked(d)
		s.is("attempts")
	}
}

func TestAnEarlyDeliveryIsAccused(t *testing.T) {
	s := newTale(t)
	a := s.sent(s.message("a", func(m *mq.Message) { m.DeliverAt = s.now.Add(time.Second) }))
	d := s.delivery(a, 1)
	s.took("", d)
	s.acked(d)
	s.is("early")
}

func TestADeliveryAfterARecallIsAccused(t *testing.T) {
	s := newTale(t)
	a := s.sent(s.message("a"))
	s.h.Recalled(s.h.Begin(), a.ID, nil)
	d := s.delivery(a, 1)
	s.took("", d)
	s.acked(d)
	s.is("recall")
}

func TestTransactions(t *testing.T) {
	half := func(m *mq.Message) { m.Type = mq.Transaction }
	for _, c := range []struct {
		verdicts  []mq.Verdict
		delivered bool
		want      string
	}{
		{nil, false, ""},
		{nil, true, "transaction"},
		{[]mq.Verdict{mq.Commit}, true, ""},
		{[]mq.Verdict{mq.Commit}, false, "loss"},
		{[]mq.Verdict{mq.Rollback}, false, ""},
		{[]mq.Verdict{mq.Rollback}, true, "transaction"},
		{[]mq.Verdict{mq.Rollback, mq.Commit}, true, "transaction"},
	} {
		s := newTale(t)
		a := s.sent(s.message("a", half))
		for _, v := range c.verdicts {
			s.h.Settled(s.h.Begin(), a.ID, v, nil)
		}
		if c.delivered {
			d := s.delivery(a, 1)
			s.took("", d)
			s.acked(d)
		}
		s.is(c.want)
	}
}

func TestBrokenOrderIsAccused(t *testing.T) {
	t.Run("swapped in one receive", func(t *testing.T) {
		s := newTale(t, inOrder)
		a, b := s.delivery(s.sent(s.message("a")), 1), s.delivery(s.sent(s.message("b")), 1)
		s.took("x", b, a)
		s.acked(a, b)
		s.is("order")
	})
	t.Run("the second while the first is leased", func(t *testing.T) {
		s := newTale(t, inOrder)
		a := s.sent(s.message("a"))
		da := s.delivery(a, 1)
		s.took("x", da)
		b := s.delivery(s.sent(s.message("b")), 1)
		s.took("y", b)
		s.acked(da, b)
		s.is("order")
	})
	t.Run("the second although the first came free", func(t *testing.T) {
		s := newTale(t, inOrder)
		a, b := s.sent(s.message("a")), s.sent(s.message("b"))
		s.took("x", s.delivery(a, 1))
		s.later()
		db := s.delivery(b, 1)
		s.took("y", db)
		da := s.delivery(a, 2)
		s.took("z", da)
		s.acked(da, db)
		s.is("order")
	})
	t.Run("the first while another attempt holds the second", func(t *testing.T) {
		s := newTale(t, inOrder)
		a, b := s.sent(s.message("a")), s.sent(s.message("b"))
		da, db := s.delivery(a, 1), s.delivery(b, 1)
		s.took("x", da, db)
		s.h.Extended(s.h.Begin(), da.Lease, 0, mq.Extended{Lease: da.Lease})
		again := s.delivery(a, 2)
		s.took("y", again)
		s.acked(db, again)
		s.is("order")
	})
}

func TestOnePlaceHoldsOneMessage(t *testing.T) {
	s := newTale(t)
	a := s.sent(s.message("a"))
	s.next--
	b := s.sent(s.message("b"))
	da, db := s.delivery(a, 1), s.delivery(b, 1)
	s.took("", da, db)
	s.acked(da, db)
	s.is("place")
}

// A sender that is not told where its messages lie knows their order all the same: it waited for each answer.
func TestBrokenOrderIsAccusedWithoutPlaces(t *testing.T) {
	start := func(t *testing.T) (s *tale, a, b mq.Delivery) {
		s = newTale(t, inOrder)
		s.next = -1
		first := s.message("a")
		s.h.Sent(s.h.Begin(), s.topic.Name, first, mq.Sent{Offset: -1})
		second := s.message("b")
		s.h.Sent(s.h.Begin(), s.topic.Name, second, mq.Sent{Offset: -1})
		a, b = s.delivery(first, 1), s.delivery(second, 1)
		a.Offset, b.Offset = -1, -1
		return s, a, b
	}
	t.Run("in order", func(t *testing.T) {
		s, a, b := start(t)
		s.took("x", a)
		s.acked(a)
		s.took("y", b)
		s.acked(b)
		s.is("")
	})
	t.Run("in one receive", func(t *testing.T) {
		s, a, b := start(t)
		s.took("x", a, b)
		s.acked(a, b)
		s.is("")
	})
	t.Run("swapped in one receive", func(t *testing.T) {
		s, a, b := start(t)
		s.took("x", b, a)
		s.acked(a, b)
		s.is("order")
	})
	t.Run("the second before the first was settled", func(t *testing.T) {
		s, a, b := start(t)
		s.took("x", a)
		s.took("y", b)
		s.acked(a, b)
		s.is("order")
	})
}

// A copy that takes over knows nothing of the last seconds. It excuses what comes again, not what was long known, and no loss.
func TestWhatAFailOverExcuses(t *testing.T) {
	for _, c := range []struct {
		ago       time.Duration // of the first delivery, from the fail-over
		delivered bool          // again, after it
		want      string
	}{{5 * time.Second, true, ""}, {time.Minute, true, "duplicate"}, {5 * time.Second, false, ""}} {
		s := newTale(t)
		a := s.sent(s.message("a"))
		first := s.delivery(a, 1)
		s.took("", first)
		s.acked(first)
		s.now = s.now.Add(c.ago)
		span := s.h.Begin()
		s.later()
		s.h.FailedOver(span)
		if c.delivered {
			again := s.delivery(a, 1)
			again.Lease.Token += "again"
			s.took("", again)
			s.acked(again)
		}
		v := s.h.Judge(Rules{Forgets: 15 * time.Second})
		if v.Innocent() != (c.want == "") || !v.Innocent() && !strings.HasPrefix(v.Violations[0], c.want) {
			t.Errorf("%+v: %s", c, v)
		}
	}
	s := newTale(t)
	s.sent(s.message("lost"))
	s.h.FailedOver(s.h.Begin())
	if v := s.h.Judge(Rules{Forgets: time.Hour}); v.Innocent() || !strings.HasPrefix(v.Violations[0], "loss") {
		t.Error(v)
	}
}
