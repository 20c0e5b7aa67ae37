// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"strings"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/mq"
)

// A token's text is cwt_, 16 letters that are its id, 40 letters that are secret (200 bits), and a checksum of 8 by which scanners of
// repositories and logs tell a leak from noise. The store has the id and a SHA-256 of the whole: who reads the store gets no token out of it.

// TokenRecord is the kind under which tokens are kept.
const TokenRecord control.RecordKind = "token"

const (
	// TokenPrefix begins every token's text.
	TokenPrefix = "cwt_"
	tokenID     = 16
	tokenSecret = 40
	tokenSum    = 8
	// MaxTokens bounds the tokens of one place, those that have ended among them.
	MaxTokens = 1_000
	// MaxTokenLife is the longest that a token lives.
	MaxTokenLife = 366 * 24 * time.Hour
	// DefaultTokenLife is how long a token lives of which nobody says when it ends.
	DefaultTokenLife = 90 * 24 * time.Hour
	// useKept is how often a token's last use is written: in between it is known to this process alone.
	useKept = 24 * time.Hour
)

// Token is a machine's credential with one role in one place.
type Token struct {
	ID       string    // unique over all places
	Tenant   mq.Tenant // zero = the installation
	Name     string    // what people call it; may stand twice
	Role     Role
	Reason   string // of a break-glass role
	By       string // who made it
	Created  time.Time
	Expires  time.Time
	Revoked  time.Time // zero = not
	LastUsed time.Time // zero = never; to the day, and exact for what this process saw
	Secret   string    // only in the answer to its creation
	Revision control.Version
}

// String is the id: a token in a log line shows no secret.
func (t Token) String() string { return t.ID }

// GoString is String, for %#v.
func (t Token) GoString() string { return t.ID }

// Live tells whether the token works at that time.
func (t Token) Live(at time.Time) bool { return t.Revoked.IsZero() && at.Before(t.Expires) }

// Ref names the record.
func (t Token) Ref() control.Ref {
	return control.Ref{Kind: TokenRecord, Tenant: t.Tenant.String(), Name: t.ID}
}

// tokenBody is how a token is kept.
type tokenBody struct {
	Name     string    `json:"name"`
	Role     Role      `json:"role"`
	Reason   string    `json:"reason,omitempty"`
	By       string    `json:"by"`
	Created  time.Time `json:"created"`
	Expires  time.Time `json:"expires"`
	Revoked  time.Time `json:"revoked,omitzero"`
	LastUsed time.Time `json:"lastUsed,omitzero"`
}

// tokenHidden is what the audit does not show.
type tokenHidden struct {
	Hash string `json:"sha256"`
}

func (t Token) document(hidden string) control.Document {
	body := tokenBody{t.Name, t.Role, t.Reason, t.By, t.Created, t.Expires, t.Revoked, t.LastUsed}
	return control.Document{Kind: TokenRecord, Tenant: t.Tenant.String(), Name: t.ID, Body: jsonOf(body), Hidden: hidden, Revision: t.Revision}
}

func (d *Directory) tokenOf(doc control.Document) (Token, error) {
	var b tokenBody
	if err := json.Unmarshal([]byte(doc.Body), &b); err != nil {
		return Token{}, mq.Refuse(mq.Internal, "token %q cannot be read: %v", doc.Name, err)
	}
	t, err := placeOf(doc)
	one := Token{ID: doc.Name, Tenant: t, Name: b.Name, Role: b.Role, Reason: b.Reason, By: b.By, Created: b.Created, Expires: b.Expires, Revoked: b.Revoked,
		LastUsed: b.LastUsed, Revision: doc.Revision}
	if seen := d.uses.last(one.ID); seen.After(one.LastUsed) {
		one.LastUsed = seen
	}
	return one, err
}

// Tokens lists a place's tokens by id, without their secrets.
func (d *Directory) Tokens(in mq.Tenant) ([]Token, error) {
	if err := d.there(in); err != nil {
		return nil, err
	}
	return readAll(d.plane.Documents(TokenRecord, in.String()), d.tokenOf)
}

// Token finds a token.
func (d *Directory) Token(in mq.Tenant, id string) (Token, error) {
	doc, err := d.token(in, id)
	if err != nil {
		return Token{}, err
	}
	return d.tokenOf(doc)
}

func (d *Directory) token(in mq.Tenant, id string) (control.Document, error) {
	doc, err := d.plane.Document(Token{ID: id, Tenant: in}.Ref())
	if err != nil {
		return doc, mq.Refuse(mq.NotFound, "no such token")
	}
	return doc, nil
}

