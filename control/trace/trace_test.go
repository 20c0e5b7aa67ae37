// SPDX-License-Identifier: Apache-2.0

package trace

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/mq"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// scene is a control plane that answers as it is told.
type scene struct {
	found   []mq.Found
	groups  []control.Group
	fates   map[string]mq.Fate
	letters map[string][]mq.Found // of each group
	asked   int                   // for fates
}

func (s *scene) Find(_ context.Context, _ mq.Tenant, topic mq.TopicName, f mq.Find) (mq.Page, error) {
	g, dead := topic.DeadLettersOf()
	if !dead {
		return mq.Page{Messages: s.found}, nil
	}
	some, ok := s.letters[g.String()]
	if !ok {
		return mq.Page{}, mq.Refuse(mq.TopicNotFound, "no message of the group ever died")
	}
	at := 0
	if f.Cursor != "" {
		fmt.Sscan(f.Cursor, &at)
	}
	page := mq.Page{Messages: some[at : at+1]} // one a page
	if at+1 < len(some) {
		page.Next = fmt.Sprint(at + 1)
	}
	return page, nil
}

func (s *scene) Group(_ mq.Tenant, name mq.GroupName) (control.Group, error) {
	for _, g := range s.groups {
		if g.Name == name {
			return g, nil
		}
	}
	return control.Group{}, mq.Refuse(mq.GroupNotFound, "no group %q", name)
}

func (s *scene) Readable(mq.Tenant, mq.TopicName) (mq.Topic, error) {
	return mq.Topic{Name: must(mq.ParsePhysical("pay%orders"))}, nil
}

func (s *scene) Groups(mq.Tenant) ([]control.Group, error) { return s.groups, nil }

func (s *scene) Fate(_ context.Context, g control.Group, _ mq.TopicName, at mq.Place) (mq.Fate, error) {
	s.asked++
	if at.Broker != "broker-a" || at.Queue != 3 || at.Offset != 17 {
		return mq.Fate{}, mq.Refuse(mq.Internal, "asked at %+v", at)
	}
	if f, ok := s.fates[g.Name.String()]; ok {
		return f, nil
	}
	return mq.Fate{State: mq.FateUnknown}, nil
}

func newScene(names ...string) (*scene, Question) {
	topic := must(mq.ParsePhysical("pay%orders"))
	stored := time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)
	m := mq.Found{State: mq.FoundStored, Stored: mq.Stored{Topic: topic, Broker: "broker-a", Queue: 3, Offset: 17, StoredAt: stored}}
	m.Message.ID = must(mq.ParseMessageID("m-1"))
	s := &scene{found: []mq.Found{m}, fates: map[string]mq.Fate{}, letters: map[string][]mq.Found{}}
	for _, n := range names {
		s.groups = append(s.groups, control.Group{Name: must(mq.ParseGroupName(n)), State: control.Ready})
	}
	return s, Question{Topic: must(mq.ParseTopicName("orders")), ID: m.Message.ID, Now: stored.Add(time.Hour)}
}

// dead is a dead letter that came from a message.
func dead(s *scene, of string) mq.Found {
	d := mq.Found{State: mq.FoundStored, Stored: mq.Stored{StoredAt: s.found[0].StoredAt.Add(time.Minute)}}
	d.Message.Origin = mq.Origin{Topic: s.found[0].Topic, Message: must(mq.ParseMessageID(of)), Attempt: 16, Why: "attempts"}
	return d
}

