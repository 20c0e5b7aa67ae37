// SPDX-License-Identifier: Apache-2.0

// Package oidc lets members log in at an OpenID provider, by the authorization code flow with PKCE.
//
// The simple story: Begin sends the browser to the provider with a state, a nonce and the hash of a verifier; the provider sends it back with a code, which Finish exchanges for
// an id token, whose signature, issuer, audience, times and nonce must fit.
//
// What lies between the two is kept by nobody but the browser: in a cookie that is sealed under a key that all planes have, so that any plane finishes what another one began,
// and nobody can fill a table by beginning logins. It holds for five minutes. What is spent is remembered by all planes for as long, so that each state works once.
//
// A provider that is away makes this way of logging in unavailable and nothing else: it is looked for when somebody logs in, not at the start.
package oidc

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"

	gooidc "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/causeway-mq/causeway/control/identity"
	"github.com/causeway-mq/causeway/control/shelf"
)

// Bounds of what a provider may take.
const (
	callTime  = 10 * time.Second // of all that one step asks
	maxAnswer = 1 << 20          // bytes
	metaLife  = time.Hour        // how long what the provider says of itself is believed
	rest      = 3 * time.Second  // before a provider that did not answer is asked again
	patience  = 2 * time.Second  // with a provider, of who wants something else
)

// Provider is where members log in. It is safe for concurrent use.
type Provider struct {
	config Config
	grants []identity.Grant
	secret string
	client *http.Client
	shelf  *shelf.Shelf
	seal   *shelf.Secret

	turn chan struct{} // holds one token: whoever asks the provider what it is has it

	mu     sync.Mutex // guards all below; never held across a wait
	found  *found
	failed time.Time // when it did not answer
	why    error
}

// found is what the provider says of itself.
type found struct {
	at       time.Time
	provider *gooidc.Provider
	end      string // where browsers end the provider's own session; "" = nowhere
	names    bool   // it names itself in what it sends browsers back with (RFC 9207)
	algs     []string
}

// Open is New for a configuration that may name no provider; then it gives nil.
func Open(c Config, s *shelf.Shelf) (*Provider, error) {
	if !c.On() {
		return nil, nil
	}
	p, err := New(c, s)
	if err != nil {
		return nil, fmt.Errorf("oidc: %w", err)
	}
	return p, nil
}

// New makes a provider out of a configuration that Check found nothing wrong with. The shelf is what planes share.
func New(c Config, s *shelf.Shelf) (*Provider, error) {
	secret, err := c.secret()
	if err != nil {
		return nil, err
	}
	authorities, err := c.authorities()
	if err != nil {
		return nil, err
	}
	grants, err := c.Grants()
	if err != nil {
		return nil, err
	}
	issuer, err := url.Parse(c.Issuer)
	if err != nil {
		return nil, err
	}
	local := onLoopback(issuer.Hostname())
	dialer := &net.Dialer{Timeout: callTime, Control: func(_, address string, _ syscall.RawConn) error { return target(address, local) }}
	transport := &http.Transport{
		DialContext: dialer.DialContext, TLSClientConfig: &tls.Config{RootCAs: authorities, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true,
		TLSHandshakeTimeout: callTime, ResponseHeaderTimeout: callTime, MaxResponseHeaderBytes: 64 << 10, IdleConnTimeout: time.Minute, MaxIdleConns: 4,
	}
	client := &http.Client{Transport: bounded{transport}, Timeout: callTime, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse // a provider's endpoints are where it says that they are
	}}
	return &Provider{config: c, grants: grants, secret: secret, client: client, turn: make(chan struct{}, 1), shelf: s, seal: s.Secret("logins")}, nil
}

// Label is what people are shown on the way.
func (p *Provider) Label() string { return p.config.Label }

// Grants are the roles that groups of the provider have.
func (p *Provider) Grants() []identity.Grant { return p.grants }

// Secure tells whether browsers reach this control plane over TLS, which may end before it.
func (p *Provider) Secure() bool { return strings.HasPrefix(p.config.RedirectURL, "https:") }

// bounded gives no more of an answer than maxAnswer.
type bounded struct{ next http.RoundTripper }

// RoundTrip is the transport's, in clear to the loopback interface alone.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := checkURL(r.URL.Scheme + "://" + r.URL.Host); err != nil {
		return nil, fmt.Errorf("%s: %w", r.URL.Host, err)
	}
	answer, err := b.next.RoundTrip(r)
	if err == nil {
		answer.Body = limited{io.LimitReader(answer.Body, maxAnswer), answer.Body}
	}
	return answer, err
}

