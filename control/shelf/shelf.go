// SPDX-License-Identifier: Apache-2.0

// Package shelf keeps what several planes have to share for a while: sessions of browsers, answers that may be asked for again, keys that seal what goes to a caller and
// comes back.
//
// What lies here is no record of the catalog: it makes no version and no row of audit, nobody follows it, and each item has an end. A key is a hash, so that who reads the
// database finds nothing that he could show; a body is sealed on its way to the store by whoever seals secrets there. Ends are compared with the clock of the plane that asks:
// planes whose clocks differ by seconds differ by as much about an end.
package shelf

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

// Kind says what an item is.
type Kind string

// Item is something that is kept for a while.
type Item struct {
	Kind  Kind
	Key   string // unique within its kind; made by Key
	Owner string // whose it is; at most 200 bytes
	Body  string
	Begun time.Time
	Ends  time.Time
}

// Over tells whether the item's time is over.
func (i Item) Over(at time.Time) bool { return !at.Before(i.Ends) }

// Table is where items lie. Every method is one statement of its own: what it did is durable when it returns, and what it refused or could not do did not happen, unless
// the error's outcome is unknown. All of them may be repeated.
type Table interface {
	// Keep puts an item where there is none of its key, or one that has ended by Item.Begun. It gives false where one lies.
	Keep(ctx context.Context, i Item) (bool, error)
	// Find gives the item of a key, also when its time is over.
	Find(ctx context.Context, kind Kind, key string) (Item, bool, error)
	// Change gives an item that is there another body and another end. It gives false where none is.
	Change(ctx context.Context, i Item) (bool, error)
	// Drop forgets an item. None is no error.
	Drop(ctx context.Context, kind Kind, key string) error
	// Trim forgets an owner's items of a kind, but for the newest ones and the one that he names.
	Trim(ctx context.Context, of Owned, keep int) error
	// Sweep forgets all that has ended by then.
	Sweep(ctx context.Context, by time.Time) error
}

// Owned is an owner's items of a kind.
type Owned struct {
	Kind  Kind
	Owner string
	But   string // key of an item that Trim leaves; "" = none
}

// Key makes a key out of what names an item, each part apart from the next one.
func Key(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// sweeps is how often a plane forgets what has ended, at most; callTime bounds a call to the table.
const (
	sweeps   = 10 * time.Minute
	callTime = 5 * time.Second
)

// Shelf is a table with bounds on time, swept as it is used. It is safe for concurrent use.
type Shelf struct {
	table Table
	now   func() time.Time

	mu    sync.Mutex // guards swept
	swept time.Time
}

// New makes a shelf over a table; now is its time.
func New(t Table, now func() time.Time) *Shelf { return &Shelf{table: t, now: now} }

// Now is the time by which ends are judged.
func (s *Shelf) Now() time.Time { return s.now().UTC().Truncate(time.Microsecond) }

// Keep puts an item where none lies that has not ended; see Table. Now and then it forgets what has ended: where nobody keeps anything there is nothing to forget.
func (s *Shelf) Keep(ctx context.Context, i Item) (bool, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTime)
	defer cancel()
	i.Begun = s.Now()
	if s.due(i.Begun) {
		if err := s.table.Sweep(ctx, i.Begun); err != nil {
			return false, err
		}
	}
	return s.table.Keep(ctx, i)
}

func (s *Shelf) due(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.swept) < sweeps {
		return false
	}
	s.swept = now
	return true
}

// Find gives an item whose time is not over.
func (s *Shelf) Find(ctx context.Context, kind Kind, key string) (Item, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	i, there, err := s.table.Find(ctx, kind, key)
	return i, there && !i.Over(s.Now()), err
}

// Change gives an item that is there another body and another end.
func (s *Shelf) Change(ctx context.Context, i Item) (bool, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTime)
	defer cancel()
	return s.table.Change(ctx, i)
}

// Drop forgets an item.
func (s *Shelf) Drop(ctx context.Context, kind Kind, key string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTime)
	defer cancel()
	return s.table.Drop(ctx, kind, key)
}

// Trim forgets an owner's items of a kind, but for the newest ones and the one that he names.
func (s *Shelf) Trim(ctx context.Context, of Owned, keep int) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTime)
	defer cancel()
	return s.table.Trim(ctx, of, keep)
}

// sharedKey is the kind of keys that all planes have.
const sharedKey Kind = "key"

// Secret is a key that all planes over a table have, made by the first one that wants it.
type Secret struct {
	shelf *Shelf
	name  string

	mu  sync.Mutex // guards key; held while the table is asked, so that it is asked once
	key []byte
}

// Secret names a shared key; what it is for is its name.
func (s *Shelf) Secret(name string) *Secret { return &Secret{shelf: s, name: name} }

// Key gives 32 random bytes, the same on every plane. It asks the table until it has them, then never again.
func (s *Secret) Key(ctx context.Context) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.key != nil {
		return s.key, nil
	}
	drawn := make([]byte, sha256.Size)
	_, _ = rand.Read(drawn) // never fails: the process ends first
	i := Item{Kind: sharedKey, Key: Key(s.name), Owner: s.name, Body: base64.RawURLEncoding.EncodeToString(drawn), Ends: s.shelf.Now().AddDate(100, 0, 0)}
	mine, err := s.shelf.Keep(ctx, i)
	if err != nil {
		return nil, err
	}
	if !mine {
		if i, _, err = s.shelf.Find(ctx, sharedKey, i.Key); err != nil {
			return nil, err
		}
	}
	key, err := base64.RawURLEncoding.DecodeString(i.Body)
	if err != nil || len(key) != sha256.Size {
		return nil, mq.Refuse(mq.Internal, "the shared key %q cannot be read", s.name)
	}
	s.key = key
	return key, nil
}