func TestEachFateSaysWhy(t *testing.T) {
	until := time.Date(2026, 11, 30, 9, 30, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		fate mq.Fate
		why  string
	}{
		"behind": {mq.Fate{State: mq.FateUnread, Ahead: 12}, "12 messages of its queue come before it"},
		"next":   {mq.Fate{State: mq.FateUnread}, "no consumer of the group has asked"},
		"lane":   {mq.Fate{State: mq.FateWaiting}, "another message of its message group"},
		"held":   {mq.Fate{State: mq.FateLeased, Attempt: 2, Until: until}, "until 2026-11-30T09:30:00Z (attempt 2)"},
		"held-x": {mq.Fate{State: mq.FateLeased}, "a consumer has it"},
		"free":   {mq.Fate{State: mq.FateRetrying, Attempt: 4}, "4 times delivered"},
		"gone":   {mq.Fate{State: mq.FateSettled}, "acknowledged, or passed over"},
		"taken":  {mq.Fate{State: mq.FateTaken}, "does not tell whether it was acknowledged"},
		"dead":   {mq.Fate{State: mq.FateSettled}, "a dead letter since 2026-11-30T09:01:00Z, after 16 attempts: attempts"},
		"dead-t": {mq.Fate{State: mq.FateTaken}, "a dead letter since"},
	} {
		s, q := newScene(name)
		s.fates[name] = c.fate
		if strings.HasPrefix(name, "dead") {
			s.letters[name] = []mq.Found{dead(s, "m-0"), dead(s, "m-1"), dead(s, "m-2")} // the second page holds it
		}
		a, err := Ask(t.Context(), s, nil, q)
		if err != nil || len(a.Places) != 1 || len(a.Places[0].Fates) != 1 {
			t.Fatalf("%s: %+v, %v", name, a, err)
		}
		if f := a.Places[0].Fates[0]; !strings.Contains(f.Why, c.why) || (f.Dead != nil) != strings.HasPrefix(name, "dead") {
			t.Errorf("%s: %q, want %q", name, f.Why, c.why)
		}
	}
}

func TestWhatNobodyCanHaveYetSaysSo(t *testing.T) {
	s, q := newScene("g")
	for state, why := range map[mq.FoundState]string{mq.FoundScheduled: "delivered at 2026-11-30T12:00:00Z", mq.FoundHalf: "neither committed nor rolled back"} {
		s.found[0].State, s.found[0].Due = state, time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
		a, err := Ask(t.Context(), s, nil, q)
		if err != nil || !strings.Contains(a.Places[0].Why, why) || len(a.Places[0].Fates) != 0 || s.asked != 0 {
			t.Errorf("%s: %+v, %v", state, a, err)
		}
	}
}

func TestGroupsThatHaveNothingToDoWithTheTopicAreLeftOut(t *testing.T) {
	s, q := newScene("reads", "idle")
	s.fates["reads"] = mq.Fate{State: mq.FateUnread}
	a, err := Ask(t.Context(), s, nil, q)
	if err != nil || len(a.Places[0].Fates) != 1 || a.Places[0].Fates[0].Group.String() != "reads" {
		t.Errorf("%+v, %v", a, err)
	}
	named := must(mq.ParseGroupName("idle"))
	q.Group = &named
	a, err = Ask(t.Context(), s, nil, q)
	if err != nil || len(a.Places[0].Fates) != 1 || !strings.Contains(a.Places[0].Fates[0].Why, "not begun") {
		t.Errorf("named: %+v, %v", a, err)
	}
}

func TestATraceIsBounded(t *testing.T) {
	var names []string
	for i := range MaxGroups + 3 {
		names = append(names, fmt.Sprintf("g-%02d", i))
	}
	s, q := newScene(names...)
	if a, err := Ask(t.Context(), s, nil, q); err != nil || !a.More || s.asked != MaxGroups {
		t.Errorf("%d groups were asked for, more %v, %v", s.asked, a.More, err)
	}
	s, q = newScene("g")
	s.fates["g"] = mq.Fate{State: mq.FateSettled}
	for range MaxLetters + 5 {
		s.letters["g"] = append(s.letters["g"], dead(s, "another"))
	}
	s.letters["g"] = append(s.letters["g"], dead(s, "m-1"))
	if a, err := Ask(t.Context(), s, nil, q); err != nil || a.Places[0].Fates[0].Dead != nil {
		t.Errorf("%+v, %v: more than the bound was looked through", a, err)
	}
}

func TestAMessageThatIsNotThereIsNotFound(t *testing.T) {
	s, q := newScene("g")
	s.found = nil
	if _, err := Ask(t.Context(), s, nil, q); mq.KindOf(err) != mq.MessageNotFound {
		t.Error(err)
	}
}