type limited struct {
	io.Reader
	io.Closer
}

// asking is a context for a step that asks the provider.
func (p *Provider) asking(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	return gooidc.ClientContext(ctx, p.client), cancel
}

// discover gives what the provider says of itself. Unavailable: it says nothing, or something else than a provider of this name would. One at a time asks, and not again
// right after it did not answer: nobody needs a name to come this far.
func (p *Provider) discover(ctx context.Context) (*found, error) {
	if f, err, known := p.known(); known {
		return f, err
	}
	select {
	case p.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, away(ctx.Err())
	}
	defer func() { <-p.turn }()
	if f, err, known := p.known(); known { // while it was somebody else's turn
		return f, err
	}
	fresh, err := p.ask(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.failed, p.why = p.shelf.Now(), err
		if p.found != nil { // what it said last may still hold; where it does not, the next step fails
			return p.found, nil
		}
		return nil, away(err)
	}
	fresh.at = p.shelf.Now()
	p.found = fresh
	return fresh, nil
}

// known is what needs no question.
func (p *Provider) known() (*found, error, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.shelf.Now()
	switch resting := now.Sub(p.failed) < rest; {
	case p.found != nil && (resting || now.Sub(p.found.at) < metaLife):
		return p.found, nil, true
	case resting:
		return nil, away(p.why), true
	}
	return nil, nil, false
}

func (p *Provider) ask(ctx context.Context) (*found, error) {
	provider, err := gooidc.NewProvider(gooidc.ClientContext(ctx, p.client), p.config.Issuer)
	if err != nil {
		return nil, err
	}
	var said struct {
		End   string   `json:"end_session_endpoint"`
		Names bool     `json:"authorization_response_iss_parameter_supported"`
		Algs  []string `json:"id_token_signing_alg_values_supported"`
	}
	if err := provider.Claims(&said); err != nil {
		return nil, err
	}
	for name, at := range map[string]string{"authorization_endpoint": provider.Endpoint().AuthURL, "token_endpoint": provider.Endpoint().TokenURL} {
		if err := checkURL(at); err != nil {
			return nil, fmt.Errorf("%s %q: %w", name, at, err)
		}
	}
	if said.End != "" && checkURL(said.End) != nil {
		said.End = ""
	}
	return &found{provider: provider, end: said.End, names: said.Names, algs: signatures(said.Algs)}, nil
}

// signatures are the ways of signing that are believed: those with a key that the provider alone has.
func signatures(said []string) (some []string) {
	for _, alg := range said {
		switch alg {
		case gooidc.RS256, gooidc.RS384, gooidc.RS512, gooidc.ES256, gooidc.ES384, gooidc.ES512, gooidc.PS256, gooidc.PS384, gooidc.PS512, gooidc.EdDSA:
			some = append(some, alg)
		}
	}
	if len(some) == 0 {
		return []string{gooidc.RS256} // which every provider has
	}
	return some
}

// oauth is the client of the flow.
func (p *Provider) oauth(f *found) *oauth2.Config {
	scopes := []string{gooidc.ScopeOpenID}
	for _, s := range p.config.Scopes {
		if s != gooidc.ScopeOpenID {
			scopes = append(scopes, s)
		}
	}
	return &oauth2.Config{ClientID: p.config.ClientID, ClientSecret: p.secret, Endpoint: f.provider.Endpoint(), RedirectURL: p.config.RedirectURL, Scopes: scopes}
}

// Logout is where a browser ends the provider's own session, by the id token that began it or, with "", whosever it has; "" where the provider has no such place, or does not
// answer soon.
func (p *Provider) Logout(ctx context.Context, idToken string) string {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	f, err := p.discover(ctx)
	if err != nil || f.end == "" {
		return ""
	}
	u, err := url.Parse(f.end)
	if err != nil {
		return ""
	}
	q := u.Query()
	q.Set("client_id", p.config.ClientID)
	if idToken != "" {
		q.Set("id_token_hint", idToken)
	}
	if p.config.LogoutURL != "" {
		q.Set("post_logout_redirect_uri", p.config.LogoutURL)
	}
	u.RawQuery = q.Encode()
	return u.String()
}
