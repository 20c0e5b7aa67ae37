// SPDX-License-Identifier: Apache-2.0

package session

import (
	"fmt"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

type hall struct {
	*Registry
	clock *clock.Virtual
	gone  []mq.ClientID
}

func newHall(t *testing.T, limit int) *hall {
	t.Helper()
	h := &hall{clock: clock.NewVirtual(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))}
	h.Registry = New(h.clock, limit, func(c Client) { h.gone = append(h.gone, c.ID.Client) })
	return h
}

func id(name string) ID {
	c, err := mq.ParseClientID(name)
	if err != nil {
		panic(err)
	}
	tenant, err := mq.ParseTenant("t1")
	if err != nil {
		panic(err)
	}
	return ID{Tenant: tenant, Client: c}
}

func topic(name string) mq.Topic {
	p, err := mq.ParsePhysical(name)
	if err != nil {
		panic(err)
	}
	return mq.Topic{Name: p}
}

// mailbox records what a stream was told.
type mailbox struct {
	got  []Command
	full bool
}

func (m *mailbox) deliver(c Command) bool {
	if m.full {
		return false
	}
	m.got = append(m.got, c)
	return true
}

func (h *hall) join(t *testing.T, name string, m *mailbox) *Stream {
	t.Helper()
	s, err := h.Open(Client{ID: id(name), Kind: Producer}, m.deliver)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAClientWithoutStreamIsGoneAfterGrace(t *testing.T) {
	h := newHall(t, 10)
	first := h.join(t, "a", new(mailbox))
	second := h.join(t, "a", new(mailbox))
	first.Close()
	first.Close() // twice is once
	h.clock.Advance(2 * Grace)
	if len(h.gone) != 0 || !h.Alive(id("a")) {
		t.Fatal("gone although a stream is open")
	}
	second.Close()
	h.clock.Advance(Grace - time.Second)
	if !h.Alive(id("a")) {
		t.Fatal("gone before Grace was over")
	}
	h.clock.Advance(time.Second)
	if len(h.gone) != 1 || h.Alive(id("a")) || len(h.Clients()) != 0 {
		t.Fatalf("gone: %v, alive: %v", h.gone, h.Alive(id("a")))
	}
}

func TestAReturningClientIsNotGone(t *testing.T) {
	h := newHall(t, 10)
	h.join(t, "a", new(mailbox)).Close()
	h.clock.Advance(Grace / 2)
	h.join(t, "a", new(mailbox))
	h.clock.Advance(2 * Grace)
	if len(h.gone) != 0 {
		t.Fatalf("reported gone: %v", h.gone)
	}
}

func TestItsOwnWordEndsAClientAtOnce(t *testing.T) {
	h := newHall(t, 10)
	h.join(t, "a", new(mailbox))
	h.Gone(id("a"))
	h.Gone(id("a"))
	h.Gone(id("never-seen"))
	if len(h.gone) != 1 {
		t.Fatalf("reported gone: %v", h.gone)
	}
}

// A drain of ours is no departure of theirs.
func TestNobodyIsGoneBecauseTheProxyStops(t *testing.T) {
	h := newHall(t, 10)
	early := h.join(t, "early", new(mailbox))
	late := h.join(t, "late", new(mailbox))
	early.Close()
	h.Stop()
	late.Close()
	h.clock.Advance(10 * Grace)
	if len(h.gone) != 0 {
		t.Fatalf("reported gone: %v", h.gone)
	}
}

func TestAChecksGoesFirstToWhoSent(t *testing.T) {
	h := newHall(t, 10)
	announcer, sender, silent := new(mailbox), new(mailbox), new(mailbox)
	h.join(t, "announcer", announcer).Announce([]mq.Topic{topic("pay")})
	h.join(t, "sender", sender)
	h.join(t, "silent", silent)
	h.Sent(id("sender"), topic("pay"))
	h.Sent(id("at-another-proxy"), topic("pay"))
	check := mq.Check{Topic: topic("pay"), Round: 1}
	if !h.Ask(check) || len(sender.got) != 1 || len(announcer.got) != 0 {
		t.Fatalf("sender was told %d, announcer %d", len(sender.got), len(announcer.got))
	}
	sender.full = true
	if !h.Ask(check) || len(announcer.got) != 1 {
		t.Fatal("a busy sender was not passed over")
	}
	if h.Ask(mq.Check{Topic: topic("other")}) || len(silent.got) != 0 {
		t.Fatal("a stranger was asked")
	}
	if live := h.Live(); len(live) != 1 || live[0].Name != topic("pay").Name {
		t.Fatalf("live topics: %v", live)
	}
}

func TestANewAnnouncementReplacesTheOld(t *testing.T) {
	h := newHall(t, 10)
	m := new(mailbox)
	s := h.join(t, "a", m)
	s.Announce([]mq.Topic{topic("old")})
	s.Announce([]mq.Topic{topic("new")})
	if h.Ask(mq.Check{Topic: topic("old")}) || !h.Ask(mq.Check{Topic: topic("new")}) {
		t.Fatal("the announcement was not replaced")
	}
	h.Gone(id("a"))
	if len(h.Live()) != 0 || h.Ask(mq.Check{Topic: topic("new")}) {
		t.Fatal("a client that left is still asked")
	}
}

func TestALiveClientNeedsNoStreamHere(t *testing.T) {
	h := newHall(t, 10)
	h.Seen(id("elsewhere"))
	if !h.Alive(id("elsewhere")) {
		t.Fatal("a client that just called counts as dead")
	}
	h.clock.Advance(Grace + time.Second)
	if h.Alive(id("elsewhere")) {
		t.Fatal("a silent client counts as alive")
	}
	h.Seen(id("elsewhere"))
	h.Gone(id("elsewhere"))
	if len(h.gone) != 1 || h.Alive(id("elsewhere")) {
		t.Fatal("its word was not heard")
	}
}

func TestTheNumberOfClientsIsBounded(t *testing.T) {
	h := newHall(t, 3)
	for i := range 3 {
		h.join(t, fmt.Sprint("c", i), new(mailbox))
	}
	if _, err := h.Open(Client{ID: id("one-more")}, new(mailbox).deliver); mq.KindOf(err) != mq.TooManyRequests {
		t.Fatalf("got %v", err)
	}
	h.join(t, "c1", new(mailbox)) // a second stream of a known client is no new client
	for i := range 100 {
		h.Seen(id(fmt.Sprint("s", i)))
	}
	if n := len(h.seen); n > 3 {
		t.Fatalf("%d silent clients are remembered", n)
	}
}

// A name that two applications chose is two clients.
func TestOneApplicationCannotEndAnothersClient(t *testing.T) {
	h := newHall(t, 10)
	h.join(t, "a", new(mailbox))
	other := id("a")
	other.App = "another"
	h.Gone(other)
	if len(h.gone) != 0 || !h.Alive(id("a")) || h.Alive(other) {
		t.Fatalf("gone: %v", h.gone)
	}
}

func TestAFullListIsSweptAtMostOnceInGrace(t *testing.T) {
	h := newHall(t, 2)
	h.Seen(id("old"))
	h.clock.Advance(Grace / 2)
	h.Seen(id("newer"))
	h.Seen(id("too-many")) // sweeps: nobody is old enough
	h.clock.Advance(Grace/2 + time.Second)
	h.Seen(id("still-too-many")) // the last sweep is not long ago
	if h.Alive(id("still-too-many")) {
		t.Fatal("swept again before Grace was over")
	}
	h.clock.Advance(Grace)
	h.Seen(id("at-last"))
	if !h.Alive(id("at-last")) {
		t.Fatal("the list is never swept")
	}
}

// What control planes are told of a client is what its newest settings say, and when it last called.
func TestAClientIsListedWithItsNewestSettings(t *testing.T) {
	h := newHall(t, 10)
	orders, err := mq.ParseTopicName("orders")
	if err != nil {
		t.Fatal(err)
	}
	begun := h.clock.Now()
	s := h.join(t, "a", new(mailbox))
	first := h.Clients()[0]
	if !first.Since.Equal(begun) || !first.Heard.Equal(begun) || first.Change == 0 || len(first.Topics) != 0 {
		t.Errorf("as it came: %+v", first)
	}
	h.clock.Advance(time.Second)
	s.Settle([]Interest{{Topic: orders, Filter: mq.Filter{Expression: "paid"}}})
	h.clock.Advance(time.Second)
	h.Seen(id("a"))
	now := h.Clients()[0]
	if len(now.Topics) != 1 || now.Topics[0].Filter.Expression != "paid" || !now.Settled.Equal(begun.Add(time.Second)) || now.Change == first.Change {
		t.Errorf("after its settings: %+v", now)
	}
	if !now.Heard.Equal(begun.Add(2*time.Second)) || !now.Since.Equal(begun) {
		t.Errorf("after its call: %+v", now)
	}
	h.Gone(id("a"))
	s.Settle(nil) // of nobody
	if len(h.Clients()) != 0 {
		t.Error("it is still there")
	}
}

func TestCommandsReachThoseWhoWerePicked(t *testing.T) {
	h := newHall(t, 10)
	a, b := new(mailbox), new(mailbox)
	h.join(t, "a", a)
	h.join(t, "b", b)
	if n := h.Tell(Reconnect{}, nil); n != 2 {
		t.Fatalf("%d streams took it", n)
	}
	n := h.Tell(Closed{}, func(c Client) bool { return c.ID == id("b") })
	if n != 1 || len(a.got) != 1 || len(b.got) != 2 {
		t.Fatalf("n %d, a %d, b %d", n, len(a.got), len(b.got))
	}
}

// A client that opens another stream may leave the old one open and read it no more, as Python's does: the newest is asked first, and each in its turn.
func TestAClientIsAskedOnItsNewestStream(t *testing.T) {
	h := newHall(t, 10)
	old, newest := new(mailbox), new(mailbox)
	h.join(t, "a", old).Announce([]mq.Topic{topic("pay")})
	s := h.join(t, "a", newest)
	s.Announce([]mq.Topic{topic("pay")})
	for round, want := range [][2]int{{0, 1}, {1, 1}, {1, 2}} {
		if !h.Ask(mq.Check{Topic: topic("pay"), Round: round + 1}) || len(old.got) != want[0] || len(newest.got) != want[1] {
			t.Errorf("after round %d the old stream was told %d, the newest %d, want %v", round+1, len(old.got), len(newest.got), want)
		}
	}
	s.Close()
	if !h.Ask(mq.Check{Topic: topic("pay"), Round: 1}) || len(old.got) != 2 {
		t.Error("the stream that is left was not asked")
	}
}

func TestWhoIsDisconnectedIsGoneAndMayComeBackAtOnce(t *testing.T) {
	clock := clock.NewVirtual(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	one, two, full, other := new(mailbox), new(mailbox), &mailbox{full: true}, new(mailbox)
	var gone []ID
	h := New(clock, 10, func(c Client) {
		if len(gone) == 0 && len(one.got)+len(two.got) > 0 {
			t.Error("its streams were told before what it held was released")
		}
		gone = append(gone, c.ID)
	})
	app := id("a")
	app.App = "till"
	open := func(who ID, m *mailbox) *Stream {
		s, err := h.Open(Client{ID: who, Kind: PushConsumer}, m.deliver)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	first := open(id("a"), one)
	open(id("a"), two)
	open(app, other)
	open(id("b"), full)
	streams, known := h.Disconnect(Whom{ID: id("a")})
	if streams != 2 || !known || len(gone) != 1 || gone[0] != id("a") || len(other.got) != 0 || len(h.Clients()) != 2 || h.Alive(id("a")) {
		t.Fatalf("%d, %v, gone %v, the other application's client got %v, %d are there", streams, known, gone, other.got, len(h.Clients()))
	}
	for _, m := range []*mailbox{one, two} {
		if len(m.got) != 2 || m.got[0] != (Reconnect{}) || m.got[1] != (Closed{}) {
			t.Errorf("a stream was told %v", m.got)
		}
	}
	open(id("a"), new(mailbox)) // it is back before its old streams have ended
	first.Close()
	clock.Advance(2 * Grace)
	if !h.Alive(id("a")) || len(gone) != 1 {
		t.Errorf("the end of an old stream made it gone: %v", gone)
	}
	if n, known := h.Disconnect(Whom{ID: id("c")}); n != 0 || known {
		t.Error("of nobody")
	}
	if n, known := h.Disconnect(Whom{ID: id("b")}); n != 0 || !known {
		t.Errorf("of one whose streams take nothing: %d, %v", n, known)
	}
	h.Seen(id("s")) // its stream is at another proxy
	if n, known := h.Disconnect(Whom{ID: id("s")}); n != 0 || !known || gone[len(gone)-1] != id("s") || h.Alive(id("s")) {
		t.Errorf("of one without a stream: %d, %v, gone %v", n, known, gone)
	}
	*one, *two = mailbox{}, mailbox{}
	if n, _ := h.Disconnect(Whom{ID: id("a"), AnyApp: true}); n != 2 || len(h.Clients()) != 0 {
		t.Errorf("of whichever application: %d streams, %d clients are there", n, len(h.Clients()))
	}
}
