// SPDX-License-Identifier: Apache-2.0

package oidc

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/causeway-mq/causeway/control/identity"
	"github.com/causeway-mq/causeway/mq"
)

// Config names the identity provider at which members log in, and says what becomes of what it tells. Without an issuer there is none.
type Config struct {
	Issuer       string   `yaml:"issuer" doc:"URL of the OpenID provider, exactly as it names itself; https, or http on the loopback interface; empty: members log in with passwords alone"`
	Label        string   `yaml:"label" doc:"what people are shown on the way to it"`
	ClientID     string   `yaml:"client_id" doc:"under which the provider knows this control plane"`
	ClientSecret string   `yaml:"client_secret" secret:"true" doc:"better in a file or in CAUSEWAY_OIDC_SECRET; none for a public client, which PKCE protects alone"`
	SecretFile   string   `yaml:"client_secret_file" doc:"file that holds the client's secret, readable by nobody else"`
	RedirectURL  string   `yaml:"redirect_url" doc:"where the provider sends browsers back to: the URL of this API as browsers see it, with /v1/session/provider/return"`
	LogoutURL    string   `yaml:"logout_url" doc:"where the provider sends browsers after a logout; it must know it; empty: it shows a page of its own"`
	Scopes       []string `yaml:"scopes" doc:"what is asked for; openid is always among it"`
	NameClaim    string   `yaml:"name_claim" doc:"the claim that is the member's name; email counts where the provider has verified it alone"`
	GroupsClaim  string   `yaml:"groups_claim" doc:"the claim that lists a person's groups, for mappings"`
	CA           string   `yaml:"ca" doc:"PEM file of the authorities that vouch for the provider; empty: the system's"`
	// Mappings let people in who are no members yet; without one for them they have to be.
	Mappings []Mapping `yaml:"mappings" doc:"who is in a group has a role; the first that fits counts in each place. Members who are made by hand keep the role that they have"`
}

// Mapping gives a group's people a role.
type Mapping struct {
	Group  string `yaml:"group" doc:"as the groups claim has it"`
	Tenant string `yaml:"tenant" doc:"in which the role is held; empty: in the installation"`
	Role   string `yaml:"role" doc:"any but break-glass, which ends within hours and needs a reason"`
}

// Default is what holds where nothing is said.
func Default() Config {
	return Config{Label: "single sign-on", Scopes: []string{"openid", "profile", "email"}, NameClaim: "email", GroupsClaim: "groups"}
}

// Limits of a configuration.
const (
	maxMappings = 1_000
	maxText     = 500 // bytes of a value
	maxSecret   = 4 << 10
)

// On tells whether there is a provider.
func (c Config) On() bool { return c.Issuer != "" }

// Check tells bad of each problem under its key.
func (c Config) Check(bad func(key, format string, args ...any)) {
	if !c.On() {
		if c.ClientID != "" || c.RedirectURL != "" || len(c.Mappings) > 0 {
			bad("oidc.issuer", "is missing: without it nobody logs in at an identity provider")
		}
		return
	}
	if err := checkURL(c.Issuer); err != nil {
		bad("oidc.issuer", "%v", err)
	} else if u, _ := url.Parse(c.Issuer); u.RawQuery != "" || u.Fragment != "" {
		bad("oidc.issuer", "has neither a query nor a fragment")
	}
	if c.ClientID == "" || len(c.ClientID) > maxText {
		bad("oidc.client_id", "1 to %d bytes are required", maxText)
	}
	if err := checkURL(c.RedirectURL); err != nil {
		bad("oidc.redirect_url", "%v", err)
	} else if u, _ := url.Parse(c.RedirectURL); !strings.HasSuffix(u.Path, ReturnPath) || u.RawQuery != "" || u.Fragment != "" {
		bad("oidc.redirect_url", "must end with %s", ReturnPath)
	}
	if c.LogoutURL != "" {
		if err := checkURL(c.LogoutURL); err != nil {
			bad("oidc.logout_url", "%v", err)
		}
	}
	c.checkClaims(bad)
	if _, err := c.secret(); err != nil {
		bad("oidc.client_secret_file", "%v", err)
	}
	if _, err := c.authorities(); err != nil {
		bad("oidc.ca", "%v", err)
	}
	if _, err := c.Grants(); err != nil {
		bad("oidc.mappings", "%v", err)
	}
}

