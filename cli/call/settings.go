// SPDX-License-Identifier: Apache-2.0

package call

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/causeway-mq/causeway/app"
	"github.com/causeway-mq/causeway/cli/contexts"
	"github.com/causeway-mq/causeway/control/wire"
)

// What holds where neither a flag, the environment nor a context says otherwise.
const (
	DefaultServer = "http://" + app.DefaultHTTP
	DefaultTenant = "default"
)

// Setting is one thing that commands need to know, with where it was said.
type Setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	From  string `json:"from"`
}

// byDefault is where a value comes from that nobody chose.
const byDefault = "default"

// words are where the values of a setting may stand, the strongest first.
type words struct{ flag, env, kept, otherwise string }

func (c *Call) pick(s words, given, context string) (value, from string) {
	if f := c.flags.Lookup(s.flag); f != nil && f.Changed {
		return given, "flag --" + s.flag
	}
	if v := c.Env.Getenv(s.env); v != "" {
		return v, "environment " + s.env
	}
	if s.kept != "" {
		return s.kept, "context " + context
	}
	return s.otherwise, byDefault
}

// Settle decides for a command that talks to a server which one, as whom and in which tenant: by flag, then environment, then
// context, then default. The settings tell how it was decided; of the token they hold no more than that there is one.
func (c *Call) Settle(cmd *cobra.Command) ([]Setting, error) {
	kept, from, err := c.Chosen()
	if err != nil {
		return nil, err
	}
	settings := []Setting{{"context", kept.Name, from}}
	note := func(name, value, from string) { settings = append(settings, Setting{name, value, from}) }
	c.Server, from = c.pick(words{"server", "CAUSEWAY_SERVER", kept.Server, DefaultServer}, c.Given.Server, kept.Name)
	note("server", c.Server, from)
	c.Tenant, c.tenantBy = c.pick(words{"tenant", "CAUSEWAY_TENANT", kept.Tenant, DefaultTenant}, c.Given.Tenant, kept.Name)
	note("tenant", c.Tenant, c.tenantBy)
	endpoint := cmd.Flags().Lookup("endpoint")
	c.Endpoint, from = c.pick(words{"", "CAUSEWAY_ENDPOINT", kept.Endpoint, app.DefaultListen}, "", kept.Name)
	if endpoint != nil && endpoint.Changed {
		c.Endpoint, from = endpoint.Value.String(), "flag --endpoint"
	} else if endpoint != nil {
		if err := endpoint.Value.Set(c.Endpoint); err != nil {
			return nil, err
		}
	}
	note("endpoint", c.Endpoint, from)
	value, from, err := c.settleToken(kept)
	if err != nil {
		return nil, err
	}
	note("token", value, from)
	return settings, nil
}

// SettleLocal is Settle for a command that talks to no server: it looks at no context.
func (c *Call) SettleLocal() {
	c.Server, _ = c.pick(words{"server", "CAUSEWAY_SERVER", "", DefaultServer}, c.Given.Server, "")
	c.Tenant, c.tenantBy = c.pick(words{"tenant", "CAUSEWAY_TENANT", "", DefaultTenant}, c.Given.Tenant, "")
}

// settleToken takes the context's token for the context's server alone: a server that somebody names for one call must not
// learn the secret of another one.
func (c *Call) settleToken(kept contexts.Context) (value, from string, err error) {
	c.tokenFor = ""
	if c.Token, from = c.pick(words{"token", "CAUSEWAY_TOKEN", "", ""}, c.Given.Token, ""); c.Token != "" {
		return "(set)", from, nil
	}
	if from != byDefault { // said to be none
		return "", from, nil
	}
	if kept.Reference() == "" {
		return "", from, nil
	}
	if !sameServer(c.Server, kept.Server) {
		return "", "context " + kept.Name + " has one for its own server alone", nil
	}
	secret, from, err := kept.Secret(c.Env.Getenv)
	if err != nil {
		return "", "", Fail(ExitConfig, err, "")
	}
	c.Token, c.tokenFor = secret, kept.Server
	from = fmt.Sprintf("context %s (%s)", kept.Name, from)
	if secret == "" {
		return "", from, nil
	}
	return "(set)", from, nil
}

// tenantTime bounds the question for a token's own tenant.
const tenantTime = 5 * time.Second

// TokensTenant takes the tenant that a token belongs to where nobody said another one: it is the only one that the token can work in. Commands that speak to the
// clients' port need none, and the server's one token has none. That it cannot be found out is no error: what follows tells what is wrong.
func (c *Call) TokensTenant(cmd *cobra.Command) {
	if c.TenantChosen() || !strings.HasPrefix(c.Token, "cwt_") && !strings.HasPrefix(c.Token, "cwl_") || cmd.Flags().Lookup("endpoint") != nil {
		return
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), tenantTime)
	defer cancel()
	var s wire.Session
	if err := c.Ask(ctx, http.MethodGet, "/v1/session", nil, &s); err == nil && s.Tenant != "" {
		c.Tenant = s.Tenant
	}
}

// TenantChosen tells that somebody said which tenant: a key knows its own.
func (c *Call) TenantChosen() bool { return c.tenantBy != byDefault }

// TenantFlag tells that the command line itself names the tenant.
func (c *Call) TenantFlag() bool { return c.flags.Changed("tenant") }

// Contexts is the contexts' file, "" where there is none to be.
func (c *Call) Contexts() string { return contexts.File(c.Env.Getenv) }

// Chosen is the context to work in, the empty one where none is chosen, and where that was said.
func (c *Call) Chosen() (contexts.Context, string, error) {
	book, err := contexts.Load(c.Contexts())
	if err != nil {
		return contexts.Context{}, "", Fail(ExitConfig, err, "")
	}
	name, from := c.pick(words{"context", "CAUSEWAY_CONTEXT", "", book.Current}, c.Given.Context, "")
	if from == byDefault && name != "" {
		from = "file " + c.Contexts()
	}
	if name == "" {
		return contexts.Context{}, from, nil
	}
	kept, err := book.Find(name)
	if errors.Is(err, contexts.ErrUnknown) {
		return contexts.Context{}, from, Fail(ExitUsage, err, "`causeway context list` shows all, `causeway context add` makes one")
	}
	return *kept, from, nil
}

// sameServer tells whether two URLs name one server.
func sameServer(a, b string) bool {
	x, err := url.Parse(a)
	y, err2 := url.Parse(b)
	return err == nil && err2 == nil && strings.EqualFold(x.Scheme, y.Scheme) && strings.EqualFold(x.Host, y.Host)
}
