// SPDX-License-Identifier: Apache-2.0

package pages

import (
	"testing"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

// Every message stands on one page, the newest first, also where many were stored within one millisecond.
func TestPagesHoldEveryMessageOnce(t *testing.T) {
	start := time.UnixMilli(1_800_000_000_000)
	var all []mq.Found
	for i := range 100 {
		all = append(all, mq.Found{Stored: mq.Stored{Broker: "b", Queue: mq.QueueID(i % 3), Offset: mq.Offset(i / 3), StoredAt: start.Add(time.Duration(i/40) * time.Millisecond)}})
	}
	for _, limit := range []int{1, 7, 39, 100, 101} {
		var got []mq.Found
		text := ""
		for {
			c, err := Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			var upTo []mq.Found
			for _, m := range all {
				if c.At.IsZero() || !m.StoredAt.After(c.At) {
					upTo = append(upTo, m)
				}
			}
			page, next := c.Cut(upTo, limit)
			got = append(got, page...)
			if text = next; text == "" {
				break
			}
			if len(page) != limit || len(got) > len(all) {
				t.Fatalf("limit %d: a page of %d, %d in all", limit, len(page), len(got))
			}
		}
		if len(got) != len(all) {
			t.Fatalf("limit %d: %d messages on all pages, want %d", limit, len(got), len(all))
		}
		for i := 1; i < len(got); i++ {
			if NewestFirst(got[i-1], got[i]) >= 0 {
				t.Fatalf("limit %d: %+v stands before %+v", limit, got[i-1].Stored, got[i].Stored)
			}
		}
	}
}

func TestACursorOfSomethingElseIsRefused(t *testing.T) {
	for _, text := range []string{"7", "x-1", "1-x", "-1-1", "0-0", "1--1"} {
		if _, err := Parse(text); mq.KindOf(err) != mq.BadRequest {
			t.Errorf("%q: %v", text, err)
		}
	}
}
