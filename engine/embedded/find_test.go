// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"fmt"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

func TestASearchByTimeGivesTheNewestOfAllQueuesFirst(t *testing.T) {
	w := newWorld(t, nil)
	defer w.close()
	topic := topicOf("orders", 3)
	w.must(w.engine.PutTopic(w.ctx, topic), "put topic")
	var want []string
	for i := range 100 {
		for _, s := range w.send(topic, w.message(fmt.Sprint(i))) {
			want = append(want, fmt.Sprint(s.Queue, "/", s.Offset))
		}
		if i%7 != 0 {
			w.pass(time.Millisecond)
		}
	}
	begin := w.clock.Now().Add(-time.Hour)
	for _, limit := range []int{1, 7, 100} {
		var got []mq.Found
		f := mq.Find{Topic: topic, Begin: begin, Limit: limit}
		for {
			page, err := w.engine.Find(w.ctx, f)
			w.must(err, "find")
			got = append(got, page.Messages...)
			if f.Cursor = page.Next; f.Cursor == "" {
				break
			}
			w.send(topic, w.message("newer than what was shown"))
			w.pass(time.Millisecond)
		}
		seen := map[string]bool{}
		for i, m := range got {
			seen[fmt.Sprint(m.Queue, "/", m.Offset)] = true
			if i > 0 && m.StoredAt.After(got[i-1].StoredAt) {
				t.Fatalf("pages of %d: message %d is newer than the one before", limit, i)
			}
		}
		for _, place := range want {
			if !seen[place] {
				t.Errorf("pages of %d lack %s", limit, place)
			}
		}
		if len(seen) != len(got) {
			t.Errorf("pages of %d: %d messages in %d places", limit, len(got), len(seen))
		}
	}
}

// What waits is listed with what settles it: scheduled messages by due time whatever the order in which they came, halves by age, of one topic alone.
func TestWhatWaitsIsListedWithWhatSettlesIt(t *testing.T) {
	w := newWorld(t, nil)
	defer w.close()
	topic, other := topicOf("orders", 3), topicOf("others", 1)
	w.must(w.engine.PutTopic(w.ctx, topic), "put topic")
	w.must(w.engine.PutTopic(w.ctx, other), "put topic")
	var want []string
	for i := range 20 {
		m := w.message(fmt.Sprint(i))
		m.Type, m.DeliverAt = mq.Delay, w.clock.Now().Add(time.Duration(20-i)*time.Hour)
		w.send(topic, m)
		w.send(other, m)
		want = append([]string{m.ID.String()}, want...)
		half := w.message("half")
		half.Type, half.FirstCheck = mq.Transaction, time.Hour
		w.send(topic, half)
	}
	list := func(f mq.Find) (all []mq.Found) {
		t.Helper()
		for {
			page, err := w.engine.Find(w.ctx, f)
			w.must(err, "find")
			all = append(all, page.Messages...)
			if f.Cursor = page.Next; f.Cursor == "" {
				return all
			}
		}
	}
	for _, limit := range []int{1, 7, 20, 100} {
		var got []string
		for _, m := range list(mq.Find{Topic: topic, Only: mq.FoundScheduled, Limit: limit}) {
			got = append(got, m.Message.ID.String())
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("pages of %d give %v, want %v", limit, got, want)
		}
		if halves := list(mq.Find{Topic: topic, Only: mq.FoundHalf, Limit: limit}); len(halves) != 20 {
			t.Errorf("pages of %d give %d halves", limit, len(halves))
		}
	}
	waiting, halves := list(mq.Find{Topic: topic, Only: mq.FoundScheduled, Limit: 100}), list(mq.Find{Topic: topic, Only: mq.FoundHalf, Limit: 100})
	w.must(w.engine.Recall(w.ctx, topic, waiting[0].Scheduled), "recall")
	w.must(w.engine.Settle(w.ctx, topic, halves[0].Half, mq.Commit, mq.ByCheck), "settle")
	if err := w.engine.Recall(w.ctx, other, waiting[1].Scheduled); mq.KindOf(err) != mq.InvalidReceipt {
		t.Errorf("of another topic: %v", err)
	}
	if left := list(mq.Find{Topic: topic, Only: mq.FoundScheduled, Limit: 100}); len(left) != 19 || left[0].Message.ID != waiting[1].Message.ID {
		t.Errorf("%d are left", len(left))
	}
	if left := list(mq.Find{Topic: topic, Only: mq.FoundHalf, Limit: 100}); len(left) != 19 {
		t.Errorf("%d halves are left", len(left))
	}
	if rest := list(mq.Find{Topic: other, Only: mq.FoundScheduled, Limit: 100}); len(rest) != 20 {
		t.Errorf("%d are left of the other topic", len(rest))
	}
	page, err := w.engine.Find(w.ctx, mq.Find{Topic: topic, ID: waiting[2].Message.ID, Limit: 10})
	w.must(err, "find by id")
	if len(page.Messages) != 1 || page.Messages[0].Scheduled != waiting[2].Scheduled {
		t.Errorf("by its id: %+v", page.Messages)
	}
	for _, f := range []mq.Find{{Topic: topic, Only: mq.FoundStored, Limit: 1}, {Topic: topic, Only: mq.FoundHalf, Limit: 1, Cursor: "x"}} {
		if _, err := w.engine.Find(w.ctx, f); mq.KindOf(err) != mq.BadRequest {
			t.Errorf("%+v: %v", f, err)
		}
	}
}
