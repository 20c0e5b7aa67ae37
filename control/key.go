// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"fmt"
	"hash/crc32"
	"slices"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

// MaxLiveKeys bounds the keys of one application that work at a time: the old one and the new one while it is exchanged.
const MaxLiveKeys = 2

// Key is an access key with its secret. Signatures are HMACs, so the clear secret has to be kept; it is shown once only.
type Key struct {
	ID          string // unique over all tenants
	Secret      string // never rendered by String or a log
	Tenant      mq.Tenant
	Application ApplicationName
	Created     time.Time
	Expires     time.Time // zero = never
	Revoked     time.Time // zero = not
	Revision    Version
}

// Ref names the record.
func (k Key) Ref() Ref            { return Ref{Kind: KeyRecord, Tenant: k.Tenant.String(), Name: k.ID} }
func (k Key) revision() Version   { return k.Revision }
func (k Key) at(v Version) Record { k.Revision = v; return k }

// String is the id: a key in a log line shows no secret.
func (k Key) String() string { return k.ID }

// GoString is String, for %#v.
func (k Key) GoString() string { return k.ID }

// Live tells whether the key works at that time.
func (k Key) Live(at time.Time) bool {
	return k.Revoked.IsZero() && (k.Expires.IsZero() || at.Before(k.Expires))
}

// CreateKey makes a key for an application; the answer is the only one that holds the secret. expires zero = never.
func (p *Plane) CreateKey(ctx context.Context, by Actor, t mq.Tenant, n ApplicationName, expires time.Time) (Key, error) {
	if _, err := p.Application(t, n); err != nil {
		return Key{}, err
	}
	if !expires.IsZero() && !expires.After(p.now()) {
		return Key{}, refuse(OutOfRange, mq.BadRequest, "expires: lies in the past").On("expires")
	}
	k := Key{ID: "CW" + random(18), Secret: newSecret(), Tenant: t, Application: n, Created: p.now(), Expires: expires.UTC()}
	if expires.IsZero() {
		k.Expires = time.Time{}
	}
	if err := p.addIf(ctx, by, k, func() error { return p.checkLive(t, n) }); err != nil {
		return Key{}, During("create key", err)
	}
	p.Visible(ctx)
	return k, nil
}

func (p *Plane) checkLive(t mq.Tenant, n ApplicationName) error {
	live := 0
	for _, k := range p.keysOf(t, n) {
		if k.Live(p.now()) {
			live++
		}
	}
	if live >= MaxLiveKeys {
		return refuse(KeyLimit, mq.Conflict, "application %q has %d keys that work, the limit is %d: revoke one first", n, live, MaxLiveKeys).Beyond(itoa(MaxLiveKeys))
	}
	return nil
}

// newSecret is 200 random bits between a prefix and a checksum, so that scanners of repositories and logs find a leak.
func newSecret() string {
	body := "cws_" + random(40)
	return fmt.Sprintf("%s%08x", body, crc32.ChecksumIEEE([]byte(body)))
}

// Keys lists an application's keys, oldest first, without their secrets.
func (p *Plane) Keys(t mq.Tenant, n ApplicationName) ([]Key, error) {
	if _, err := p.Application(t, n); err != nil {
		return nil, err
	}
	all := p.keysOf(t, n)
	for i := range all {
		all[i].Secret = ""
	}
	return all, nil
}

func (p *Plane) keysOf(t mq.Tenant, n ApplicationName) []Key {
	var some []Key
	for _, k := range of[Key](p.book, t.String()) {
		if k.Application == n {
			some = append(some, k)
		}
	}
	slices.SortStableFunc(some, func(a, b Key) int { return a.Created.Compare(b.Created) })
	return some
}

// RevokeKey ends a key for good. Doing it twice is no error.
func (p *Plane) RevokeKey(ctx context.Context, by Actor, t mq.Tenant, n ApplicationName, id string) error {
	k, ok := lookup[Key](p.book, Key{ID: id, Tenant: t}.Ref())
	if !ok || k.Application != n {
		return mq.Refuse(mq.NotFound, "no such key")
	}
	if !k.Revoked.IsZero() {
		return nil
	}
	k.Revoked = p.now()
	if err := p.put(ctx, what(by, "revoke", k)); err != nil {
		return During("revoke key", err)
	}
	p.Visible(ctx)
	return nil
}
