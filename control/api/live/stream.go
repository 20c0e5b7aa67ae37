// SPDX-License-Identifier: Apache-2.0

package live

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/api/door"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/mq"
)

const (
	// every is the time between two looks of a stream.
	every = time.Second
	// heartbeat is how long a stream is silent at most: what stands between may cut what is.
	heartbeat = 15 * time.Second
	// askEvery is how often it is asked whether the caller may still be here; a session's end at another plane is known within two seconds more.
	askEvery = 2 * time.Second
	// lastWord is how long the end of a stream may take to tell.
	lastWord = time.Second
)

// reason is why the server ends a stream.
type reason string

// Error is the reason.
func (r reason) Error() string { return string(r) }

// The reasons.
const (
	stopping   reason = "stopping"
	credential reason = "credential"
	noTenant   reason = "tenant"
)

// event is one event to be told.
type event struct{ name, data string }

// stream is one reader's. But for the goroutine that asks whether he may still be here all of it belongs to the one that serves the request.
type stream struct {
	hub     *Hub
	request *door.Request
	wish    wish
	seat    *seat
	made    control.Tenant // as it was at the beginning
	from    place          // where the reader was who comes back

	w       http.ResponseWriter
	control *http.ResponseController
	at      place
	ready   bool
	told    map[string]string // what the reader has of jobs, requests and grants: kind and id, with the record
	turns   map[string]int
	lag     time.Time // when the one that was told was looked at
	wrote   time.Time
}

// run tells until the reader is gone, or may not be here any more.
func (s *stream) run(w http.ResponseWriter, over <-chan struct{}) {
	defer s.hub.leave(s.seat)
	s.w, s.control, s.turns = w, http.NewResponseController(w), map[string]int{}
	// The server's bound on reading a request would end the stream with it. That there is none to set shows with the first event.
	_ = s.control.SetReadDeadline(time.Time{})
	ctx, end := context.WithCancelCause(s.request.Context())
	var asking sync.WaitGroup
	asking.Go(func() { s.ask(ctx, over, end) })
	s.begin()
	err := s.tell(ctx)
	end(err)
	asking.Wait()
	var why reason
	if errors.As(context.Cause(ctx), &why) {
		_ = s.write(event{"end", marshal(wire.LiveEnd{Reason: string(why)})}.text(s.at), lastWord) // who does not read it sees the connection end
	}
}

// ask ends the stream when the server stops, the caller's credential is not valid any more, or the tenant is not what it was. A write that hangs ends with it.
func (s *stream) ask(ctx context.Context, over <-chan struct{}, end context.CancelCauseFunc) {
	timer := s.request.Clock.NewTimer(askEvery)
	defer timer.Stop()
	for {
		var why error
		select {
		case <-ctx.Done():
			return
		case <-over:
			why = stopping
		case <-timer.C():
			why = s.stands(ctx)
			timer.Reset(askEvery)
		}
		if why != nil {
			end(why)
			_ = s.control.SetWriteDeadline(time.Now().Add(lastWord))
			return
		}
	}
}

// stands is nil while the stream may go on. A store that does not tell ends nothing.
func (s *stream) stands(ctx context.Context) error {
	at, err := s.request.Plane.Tenant(s.wish.tenant)
	if err != nil || !at.Created.Equal(s.made.Created) || at.Disabled != s.made.Disabled {
		return noTenant
	}
	if mq.KindOf(s.request.Stands(ctx)) == mq.Unauthorized {
		return credential
	}
	return nil
}

// begin takes up where a reader was who comes back.
func (s *stream) begin() {
	s.at.step, s.at.over = s.from.step, s.from.over
	now := s.request.Clock.Now()
	if !s.wish.tails() {
		return
	}
	s.seat.tail.begin(now, s.from.tail)
	s.at.tail = s.seat.tail.reached
	if s.at.over {
		s.hub.unfollow(s.seat.tail)
	}
}

