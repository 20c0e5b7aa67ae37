// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/causeway-mq/causeway/cli/call"
	"github.com/causeway-mq/causeway/cli/contexts"
	"github.com/causeway-mq/causeway/cli/sso"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/internal/clock"
)

func (c commands) loginCommand() *cobra.Command {
	var provider, noBrowser bool
	cmd := &cobra.Command{
		Use: "login", Short: "Ask for a token, try it at the server and keep it in a context", Args: call.Exactly(),
		Long: `Ask for a token, try it at the server and keep it in a context: the one that --context names, or the current one. Where there is none, one is
made, under the server's host name.

The token is typed without being shown; it can be piped in as well, or given as --token or CAUSEWAY_TOKEN. A server that asks nobody for a token is kept without one,
and one that is given all the same has to be good. It is kept in the contexts' file, which
its owner alone can read.

With --sso nobody needs a token: a browser on this machine leads to the identity provider of the installation, and you work here as the member that you are, for eight
hours or until causeway logout.`,
		Example: "  causeway login --server https://mq.example.com --tenant pay\n  causeway login --sso --server https://mq.example.com\n  echo \"$TOKEN\" | causeway login --context prod",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			kept, isNew, err := c.loginContext(cmd)
			if err != nil {
				return err
			}
			if err := c.WarnOfPlainText(); err != nil {
				return err
			}
			if provider || noBrowser {
				return c.loginAtProvider(cmd, kept, isNew)
			}
			given, err := c.GivenToken()
			if err != nil {
				return err
			}
			c.Token = ""
			_, err = c.greet(cmd.Context(), &kept)
			open := err == nil
			if open && given == "" {
				return c.loggedIn(cmd.Context(), kept, isNew, "%s takes commands from this machine without a token; context %s is kept without one")
			} else if err != nil && !call.Unauthorized(err) {
				return err
			}
			if c.Token = given; given == "" {
				if c.Token, err = c.TypedToken(); err != nil {
					return err
				}
			}
			s, err := c.greet(cmd.Context(), &kept)
			if open && call.Unauthorized(err) {
				return call.Fail(ExitDenied, fmt.Errorf("%s knows nobody by that token, and takes commands from this machine without one", kept.Server), "log in without a token, or with one that it made: causeway token create")
			}
			if err != nil {
				return err
			}
			kept.Token, kept.TokenFile, kept.TokenEnv = c.Token, "", ""
			return c.loggedIn(cmd.Context(), kept, isNew, "logged in to %s as "+strings.ReplaceAll(s.Name+", "+s.Role, "%", "%%")+"; the token is kept in context %s")
		},
	}
	cmd.Flags().BoolVar(&provider, "sso", false, "log in at the identity provider, with a browser on this machine")
	cmd.Flags().BoolVar(&noBrowser, "no-browser", false, "with --sso: show the address, and open nothing")
	return cmd
}

// loginAtProvider keeps the session that somebody gets with his browser. One that cannot be kept is ended, and so is the one that it follows.
func (c commands) loginAtProvider(cmd *cobra.Command, kept contexts.Context, isNew bool) error {
	ctx, f := cmd.Context(), cmd.Flags()
	if !f.Changed("sso") || c.Given.Token != "" || c.Env.Getenv("CAUSEWAY_TOKEN") != "" {
		return call.Usage("%s: --no-browser is for --sso, which takes no token: leave --token away, and unset CAUSEWAY_TOKEN, which would come before the session", cmd.CommandPath())
	}
	l := sso.Login{Call: c.Call, Clock: clock.System()}
	if c.Token = ""; c.TenantChosen() {
		l.Tenant = c.Tenant
	}
	if !f.Changed("no-browser") {
		l.Browse = c.Env.Browse
	}
	begun, err := l.Session(ctx)
	if err != nil {
		return err
	}
	before, _, _ := c.Chosen() // none, where the context is new
	c.Token = begun.Token
	if _, err = c.greet(ctx, &kept); err == nil {
		kept.Token, kept.TokenFile, kept.TokenEnv = begun.Token, "", ""
		who := begun.Name + ", " + begun.Role + ", until " + begun.Expires.UTC().Format("2006-01-02 15:04:05Z")
		err = c.loggedIn(ctx, kept, isNew, "logged in to %s as "+strings.ReplaceAll(who, "%", "%%")+"; the session is kept in context %s")
	}
	if err != nil {
		return errors.Join(err, sso.End(context.WithoutCancel(ctx), c.Call, kept.Server, begun.Token))
	}
	if before.Name == kept.Name && sso.Is(before.Token) {
		_ = sso.End(ctx, c.Call, before.Server, before.Token) // else its time ends it
	}
	return nil
}

