// SPDX-License-Identifier: Apache-2.0

package fed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog"
	"github.com/causeway-mq/causeway/proxy/catalog/wire"
)

// refusal is a document that is not served.
type refusal struct {
	why Why
	err error
}

func (r *refusal) Error() string { return r.err.Error() }
func (r *refusal) Unwrap() error { return r.err }

func refuse(why Why, format string, args ...any) error {
	return &refusal{why, mq.Refuse(mq.Conflict, format, args...)}
}

// ask puts one question and takes its answer; it tells whether there was a catalog in it.
func (s *Source) ask(ctx context.Context) (taken bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, asking)
	defer cancel()
	have := s.held()
	if s.whole {
		have = wire.Empty()
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.question(have), nil)
	if err != nil {
		return false, err
	}
	r.Header.Set("Authorization", "Bearer "+s.opt.Token)
	r.Header.Set(wire.ProxyHeader, s.opt.Name)
	if marks := wire.Marks(s.opt.Token, s.opt.Users); len(marks) > 0 {
		r.Header.Set(wire.UsersHeader, strings.Join(marks, ","))
	}
	answer, err := s.opt.Client.RoundTrip(r) // no redirect is followed: the token goes nowhere else
	if err != nil {
		return false, err
	}
	defer answer.Body.Close()
	switch answer.StatusCode {
	case http.StatusOK:
	case http.StatusNoContent:
		return false, s.nothingNew(answer.Header)
	case http.StatusUnauthorized:
		return false, errors.New("it does not know this proxy's token")
	case http.StatusForbidden:
		return false, fmt.Errorf("it refuses this proxy: %s", detail(answer.Body))
	default:
		return false, fmt.Errorf("it answers %s", answer.Status)
	}
	data, err := io.ReadAll(io.LimitReader(answer.Body, wire.MaxBytes+1))
	if err != nil {
		return false, err
	}
	return true, s.take(data)
}

// detail is what a control plane says of a refusal.
func detail(body io.Reader) string {
	var said struct {
		Detail string `json:"detail"`
	}
	if json.NewDecoder(io.LimitReader(body, 4096)).Decode(&said) != nil || said.Detail == "" {
		return "without a word"
	}
	return said.Detail
}

// question says what this proxy has.
func (s *Source) question(have *wire.State) string {
	u := *s.urls[s.at]
	u.RawQuery = s.says(have).Encode()
	return u.String()
}

// Says is what a proxy says of what it has, in the words of a question: other control planes than the one that it asks are told it with its reports.
func (s *Source) Says() url.Values { return s.says(s.held()) }

func (s *Source) says(have *wire.State) url.Values {
	q := url.Values{"after": {strconv.FormatUint(uint64(have.Version()), 10)}}
	if have.Version() > 0 {
		q.Set("epoch", have.Epoch().ID)
		q.Set("sum", have.Sum().String())
	}
	if s.held().Version() > 0 { // also where the whole is asked for: a proxy that serves is not kept from its catalog
		s.say(q)
	}
	return q
}

// say tells since when and by what this proxy has what it has. It is for people to see; a control plane that does not know the words passes over them.
func (s *Source) say(q url.Values) {
	now := s.Status()
	by := wire.ByFeed
	if now.Disk {
		by = wire.ByDisk
	}
	q.Set(wire.ByParameter, by)
	q.Set(wire.SinceParameter, strconv.FormatInt(now.Since.Unix(), 10))
}

// nothingNew looks at where a control plane stands that has nothing for this proxy: one that is behind is left for another.
func (s *Source) nothingNew(h http.Header) error {
	at, err := strconv.ParseUint(h.Get(wire.VersionHeader), 10, 64)
	if err != nil {
		return errors.New("its answer names no version")
	}
	if have := s.held().Version(); catalog.Version(at) < have {
		err := refuse(Older, "it stands at version %d, this proxy has %d: it has fallen behind, or its database was restored; an operator can force it", at, have)
		s.noted(err)
		return err
	}
	s.noted(nil)
	return nil
}

func (s *Source) held() *wire.State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

// noted keeps why the newest document is not served.
func (s *Source) noted(err error) {
	s.mu.Lock()
	s.status.Refused = err
	s.mu.Unlock()
	var r *refusal
	if errors.As(err, &r) && s.opt.Events.Refused != nil {
		s.opt.Events.Refused(r.why)
	}
}

// take serves a document from now on, or says why not.
func (s *Source) take(data []byte) error {
	begun := s.opt.Clock.Now()
	d, err := wire.Decode(data)
	if err != nil {
		err = &refusal{Damaged, err}
		s.noted(err)
		return err
	}
	have := s.held()
	next, err := have.Apply(d)
	if err != nil && d.After != 0 { // two control planes may number what nobody sees differently
		s.whole = true
		s.opt.Log.Info("a delta of the control plane does not fit; the whole catalog is asked for", "after", d.After, "version", d.Version, "why", err)
		return nil
	}
	if err != nil {
		err = &refusal{Damaged, err}
		s.noted(err)
		return err
	}
	s.whole = false
	if err := judge(have, next); err != nil {
		s.noted(err)
		return err
	}
	s.serve(next, d)
	if s.opt.Events.Taken != nil {
		s.opt.Events.Taken(s.opt.Clock.Now().Sub(begun), len(data), d.After != 0)
	}
	s.opt.Log.Info("a catalog is served", "version", d.Version, "epoch", d.Epoch.ID, "records", next.Len(), "bytes", len(data), "delta", d.After != 0)
	select {
	case s.dirty <- struct{}{}:
	default:
	}
	return nil
}

// judge tells why a state must not take the place of another one. It is a pure function.
func judge(have, next *wire.State) error {
	was, is := have.Epoch(), next.Epoch()
	switch {
	case have.Version() == 0:
		return nil
	case is.Forced > was.Forced:
		return nil // somebody who may has said that it is meant
	case is.Forced < was.Forced:
		return refuse(Older, "version %d is of epoch %s, which an operator ended", next.Version(), is.ID)
	case is.ID != was.ID:
		return refuse(Foreign, "version %d is of epoch %s, this proxy has version %d of epoch %s: it is another control plane's, unless an operator forces it", next.Version(), is.ID, have.Version(), was.ID)
	case next.Version() < have.Version():
		return refuse(Older, "version %d is older than %d, which is served: the control plane's database was restored, or it has fallen behind; an operator can force it", next.Version(), have.Version())
	}
	if lost := next.Lost(); lost.Gone >= 2 && lost.Gone*2 > lost.Of {
		return refuse(Shrinks, "version %d takes away %d of %d tenants; if that is meant, an operator forces it", next.Version(), lost.Gone, lost.Of)
	}
	return nil
}

// serve puts a state, and the catalog that the document makes of what is served, in the place of the ones before.
func (s *Source) serve(next *wire.State, d wire.Document) {
	s.mu.Lock()
	was := s.now
	s.mu.Unlock()
	over, difference := &catalog.Snapshot{}, d.Difference()
	if was != nil {
		difference.Version = max(difference.Version, was.Version()+1) // a forced epoch may begin with a smaller one
		if d.After != 0 {
			over = was
		}
	}
	now := over.With(difference) // by Run alone, so nobody else serves meanwhile
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state, s.now = next, now
	s.status.Epoch, s.status.Version, s.status.Refused = next.Epoch(), next.Version(), nil
	s.status.Since, s.status.Disk = s.opt.Clock.Now(), false
	close(s.changed)
	s.changed = make(chan struct{})
}
