// SPDX-License-Identifier: Apache-2.0

package trace

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/trail"
)

// remembers is a proxy that remembers since long before the message, and some events of it.
func remembers(s *scene, events ...trail.Seen) trail.Testimony {
	long := s.found[0].StoredAt.Add(-time.Hour)
	return trail.Testimony{Answered: true, Answer: trail.Answer{Proxy: "p-1", Zone: "az1", Began: long, Whole: long, RareWhole: long, WantsWhole: long, Events: events}}
}

func saying(all ...trail.Testimony) Witness {
	return func(context.Context, trail.Question) []trail.Testimony { return all }
}

// kinds are the events of an answer in words.
func (a Answer) kinds() string {
	var all []string
	for _, e := range a.Events {
		all = append(all, e.Kind+"/"+string(e.Source))
	}
	return strings.Join(all, " ")
}

func wanted(group, expression string, first, last time.Time) trail.Want {
	return trail.Want{Group: must(mq.ParseGroupName(group)), Filter: mq.Filter{Expression: expression}, First: first, Last: last}
}

func TestFilteredIsJudgedOnlyWhereNothingSpeaksAgainstIt(t *testing.T) {
	s, q := newScene("picky")
	stored := s.found[0].StoredAt
	s.found[0].Message.Tag = must(mq.ParseTag("a"))
	before, after := stored.Add(-time.Minute), stored.Add(time.Minute)
	for name, c := range map[string]struct {
		state  mq.FateState
		shape  func(*trail.Testimony)
		judged bool
	}{
		"the filter excludes it":          {mq.FateSettled, func(a *trail.Testimony) { a.Wants = []trail.Want{wanted("picky", "b", before, after)} }, true},
		"on an engine that does not tell": {mq.FateTaken, func(a *trail.Testimony) { a.Wants = []trail.Want{wanted("picky", "b", before, after)} }, true},
		"a filter of long ago let it pass": {mq.FateSettled, func(a *trail.Testimony) {
			a.Wants = []trail.Want{wanted("picky", "b", before, after), wanted("picky", "a", before, before)}
		}, true},
		"another group's filter lets it pass": {mq.FateSettled, func(a *trail.Testimony) {
			a.Wants = []trail.Want{wanted("picky", "b", before, after), wanted("other", "a", before, after)}
		}, true},
		"another member's filter lets it pass": {mq.FateSettled, func(a *trail.Testimony) {
			a.Wants = []trail.Want{wanted("picky", "b", before, after), wanted("picky", "a || b", after, after)}
		}, false},
		"nobody asked since":            {mq.FateSettled, func(a *trail.Testimony) { a.Wants = []trail.Want{wanted("picky", "b", before, before)} }, false},
		"the group has not come so far": {mq.FateUnread, func(a *trail.Testimony) { a.Wants = []trail.Want{wanted("picky", "b", before, after)} }, false},
		"the proxy began later": {mq.FateSettled, func(a *trail.Testimony) {
			a.Wants, a.WantsWhole = []trail.Want{wanted("picky", "b", after, after)}, after
		}, false},
		"the proxy is silent":         {mq.FateSettled, func(a *trail.Testimony) { a.Answered = false }, false},
		"the proxy remembers nothing": {mq.FateSettled, func(a *trail.Testimony) { a.Off = true }, false},
		"it was delivered": {mq.FateSettled, func(a *trail.Testimony) {
			a.Wants = []trail.Want{wanted("picky", "b", before, after)}
			a.Events = []trail.Seen{{Event: trail.Event{Kind: trail.Delivered, At: after, Attempt: 1}, Group: must(mq.ParseGroupName("picky"))}}
		}, false},
	} {
		s.fates["picky"] = mq.Fate{State: c.state}
		one := remembers(s)
		c.shape(&one)
		a, err := Ask(t.Context(), s, saying(one), q)
		if err != nil {
			t.Fatal(err)
		}
		at := slices.IndexFunc(a.Events, func(e Event) bool { return e.Kind == Filtered })
		if (at >= 0) != c.judged || at >= 0 && (a.Events[at].Group != "picky" || a.Events[at].At.Before(stored) || !strings.HasSuffix(a.Events[at].Detail, ": b")) {
			t.Errorf("%s: %+v", name, a.Events)
		}
	}
}

