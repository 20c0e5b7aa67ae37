// SPDX-License-Identifier: Apache-2.0

// Package live tells what goes on in a tenant as it goes on: one stream of events for each reader, of as many kinds as he asks for.
//
// What must hold:
//
//   - A stream tells what the listings of its kinds would, to whom they would: each kind needs the right of its listing, and everything is asked for by the tenant.
//   - However many readers a tenant has, it is looked at once a second. What is looked at is in memory, but for the messages that somebody follows.
//   - A stream holds nothing for its reader: it compares what there is with what it told. Whoever reads slowly misses steps, and loses his connection when he takes nothing at all.
//   - A stream outlives neither its caller's credential nor its tenant by five seconds, nor the word that the server stops at all.
//   - A reader who comes back with the id of the last event gets what has changed since, from any control plane over the store: an id names versions and times, nothing of this
//     process.
//
// docs/adr/0018 says why it is so.
package live

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/api/door"
	"github.com/causeway-mq/causeway/control/api/messages"
	"github.com/causeway-mq/causeway/control/identity"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/internal/nearest"
	"github.com/causeway-mq/causeway/mq"
)

// Bounds of the streams of a process. What is 0 is as the constants say.
type Bounds struct {
	Streams  int           // of the process
	OfCaller int           // of one caller
	Tails    int           // of the process
	Patience time.Duration // that a reader may take for one event
	Bytes    int           // of bodies that one tail shows
}

// The bounds where nobody says otherwise.
const (
	maxStreams  = 200
	maxOfCaller = 8
	maxTails    = 32
	patience    = 5 * time.Second
	tailBytes   = 4 << 20
)