// tell looks and tells once a second until ctx ends or the reader does not take it.
func (s *stream) tell(ctx context.Context) error {
	timer := s.request.Clock.NewTimer(every)
	defer timer.Stop()
	if err := s.write("retry: 3000\n\n", s.hub.bounds.Patience); err != nil {
		return err
	}
	for {
		if err := s.look(ctx); err != nil {
			return err
		}
		select {
		case <-timer.C():
			timer.Reset(every)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// look tells what is new.
func (s *stream) look(ctx context.Context) error {
	for _, step := range []func(context.Context) error{s.records, s.rates, s.lags, s.follow, s.settle} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	if s.request.Clock.Now().Sub(s.wrote) >= heartbeat {
		return s.write(": still here\n\n", s.hub.bounds.Patience)
	}
	return nil
}

// records tells of jobs, requests and grants that are new, have changed or are gone. The id says that it is all told only with the last of them.
func (s *stream) records(ctx context.Context) error {
	var some []event
	version := control.Version(0)
	for _, kind := range []string{jobs, requests, grants} {
		if !s.wish.wants(kind) {
			continue
		}
		l, err := s.seat.scene.list(s.request, kind)
		if err != nil {
			return noTenant
		}
		if version == 0 || l.version < version {
			version = l.version
		}
		if s.turns[kind] != l.turn {
			some = append(some, s.differences(kind, l)...)
			s.turns[kind] = l.turn
		}
	}
	for i, e := range some {
		if i == len(some)-1 {
			s.at.version = version
		}
		if err := s.send(ctx, e); err != nil {
			return err
		}
	}
	s.at.version = version
	return nil
}

// differences is what a reader is told of one kind. Who comes back at the version that there is has all of it, but for the figures of jobs at work.
func (s *stream) differences(kind string, l records) []event {
	var some []event
	has := !s.ready && s.from.version != 0 && s.from.version == l.version
	there := make(map[string]bool, len(l.all))
	for _, one := range l.all {
		key := kind + "/" + one.id
		there[key] = true
		if was, ok := s.told[key]; ok && was == one.data {
			continue
		}
		s.told[key] = one.data
		if !has || one.live {
			some = append(some, event{strings.TrimSuffix(kind, "s"), one.data})
		}
	}
	for key := range s.told {
		if id, mine := strings.CutPrefix(key, kind+"/"); mine && !there[key] {
			delete(s.told, key)
			some = append(some, event{"gone", marshal(wire.LiveGone{Kind: kind, ID: id})})
		}
	}
	return some
}

func (s *stream) rates(ctx context.Context) error {
	if !s.wish.wants(rates) {
		return nil
	}
	for _, one := range s.seat.scene.stepsAfter(s.request, s.at.step) {
		s.at.step = one.time
		if err := s.send(ctx, event{"rates", one.data}); err != nil {
			return err
		}
	}
	return nil
}

func (s *stream) lags(ctx context.Context) error {
	if !s.wish.wants(lag) {
		return nil
	}
	now := s.seat.scene.lagNow(s.request)
	if now.looked.Equal(s.lag) {
		return nil
	}
	s.lag = now.looked
	return s.send(ctx, event{"lag", now.data})
}

// follow shows what was stored in the topic.
func (s *stream) follow(ctx context.Context) error {
	t := s.seat.tail
	if t == nil || s.at.over {
		return nil
	}
	why := t.over(s.request.Clock.Now())
	if why == "" {
		shown, gone := t.look(ctx, s.request, s.wish)
		s.at.tail = t.reached
		if shown != nil {
			if err := s.send(ctx, event{"tail", marshal(shown)}); err != nil {
				return err
			}
		}
		if !gone {
			return ctx.Err()
		}
		why = "gone"
	}
	s.at.over = true
	s.hub.unfollow(t)
	return s.send(ctx, event{"tail-end", marshal(wire.LiveTailEnd{Topic: s.wish.topic.String(), Reason: why})})
}

// settle says once that all that there is has been told.
func (s *stream) settle(ctx context.Context) error {
	if s.ready {
		return nil
	}
	s.ready = true
	r := wire.LiveReady{Time: s.request.Clock.Now().UTC(), Watch: s.wish.kinds, Present: map[string][]string{}}
	if r.Watch == nil {
		r.Watch = []string{}
	}
	if s.wish.tails() {
		r.Tail = s.wish.topic.String()
	}
	for _, kind := range []string{jobs, requests, grants} {
		if !s.wish.wants(kind) {
			continue
		}
		l, err := s.seat.scene.list(s.request, kind)
		if err != nil {
			return noTenant
		}
		r.Present[kind], r.Incomplete = []string{}, r.Incomplete || l.more
		for _, one := range l.all {
			if _, told := s.told[kind+"/"+one.id]; told { // what came since is told next
				r.Present[kind] = append(r.Present[kind], one.id)
			}
		}
	}
	return s.send(ctx, event{"ready", marshal(r)})
}

// text is an event as it is sent. Its data is JSON, which has no line feed in it.
func (e event) text(at place) string {
	return "id: " + at.String() + "\nevent: " + e.name + "\ndata: " + e.data + "\n\n"
}

func (s *stream) send(ctx context.Context, e event) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return s.write(e.text(s.at), s.hub.bounds.Patience)
}

// write gives the reader a text at once. An error is that he is gone, or does not take it in time.
func (s *stream) write(text string, within time.Duration) error {
	s.wrote = s.request.Clock.Now()
	if err := s.control.SetWriteDeadline(time.Now().Add(within)); err != nil {
		return err
	}
	if _, err := io.WriteString(s.w, text); err != nil {
		return err
	}
	return s.control.Flush()
}
