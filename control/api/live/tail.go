// SPDX-License-Identifier: Apache-2.0

package live

import (
	"context"
	"slices"
	"time"

	"github.com/causeway-mq/causeway/control/api/door"
	"github.com/causeway-mq/causeway/control/api/messages"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/mq"
)

// What following a topic may cost. Each look asks for the newest messages of a short window, so that a topic with a million messages a second costs as much as one with ten: what
// does not fit is left out, and said to be.
const (
	perLook  = 50
	lookTime = 3 * time.Second
	tailTime = 10 * time.Minute
	// overlap is how much of what was looked at is looked at again: messages show late, and clocks of brokers differ from this one.
	overlap = 15 * time.Second
	// perMessage is what a message counts for besides its body, in bytes.
	perMessage = 256
	// backAtMost is how far back somebody who comes again gets what he missed.
	backAtMost = time.Minute
)

// tailOf is a caller who follows a topic, which he does once.
type tailOf struct {
	caller string
	tenant mq.Tenant
	topic  mq.TopicName
}

// tail is a topic whose messages somebody follows. All but the channel is its stream's own.
type tail struct {
	key       tailOf
	elsewhere chan struct{} // closed when the same caller follows it in another stream

	bytes   int // of bodies that it may still show
	begun   time.Time
	reached time.Time // until when it was looked at
	since   time.Time // nothing older is shown
	looked  bool
	clipped bool // somebody came back who was away for too long
	seen    map[mq.Place]time.Time
	trouble string
}

// begin starts it, behind where a reader was who comes back.
func (t *tail) begin(now, reached time.Time) {
	t.begun, t.seen = now, map[mq.Place]time.Time{}
	t.reached, t.since = now, now
	if !reached.IsZero() && reached.Before(now) {
		t.reached, t.since = reached, reached
		if now.Sub(reached) > backAtMost {
			t.since, t.clipped = now.Add(-backAtMost), true
			t.reached = t.since
		}
	}
}

// over tells why it ends now, "" where it goes on.
func (t *tail) over(now time.Time) string {
	select {
	case <-t.elsewhere:
		return "elsewhere"
	default:
	}
	switch {
	case t.bytes <= 0:
		return "bytes"
	case now.Sub(t.begun) >= tailTime:
		return "time"
	}
	return ""
}

// look gives what is new; nil for nothing. gone: there is no such topic any more.
func (t *tail) look(ctx context.Context, r *door.Request, w wish) (event *wire.LiveTail, gone bool) {
	now := r.Clock.Now()
	bounded, cancel := context.WithTimeout(ctx, lookTime)
	page, err := r.Plane.Find(bounded, w.tenant, w.topic, mq.Find{Begin: t.reached.Add(-overlap), End: now.Add(time.Millisecond), Limit: perLook})
	cancel()
	switch {
	case ctx.Err() != nil:
		return nil, false
	case mq.KindOf(err) == mq.TopicNotFound, mq.KindOf(err) == mq.NotFound:
		return nil, true
	case err != nil:
		return t.failed(mq.KindOf(err).String(), w), false
	}
	said := t.failed("", w)
	out := wire.LiveTail{Topic: w.topic.String(), Messages: []wire.Message{}, More: t.clipped}
	t.clipped = false
	caught := page.Next == "" // up with what was seen before
	slices.SortStableFunc(page.Messages, func(a, b mq.Found) int { return a.StoredAt.Compare(b.StoredAt) })
	for _, m := range page.Messages {
		at := mq.Place{Broker: m.Broker, Queue: m.Queue, Offset: m.Offset}
		_, known := t.seen[at]
		t.seen[at] = m.StoredAt
		if known || !t.looked && m.StoredAt.Before(t.since) {
			caught = true
			continue
		}
		if t.bytes <= 0 {
			out.More = true
			continue
		}
		shown := messages.Show(r, m, messages.Glance{Tenant: w.tenant, Topic: w.topic, Preview: w.preview})
		t.bytes -= len(shown.Body) + perMessage
		out.Messages = append(out.Messages, shown)
	}
	out.More = out.More || !caught
	t.reached, t.looked = now, true
	for at, stored := range t.seen {
		if stored.Before(now.Add(-2 * overlap)) {
			delete(t.seen, at)
		}
	}
	if len(out.Messages) == 0 && !out.More {
		return said, false
	}
	return &out, false
}

// failed notes what is wrong with looking, and gives an event where that has changed.
func (t *tail) failed(trouble string, w wish) *wire.LiveTail {
	if trouble == t.trouble {
		return nil
	}
	t.trouble = trouble
	return &wire.LiveTail{Topic: w.topic.String(), Messages: []wire.Message{}, Trouble: trouble}
}
