// SPDX-License-Identifier: Apache-2.0

package oidc

import (
	"cmp"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"time"

	gooidc "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/identity"
	"github.com/causeway-mq/causeway/control/shelf"
	"github.com/causeway-mq/causeway/mq"
)

// Life is how long a login may take at the provider.
const Life = 5 * time.Minute

// MaxReturn bounds the path to which a browser goes after a login, in bytes.
const MaxReturn = 512

// spent is the kind under which states lie that were used.
const spent shelf.Kind = "login"

// Reasons of refusals. None of them says more than that the login has to begin anew.
const (
	BadReturn   control.Reason = "return_not_local" // the path after the login leads elsewhere
	BadLogin    control.Reason = "login_not_yours"  // the answer belongs to no login that this browser began, or to one that is over
	BadProvider control.Reason = "provider_refused" // the provider said no, or what it said does not hold
)

// Attempt is a login under way. It travels in the browser's cookie, sealed.
type Attempt struct {
	State    string    `json:"s"`
	Nonce    string    `json:"n"`
	Verifier string    `json:"v"`
	Return   string    `json:"r"`
	Tenant   string    `json:"t,omitempty"`
	Ends     time.Time `json:"e"`
	Terminal *Terminal `json:"x,omitempty"` // that waits for the end; nil: the browser itself wants a session
}

// Wanted is what somebody who logs in wants: the tenant, "" for wherever he is somebody, and the path to go to afterwards, or the terminal that is to have the session.
type Wanted struct {
	Tenant   mq.Tenant
	Return   string
	Terminal *Terminal
}

// Begin gives the URL of the provider at which a login goes on, and the cookie that the browser has to bring back within Life.
func (p *Provider) Begin(ctx context.Context, w Wanted) (at, cookie string, err error) {
	if err := cmp.Or(checkReturn(w.Return), w.Terminal.Check()); err != nil {
		return "", "", err
	}
	ctx, cancel := p.asking(ctx)
	defer cancel()
	f, err := p.discover(ctx)
	if err != nil {
		return "", "", err
	}
	a := Attempt{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Return: w.Return, Tenant: w.Tenant.String(), Ends: p.shelf.Now().Add(Life), Terminal: w.Terminal}
	if cookie, err = p.seals(ctx, forAttempt, a); err != nil {
		return "", "", err
	}
	return p.oauth(f).AuthCodeURL(a.State, gooidc.Nonce(a.Nonce), oauth2.S256ChallengeOption(a.Verifier)), cookie, nil
}

// checkReturn takes a path of this server, so that nobody is sent elsewhere by a link that begins here.
func checkReturn(path string) error {
	u, err := url.Parse(path)
	local := err == nil && len(path) <= MaxReturn && strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "//") && u.Scheme == "" && u.Host == "" && u.User == nil
	for _, r := range path {
		local = local && r > ' ' && r < 0x7f && r != '\\'
	}
	if !local {
		return &control.Refusal{Err: mq.Refuse(mq.BadRequest, "return: a path of this server is wanted, of at most %d bytes", MaxReturn), Reason: BadReturn, Field: "return"}
	}
	return nil
}

// Finish takes what the provider sent a browser back with. It gives who he is, and the attempt that this ends. Unauthorized, BadRequest: the login has to begin anew;
// Unavailable: the provider does not answer.
func (p *Provider) Finish(ctx context.Context, cookie string, q url.Values) (identity.Vouched, Attempt, error) {
	ctx, cancel := p.asking(ctx)
	defer cancel()
	a, err := p.opened(ctx, cookie)
	if err != nil {
		return identity.Vouched{}, a, err
	}
	f, err := p.discover(ctx)
	if err != nil {
		return identity.Vouched{}, a, err
	}
	if err := p.answered(f, a, q); err != nil {
		return identity.Vouched{}, a, err
	}
	// The state is spent before anything is done with the code, so that of two planes one goes on.
	first, err := p.shelf.Keep(ctx, shelf.Item{Kind: spent, Key: shelf.Key(a.State), Ends: a.Ends})
	if err != nil {
		return identity.Vouched{}, a, err
	}
	if !first {
		return identity.Vouched{}, a, notYours("this login was finished before: begin anew")
	}
	if said := q.Get("error"); said != "" {
		return identity.Vouched{}, a, refused("the identity provider refused the login", errors.New(said+" "+q.Get("error_description")))
	}
	who, err := p.redeem(ctx, f, a, q.Get("code"))
	return who, a, err
}

