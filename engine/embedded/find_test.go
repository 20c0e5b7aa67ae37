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
