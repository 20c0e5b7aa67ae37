// SPDX-License-Identifier: Apache-2.0

// Package sso logs in the person at a terminal with a browser, at the identity provider of a control plane.
//
// The simple story (RFC 8252): the terminal waits at a port of the loopback interface that the system chose, and sends a browser to the control plane with that port, a state that
// nobody can guess and the hash of a verifier (PKCE). The control plane alone speaks to the provider. When that has vouched for the person the browser brings a code to the port,
// and the terminal gets a session for code and verifier.
//
// What must hold: one answer is taken, and only one with the state; the verifier goes to the control plane alone, in the body of one request; nothing waits longer than Wait; the
// session's token is given to the caller and written nowhere here. To whatever else comes to the port, a page that the person looks at among it, it says no more than that.
package sso

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/causeway-mq/causeway/cli/call"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/internal/clock"
)

// Wait is how long somebody has to log in: as long as the control plane gives him at the provider, and on the page that leads back.
const Wait = 7 * time.Minute

// farewell bounds how long the browser's last answer may take on its way.
const farewell = time.Second

// tokenPrefix begins the token of a session at a terminal.
const tokenPrefix = "cwl_"

// Is tells whether a token is a session that ends with a logout.
func Is(token string) bool { return strings.HasPrefix(token, tokenPrefix) }

// Login is one login under way.
type Login struct {
	Call   *call.Call
	Clock  clock.Clock
	Tenant string // "" = wherever he is somebody
	// Browse opens a browser at an address; nil: the person opens one himself.
	Browse func(address string) error
}

// Session logs the person in. It says where to go on standard error, and never more of the session than that.
func (l Login) Session(ctx context.Context) (s wire.TerminalSession, err error) {
	var ways wire.Logins
	if err := l.Call.Ask(ctx, http.MethodGet, "/v1/session/logins", nil, &ways); err != nil {
		return s, err
	}
	if ways.Provider == nil || ways.Provider.Terminal == "" {
		return s, call.Fail(call.ExitUsage, fmt.Errorf("%s has no identity provider", l.Call.Server), "log in with a token: causeway login; who runs the control plane sets one up under oidc in its configuration")
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return s, fmt.Errorf("no port of the loopback interface to wait at: %w", err)
	}
	verifier, state := unguessable(), unguessable()
	w := &waiter{state: state, host: listener.Addr().String(), answers: make(chan answer, 1)}
	address, word, err := l.address(ways.Provider.Terminal, listener.Addr(), state, verifier)
	if err != nil {
		return s, errors.Join(err, listener.Close())
	}
	l.send(address, word)
	code, err := l.await(ctx, listener, w)
	if err != nil {
		return s, err
	}
	err = l.Call.Ask(ctx, http.MethodPost, "/v1/session/terminal", wire.TerminalLogin{Code: code, Verifier: verifier}, &s)
	if err == nil && !Is(s.Token) {
		err = fmt.Errorf("%s does not answer like Causeway's API: it gave no token of a session", l.Call.Server)
	}
	return s, err
}

// address is where the browser begins, with the word that it has to show at the end.
func (l Login) address(begin string, at net.Addr, state, verifier string) (address, word string, err error) {
	u, err := url.Parse(begin)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
		return "", "", fmt.Errorf("%s sends browsers to %.200q, which is no URL of a server", l.Call.Server, begin)
	}
	sum := sha256.Sum256([]byte(verifier))
	challenge := base64.RawURLEncoding.EncodeToString(sum[:])
	_, port, err := net.SplitHostPort(at.String())
	if err != nil {
		return "", "", err
	}
	q := url.Values{"port": {port}, "state": {state}, "challenge": {challenge}}
	if l.Tenant != "" {
		q.Set("tenant", l.Tenant)
	}
	u.RawQuery = q.Encode()
	return u.String(), wire.TerminalWord(challenge), nil
}

// send gets the person to the address. Where no browser opens he is told and goes himself.
func (l Login) send(address, word string) {
	said := "Log in with a browser on this machine, at"
	if l.Browse != nil {
		if err := l.Browse(address); err == nil {
			said = "A browser opens for you to log in. If none does, go with one on this machine to"
		}
	}
	fmt.Fprintf(l.Call.Env.Err, "%s\n\n  %s\n\nThe page at the end shows the word %s. Go on there only if it does.\n", said, address, word)
}

// await serves the port until the browser brings an answer, or the time is over.
func (l Login) await(ctx context.Context, listener net.Listener, w *waiter) (code string, err error) {
	over := l.Clock.NewTimer(Wait)
	defer over.Stop()
	server := &http.Server{Handler: w, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second, MaxHeaderBytes: 16 << 10}
	server.SetKeepAlivesEnabled(false)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
		defer cancel()
		if server.Shutdown(ctx) != nil {
			_ = server.Close() // what a browser holds open without a word
		}
		<-served
	}()
	select {
	case a := <-w.answers:
		return a.code, a.err
	case <-over.C():
		return "", call.Fail(call.ExitTimeout, fmt.Errorf("nobody logged in within %v", Wait), "begin anew; with --no-browser the address is shown and nothing is opened")
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// End ends the session of a token at its server. That it is over already is no error.
func End(ctx context.Context, c *call.Call, server, token string) error {
	c.Server, c.Token = server, token
	if err := c.Ask(ctx, http.MethodDelete, "/v1/session", nil, nil); err != nil && !call.Unauthorized(err) {
		return err
	}
	return nil
}

// unguessable is 256 random bits, as text for URLs.
func unguessable() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails: the process ends first
	return base64.RawURLEncoding.EncodeToString(b)
}
