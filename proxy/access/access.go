// SPDX-License-Identifier: Apache-2.0

// Package access says who a caller is, then what it may do.
//
// A caller shows an access key with a signature over the date header. That is
// all which RocketMQ's clients sign.
//
// Dates. Clients write yyyyMMdd'T'HHmmss'Z'. The Z means UTC in Node, C++,
// but stands behind local time in Java, Go, Python, C#. So a date holds if it
// is within the window of now in any time zone, of which there is one each
// quarter of an hour. Rust writes RFC 3339, which is held against now itself.
//
// So a signature is no protection against somebody who reads it on the way:
// with any zone allowed, one captured header opens the door for most of 26
// hours. TLS is what protects it. The window turns away clocks that are wrong,
// with Config.Zones it also bounds that time.
//
// What must hold:
//
//   - An unknown key and a wrong signature answer alike and cost alike.
//   - Nothing is remembered of a caller: each call is judged by itself. What
//     is remembered are hash states per key of one catalog snapshot.
//   - A namespace that is not the caller's answers like one that does not
//     exist, and so does another tenant's resource.
//   - Without a signature a caller gets in only into a tenant that says so, and
//     from the loopback interface only unless it says more. A header with an
//     empty access key is no signature: Python and Go clients without
//     credentials send it. Where a cluster's own catalog lets anybody in,
//     signatures are not looked at, as there is nothing to hold them against.
package access

import (
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog"
)

// DefaultWindow is how far a signed date may be from the server's time.
const DefaultWindow = 5 * time.Minute

// The bounds of time zones.
const (
	westmost = -12 * time.Hour
	eastmost = 14 * time.Hour
	zoneStep = 15 * time.Minute
)

// Config is how a guard judges. The zero value of each field but Clock is the
// default.
type Config struct {
	Clock      clock.Clock
	Window     time.Duration   // DefaultWindow if zero; at most 7 minutes
	Zones      []time.Duration // offsets from UTC of local times; empty = all there are
	RequireTLS bool            // refuse signatures that came in clear
}

// Headers is what a caller says about itself. Values are as sent.
type Headers struct {
	Authorization string // authorization
	DateTime      string // x-mq-date-time
	Namespace     string // x-mq-namespace
	SessionToken  string // x-mq-session-token
}

// Call is one call to judge.
type Call struct {
	Headers
	Remote netip.Addr // of the connection, never of a header
	TLS    bool
}

// Principal is who a caller is. The zero value may do nothing.
type Principal struct {
	Tenant mq.Tenant
	App    *catalog.App // nil for an unsigned caller, who may do everything within the tenant
	Key    string       // the access key, "" for an unsigned caller
	From   netip.Addr   // of the connection
}

// Guard judges callers. It is safe for concurrent use.
type Guard struct {
	clock      clock.Clock
	window     time.Duration
	zones      []time.Duration
	requireTLS bool
	decoy      *verifier // takes the time of a check for keys that don't exist
	now        atomic.Pointer[verifiers]
}

// New makes a guard.
func New(c Config) (*Guard, error) {
	if c.Window == 0 {
		c.Window = DefaultWindow
	}
	if c.Window < 0 || c.Window >= zoneStep/2 {
		return nil, mq.Refuse(mq.BadRequest, "access: window %v, from 1ns to less than %v is possible", c.Window, zoneStep/2)
	}
	for _, zone := range c.Zones {
		if zone < westmost || zone > eastmost {
			return nil, mq.Refuse(mq.BadRequest, "access: time zone %v, from %v to %v exist", zone, westmost, eastmost)
		}
	}
	return &Guard{clock: c.Clock, window: c.Window, zones: c.Zones, requireTLS: c.RequireTLS, decoy: newVerifier("no secret of anybody")}, nil
}

// Identify finds out who calls. It refuses with Unauthorized, whose detail
// begins with a reason (auth_missing, auth_malformed, auth_failed,
// auth_revoked, auth_plaintext, clock_skew), or with NotFound where the
// namespace is not the caller's. It takes no lock and, for a good caller,
// allocates nothing.
func (g *Guard) Identify(snap *catalog.Snapshot, call Call) (Principal, error) {
	if call.Authorization == "" || snap.Unauthenticated() {
		return g.unsigned(snap, call)
	}
	claimed, err := parseAuthorization(call.Authorization)
	if err != nil {
		return Principal{}, err
	}
	if claimed.key == "" {
		return g.unsigned(snap, call)
	}
	if err := g.fresh(call.DateTime); err != nil {
		return Principal{}, err
	}
	key, err := g.proven(snap, claimed, call.DateTime)
	if err != nil {
		return Principal{}, err
	}
	switch {
	case g.requireTLS && !call.TLS:
		return Principal{}, unauthorized("auth_plaintext: signatures are accepted over TLS only")
	case call.SessionToken != "":
		return Principal{}, unauthorized("auth_malformed: session tokens are not supported")
	case !snap.Untenanted() && call.Namespace != "" && call.Namespace != key.App.Tenant.String():
		return Principal{}, noNamespace(call.Namespace)
	}
	return Principal{Tenant: key.App.Tenant, App: key.App, Key: key.ID, From: call.Remote.Unmap()}, nil
}

