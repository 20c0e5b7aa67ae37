// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/mq"
)

// Limits of a password, in bytes.
const (
	MinPassword = 12
	MaxPassword = 128
)

// What one look at a password costs; so many are taken at a time, so that logins cannot take the process's memory.
const (
	passwordTime   = 2
	passwordMemory = 32 << 10 // KiB
	passwordLooks  = 2
)

// memberHidden is what of a member nobody is shown.
type memberHidden struct {
	Password *lock `json:"argon2id,omitempty"`
}

// lock is what is kept of a password.
type lock struct {
	Salt []byte `json:"salt"`
	Key  []byte `json:"key"`
}

func newLock(password string) *lock {
	l := &lock{Salt: make([]byte, 16)}
	_, _ = rand.Read(l.Salt) // never fails: the process ends first
	l.Key = l.turn(password)
	return l
}

func (l *lock) turn(password string) []byte {
	return argon2.IDKey([]byte(password), l.Salt, passwordTime, passwordMemory, 1, 32)
}

func (l *lock) fits(password string) bool {
	return subtle.ConstantTimeCompare(l.turn(password), l.Key) == 1
}

// hide is what is kept of a member's password, "" for none; it waits its turn.
func (d *Directory) hide(ctx context.Context, password string) (string, error) {
	if password == "" {
		return "", nil
	}
	if len(password) < MinPassword || len(password) > MaxPassword || !utf8.ValidString(password) {
		return "", refuse(control.OutOfRange, "password", "password: from %d to %d bytes of UTF-8 are required", MinPassword, MaxPassword)
	}
	if err := d.look(ctx); err != nil {
		return "", err
	}
	defer func() { <-d.looks }()
	return jsonOf(memberHidden{newLock(password)}), nil
}

// look waits for one of the places in which passwords are looked at; whoever got it gives it back to looks.
func (d *Directory) look(ctx context.Context) error {
	select {
	case d.looks <- struct{}{}:
		return nil
	case <-ctx.Done():
		return mq.Refuse(mq.Timeout, "the caller went away before the password was looked at")
	}
}

// proven finds the member whose name and password these are. Whoever it is not takes as long, and nobody learns which of them was wrong.
func (d *Directory) proven(ctx context.Context, at MemberAt, password string) (Member, control.Document, error) {
	wrong := mq.Refuse(mq.Unauthorized, "name or password is wrong")
	if len(password) > MaxPassword {
		return Member{}, control.Document{}, wrong
	}
	if err := d.look(ctx); err != nil {
		return Member{}, control.Document{}, err
	}
	defer func() { <-d.looks }()
	doc, missing := d.plane.Document(memberRef(at.Tenant, at.Name))
	var h memberHidden
	if missing == nil && doc.Hidden != "" {
		if err := json.Unmarshal([]byte(doc.Hidden), &h); err != nil {
			return Member{}, doc, mq.Refuse(mq.Internal, "member %q cannot be read: %v", doc.Name, err)
		}
	}
	key := h.Password
	if key == nil {
		key = &lock{Salt: make([]byte, 16), Key: make([]byte, 32)}
	}
	fits := key.fits(password) && h.Password != nil
	if missing != nil || !fits {
		return Member{}, doc, wrong
	}
	m, err := memberOf(doc)
	if err != nil {
		return m, doc, err
	}
	if !m.Live(d.now()) || !d.open(m.Tenant) {
		return m, doc, wrong
	}
	return m, doc, nil
}

// open tells whether a place is there and not switched off.
func (d *Directory) open(t mq.Tenant) bool {
	if t == (mq.Tenant{}) {
		return true
	}
	at, err := d.plane.Tenant(t)
	return err == nil && !at.Disabled
}
