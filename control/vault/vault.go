// SPDX-License-Identifier: Apache-2.0

// Package vault seals the secrets of access keys before they reach a store, and opens them behind it.
//
// A secret is sealed with AES-256-GCM under a data key; its tenant, its access key's id and the data key's number are bound to it, so that it opens in no other row.
// Data keys stand in the database, sealed under a key that does not: from a file or from the environment. To change that key is to seal the data keys
// anew, and no secret.
//
// The simple story ends where a database holds secrets in the clear, from before there was a vault: they are sealed at the start, and what the database keeps of
// deleted bytes is scrubbed. Copies that were made before (backups, logs that were shipped) keep them; exchange keys that matter.
package vault

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/mq"
)

// DataKey is a data key as the database keeps it.
type DataKey struct {
	Number int
	Under  string // id of the key that it is sealed under
	Sealed string
}

// Base is a store that keeps data keys as well.
type Base interface {
	control.Store
	// DataKeys lists all, by number.
	DataKeys(ctx context.Context) ([]DataKey, error)
	// AddDataKey keeps a new one, unless there is one of its number; then nothing happens.
	AddDataKey(ctx context.Context, k DataKey) error
	// ResealDataKey puts another sealing in the place of one, if that is still there.
	ResealDataKey(ctx context.Context, was, is DataKey) error
	// ResealSecret writes the secret of an access key in another form, if it is still was. It is no change of the record.
	ResealSecret(ctx context.Context, id, was, is string) error
	// Scrub takes out of the database's files what was overwritten.
	Scrub(ctx context.Context) error
}

// Source gives the keys: the first one seals, all of them open. fresh tells that nothing is sealed yet, so that a key may be made.
type Source func(fresh bool) ([]Key, error)

// prefix begins every sealed text; a secret in the clear begins otherwise.
const prefix = "s1."

// Open puts a vault before a store. A key that is missing or another one than the database was sealed under is a Conflict that says which one is wanted. Data keys that are
// sealed under an older key are sealed under the first one, secrets in the clear are sealed. The store is closed when this fails.
func Open(ctx context.Context, base Base, keys Source) (control.Store, error) {
	v, err := open(ctx, base, keys)
	if err != nil {
		_ = base.Close() // the error that led here is the one to tell
		return nil, err
	}
	return v, nil
}

func open(ctx context.Context, base Base, source Source) (*vault, error) {
	kept, err := base.DataKeys(ctx)
	if err != nil {
		return nil, err
	}
	keys, err := source(len(kept) == 0)
	if err != nil {
		return nil, err
	}
	if len(kept) == 0 {
		if err := base.AddDataKey(ctx, sealDataKey(keys[0], 1, NewKey().secret)); err != nil {
			return nil, err
		}
		if kept, err = base.DataKeys(ctx); err != nil { // another process may have been faster
			return nil, err
		}
	}
	v := &vault{Store: base, data: map[int]cipher.AEAD{}}
	for _, k := range kept {
		if err := v.take(ctx, base, keys, k); err != nil {
			return nil, err
		}
	}
	return v, v.sealClear(ctx, base)
}

// vault is a store whose secrets are sealed. All else goes through as it is.
type vault struct {
	control.Store
	data   map[int]cipher.AEAD // data keys by number; read only after open
	newest int
}

// take opens a data key, and seals it anew where it is sealed under another key than the first one.
func (v *vault) take(ctx context.Context, base Base, keys []Key, k DataKey) error {
	for i, key := range keys {
		if key.ID() != k.Under {
			continue
		}
		secret, err := unseal(aead(key.secret), k.Sealed, dataKeyPlace(k.Number))
		if err != nil || len(secret) != len(Key{}.secret) {
			return mq.Refuse(mq.Conflict, "data key %d does not open with %s, under which it says to be sealed: the database was damaged or changed", k.Number, key)
		}
		if i > 0 {
			if err := base.ResealDataKey(ctx, k, sealDataKey(keys[0], k.Number, [32]byte(secret))); err != nil {
				return err
			}
		}
		v.data[k.Number], v.newest = aead([32]byte(secret)), max(v.newest, k.Number)
		return nil
	}
	var given []string
	for _, key := range keys {
		given = append(given, key.ID())
	}
	return mq.Refuse(mq.Conflict, "the database's secrets are sealed under key %s, given is %s: give the key that they were sealed under, behind the new one where it is to be exchanged",
		k.Under, strings.Join(given, ", "))
}