func or[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

func (b Bounds) orDefaults() Bounds {
	return Bounds{or(b.Streams, maxStreams), or(b.OfCaller, maxOfCaller), or(b.Tails, maxTails), or(b.Patience, patience), or(b.Bytes, tailBytes)}
}

// Kinds of what can be watched.
const (
	rates    = "rates"
	lag      = "lag"
	jobs     = "jobs"
	requests = "requests"
	grants   = "grants"
)

// kinds is every kind with the rights that it needs: those of what tells the same without a stream.
func kinds() []string { return []string{rates, lag, jobs, requests, grants} }

func rightsFor(kind string) []control.Verb {
	return map[string][]control.Verb{
		rates: {identity.ReadTopic, identity.ReadGroup}, lag: {identity.ReadGroup}, jobs: {identity.ReadJob}, requests: {identity.ReadRequest}, grants: {identity.ReadGrant},
	}[kind]
}

// Hub has all streams of a process.
type Hub struct {
	bounds Bounds

	mu      sync.Mutex // guards all below; never held across a wait
	streams int
	callers map[string]int
	scenes  map[mq.Tenant]*scene
	tails   map[tailOf]*tail
}

// New makes a hub without streams.
func New(b Bounds) *Hub {
	return &Hub{bounds: b.orDefaults(), callers: map[string]int{}, scenes: map[mq.Tenant]*scene{}, tails: map[tailOf]*tail{}}
}

// Operations is what this room answers.
func (h *Hub) Operations() []door.Operation {
	return []door.Operation{{
		ID: "watchTenant", Method: "GET", Path: door.OfTenant + "/events",
		Summary: "Tells what goes on in a tenant as it goes on, as server-sent events; each kind needs the right to read the same without a stream.",
		Scope:   door.InTenant, Right: identity.ReadTenant, Media: door.EventStream, Status: 200, Handle: h.watch, Events: events(),
		Query: []door.Parameter{
			{Name: "watch", About: "kinds with commas between them: " + strings.Join(kinds(), ", "), Kind: "string"},
			{Name: "tail", About: "a topic whose messages are to be shown as they are stored", Kind: "string"},
			{Name: "body", About: "bytes to show of each body", Kind: "integer", Max: messages.MaxPreview},
		},
	}}
}

func events() []door.Event {
	return []door.Event{
		{Name: "job", About: "a job that is new or has changed", Data: wire.Job{}},
		{Name: "request", About: "a request that is new or has changed", Data: wire.Request{}},
		{Name: "grant", About: "a grant that is new or has changed", Data: wire.Grant{}},
		{Name: "gone", About: "a job, request or grant that is not there any more", Data: wire.LiveGone{}},
		{Name: "rates", About: "what passed in one step of ten seconds, some fifteen seconds after its end", Data: wire.LiveRates{}},
		{Name: "lag", About: "how far groups are behind, every ten seconds", Data: wire.LiveLag{}},
		{Name: "tail", About: "messages that were stored", Data: wire.LiveTail{}},
		{Name: "tail-end", About: "no more messages of the topic come", Data: wire.LiveTailEnd{}},
		{Name: "ready", About: "all that there is has been told; what follows has changed since", Data: wire.LiveReady{}},
		{Name: "end", About: "the last event of a stream that the server ends", Data: wire.LiveEnd{}},
	}
}

// wish is what a reader wants to see.
type wish struct {
	tenant  mq.Tenant
	kinds   []string
	topic   mq.TopicName // to follow; zero for none
	preview int
}

func (w wish) tails() bool            { return w.topic != mq.TopicName{} }
func (w wish) wants(kind string) bool { return slices.Contains(w.kinds, kind) }

func wishOf(r *door.Request, in mq.Tenant) (w wish, err error) {
	w.tenant = in
	q := r.URL.Query()
	if q.Has("watch") {
		for kind := range strings.SplitSeq(q.Get("watch"), ",") {
			if !slices.Contains(kinds(), kind) {
				return w, door.Bad(string(control.OutOfRange), "watch", "watch: "+strings.Join(kinds(), ", ")+", with commas between them"+nearest.Hint(door.Clip(kind), kinds()))
			}
			if w.wants(kind) {
				return w, door.Bad("duplicate_parameter", "watch", "watch: "+kind+" stands twice")
			}
			w.kinds = append(w.kinds, kind)
		}
	}
	if q.Has("tail") {
		if w.topic, err = mq.ParseTopicName(q.Get("tail")); err != nil {
			return w, door.In("tail", err)
		}
	}
	if len(w.kinds) == 0 && !w.tails() {
		return w, door.Bad("missing", "watch", "watch: say what is to be told ("+strings.Join(kinds(), ", ")+"), or tail with a topic")
	}
	w.preview, err = messages.Preview(r)
	return w, err
}

// allowed asks for the right of each kind.
func allowed(r *door.Request, w wish) error {
	var rights []control.Verb
	for _, kind := range w.kinds {
		rights = append(rights, rightsFor(kind)...)
	}
	if w.tails() {
		rights = append(rights, identity.ReadMessage)
	}
	slices.Sort(rights)
	for _, right := range slices.Compact(rights) {
		noun, _, _ := strings.Cut(string(right), ".")
		on := control.Ref{Kind: control.RecordKind(noun), Tenant: w.tenant.String()}
		if right == identity.ReadMessage {
			on.Name = w.topic.String()
		}
		if err := r.Who.Allow(r.Context(), r.Caller, identity.Wish{Right: right, On: on}); err != nil {
			return err
		}
	}
	return nil
}

func (h *Hub) watch(r *door.Request) (door.Answer, error) {
	id, err := r.Tenant()
	if err != nil {
		return door.Answer{}, err
	}
	at, err := r.Plane.Tenant(id)
	if err != nil {
		return door.Answer{}, err
	}
	w, err := wishOf(r, id)
	if err == nil {
		err = allowed(r, w)
	}
	if err != nil {
		return door.Answer{}, err
	}
	if w.tails() { // one look tells whether there is anything to follow
		if _, err := r.Plane.Find(r.Context(), w.tenant, w.topic, mq.Find{Begin: r.Clock.Now().Add(-time.Second), Limit: 1}); err != nil {
			return door.Answer{}, door.In("tail", err)
		}
	}
	if r.Method == http.MethodHead {
		return door.Answer{Status: 200, Stream: func(http.ResponseWriter, <-chan struct{}) {}}, nil
	}
	seat, err := h.sit(r, w)
	if err != nil {
		return door.Answer{}, err
	}
	s := &stream{hub: h, request: r, wish: w, seat: seat, made: at, from: placeIn(r.Header.Get("Last-Event-ID")), told: map[string]string{}}
	return door.Answer{Status: 200, Stream: s.run}, nil
}

// seat is a stream's place among those that there may be.
type seat struct {
	caller string
	scene  *scene
	tail   *tail // nil: nothing is followed
}

// sit takes a place for a stream.
func (h *Hub) sit(r *door.Request, w wish) (*seat, error) {
	caller := string(r.Caller.Actor.Kind) + " " + r.Caller.Actor.Name
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.callers[caller] >= h.bounds.OfCaller:
		return nil, tooMany(http.StatusTooManyRequests, "too_many_streams", fmt.Sprintf("you have %d streams open, which is the most: close one, or ask for more kinds in one", h.bounds.OfCaller), h.bounds.OfCaller)
	case h.streams >= h.bounds.Streams:
		return nil, tooMany(http.StatusServiceUnavailable, "too_many_streams", "this control plane has as many streams open as it may", h.bounds.Streams)
	}
	s := &seat{caller: caller}
	if w.tails() {
		key := tailOf{caller, w.tenant, w.topic}
		if h.tails[key] == nil && len(h.tails) >= h.bounds.Tails {
			return nil, tooMany(http.StatusServiceUnavailable, "too_many_tails", "as many topics are followed at this control plane as may be", h.bounds.Tails)
		}
		if before := h.tails[key]; before != nil {
			close(before.elsewhere)
		}
		s.tail = &tail{key: key, elsewhere: make(chan struct{}), bytes: h.bounds.Bytes}
		h.tails[key] = s.tail
	}
	h.streams++
	h.callers[caller]++
	if s.scene = h.scenes[w.tenant]; s.scene == nil {
		s.scene = &scene{tenant: w.tenant}
		h.scenes[w.tenant] = s.scene
	}
	s.scene.readers++
	return s, nil
}

func tooMany(status int, reason, detail string, limit int) error {
	kind := mq.TooManyRequests
	if status == http.StatusServiceUnavailable {
		kind = mq.Unavailable
	}
	return &door.Refusal{Status: status, Kind: kind.String(), Reason: reason, Detail: detail, Limit: fmt.Sprint(limit), After: 10 * time.Second}
}

// leave gives a place back.
func (h *Hub) leave(s *seat) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.streams--
	if h.callers[s.caller]--; h.callers[s.caller] == 0 {
		delete(h.callers, s.caller)
	}
	if s.scene.readers--; s.scene.readers == 0 {
		delete(h.scenes, s.scene.tenant)
	}
	h.release(s.tail)
}

// unfollow ends a tail whose stream goes on.
func (h *Hub) unfollow(t *tail) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.release(t)
}

// release needs mu.
func (h *Hub) release(t *tail) {
	if t != nil && h.tails[t.key] == t {
		delete(h.tails, t.key)
	}
}