// unsigned lets a caller without a signature in where its tenant allows that.
// The namespace names the tenant, and one that does not exist answers like one
// that lets nobody in.
func (g *Guard) unsigned(snap *catalog.Snapshot, call Call) (Principal, error) {
	name := call.Namespace
	if name == "" || snap.Untenanted() {
		name = mq.DefaultTenant
	}
	from := call.Remote.Unmap()
	tenant, err := openTenant(snap, name, from)
	switch {
	case err == nil:
		return Principal{Tenant: tenant, From: from}, nil
	case !from.IsLoopback() && call.Authorization != "":
		return Principal{}, unauthorized("auth_malformed: the authorization header has no credential")
	case !from.IsLoopback(), call.Namespace == "", snap.Untenanted():
		return Principal{}, err
	}
	return Principal{}, noNamespace(call.Namespace)
}

// openTenant finds a tenant that lets unsigned callers from an address in.
func openTenant(snap *catalog.Snapshot, name string, from netip.Addr) (mq.Tenant, error) {
	id, err := mq.ParseTenant(name)
	if err == nil {
		t, ok := snap.Tenant(id)
		if ok && !t.Disabled && (t.Unsigned == catalog.UnsignedAnybody || t.Unsigned == catalog.UnsignedLoopback && from.IsLoopback()) {
			return id, nil
		}
	}
	return mq.Tenant{}, unauthorized("auth_missing: the call is not signed")
}

// proven finds the key that the caller claims to have and checks that he has
// its secret and that the key may be used.
func (g *Guard) proven(snap *catalog.Snapshot, claimed claim, date string) (*catalog.Key, error) {
	key, ok := snap.Key(claimed.key)
	verifier := g.decoy
	if ok = ok && key.Secret != ""; ok {
		verifier = g.verifier(snap, key)
	}
	if holds := verifier.holds(date, &claimed.signature); !holds || !ok {
		return nil, unauthorized("auth_failed: the access key does not exist or the signature is not its own")
	}
	return key, g.usable(snap, key)
}

// usable checks a key whose holder has its secret.
func (g *Guard) usable(snap *catalog.Snapshot, key *catalog.Key) error {
	switch {
	case key.Revoked:
		return unauthorized("auth_revoked: the access key was revoked")
	case !key.Expires.IsZero() && !g.clock.Now().Before(key.Expires):
		return unauthorized("auth_revoked: the access key expired at %s", key.Expires.UTC().Format(time.RFC3339))
	case key.App == nil || key.App.Disabled:
		return unauthorized("auth_revoked: the application of the access key is disabled")
	}
	if t, ok := snap.Tenant(key.App.Tenant); !ok || t.Disabled {
		return unauthorized("auth_revoked: the tenant of the access key is disabled")
	}
	return nil
}

// Recheck judges a caller who was let in earlier, and whose stream is still
// open, by a newer snapshot. The principal that it returns has the newer
// rights; on an error the stream should be closed.
func (g *Guard) Recheck(snap *catalog.Snapshot, p Principal) (Principal, error) {
	if p.Key == "" {
		tenant, err := openTenant(snap, p.Tenant.String(), p.From)
		return Principal{Tenant: tenant, From: p.From}, err
	}
	key, ok := snap.Key(p.Key)
	if !ok {
		return Principal{}, unauthorized("auth_revoked: the access key was removed")
	}
	if err := g.usable(snap, key); err != nil {
		return Principal{}, err
	}
	if key.App.Tenant != p.Tenant {
		return Principal{}, unauthorized("auth_revoked: the access key moved to another tenant")
	}
	return Principal{Tenant: p.Tenant, App: key.App, Key: p.Key, From: p.From}, nil
}

func unauthorized(format string, args ...any) error {
	return mq.Refuse(mq.Unauthorized, format, args...)
}

// noNamespace is the answer for a namespace that does not exist or is not the
// caller's.
func noNamespace(name string) error {
	const glance = 48
	if len(name) > glance {
		name = name[:glance]
	}
	return mq.Refuse(mq.NotFound, "namespace %q does not exist, or this call may not enter it", name)
}
