// SPDX-License-Identifier: Apache-2.0

// Package pages cuts what a search by time found into pages, the newest messages first.
package pages

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

// Cursor is where a page begins: at the millisecond to which the page before came, of which so many messages were shown. The zero value is the first page.
type Cursor struct {
	At    time.Time
	Shown int
}

// Parse reads what Cut gave; "" is the first page.
func Parse(text string) (c Cursor, err error) {
	if text == "" {
		return c, nil
	}
	millis, shown, ok := strings.Cut(text, "-")
	ms, err := strconv.ParseInt(millis, 10, 64)
	if err == nil {
		c.Shown, err = strconv.Atoi(shown)
	}
	if err != nil || !ok || ms <= 0 || c.Shown < 0 {
		return Cursor{}, mq.Refuse(mq.BadRequest, "cursor %q: not from a page of this search", text)
	}
	c.At = time.UnixMilli(ms)
	return c, nil
}

// NewestFirst is an order in which no two places are equal, so that a page goes on where the one before it ended.
func NewestFirst(a, b mq.Found) int {
	return cmp.Or(b.StoredAt.Compare(a.StoredAt), cmp.Compare(a.Broker, b.Broker), cmp.Compare(a.Queue, b.Queue), cmp.Compare(b.Offset, a.Offset))
}

// Cut gives the page of at most limit messages that begins here, of all that were stored up to the cursor's millisecond, and the next one's cursor. Of each queue
// all holds its newest Shown+limit+1 messages, or as many as there are.
func (c Cursor) Cut(all []mq.Found, limit int) (page []mq.Found, next string) {
	slices.SortFunc(all, NewestFirst)
	page = all[min(c.Shown, len(all)):]
	if len(page) <= limit {
		return page, ""
	}
	page = page[:limit]
	last, same := page[limit-1].StoredAt, 0
	for _, m := range page {
		if m.StoredAt.Equal(last) {
			same++
		}
	}
	if last.Equal(c.At) {
		same += c.Shown
	}
	return page, fmt.Sprintf("%d-%d", last.UnixMilli(), same)
}
