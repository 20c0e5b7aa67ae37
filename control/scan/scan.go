// SPDX-License-Identifier: Apache-2.0

// Package scan looks through stored messages one by one, and tells how far it has come.
//
// Brokers find messages by id and by key; anything else is looked for by reading. A scan reads page by page until it has enough, its budget is spent or the window ends, and
// says which: an empty answer that has not come to the end is no proof that there is nothing. Whoever has the cursor goes on from there. What was read before something
// went wrong is not thrown away; what went wrong is told with it, and a scan that could read nothing at all is an error.
package scan

import (
	"context"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/mq"
)

// Budget of one call.
const (
	MaxLooked = 5000
	maxTime   = 5 * time.Second
)

// Finder is what a scan asks of the control plane.
type Finder interface {
	Find(ctx context.Context, tenant mq.Tenant, topic mq.TopicName, f mq.Find) (mq.Page, error)
	Progress(ctx context.Context, tenant mq.Tenant, name mq.GroupName, only *mq.TopicName) ([]control.TopicProgress, error)
}

// Walk is where to look.
type Walk struct {
	Tenant     mq.Tenant
	Topic      mq.TopicName
	Begin, End time.Time // stored in; zero: what the control plane takes for that
	Cursor     string    // of the call before
	Looks      int       // messages to look at; MaxLooked at most, and where it is 0
}

// Progress is how far a scan has come.
type Progress struct {
	Looked   int       // messages that this call looked at
	From, To time.Time // the window
	Reached  time.Time // when the last message that was looked at was stored; zero for none
	Cursor   string    // where to go on; "" at the end
	Trouble  error     // what ended it before its time, nil for nothing
}

// Complete tells whether there is nothing more to look at.
func (p Progress) Complete() bool { return p.Cursor == "" && p.Trouble == nil }

// Look shows messages to see until it has enough, which it says with false: the page is seen to its end all the same.
func Look(ctx context.Context, f Finder, w Walk, see func(mq.Found) bool) (Progress, error) {
	ctx, cancel := context.WithTimeout(ctx, maxTime)
	defer cancel()
	if w.Looks <= 0 || w.Looks > MaxLooked {
		w.Looks = MaxLooked
	}
	p := Progress{Cursor: w.Cursor}
	find := mq.Find{Begin: w.Begin, End: w.End}
	for first, more := true, true; more && p.Looked < w.Looks; first = false {
		find.Cursor, find.Limit = p.Cursor, min(control.MaxFound, w.Looks-p.Looked)
		page, err := f.Find(ctx, w.Tenant, w.Topic, find)
		if err != nil && (first || ctx.Err() == nil) {
			p.Trouble = err
		}
		if err != nil && first {
			return p, err
		}
		if err != nil {
			return p, nil // where the time is over somebody goes on from here
		}
		if first {
			p.From, p.To = page.From, page.To
			find.Begin, find.End = page.From, page.To // the window stands still while pages are read
		}
		for _, m := range page.Messages {
			p.Looked++
			p.Reached = m.StoredAt
			if !see(m) {
				more = false
			}
		}
		p.Cursor = page.Next
		more = more && page.Next != ""
	}
	return p, nil
}