// CreateToken makes a token; the answer is the only one that holds the secret. t names tenant, name, role, reason and when it ends, which
// is after DefaultTokenLife where nothing is said, after MaxBreakGlass for a break-glass role.
func (d *Directory) CreateToken(ctx context.Context, by Caller, t Token) (Token, error) {
	if err := d.there(t.Tenant); err != nil {
		return Token{}, err
	}
	now := d.now()
	if t.Expires.IsZero() {
		t.Expires = now.Add(DefaultTokenLife)
		if t.Role == BreakGlass {
			t.Expires = now.Add(MaxBreakGlass)
		}
	}
	switch {
	case t.Name == "" || len(t.Name) > MaxMemberName:
		return Token{}, refuse(control.OutOfRange, "name", "name: 1 to %d bytes are required", MaxMemberName)
	case !t.Expires.After(now):
		return Token{}, refuse(control.OutOfRange, "expires", "expires: lies in the past")
	case t.Expires.After(now.Add(MaxTokenLife)):
		return Token{}, refuse(control.OutOfRange, "expires", "expires: a token lives for %v at most", MaxTokenLife)
	}
	if err := d.checkTerms(terms{t.Role, t.Name, t.Reason, t.Expires}); err != nil {
		return Token{}, err
	}
	if err := d.mayGive(ctx, by, t.Role, Wish{Right: CreateToken, On: t.Ref()}); err != nil {
		return Token{}, err
	}
	t.ID, t.Secret = newToken()
	t.By = by.Actor.Name
	if by.Tenant != t.Tenant {
		t.By = "installation"
	}
	t.Created, t.Expires, t.Revoked, t.LastUsed, t.Revision = now, t.Expires.UTC().Truncate(time.Microsecond), time.Time{}, time.Time{}, 0
	doc, err := d.plane.AddDocument(ctx, by.Actor, t.document(jsonOf(tokenHidden{hashOf(t.Secret)})), d.room(TokenRecord, t.Tenant, MaxTokens))
	if err != nil {
		return Token{}, err
	}
	secret := t.Secret
	t, err = d.tokenOf(doc)
	t.Secret = secret
	return t, err
}

// RevokeToken ends a token for good. Doing it twice is no error. seen is the revision that the caller saw, 0 = whatever there is.
func (d *Directory) RevokeToken(ctx context.Context, by Caller, on control.Ref, seen control.Version) error {
	doc, err := d.plane.Document(on)
	if err != nil {
		return mq.Refuse(mq.NotFound, "no such token")
	}
	t, err := d.tokenOf(doc)
	if err != nil {
		return err
	}
	if seen != 0 && seen != t.Revision {
		return control.Outdated(t.Ref())
	}
	if !t.Revoked.IsZero() {
		return nil
	}
	if err := d.mayGive(ctx, by, t.Role, Wish{Right: RevokeToken, On: t.Ref()}); err != nil {
		return err
	}
	t.Revoked = d.now()
	if _, err = d.plane.ChangeDocument(ctx, by.Actor, "revoke", t.document(doc.Hidden)); err == nil {
		d.uses.forget(t.ID) // what it was used for last is kept with it
	}
	return err
}

// newToken makes an id and the whole text.
func newToken() (id, text string) {
	const letters = "abcdefghijklmnopqrstuvwxyz234567"
	b := make([]byte, tokenID+tokenSecret)
	_, _ = rand.Read(b) // never fails: the process ends first
	for i := range b {
		b[i] = letters[b[i]&31]
	}
	text = TokenPrefix + string(b)
	return string(b[:tokenID]), fmt.Sprintf("%s%08x", text, crc32.ChecksumIEEE([]byte(text)))
}

func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// find gives the record that a token's text fits, whether it still works or not.
func (d *Directory) find(text string) (Token, bool) {
	if len(text) != len(TokenPrefix)+tokenID+tokenSecret+tokenSum || !strings.HasPrefix(text, TokenPrefix) {
		return Token{}, false
	}
	doc, ok := d.plane.DocumentNamed(TokenRecord, text[len(TokenPrefix):len(TokenPrefix)+tokenID])
	if !ok {
		return Token{}, false
	}
	var h tokenHidden
	if err := json.Unmarshal([]byte(doc.Hidden), &h); err != nil || subtle.ConstantTimeCompare([]byte(h.Hash), []byte(hashOf(text))) != 1 {
		return Token{}, false
	}
	t, err := d.tokenOf(doc)
	return t, err == nil
}

// uses remembers when tokens were used last.
type uses struct {
	mu sync.Mutex // guards at
	at map[string]time.Time
}

func newUses() *uses { return &uses{at: map[string]time.Time{}} }

func (u *uses) last(id string) time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.at[id]
}

// note remembers a use and tells whether it is to be written down, given what was written last.
func (u *uses) note(t Token, now time.Time) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	before, here := u.at[t.ID]
	u.at[t.ID] = now
	if !here {
		before = t.LastUsed
	}
	return now.Truncate(useKept).After(before)
}

func (u *uses) forget(id string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.at, id)
}

// used remembers that a token was used. That it could not be written down stops nobody.
func (d *Directory) used(ctx context.Context, t Token) {
	now := d.now()
	if !d.uses.note(t, now) {
		return
	}
	doc, err := d.token(t.Tenant, t.ID)
	if err != nil {
		return
	}
	if t, err = d.tokenOf(doc); err != nil {
		return
	}
	t.LastUsed = now
	_, _ = d.plane.ChangeDocument(ctx, control.Itself("tokens"), "use", t.document(doc.Hidden))
}
