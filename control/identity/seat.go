// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/control/shelf"
	"github.com/causeway-mq/causeway/mq"
)

// Sessions lie on the shelf that all planes share, so a session works at each of them at once. A plane goes by what it read for sessionFresh, which is how long a session may
// outlive its end at another plane, and writes a session's last use down once in sessionNoted: a request costs no write, and most cost no read either.
//
// A cookie carries a seal under a key that all planes have: what this installation did not make is refused without a question to the store. While the store is away a plane
// goes on by what it has read; a session that it has not seen has to wait.
const (
	sessionItem  shelf.Kind = "session"
	sessionFresh            = 2 * time.Second
	sessionNoted            = time.Minute
	maxSeats                = 10_000 // that a plane remembers
	sealBytes               = 16     // of the cookie's seal
)

// seat is one session, as it is kept.
type seat struct {
	Tenant   string    `json:"tenant,omitempty"`
	Name     string    `json:"name"`
	Made     time.Time `json:"made"` // when the member was: who has his name later is somebody else
	CSRF     string    `json:"csrf"`
	Proof    string    `json:"proof"`
	External bool      `json:"external,omitempty"`
	Person   string    `json:"person,omitempty"` // at the identity provider, hashed: a member who is untied is another person's from then on
	Hint     string    `json:"hint,omitempty"`   // the provider's id token, sealed
	Terminal bool      `json:"terminal,omitempty"`
	Begun    time.Time `json:"begun"`
	Used     time.Time `json:"used"`
}

// last is when the session ends at the latest.
func (s seat) last() time.Time {
	if s.Terminal {
		return s.Begun.Add(TerminalLife)
	}
	return s.Begun.Add(SessionLife)
}

// ends is when the session ends if it is not used any more.
func (s seat) ends() time.Time {
	last, idle := s.last(), s.Used.Add(SessionIdle)
	if s.Terminal || last.Before(idle) {
		return last
	}
	return idle
}

func (s seat) over(now time.Time) bool { return !now.Before(s.ends()) }

func (s seat) session(id string, c Caller) Session {
	return Session{ID: id, CSRF: s.CSRF, Expires: s.last(), Name: s.Name, Caller: c, External: s.External, hint: s.Hint}
}

// item is how a seat lies on the shelf.
func (s seat) item(key string) shelf.Item {
	return shelf.Item{Kind: sessionItem, Key: key, Owner: s.owner(), Body: jsonOf(s), Ends: s.ends()}
}

// owner is the member, as actorName has him.
func (s seat) owner() string {
	if s.Tenant == "" {
		return s.Name
	}
	return s.Tenant + "/" + s.Name
}

// sessions keeps who is there.
type sessions struct {
	shelf *shelf.Shelf
	seal  *shelf.Secret

	mu    sync.Mutex // guards known; never held across a wait
	known map[string]knownSeat
}

// knownSeat is a seat as this plane knows it: its last use is exact where it was here.
type knownSeat struct {
	seat  seat
	read  time.Time // from the shelf
	noted time.Time // the last use that was written down
}

func newSessions(s *shelf.Shelf) *sessions {
	return &sessions{shelf: s, seal: s.Secret("sessions"), known: map[string]knownSeat{}}
}

// add keeps a new session, with the provider's id token if there is one, and gives its id. The member's oldest ones make room.
func (s *sessions) add(ctx context.Context, one seat, idToken string) (id string, err error) {
	secret, err := s.seal.Key(ctx)
	if err != nil {
		return "", err
	}
	drawn := unguessable()
	if one.Terminal {
		drawn = TerminalPrefix + drawn // under the seal: neither is taken for the other
	}
	id = drawn + "." + sealOf(secret, drawn)
	if one.Hint, err = sealHint(id, idToken); err != nil {
		return "", err
	}
	item := one.item(shelf.Key(id))
	if err := s.shelf.Trim(ctx, shelf.Owned{Kind: item.Kind, Owner: item.Owner}, MaxSessions-1); err != nil {
		return "", err
	}
	if _, err := s.shelf.Keep(ctx, item); err != nil { // nobody has drawn the same 256 bits
		return "", err
	}
	return id, nil
}

