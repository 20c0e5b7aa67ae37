// SPDX-License-Identifier: Apache-2.0

package scan_test

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/scan"
	"github.com/causeway-mq/causeway/mq"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

var (
	shop   = must(mq.ParseTenant("shop"))
	orders = must(mq.ParseTopicName("orders"))
	bills  = must(mq.ParseGroupName("bills"))
	noon   = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
)

// shelf is a topic that is read in pages; it fails at the page that trouble says.
type shelf struct {
	messages []mq.Found
	trouble  map[int]error // by page
	pages    int
	windows  []mq.Find
}

func (s *shelf) Find(_ context.Context, _ mq.Tenant, _ mq.TopicName, f mq.Find) (mq.Page, error) {
	s.pages++
	s.windows = append(s.windows, f)
	if err := s.trouble[s.pages]; err != nil {
		return mq.Page{}, err
	}
	at, _ := strconv.Atoi(f.Cursor)
	end := min(at+f.Limit, len(s.messages))
	page := mq.Page{Messages: s.messages[at:end], From: noon.Add(-time.Hour), To: noon}
	if end < len(s.messages) {
		page.Next = strconv.Itoa(end)
	}
	return page, nil
}

func (s *shelf) Progress(context.Context, mq.Tenant, mq.GroupName, *mq.TopicName) ([]control.TopicProgress, error) {
	return []control.TopicProgress{{Queues: []mq.QueueProgress{{Lo: 5, Hi: mq.Offset(5 + len(s.messages))}}}}, nil
}

func letter(n int, why string, attempt int) mq.Found {
	m := mq.Found{Stored: mq.Stored{StoredAt: noon.Add(-time.Duration(n) * time.Second)}}
	m.Message.ID = must(mq.ParseMessageID(fmt.Sprintf("d-%d", n)))
	m.Message.Origin = mq.Origin{Topic: must(mq.ParsePhysical("shop%orders")), Message: must(mq.ParseMessageID(fmt.Sprintf("m-%d", n))), Attempt: attempt, Why: why}
	m.Message.Body = []byte(fmt.Sprintf("order %d", n))
	return m
}

func many(n int) *shelf {
	s := &shelf{trouble: map[int]error{}}
	for i := range n {
		why := "attempts"
		if i%3 == 0 {
			why = "consumer"
		}
		s.messages = append(s.messages, letter(i, why, 1+i%16))
	}
	return s
}

func TestASearchSaysHowFarItHasCome(t *testing.T) {
	s := many(1050)
	w := scan.Walk{Tenant: shop, Topic: orders, Looks: 400}
	found, p, err := scan.Search(t.Context(), s, w, scan.Condition{Body: "order 1049"}, 10)
	if err != nil || len(found) != 0 || p.Looked != 400 || p.Complete() || p.Cursor == "" || !p.Reached.Equal(noon.Add(-399*time.Second)) || !p.To.Equal(noon) {
		t.Fatalf("%d found, %+v, %v", len(found), p, err)
	}
	looked := p.Looked
	for !p.Complete() {
		w.Cursor = p.Cursor
		var more []mq.Found
		if more, p, err = scan.Search(t.Context(), s, w, scan.Condition{Body: "order 1049"}, 10); err != nil {
			t.Fatal(err)
		}
		found, looked = append(found, more...), looked+p.Looked
	}
	if len(found) != 1 || looked != 1050 {
		t.Errorf("%d found among %d", len(found), looked)
	}
	if last := s.windows[len(s.windows)-1]; !last.End.Equal(noon) {
		t.Errorf("the window moves while pages are read: %+v", last)
	}
}

func TestASearchEndsWithThePageThatHasEnough(t *testing.T) {
	s := many(1000)
	found, p, err := scan.Search(t.Context(), s, scan.Walk{Tenant: shop, Topic: orders}, scan.Condition{}, 10)
	if err != nil || len(found) != 100 || p.Looked != 100 || p.Cursor != "100" {
		t.Errorf("%d found, %+v, %v", len(found), p, err)
	}
}

