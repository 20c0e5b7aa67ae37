// SPDX-License-Identifier: Apache-2.0

package oidc

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"regexp"
	"strings"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/identity"
	"github.com/causeway-mq/causeway/control/shelf"
	"github.com/causeway-mq/causeway/mq"
)

// A terminal cannot take a cookie back from a browser, so it is given a code, in the way of RFC 8252: it waits at a port of the loopback interface and begins the login with that
// port, a state of its own and the hash of a verifier that it tells nobody (PKCE). All three travel with the attempt, sealed. When the provider has vouched for the person the
// browser is given a ticket, which it hands to that port; whoever shows the ticket with the verifier has the session, once.
//
// The terminal names a port and no address, so there is no way to say that a ticket go anywhere but to the machine of the browser that logged in.

// TicketLife is how long somebody has to send the browser on to his terminal, and the terminal to show the ticket.
const TicketLife = 2 * time.Minute

// TerminalPath is where the login of a terminal begins.
const TerminalPath = "/v1/session/provider/terminal"

// Ports at which a terminal may wait: those that need no right of the system.
const (
	MinPort = 1024
	MaxPort = 65535
)

// BadTerminal is the reason why a terminal's login does not begin.
const BadTerminal control.Reason = "terminal_not_valid"

// Terminal is who waits for the end of a login at the browser's machine.
type Terminal struct {
	Port      int    `json:"p"`
	State     string `json:"s"` // by which it knows the answer
	Challenge string `json:"c"` // SHA-256 of its verifier, in base64url
}

var (
	stateForm     = regexp.MustCompile(`^[A-Za-z0-9_-]{22,128}$`)
	challengeForm = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)
)

// Check tells what is wrong with a terminal; nil is none, and good.
func (t *Terminal) Check() error {
	bad := func(field, format string, args ...any) error {
		return &control.Refusal{Err: mq.Refuse(mq.BadRequest, format, args...), Reason: BadTerminal, Field: field}
	}
	switch {
	case t == nil:
		return nil
	case t.Port < MinPort || t.Port > MaxPort:
		return bad("port", "port: a number from %d to %d is wanted, at which the terminal waits on 127.0.0.1", MinPort, MaxPort)
	case !stateForm.MatchString(t.State):
		return bad("state", "state: 22 to 128 characters of A-Z, a-z, 0-9, '_' and '-' are wanted")
	case !challengeForm.MatchString(t.Challenge):
		return bad("challenge", "challenge: a SHA-256 in base64url is wanted, of 43 characters")
	}
	return nil
}

// TerminalURL is where a browser begins the login of a terminal: at the name of this control plane to which the provider sends it back, since the cookie belongs to that.
func (p *Provider) TerminalURL() string {
	return strings.TrimSuffix(p.config.RedirectURL, ReturnPath) + TerminalPath
}

// ticket is a guest on his way to the terminal that began the login.
type ticket struct {
	ID        string         `json:"i"`
	Guest     identity.Guest `json:"g"`
	Challenge string         `json:"c"`
	Ends      time.Time      `json:"e"`
}

// Ticket gives what the terminal of an attempt gets the session of a guest for.
func (p *Provider) Ticket(ctx context.Context, g identity.Guest, at Terminal) (string, error) {
	return p.seals(ctx, forTicket, ticket{rand.Text(), g, at.Challenge, p.shelf.Now().Add(TicketLife)})
}

// Redeem takes a ticket from whoever has the verifier of the terminal, once. BadRequest: it is not his, or it is over.
func (p *Provider) Redeem(ctx context.Context, code, verifier string) (identity.Guest, error) {
	var t ticket
	if err := p.opens(ctx, forTicket, code, &t); err != nil {
		return identity.Guest{}, err
	}
	sum := sha256.Sum256([]byte(verifier))
	switch now := p.shelf.Now(); {
	case !now.Before(t.Ends):
		return identity.Guest{}, notYours("the login's code is older than " + TicketLife.String() + ": begin anew")
	case subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(t.Challenge)) != 1:
		return identity.Guest{}, notYours("the login's code belongs to another terminal: begin anew")
	}
	first, err := p.shelf.Keep(ctx, shelf.Item{Kind: spent, Key: shelf.Key("ticket", t.ID), Ends: t.Ends})
	if err != nil {
		return identity.Guest{}, err
	}
	if !first {
		return identity.Guest{}, notYours("the login's code was used before: begin anew")
	}
	return t.Guest, nil
}