// sealClear seals what stands in the clear.
func (v *vault) sealClear(ctx context.Context, base Base) error {
	c, err := base.Load(ctx)
	if err != nil {
		return err
	}
	found := false
	for _, k := range c.Keys {
		if strings.HasPrefix(k.Secret, prefix) {
			continue
		}
		found = true
		if err := base.ResealSecret(ctx, k.ID, k.Secret, v.seal(k)); err != nil {
			return err
		}
	}
	if !found {
		return nil
	}
	return base.Scrub(ctx)
}

// seal gives a key's secret as the store keeps it.
func (v *vault) seal(k control.Key) string {
	return prefix + strconv.Itoa(v.newest) + "." + seal(v.data[v.newest], []byte(k.Secret), secretPlace(k, v.newest))
}

// unseal gives a key with its secret in the clear.
func (v *vault) unseal(k control.Key) (control.Key, error) {
	number, sealed, _ := strings.Cut(strings.TrimPrefix(k.Secret, prefix), ".")
	n, err := strconv.Atoi(number)
	data, ok := v.data[n]
	if err != nil || !ok || !strings.HasPrefix(k.Secret, prefix) {
		return k, mq.Refuse(mq.Conflict, "the secret of access key %s is not sealed under a data key of this database", k.ID)
	}
	clear, err := unseal(data, sealed, secretPlace(k, n))
	if err != nil {
		return k, mq.Refuse(mq.Conflict, "the secret of access key %s does not open: it was changed, or belongs to another key", k.ID)
	}
	k.Secret = string(clear)
	return k, nil
}

// in is a record as the store keeps it.
func (v *vault) in(r control.Record) control.Record {
	if k, ok := r.(control.Key); ok {
		k.Secret = v.seal(k)
		return k
	}
	return r
}

// Add seals a key's secret on its way.
func (v *vault) Add(ctx context.Context, r control.Record, e control.Entry) (control.Version, error) {
	return v.Store.Add(ctx, v.in(r), e)
}

// Put seals a key's secret on its way.
func (v *vault) Put(ctx context.Context, r control.Record, e control.Entry) (control.Version, error) {
	return v.Store.Put(ctx, v.in(r), e)
}

// Load opens every secret. One that does not open is a Conflict.
func (v *vault) Load(ctx context.Context) (control.Catalog, error) {
	c, err := v.Store.Load(ctx)
	if err != nil {
		return c, err
	}
	for i, k := range c.Keys {
		if c.Keys[i], err = v.unseal(k); err != nil {
			return control.Catalog{}, err
		}
	}
	return c, nil
}

// Since opens the secrets of keys that were changed.
func (v *vault) Since(ctx context.Context, at control.Version) (control.Changes, error) {
	c, err := v.Store.Since(ctx, at)
	if err != nil {
		return c, err
	}
	for i, one := range c.Changed {
		k, ok := one.Record.(control.Key)
		if !ok {
			continue
		}
		if c.Changed[i].Record, err = v.unseal(k); err != nil {
			return control.Changes{}, err
		}
	}
	return c, nil
}

func sealDataKey(under Key, number int, secret [32]byte) DataKey {
	return DataKey{Number: number, Under: under.ID(), Sealed: seal(aead(under.secret), secret[:], dataKeyPlace(number))}
}

// What a sealed text is bound to: each part with its length before it.
func dataKeyPlace(number int) []byte { return place("data key", strconv.Itoa(number)) }

func secretPlace(k control.Key, number int) []byte {
	return place("secret", k.Tenant.String(), k.ID, strconv.Itoa(number))
}

func place(parts ...string) []byte {
	var b strings.Builder
	for _, p := range parts {
		fmt.Fprintf(&b, "%d:%s", len(p), p)
	}
	return []byte(b.String())
}

func aead(secret [32]byte) cipher.AEAD {
	block, err := aes.NewCipher(secret[:])
	if err != nil {
		panic(err) // 32 bytes always make a cipher
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // of AES always
	}
	return gcm
}

// seal puts a fresh nonce before what it seals: 96 random bits, for far fewer than 2^32 texts a key.
func seal(with cipher.AEAD, clear, bound []byte) string {
	nonce := make([]byte, with.NonceSize())
	_, _ = rand.Read(nonce) // never fails: the process ends first
	return base64.RawURLEncoding.EncodeToString(with.Seal(nonce, nonce, clear, bound))
}

func unseal(with cipher.AEAD, text string, bound []byte) ([]byte, error) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil, err
	}
	if len(raw) < with.NonceSize() {
		return nil, fmt.Errorf("%d bytes are too few", len(raw))
	}
	return with.Open(nil, raw[:with.NonceSize()], raw[with.NonceSize():], bound)
}