// answered tells whether an answer belongs to the attempt, and comes from this provider and no other one.
func (p *Provider) answered(f *found, a Attempt, q url.Values) error {
	if subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(a.State)) != 1 {
		return notYours("the answer belongs to another login than the one that this browser began: begin anew")
	}
	if by, said := q.Get("iss"), q.Has("iss"); said && by != p.config.Issuer || !said && f.names {
		return notYours("the answer is not from the identity provider at which the login began: begin anew")
	}
	if !q.Has("error") && q.Get("code") == "" {
		return notYours("the answer holds no code: begin anew")
	}
	return nil
}

// redeem exchanges the code and reads who he is.
func (p *Provider) redeem(ctx context.Context, f *found, a Attempt, code string) (identity.Vouched, error) {
	token, err := p.oauth(f).Exchange(ctx, code, oauth2.VerifierOption(a.Verifier))
	var no *oauth2.RetrieveError
	switch {
	case errors.As(err, &no) && no.Response != nil && no.Response.StatusCode < 500:
		return identity.Vouched{}, refused("the identity provider did not take the login's code", err)
	case err != nil:
		return identity.Vouched{}, away(err)
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return identity.Vouched{}, refused("the identity provider gave no id token", errors.New("no id_token in its answer"))
	}
	id, err := p.verified(ctx, f, a, raw)
	if err != nil {
		return identity.Vouched{}, err
	}
	if id.AccessTokenHash != "" {
		if err := id.VerifyAccessToken(token.AccessToken); err != nil {
			return identity.Vouched{}, refused(untrue, err)
		}
	}
	who, err := p.vouched(ctx, f, id, token)
	who.IDToken = raw
	return who, err
}

// purpose tells apart what is sealed under one key.
type purpose string

const (
	forAttempt purpose = ""
	forTicket  purpose = "ticket\n"
)

// seals gives what a browser keeps or carries.
func (p *Provider) seals(ctx context.Context, what purpose, v any) (string, error) {
	box, err := p.box(ctx)
	if err != nil {
		return "", err
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	nonce := make([]byte, box.NonceSize())
	_, _ = rand.Read(nonce) // never fails: the process ends first
	return base64.RawURLEncoding.EncodeToString(box.Seal(nonce, nonce, raw, []byte(string(what)+p.config.Issuer))), nil
}

// opens reads what this installation sealed for that purpose.
func (p *Provider) opens(ctx context.Context, what purpose, text string, into any) error {
	box, err := p.box(ctx)
	if err != nil {
		return err
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(raw) < box.NonceSize() {
		return notYours("this browser began no login here, or takes no cookies: begin anew")
	}
	clear, err := box.Open(nil, raw[:box.NonceSize()], raw[box.NonceSize():], []byte(string(what)+p.config.Issuer))
	if err != nil || json.Unmarshal(clear, into) != nil {
		return notYours("no login that is known here: begin anew")
	}
	return nil
}

// opened is an attempt that this installation sealed and whose time is not over.
func (p *Provider) opened(ctx context.Context, cookie string) (a Attempt, err error) {
	if err := p.opens(ctx, forAttempt, cookie, &a); err != nil {
		return Attempt{}, err
	}
	if !p.shelf.Now().Before(a.Ends) {
		return Attempt{}, notYours("the login took longer than " + Life.String() + ": begin anew")
	}
	return a, nil
}

func (p *Provider) box(ctx context.Context) (cipher.AEAD, error) {
	key, err := p.seal.Key(ctx)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func notYours(why string) error {
	return &control.Refusal{Err: mq.Refuse(mq.BadRequest, "%s", why), Reason: BadLogin}
}

// refused is an error whose cause is for the log alone.
func refused(told string, cause error) error {
	return &causedError{&control.Refusal{Err: mq.Refuse(mq.Unauthorized, "%s: begin anew, or ask who runs this installation", told), Reason: BadProvider}, cause}
}

// away is the error of a provider that does not answer as one.
func away(cause error) error {
	return &causedError{mq.Refuse(mq.Unavailable, "the identity provider does not answer: log in with a password, or try again later"), cause}
}

// causedError keeps what went wrong in the depths for the log.
type causedError struct{ told, cause error }

// Error is what the person is told.
func (e *causedError) Error() string { return e.told.Error() }

// Unwrap gives what is told, whose kind is the error's; the cause is nobody's business but the log's.
func (e *causedError) Unwrap() error { return e.told }

// Cause is what went wrong in the depths; "" where the error says it all.
func Cause(err error) string {
	var c *causedError
	if errors.As(err, &c) {
		return c.cause.Error()
	}
	return ""
}