func (c Config) checkClaims(bad func(key, format string, args ...any)) {
	for key, claim := range map[string]string{"oidc.name_claim": c.NameClaim, "oidc.groups_claim": c.GroupsClaim} {
		if claim == "" || len(claim) > maxText {
			bad(key, "1 to %d bytes are required", maxText)
		}
	}
	for i, s := range c.Scopes {
		if s == "" || len(s) > maxText || strings.ContainsAny(s, " \"\\") {
			bad(fmt.Sprintf("oidc.scopes[%d]", i), "%q is no scope", s)
		}
	}
}

// ReturnPath is where the provider sends browsers back to.
const ReturnPath = "/v1/session/provider/return"

// checkURL refuses what is no https URL of a host; in clear the loopback interface alone is spoken to.
func checkURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.User != nil || len(text) > maxText:
		return errors.New("https://HOST/... is needed")
	case u.Scheme == "https", u.Scheme == "http" && onLoopback(u.Hostname()):
		return nil
	}
	return errors.New("https is needed; http is spoken on the loopback interface alone")
}

func onLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// secret is the client's secret, from wherever it is.
func (c Config) secret() (string, error) {
	if c.SecretFile == "" {
		return c.ClientSecret, nil
	}
	if c.ClientSecret != "" {
		return "", errors.New("a secret is given as well: one of both")
	}
	info, err := os.Stat(c.SecretFile)
	if err != nil {
		return "", err
	}
	switch {
	case !info.Mode().IsRegular() || info.Size() > maxSecret:
		return "", fmt.Errorf("%s: no regular file of at most %d bytes", c.SecretFile, maxSecret)
	case info.Mode().Perm()&0o027 != 0:
		return "", fmt.Errorf("%s: mode %04o lets others in: chmod 600 %s", c.SecretFile, info.Mode().Perm(), c.SecretFile)
	}
	raw, err := os.ReadFile(c.SecretFile)
	return strings.TrimSpace(string(raw)), err
}

// authorities are those that vouch for the provider; nil: the system's.
func (c Config) authorities() (*x509.CertPool, error) {
	if c.CA == "" {
		return nil, nil
	}
	raw, err := os.ReadFile(c.CA)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(raw) {
		return nil, fmt.Errorf("%s holds no certificate in PEM", c.CA)
	}
	return pool, nil
}

// Grants are the mappings. The error names all that is wrong with them.
func (c Config) Grants() ([]identity.Grant, error) {
	if len(c.Mappings) > maxMappings {
		return nil, fmt.Errorf("%d, the limit is %d", len(c.Mappings), maxMappings)
	}
	var errs []error
	var all []identity.Grant
	for i, m := range c.Mappings {
		g, err := m.grant()
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("[%d]: %w", i, err))
		case slices.ContainsFunc(all, func(o identity.Grant) bool { return o.Group == g.Group && o.Tenant == g.Tenant }):
			errs = append(errs, fmt.Errorf("[%d]: group %q has a role there already", i, m.Group))
		default:
			all = append(all, g)
		}
	}
	return all, errors.Join(errs...)
}

func (m Mapping) grant() (identity.Grant, error) {
	g := identity.Grant{Group: m.Group}
	if m.Group == "" || len(m.Group) > maxText {
		return g, fmt.Errorf("group: 1 to %d bytes are required", maxText)
	}
	var err error
	if m.Tenant != "" {
		if g.Tenant, err = mq.ParseTenant(m.Tenant); err != nil {
			return g, fmt.Errorf("tenant: %w", err)
		}
	}
	if g.Role, err = identity.ParseRole(m.Role, g.Tenant); err != nil {
		return g, err
	}
	if g.Role == identity.BreakGlass {
		return g, errors.New("role: break-glass ends within hours and needs a reason: nobody has it by a group")
	}
	return g, nil
}

// target refuses addresses that no provider has: those of a cloud's metadata, of groups, of nobody, and the loopback interface unless the provider is named to be there.
func target(address string, local bool) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return err
	}
	ip = ip.Unmap()
	metadata := netip.MustParsePrefix("fd00:ec2::/32")
	if ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified() || metadata.Contains(ip) || ip.IsLoopback() && !local {
		return fmt.Errorf("%s is no address of an identity provider (target_not_allowed)", ip)
	}
	return nil
}