func TestWhatWasReadBeforeTroubleIsKeptAndTroubleIsTold(t *testing.T) {
	s := many(1000)
	s.trouble[3] = mq.Refuse(mq.Unavailable, "the brokers are away")
	found, p, err := scan.Search(t.Context(), s, scan.Walk{Tenant: shop, Topic: orders}, scan.Condition{Body: "order 19"}, 1000)
	if err != nil || len(found) != 11 || p.Complete() || mq.KindOf(p.Trouble) != mq.Unavailable || p.Cursor != "200" {
		t.Errorf("%d found, %+v, %v", len(found), p, err)
	}
	s.trouble[4] = s.trouble[3]
	if _, _, err := scan.Search(t.Context(), s, scan.Walk{Tenant: shop, Topic: orders}, scan.Condition{Body: "x"}, 1); mq.KindOf(err) != mq.Unavailable {
		t.Errorf("nothing could be read, and the answer is %v", err)
	}
}

func TestConditions(t *testing.T) {
	m := letter(7, "x", 1).Message
	m.Tag = must(mq.ParseTag("paid"))
	m.Properties = []mq.Property{{Name: "region", Value: "north"}}
	for name, c := range map[string]struct {
		of   scan.Condition
		want bool
	}{
		"nothing":            {scan.Condition{}, true},
		"its tag":            {scan.Condition{Tag: "paid"}, true},
		"another tag":        {scan.Condition{Tag: "PAID"}, false},
		"its property":       {scan.Condition{Property: "region", Value: "north"}, true},
		"another value":      {scan.Condition{Property: "region", Value: "south"}, false},
		"a missing property": {scan.Condition{Property: "zone"}, false},
		"its body":           {scan.Condition{Body: "order 7"}, true},
		"all but the body":   {scan.Condition{Tag: "paid", Body: "order 8"}, false},
	} {
		if got := c.of.Fits(&m); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestDeadLettersAreGroupedByWhatTheyDiedOf(t *testing.T) {
	got, err := scan.Causes(t.Context(), many(300), scan.Group{Tenant: shop, Name: bills}, scan.Walk{})
	if err != nil || len(got.Causes) != 2 || got.Total != 300 || !got.Progress.Complete() || got.Progress.Looked != 300 {
		t.Fatalf("%+v, %v", got, err)
	}
	first, second := got.Causes[0], got.Causes[1]
	if first.Why != "attempts" || first.Count != 200 || second.Why != "consumer" || second.Count != 100 || first.Topic.String() != "shop%orders" {
		t.Errorf("%+v", got.Causes)
	}
	if second.Attempts != [2]int{1, 16} || !second.Last.Equal(noon) || !second.First.Equal(noon.Add(-297*time.Second)) {
		t.Errorf("%+v", second)
	}
	if len(second.Samples) != 5 || second.Samples[0].ID.String() != "d-0" || second.Samples[0].Origin.String() != "m-0" {
		t.Errorf("%+v", second.Samples)
	}
	part, err := scan.Causes(t.Context(), many(300), scan.Group{Tenant: shop, Name: bills}, scan.Walk{Looks: 50})
	if err != nil || part.Progress.Complete() || part.Progress.Looked != 50 || part.Total != 300 {
		t.Errorf("a part: %+v, %v", part, err)
	}
}

func TestCausesAreBounded(t *testing.T) {
	s := many(0)
	for i := range 250 {
		s.messages = append(s.messages, letter(i, fmt.Sprintf("error %d", i), 1))
	}
	got, err := scan.Causes(t.Context(), s, scan.Group{Tenant: shop, Name: bills}, scan.Walk{})
	if err != nil || len(got.Causes) != 200 || got.Others != 50 {
		t.Errorf("%d causes, %d others, %v", len(got.Causes), got.Others, err)
	}
}

func TestAGroupOfWhichNothingDiedHasNoCauses(t *testing.T) {
	s := many(0)
	s.trouble[1] = mq.Refuse(mq.TopicNotFound, "no message of the group ever died")
	if got, err := scan.Causes(t.Context(), s, scan.Group{Tenant: shop, Name: bills}, scan.Walk{}); err != nil || got.Total != 0 || !got.Progress.Complete() {
		t.Errorf("%+v, %v", got, err)
	}
}
