// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/api/door"
	"github.com/causeway-mq/causeway/control/identity"
	"github.com/causeway-mq/causeway/mq"
)

// maxFailures bounds the credentials of one address within a minute that are not valid.
const maxFailures = 10

type callerKey struct{}

// callerOf is who makes a request that was let in; nobody, who has no right, where the operation is open.
func callerOf(r *http.Request) identity.Caller {
	c, _ := r.Context().Value(callerKey{}).(identity.Caller)
	return c
}

// admit lets a request in, with who makes it, or says why not: the one place where that is decided. Headers in which a caller may claim
// another address (X-Forwarded-For and its like) are not looked at.
func (s *server) admit(r *http.Request, o door.Operation) (identity.Caller, error) {
	if err := checkOrigin(r, o.Foreign); err != nil {
		return identity.Caller{}, err
	}
	if s.opt.Token == "" {
		if err := checkLoopback(r); err != nil {
			return identity.Caller{}, err
		}
	}
	if o.Scope == door.Open {
		return identity.Caller{}, nil
	}
	c, err := s.authenticate(r)
	if err != nil {
		return c, err
	}
	return c, s.authorize(r, o, c)
}

// authenticate finds out who calls. Over the loopback interface of an installation that has no token of its own everybody who shows no credential
// is its holder. Who shows one is who it says: one that is not known, of whatever kind, lets nobody in.
func (s *server) authenticate(r *http.Request) (identity.Caller, error) {
	shown := r.Header.Values("Authorization")
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	token = strings.TrimSpace(token)
	if !strings.EqualFold(scheme, "Bearer") {
		token = ""
	}
	if terminalToken(r) != "" {
		return s.byTerminal(r)
	}
	from := control.Actor{Remote: r.RemoteAddr, Request: idOf(r)}
	if _, err := r.Cookie(sessionCookie); err == nil && token == "" {
		return s.bySession(r)
	}
	if s.opt.Token == "" && len(shown) == 0 {
		from.Name = "loopback"
		return identity.Local(from), nil
	}
	c, why := s.kept.Who.Authenticate(r.Context(), token, from)
	if why == "" {
		return c, nil
	}
	if left := s.strikes.Wait(r.RemoteAddr); left > 0 {
		return c, &door.Refusal{Status: http.StatusTooManyRequests, Kind: mq.TooManyRequests.String(), Reason: "too_many_failures", Limit: fmt.Sprintf("%d a minute", maxFailures),
			Detail: "too many credentials from this address were not valid", After: left}
	}
	if s.opt.Token != "" && same(token, s.opt.Token) {
		from.Name = "token"
		return identity.Local(from), nil
	}
	if token != "" {
		s.strikes.Note(r.RemoteAddr)
	}
	s.opt.Log.Warn("api: nobody's token", "request", idOf(r), "from", r.RemoteAddr, "why", why)
	if s.opt.Token == "" {
		return c, &door.Refusal{Status: http.StatusUnauthorized, Kind: "unauthorized", Reason: "unknown_credential",
			Detail: "the credential that was shown is not known here; who calls from the loopback interface needs none"}
	}
	return c, &door.Refusal{Status: http.StatusUnauthorized, Kind: "unauthorized", Detail: "a valid token is required: Authorization: Bearer TOKEN"}
}

// standing asks whether a caller who was let in would be so now. Who holds the installation always is.
func (s *server) standing(r *http.Request, c identity.Caller) func(context.Context) error {
	return func(ctx context.Context) error {
		switch c.Actor.Kind {
		case control.TokenActor:
			_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
			return s.kept.Who.TokenStands(strings.TrimSpace(token), c)
		case control.MemberActor:
			return s.kept.Who.SessionStands(ctx, sessionID(r), c) // of none it says that it is over
		}
		return nil
	}
}

// same compares secrets; the time tells nothing about them, their length included.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// authorize asks whether the caller may do what the operation's row says. Another tenant answers like one that is not there.
func (s *server) authorize(r *http.Request, o door.Operation, c identity.Caller) error {
	if o.Right == "" {
		return nil
	}
	on := control.Ref{Kind: nounOf(o.Right), Tenant: c.Tenant.String()}
	for _, part := range []string{"token", "member", "key", "app", "topic", "group", "job", "plan", "environment", "zone"} {
		if name := r.PathValue(part); name != "" {
			on.Name = name
			break
		}
	}
	if o.Scope == door.InTenant {
		t, err := mq.ParseTenant(r.PathValue("tenant"))
		if err != nil {
			return err
		}
		if !c.Sees(t) {
			s.kept.Who.Stray(r.Context(), c, o.Right, t.String())
			return mq.Refuse(mq.NotFound, "no tenant %q", t)
		}
		on.Tenant = t.String()
	}
	return s.kept.Who.Allow(r.Context(), c, identity.Wish{Right: o.Right, On: on, Everywhere: o.Scope == door.Installation})
}

// nounOf is the kind of record that a right is about.
func nounOf(v control.Verb) control.RecordKind {
	noun, _, _ := strings.Cut(string(v), ".")
	return control.RecordKind(noun)
}

// checkOrigin refuses what a browser sends on behalf of another page. To what is open to those it must go as a whole, not as a part of a page.
func checkOrigin(r *http.Request, open bool) error {
	foreign := &door.Refusal{Status: http.StatusForbidden, Kind: "forbidden", Reason: "foreign_origin", Detail: "requests of other web pages are refused"}
	site, as := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Sec-Fetch-Dest")
	if visits := open && (as == "" || as == "document"); site != "" && site != "same-origin" && site != "none" && !visits {
		return foreign
	}
	origins := r.Header.Values("Origin")
	if len(origins) == 0 {
		return nil
	}
	u, err := url.Parse(origins[0])
	if err != nil || len(origins) > 1 || u.Host == "" || !strings.EqualFold(u.Host, r.Host) {
		return foreign
	}
	return nil
}

// checkLoopback refuses callers from elsewhere, and callers from here under a name that is not a loopback name.
func checkLoopback(r *http.Request) error {
	if !loopback(r.RemoteAddr) {
		return &door.Refusal{Status: http.StatusForbidden, Kind: "forbidden", Reason: "not_loopback", Detail: "without a token this interface serves the loopback interface only"}
	}
	if !loopback(r.Host) {
		return &door.Refusal{Status: http.StatusForbidden, Kind: "forbidden", Reason: "foreign_host",
			Detail: "the Host header must name the loopback interface (127.0.0.1, [::1] or localhost)"}
	}
	return nil
}

func loopback(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
