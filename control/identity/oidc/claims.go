// SPDX-License-Identifier: Apache-2.0

package oidc

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	gooidc "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/causeway-mq/causeway/control/identity"
)

// skew is how far the clocks of provider and control plane may be apart. An id token is read at once, so one that is older than maxAge was not made for this login.
const (
	skew   = time.Minute
	maxAge = Life + skew
)

// maxGroups bounds the groups of a person that are looked at.
const maxGroups = 1_000

// untrue is what a person is told whose token does not hold; the log has why.
const untrue = "what the identity provider said does not hold"

// verified reads an id token that the provider signed for this client, now, for this attempt.
func (p *Provider) verified(ctx context.Context, f *found, a Attempt, raw string) (*gooidc.IDToken, error) {
	id, err := f.provider.VerifierContext(ctx, &gooidc.Config{ClientID: p.config.ClientID, SupportedSigningAlgs: f.algs, SkipExpiryCheck: true}).Verify(ctx, raw)
	if err != nil {
		return nil, refused(untrue, err)
	}
	var more struct {
		For string `json:"azp"`
		Nbf int64  `json:"nbf"`
	}
	if err := id.Claims(&more); err != nil {
		return nil, refused(untrue, err)
	}
	now := p.shelf.Now()
	switch {
	case subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(a.Nonce)) != 1:
		err = errors.New("the id token has the nonce of another login")
	case !now.Before(id.Expiry.Add(skew)):
		err = fmt.Errorf("the id token expired at %v", id.Expiry)
	case id.IssuedAt.After(now.Add(skew)), time.Unix(more.Nbf, 0).After(now.Add(skew)):
		err = fmt.Errorf("the id token is of the future: %v", id.IssuedAt)
	case id.IssuedAt.Before(now.Add(-maxAge)):
		err = fmt.Errorf("the id token is of %v, which is before the login", id.IssuedAt)
	case id.Subject == "" || len(id.Subject) > 255:
		err = errors.New("the id token names no subject of 1 to 255 bytes")
	case more.For != "" && more.For != p.config.ClientID, more.For == "" && len(id.Audience) > 1:
		err = fmt.Errorf("the id token is for %v, given to %q", id.Audience, more.For)
	}
	if err != nil {
		return nil, refused(untrue, err)
	}
	return id, nil
}

// claims are what a provider says of a person.
type claims map[string]json.RawMessage

// vouched reads who a person is out of the id token, and out of what the provider tells beside it where that lacks something.
func (p *Provider) vouched(ctx context.Context, f *found, id *gooidc.IDToken, token *oauth2.Token) (identity.Vouched, error) {
	said := claims{}
	if err := id.Claims(&said); err != nil {
		return identity.Vouched{}, refused(untrue, err)
	}
	if f.provider.UserInfoEndpoint() != "" && (said[p.config.NameClaim] == nil || said[p.config.GroupsClaim] == nil && len(p.config.Mappings) > 0) {
		info, err := f.provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
		if err != nil {
			return identity.Vouched{}, away(err)
		}
		if info.Subject != id.Subject {
			return identity.Vouched{}, refused(untrue, fmt.Errorf("userinfo is about %q, the id token about %q", info.Subject, id.Subject))
		}
		more := claims{}
		if err := info.Claims(&more); err != nil {
			return identity.Vouched{}, refused(untrue, err)
		}
		for name, v := range more {
			if said[name] == nil {
				said[name] = v
			}
		}
	}
	name, err := p.name(said)
	if err != nil {
		return identity.Vouched{}, err
	}
	return identity.Vouched{External: identity.External{Issuer: id.Issuer, Subject: id.Subject}, Name: name, Groups: groups(said[p.config.GroupsClaim])}, nil
}

// name is the member's name. A mail address that the provider has not seen to be his could be anybody's.
func (p *Provider) name(said claims) (string, error) {
	var name string
	if err := json.Unmarshal(said[p.config.NameClaim], &name); err != nil || strings.TrimSpace(name) == "" {
		return "", refused("the identity provider does not say who you are", fmt.Errorf("the claim %q is no text: %.200s", p.config.NameClaim, said[p.config.NameClaim]))
	}
	if p.config.NameClaim == "email" && !slices.Contains([]string{`true`, `"true"`}, string(said["email_verified"])) {
		return "", refused("the identity provider has not verified your mail address", fmt.Errorf("email_verified is %.20q", said["email_verified"]))
	}
	return name, nil
}

// groups are a person's groups; some providers give a single one as a text.
func groups(raw json.RawMessage) []string {
	var many []string
	if json.Unmarshal(raw, &many) == nil {
		return many[:min(len(many), maxGroups)]
	}
	var one string
	if json.Unmarshal(raw, &one) == nil && one != "" {
		return []string{one}
	}
	return nil
}
