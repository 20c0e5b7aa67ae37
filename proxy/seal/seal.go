// SPDX-License-Identifier: Apache-2.0

// Package seal turns what a proxy must not forget into text that a client carries.
//
// A receipt, a transaction id or a recall handle holds all that any proxy
// needs to go on with the message, so no proxy remembers it. The text is
// encrypted and authenticated: a client can neither read nor alter nor make
// one, nor use one kind as another. A sealed text is base64url without
// padding over
//
//	version 1 | key id 4 | salt 12 | nonce 12 | encrypted payload | tag 16
//
// Invariants:
//
//   - AES-256-GCM breaks when a nonce repeats under one key, and 96 random
//     bits carry only some billions of messages. So the key of the file never
//     encrypts anything: each Keyring derives its own key from it with a
//     random salt (HKDF-SHA256), takes a new salt after sealsPerSalt
//     messages, and draws random nonces below that. Proxies that share a key
//     thus never meet. A counter as nonce was rejected: it would tell every
//     tenant how much all the others receive.
//   - The purpose and all bytes before the payload are associated data.
//   - A derived key is remembered only after it opened something, so forged
//     salts cost a derivation each but never memory or a place in the cache.
//
// Versions. The layout before the payload does not change between neighbours.
// Within a payload a new version only appends fields that may be missing: a
// reader ignores what follows the fields that it knows and takes a missing
// tail as zero. So version N opens N-1 and N+1, and proxies of two
// neighbouring releases settle what the other delivered.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/causeway-mq/causeway/mq"
)

const (
	version      = 1
	saltSize     = 12
	nonceSize    = 12
	tagSize      = 16
	headerSize   = 1 + 4 + saltSize + nonceSize
	maxText      = 16 << 10 // characters; far above any real one
	sealsPerSalt = 1 << 30  // a nonce repeats with a chance below 2^-36
	maxDerived   = 4096     // derived keys that are remembered
)

// purpose says what a text may be used for.
type purpose byte

const (
	forReceipt     purpose = 'r'
	forTransaction purpose = 't'
	forRecall      purpose = 'c'
)

// invalid is the one answer to whatever does not open: malformed, cut, forged,
// of another installation or of another kind. It says no more, since whoever
// asks may be guessing.
func (p purpose) invalid() error {
	switch p {
	case forTransaction:
		return mq.Refuse(mq.InvalidTransaction, "transaction id: not one of ours")
	case forRecall:
		return mq.Refuse(mq.InvalidReceipt, "recall handle: not one of ours")
	default:
		return mq.Refuse(mq.InvalidReceipt, "receipt handle: not one of ours")
	}
}

// Keyring seals with the newest of its keys and opens with all of them. It is
// safe for concurrent use. New makes one.
type Keyring struct {
	now     atomic.Pointer[generation]
	scratch sync.Pool // *[]byte
	strict  *base64.Encoding
}

// generation is what one set of keys stands for. It is replaced as a whole.
type generation struct {
	keys   map[KeyID]Key
	newest Key
	own    atomic.Pointer[derived] // seals

	mu     sync.RWMutex // guards opened
	opened map[derivation]*derived
}

// derivation names a derived key.
type derivation struct {
	key  KeyID
	salt [saltSize]byte
}

// derived is a key that encrypts.
type derived struct {
	derivation
	aead cipher.AEAD
	used atomic.Uint64 // seals so far
}

// New makes a keyring of at least one key. Several keys must have several ids.
func New(keys ...Key) (*Keyring, error) {
	k := &Keyring{strict: base64.RawURLEncoding.Strict()}
	k.scratch.New = func() any {
		b := make([]byte, 0, 1024)
		return &b
	}
	return k, k.Replace(keys...)
}

// Replace puts another set of keys in place; on an error the old set stays.
// What was sealed under a key that is no longer in the set can't be opened
// any more, so a key must stay for KeepKeys after a newer one took over. A
// new key should be known to every proxy before one seals with it.
func (k *Keyring) Replace(keys ...Key) error {
	if err := checkKeys(keys); err != nil {
		return err
	}
	g := &generation{keys: make(map[KeyID]Key, len(keys)), opened: make(map[derivation]*derived)}
	for _, key := range keys {
		g.keys[key.ID] = key
		if g.newest.isZero() || key.newer(g.newest) {
			g.newest = key
		}
	}
	if err := g.renewOwn(nil); err != nil {
		return err
	}
	k.now.Store(g)
	return nil
}

// renewOwn takes a new salt for sealing unless somebody else did so first.
func (g *generation) renewOwn(old *derived) error {
	d := derivation{key: g.newest.ID}
	if _, err := rand.Read(d.salt[:]); err != nil {
		return mq.Refuse(mq.Internal, "seal: no randomness: %v", err)
	}
	fresh, err := g.newest.derive(d)
	if err != nil {
		return err
	}
	g.own.CompareAndSwap(old, fresh)
	return nil
}