func TestAnAcknowledgementThatAProxyRemembersIsNotCalledUnknown(t *testing.T) {
	s, q := newScene("g")
	s.fates["g"] = mq.Fate{State: mq.FateTaken}
	acked := trail.Seen{Event: trail.Event{Kind: trail.Acked, At: s.found[0].StoredAt.Add(time.Second), Attempt: 1, Offset: -1}, Group: must(mq.ParseGroupName("g"))}
	refused, another := acked, acked
	refused.Result = mq.InvalidReceipt
	another.Group = must(mq.ParseGroupName("h"))
	for name, c := range map[string]struct {
		seen []trail.Seen
		why  string
	}{
		"acknowledged": {[]trail.Seen{acked}, "a proxy remembers that it was acknowledged"},
		"not that one": {[]trail.Seen{refused, another}, "does not tell whether it was acknowledged"},
	} {
		a, err := Ask(t.Context(), s, saying(remembers(s, c.seen...)), q)
		if err != nil {
			t.Fatal(err)
		}
		if f := a.Places[0].Fates[0]; f.State != mq.FateTaken || !strings.Contains(f.Why, c.why) {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

func TestASendIsToldWithWhatBecameOfIt(t *testing.T) {
	s, q := newScene()
	sent := trail.Seen{Event: trail.Event{Kind: trail.Stored, At: s.found[0].StoredAt, Took: 3 * time.Millisecond, Broker: "broker-a", Queue: 3, Offset: 17}, App: "till", Client: "c-1"}
	refused, doubtful, elsewhere := sent, sent, sent
	refused.At, refused.Offset, refused.Result = sent.At.Add(-2*time.Second), -1, mq.TooManyRequests
	doubtful.At, doubtful.Offset, doubtful.Result, doubtful.Unknown = sent.At.Add(-time.Second), -1, mq.Timeout, true
	elsewhere.Borrower, elsewhere.App, elsewhere.Client, elsewhere.Offset, elsewhere.At = true, "", "", 99, sent.At.Add(time.Second)
	a, err := Ask(t.Context(), s, saying(remembers(s, sent, refused, doubtful, elsewhere)), q)
	if want := "produced/proxy produced/proxy produced/proxy stored/proxy produced/proxy stored/proxy"; err != nil || a.kinds() != want {
		t.Fatalf("%s, %v", a.kinds(), err)
	}
	if a.Events[0].Result != "refused: too_many_requests" || a.Events[1].Result != "unknown: timeout" || a.Events[2].Result != "" || a.Events[4].Detail == "" {
		t.Errorf("%+v", a.Events)
	}
	if p, e := a.Events[2], a.Events[3]; p.Client != "c-1" || p.Application != "till" || p.Offset != -1 || e.Client != "" || e.Offset != 17 || e.Zone != "az1" || !e.At.Equal(sent.At.Add(sent.Took)) {
		t.Errorf("%+v, %+v", p, e)
	}
	if a, err = Ask(t.Context(), s, saying(remembers(s)), q); err != nil || a.kinds() != "stored/store" || !a.Events[0].At.Equal(s.found[0].StoredAt) {
		t.Errorf("what no proxy remembers: %s, %v", a.kinds(), err)
	}
}

func TestEventsOfOneMillisecondStandInTheOrderInWhichTheyFollow(t *testing.T) {
	s, q := newScene("g")
	group := must(mq.ParseGroupName("g"))
	s.fates["g"] = mq.Fate{State: mq.FateSettled}
	s.letters["g"] = []mq.Found{dead(s, "m-1")}
	died := s.letters["g"][0].StoredAt
	again := s.found[0]
	again.StoredAt, again.Message.Origin = died.Add(time.Second), s.letters["g"][0].Message.Origin
	s.found = []mq.Found{s.found[0], again}
	changed := trail.Seen{Event: trail.Event{Kind: trail.Changed, At: died.Add(600 * time.Microsecond), Until: died.Add(600 * time.Microsecond), Attempt: 2}, Group: group}
	delivered := trail.Seen{Event: trail.Event{Kind: trail.Delivered, At: again.StoredAt.Add(300 * time.Microsecond), Attempt: 1}, Group: group}
	a, err := Ask(t.Context(), s, saying(remembers(s, changed, delivered)), q)
	if want := "stored/store changed/proxy dead-lettered/store redriven/store delivered/proxy"; err != nil || a.kinds() != want {
		t.Fatalf("%s, %v", a.kinds(), err)
	}
	if e := a.Events[1]; !e.Until.IsZero() || e.Detail != "it comes back at once" {
		t.Errorf("%+v", e)
	}
	if e := a.Events[2]; e.Attempt != 16 || e.Group != "g" || !strings.Contains(e.Detail, "attempts") {
		t.Errorf("%+v", e)
	}
}

func TestWhatIsGoneIsToldOfWhileSomebodyRemembersIt(t *testing.T) {
	s, q := newScene("g", "h")
	half := trail.Seen{Event: trail.Event{Kind: trail.Prepared, At: s.found[0].StoredAt, Offset: -1}}
	back := trail.Seen{Event: trail.Event{Kind: trail.RolledBack, At: half.At.Add(time.Second), Offset: -1, ByCheck: true}}
	mine := trail.Seen{Event: trail.Event{Kind: trail.Acked, At: half.At.Add(2 * time.Second), Attempt: 1}, Group: must(mq.ParseGroupName("g"))}
	one := remembers(s, half, back, mine)
	s.found = nil
	a, err := Ask(t.Context(), s, saying(one), q)
	if want := "produced/proxy prepared/proxy rolled-back/proxy acked/proxy"; err != nil || a.kinds() != want || len(a.Places) != 0 || a.Events[2].Detail != "the answer to a check" {
		t.Errorf("%s, %+v, %v", a.kinds(), a, err)
	}
	other := must(mq.ParseGroupName("h"))
	q.Group = &other
	if a, err = Ask(t.Context(), s, saying(one), q); err != nil || a.kinds() != "produced/proxy prepared/proxy rolled-back/proxy" {
		t.Errorf("another group: %s, %v", a.kinds(), err)
	}
	if _, err := Ask(t.Context(), s, saying(trail.Testimony{Answered: true}), q); mq.KindOf(err) != mq.MessageNotFound {
		t.Error(err)
	}
}
