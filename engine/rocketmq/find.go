// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/mapping"
	"github.com/causeway-mq/causeway/engine/rocketmq/pages"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/engine/rocketmq/routes"
	"github.com/causeway-mq/causeway/engine/rocketmq/stored"
	"github.com/causeway-mq/causeway/mq"
)

// indexedAtOnce is how many messages brokers give for one key or id, whatever is asked.
const indexedAtOnce = 32

// Find searches stored messages: see control.Inspector. Scheduled messages and halves are in topics of the brokers' own and not found.
func (e *Engine) Find(ctx context.Context, f mq.Find) (mq.Page, error) {
	r, err := e.routes.Route(ctx, f.Topic.Name)
	if err != nil {
		return mq.Page{}, err
	}
	if f.Limit <= 0 || f.Limit > 100 {
		return mq.Page{}, mq.Refuse(mq.BadRequest, "limit %d: from 1 to 100", f.Limit)
	}
	if f.Only != "" {
		return mq.Page{}, mq.Refuse(mq.Unsupported, "brokers keep messages that are %s in topics of their own and list them for nobody", f.Only)
	}
	page := mq.Page{From: f.Begin, To: f.End}
	if page.To.IsZero() {
		page.To = e.clock.Now()
	}
	var all []mq.Found
	switch {
	case f.Place != nil:
		all, err = e.findAt(ctx, f)
	case f.ID != (mq.MessageID{}):
		all, err = e.findIndexed(ctx, r, f, page)
	case f.Key != (mq.Key{}):
		all, err = e.findIndexed(ctx, r, f, page)
	default:
		return e.pageBetween(ctx, r, f, page)
	}
	if err != nil {
		return mq.Page{}, err
	}
	slices.SortFunc(all, pages.NewestFirst)
	skip, _ := strconv.Atoi(f.Cursor)
	if skip < 0 || skip > len(all) {
		return mq.Page{}, mq.Refuse(mq.BadRequest, "cursor %q: not from a page of this search", f.Cursor)
	}
	all = all[skip:]
	if len(all) > f.Limit {
		all, page.Next = all[:f.Limit], strconv.Itoa(skip+f.Limit)
	}
	page.Messages = all
	return page, nil
}

func (e *Engine) findAt(ctx context.Context, f mq.Find) ([]mq.Found, error) {
	q := mq.QueueRef{Topic: f.Topic, Broker: f.Place.Broker, Queue: f.Place.Queue}
	read, err := e.Pull(ctx, q, f.Place.Offset, mq.ReadLimit{Messages: 1, Bytes: 1}, mq.Filter{})
	switch {
	case mq.KindOf(err) == mq.IllegalOffset, mq.KindOf(err) == mq.NotFound:
		return nil, nil
	case err != nil:
		return nil, err
	}
	var all []mq.Found
	for _, m := range read.Messages {
		all = append(all, mq.Found{Stored: m, State: mq.FoundStored})
	}
	return all, nil
}

func (e *Engine) findIndexed(ctx context.Context, r *routes.Route, f mq.Find, window mq.Page) ([]mq.Found, error) {
	var all []mq.Found
	for broker := range r.Addresses {
		h := &request.Query{Topic: f.Topic.Name.String(), Key: f.Key.String(), Max: indexedAtOnce, EndMillis: window.To.UnixMilli(), Broker: broker}
		if !f.Begin.IsZero() {
			h.BeginMillis = f.Begin.UnixMilli()
		}
		if f.ID != (mq.MessageID{}) {
			h.Key, h.Unique = f.ID.String(), true
		}
		answer, err := e.call(ctx, r, broker, remoting.Request{Code: remoting.QueryMessage, Header: h, Timeout: 10 * time.Second})
		if mq.KindOf(err) == mq.MessageNotFound {
			continue
		}
		if err != nil {
			return nil, err
		}
		records, err := stored.All(answer.Body, 4*indexedAtOnce)
		if err != nil {
			return nil, mq.Refuse(mq.Internal, "answer to a query: %v", err)
		}
		for i := range records {
			m := mapping.Message(&records[i], broker, f.Topic.Name)
			same := m.Message.ID == f.ID || f.ID == (mq.MessageID{}) && slices.Contains(m.Message.Keys, f.Key)
			if same && within(m.StoredAt, f) { // the index is one of hashes
				all = append(all, mq.Found{Stored: m, State: mq.FoundStored})
			}
		}
	}
	return all, nil
}

func within(t time.Time, f mq.Find) bool {
	return !t.Before(f.Begin.Truncate(time.Millisecond)) && (f.End.IsZero() || t.Before(f.End))
}

// pageBetween reads one page of a window, the newest first. A later page costs no more than the first one.
func (e *Engine) pageBetween(ctx context.Context, r *routes.Route, f mq.Find, page mq.Page) (mq.Page, error) {
	from, err := pages.Parse(f.Cursor)
	if err != nil {
		return mq.Page{}, err
	}
	if !from.At.IsZero() {
		f.End = from.At.Add(time.Millisecond)
	}
	all, err := e.findBefore(ctx, r, f, from.Shown)
	page.Messages, page.Next = from.Cut(all, f.Limit)
	return page, err
}

// findBefore reads every queue backwards from the window's end until enough came for a page behind what is passed over.
func (e *Engine) findBefore(ctx context.Context, r *routes.Route, f mq.Find, skip int) ([]mq.Found, error) {
	var all []mq.Found
	for _, at := range r.Readable {
		q := mq.QueueRef{Topic: f.Topic, Broker: at.Broker, Queue: mq.QueueID(at.Queue)}
		lo, hi, err := e.Bounds(ctx, q)
		if err != nil {
			return nil, err
		}
		if !f.End.IsZero() {
			end, err := e.At(ctx, q, f.End)
			if err != nil {
				return nil, err
			}
			hi = min(hi, end)
		}
		for n, older := 0, false; n <= skip+f.Limit && hi > lo && !older; {
			from := max(lo, hi-mq.MaxReceive)
			piece, err := e.piece(ctx, q, from, hi)
			if err != nil {
				return nil, err
			}
			for _, m := range piece {
				if within(m.StoredAt, f) {
					all = append(all, mq.Found{Stored: m, State: mq.FoundStored})
					n++
				}
				older = older || m.StoredAt.Before(f.Begin.Truncate(time.Millisecond))
			}
			hi = from
		}
	}
	return all, nil
}

// piece is what a queue holds of some offsets.
func (e *Engine) piece(ctx context.Context, q mq.QueueRef, from, to mq.Offset) ([]mq.Stored, error) {
	var all []mq.Stored
	for from < to {
		read, err := e.Pull(ctx, q, from, mq.ReadLimit{Messages: int(to - from), Bytes: 1 << 20}, mq.Filter{})
		if err != nil {
			return nil, err
		}
		for _, m := range read.Messages {
			if m.Offset < to {
				all = append(all, m)
			}
		}
		if read.Next <= from {
			break
		}
		from = read.Next
	}
	return all, nil
}