// derive makes the key that encrypts under a salt.
func (k Key) derive(d derivation) (*derived, error) {
	secret, err := hkdf.Key(sha256.New, k.Secret[:], d.salt[:], "causeway sealed text", 32)
	if err != nil {
		return nil, mq.Refuse(mq.Internal, "seal: %v", err)
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, mq.Refuse(mq.Internal, "seal: %v", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, mq.Refuse(mq.Internal, "seal: %v", err)
	}
	return &derived{derivation: d, aead: aead}, nil
}

// sealing returns the derived key to seal with and counts a use of it.
func (g *generation) sealing() *derived {
	for {
		d := g.own.Load()
		if d.used.Add(1) <= sealsPerSalt {
			return d
		}
		if g.renewOwn(d) != nil {
			// Without randomness nothing may be sealed, and crypto/rand ends
			// the process before it says so.
			return d
		}
	}
}

// seal encrypts the payload that write appends.
func (k *Keyring) seal(p purpose, write func([]byte) []byte) string {
	return k.sealAs(version, p, write)
}

func (k *Keyring) sealAs(v byte, p purpose, write func([]byte) []byte) string {
	d := k.now.Load().sealing()
	scratch := k.scratch.Get().(*[]byte)
	b := append((*scratch)[:0], v)
	b = binary.BigEndian.AppendUint32(b, uint32(d.key))
	b = append(b, d.salt[:]...)
	b = b[:len(b)+nonceSize]
	rand.Read(b[len(b)-nonceSize:]) // never fails: it ends the process instead
	b = write(b)
	// The associated data stands behind the payload for the time of the call,
	// with room for the tag between them.
	size := len(b) + tagSize
	b = append(b, make([]byte, tagSize)...)
	b = append(b, b[:headerSize]...)
	b = append(b, byte(p))
	payload := b[headerSize : size-tagSize]
	d.aead.Seal(payload[:0:size-headerSize], b[headerSize-nonceSize:headerSize], payload, b[size:])
	b = base64.RawURLEncoding.AppendEncode(b[:size], b[:size])
	text := string(b[size:])
	*scratch = b
	k.scratch.Put(scratch)
	return text
}

// open authenticates a text and hands its payload to read, which must not
// keep it; what read refuses is refused as everything else.
func (k *Keyring) open(p purpose, text string, read func(*reader)) error {
	// One text has one spelling, while base64 would skip line breaks.
	size := base64.RawURLEncoding.DecodedLen(len(text))
	if len(text) > maxText || size < headerSize+tagSize || strings.ContainsAny(text, "\r\n") {
		return p.invalid()
	}
	scratch := k.scratch.Get().(*[]byte)
	defer k.scratch.Put(scratch)
	whole := append((*scratch)[:0], text...)
	whole, err := k.strict.AppendDecode(whole, whole)
	*scratch = whole
	if err != nil {
		return p.invalid()
	}
	b := whole[len(text):]
	if v := b[0]; v < version-1 || v > version+1 || v == 0 {
		return p.invalid()
	}
	at := derivation{key: KeyID(binary.BigEndian.Uint32(b[1:])), salt: [saltSize]byte(b[5:])}
	g := k.now.Load()
	d, known := g.lookup(at)
	if d == nil {
		return p.invalid()
	}
	// The text is done with, so the associated data takes its place.
	aad := append(append(whole[:0], b[:headerSize]...), byte(p))
	payload, err := d.aead.Open(b[headerSize:headerSize], b[headerSize-nonceSize:headerSize], b[headerSize:], aad)
	if err != nil {
		return p.invalid()
	}
	if !known {
		g.remember(d)
	}
	r := reader{rest: payload}
	read(&r)
	if r.bad {
		return p.invalid()
	}
	return nil
}

// lookup finds or derives the key of a text; nil if its key is not ours.
func (g *generation) lookup(at derivation) (d *derived, known bool) {
	if own := g.own.Load(); own.derivation == at {
		return own, true
	}
	g.mu.RLock()
	d = g.opened[at]
	g.mu.RUnlock()
	if d != nil {
		return d, true
	}
	key, ok := g.keys[at.key]
	if !ok {
		return nil, false
	}
	d, err := key.derive(at)
	if err != nil {
		return nil, false
	}
	return d, false
}

// remember keeps a derived key that opened something. When there are too many
// an arbitrary one goes: each comes back at the price of one derivation.
func (g *generation) remember(d *derived) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.opened) >= maxDerived {
		for at := range g.opened {
			delete(g.opened, at)
			break
		}
	}
	g.opened[d.derivation] = d
}