func sealOf(secret []byte, drawn string) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(drawn))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:sealBytes])
}

// genuine refuses ids that this installation did not make.
func (s *sessions) genuine(ctx context.Context, id string) error {
	drawn, seal, _ := strings.Cut(id, ".")
	secret, err := s.seal.Key(ctx)
	if err != nil {
		return err
	}
	if !hmac.Equal([]byte(seal), []byte(sealOf(secret, drawn))) {
		return errSessionOver()
	}
	return nil
}

// find gives a session that is not over, and notes that it was used. What goes wrong with noting stops nobody.
func (s *sessions) find(ctx context.Context, id string, now time.Time) (seat, error) {
	if err := s.genuine(ctx, id); err != nil {
		return seat{}, err
	}
	key := shelf.Key(id)
	one, err := s.look(ctx, key, now)
	if err != nil {
		return seat{}, err
	}
	if one.seat.over(now) {
		return seat{}, s.over(ctx, id)
	}
	if s.use(key, &one, now) {
		if there, err := s.shelf.Change(ctx, one.seat.item(key)); err == nil && !there {
			s.forget(key)
			return seat{}, errSessionOver()
		}
	}
	return one.seat, nil
}

// peek gives a session that is not over, and notes no use.
func (s *sessions) peek(ctx context.Context, id string, now time.Time) (seat, error) {
	one, err := s.look(ctx, shelf.Key(id), now)
	if err == nil && one.seat.over(now) {
		err = errSessionOver()
	}
	return one.seat, err
}

// look gives a session by what this plane read a moment ago, else by the shelf.
func (s *sessions) look(ctx context.Context, key string, now time.Time) (knownSeat, error) {
	s.mu.Lock()
	one, known := s.known[key]
	s.mu.Unlock()
	if known && now.Sub(one.read) < sessionFresh {
		return one, nil
	}
	item, there, err := s.shelf.Find(ctx, sessionItem, key)
	switch {
	case err != nil && known: // until the store is back
		one.read = now
		return one, nil
	case err != nil:
		return one, err
	case !there:
		s.forget(key)
		return one, errSessionOver()
	}
	read := knownSeat{read: now}
	if err := json.Unmarshal([]byte(item.Body), &read.seat); err != nil {
		return one, mq.Refuse(mq.Internal, "a session cannot be read: %v", err)
	}
	read.noted = read.seat.Used
	if one.seat.Used.After(read.seat.Used) {
		read.seat.Used = one.seat.Used
	}
	return read, nil
}

// use notes a use in one, and remembers it. It tells whether the use is to be written down, which it says to one caller.
func (s *sessions) use(key string, one *knownSeat, now time.Time) (write bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if other, known := s.known[key]; known && other.noted.After(one.noted) {
		one.noted = other.noted
	}
	one.seat.Used = now
	if write = now.Sub(one.noted) >= sessionNoted; write {
		one.noted = now
	}
	if len(s.known) >= maxSeats {
		clear(s.known) // the shelf has them all
	}
	s.known[key] = *one
	return write
}

func (s *sessions) forget(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.known, key)
}

// end forgets a session.
func (s *sessions) end(ctx context.Context, id string) error {
	key := shelf.Key(id)
	s.forget(key)
	return s.shelf.Drop(ctx, sessionItem, key)
}

// endAll forgets the sessions of a member, but for the one of an id. The shelf comes first: what a request reads meanwhile it does not find, or forgets within sessionFresh.
func (s *sessions) endAll(ctx context.Context, owner, but string) error {
	of := shelf.Owned{Kind: sessionItem, Owner: owner}
	if but != "" {
		of.But = shelf.Key(but)
	}
	if err := s.shelf.Trim(ctx, of, 0); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, one := range s.known {
		if key != of.But && one.seat.owner() == owner {
			delete(s.known, key)
		}
	}
	return nil
}

// over forgets a session whose time is over. That it cannot be taken from the shelf changes nothing: it stays over.
func (s *sessions) over(ctx context.Context, id string) error {
	_ = s.end(ctx, id)
	return errSessionOver()
}