// loginContext is the context that a token is for: one that is there, or a new one.
func (c commands) loginContext(cmd *cobra.Command) (kept contexts.Context, isNew bool, err error) {
	wanted := c.Given.Context
	if wanted == "" {
		wanted = c.Env.Getenv("CAUSEWAY_CONTEXT")
	}
	book, err := contexts.Load(c.Contexts())
	if err != nil {
		return kept, false, unkept(err)
	}
	if _, err := book.Find(wanted); wanted != "" && err != nil {
		isNew = true // under the name that was asked for
		if err := cmd.Flags().Set("context", ""); err != nil {
			return kept, false, err
		}
	}
	if _, err := c.Settle(cmd); err != nil {
		return kept, false, err
	}
	if !isNew {
		if kept, _, err = c.Chosen(); err != nil {
			return kept, false, err
		}
	}
	if kept.Name == "" {
		isNew = true
		kept.Name = wanted
	}
	kept.Server = c.Server
	if c.TenantChosen() {
		kept.Tenant = c.Tenant
	}
	if u, err := url.Parse(c.Server); err == nil && kept.Name == "" {
		kept.Name = u.Hostname()
	}
	if err := kept.Check(); err != nil {
		return kept, false, call.Usage("%s: %w", cmd.CommandPath(), err)
	}
	return kept, isNew, nil
}

// greet asks the server who one is, and whether that may work in the tenant. A token that belongs to a tenant brings it along.
func (c commands) greet(ctx context.Context, kept *contexts.Context) (s wire.Session, err error) {
	if err := c.Ask(ctx, http.MethodGet, "/v1/session", nil, &s); err != nil {
		return s, err
	}
	if s.Tenant != "" && !c.TenantChosen() {
		c.Tenant, kept.Tenant = s.Tenant, s.Tenant
	}
	return s, c.Ask(ctx, http.MethodGet, "/v1/tenants/"+url.PathEscape(c.Tenant), nil, nil)
}

func (c commands) loggedIn(ctx context.Context, kept contexts.Context, isNew bool, said string) error {
	current := false
	err := c.keep().Change(ctx, func(b *contexts.Book) error {
		if was, err := b.Find(kept.Name); err == nil {
			*was = kept
		} else {
			b.Contexts = append(b.Contexts, kept)
		}
		if isNew || b.Current == "" {
			b.Current = kept.Name
		}
		current = b.Current == kept.Name
		return nil
	})
	if err != nil {
		return unkept(err)
	}
	return c.Say(listedContext{kept, current}, said, kept.Server, kept.Name)
}

func (c commands) logoutCommand() *cobra.Command {
	return &cobra.Command{
		Use: "logout", Short: "Forget the token of a context, and end the session that login --sso began", Args: call.Exactly(),
		Long: `Forget the token of a context: the one that --context names, or the current one. A token that the context only points to, in a file or in the
environment, stays there. A session that login --sso began ends at the server as well.`,
		Example: "  causeway logout\n  causeway logout --context prod",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			kept, _, err := c.Chosen()
			if err != nil {
				return err
			}
			if kept.Name == "" {
				return call.Usage("%s: no context is chosen; name one with --context", cmd.CommandPath())
			}
			had := kept.Reference()
			err = c.keep().Change(cmd.Context(), func(b *contexts.Book) error {
				found, err := known(b, kept.Name)
				if err == nil {
					found.Token, found.TokenFile, found.TokenEnv = "", "", ""
				}
				return err
			})
			if err != nil {
				return unkept(err)
			}
			if sso.Is(kept.Token) {
				if err := sso.End(cmd.Context(), c.Call, kept.Server, kept.Token); err != nil {
					return call.Fail(call.Classify(err).Code, fmt.Errorf("the session is forgotten here, and %s did not end it: %w", kept.Server, err), "it ends by itself within eight hours; an admin ends it with: causeway member logout")
				}
				return c.Say(map[string]any{"context": kept.Name, "forgotten": true}, "context %s is logged out", kept.Name)
			}
			switch had {
			case "":
				return c.Say(map[string]any{"context": kept.Name, "forgotten": false}, "context %s had no token", kept.Name)
			case "kept":
				return c.Say(map[string]any{"context": kept.Name, "forgotten": true}, "the token of context %s is forgotten", kept.Name)
			}
			return c.Say(map[string]any{"context": kept.Name, "forgotten": true}, "context %s points to no token any more; %s has it still", kept.Name, had)
		},
	}
}
