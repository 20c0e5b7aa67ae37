// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/causeway-mq/causeway/cli/call"
	"github.com/causeway-mq/causeway/cli/contexts"
	"github.com/causeway-mq/causeway/control/wire"
)

// askSecret reads a secret at a terminal without showing it; nil where in is no terminal. The terminal hands over every key
// while it asks, so Ctrl-C ends the question and nothing waits behind it.
func askSecret(in, talk *os.File) func(string) (string, error) {
	fd := int(in.Fd())
	if !term.IsTerminal(fd) {
		return nil
	}
	return func(prompt string) (string, error) {
		before, err := term.MakeRaw(fd)
		if err != nil {
			return "", err
		}
		typed, err := term.NewTerminal(struct {
			io.Reader
			io.Writer
		}{in, talk}, "").ReadPassword(prompt)
		if err := errors.Join(err, term.Restore(fd, before)); err != nil {
			return "", fmt.Errorf("nothing was typed: %w", err)
		}
		return typed, nil
	}
}

func (c commands) loginCommand() *cobra.Command {
	return &cobra.Command{
		Use: "login", Short: "Ask for a token, try it at the server and keep it in a context", Args: call.Exactly(),
		Long: `Ask for a token, try it at the server and keep it in a context: the one that --context names, or the current one. Where there is none, one is
made, under the server's host name.

The token is typed without being shown; it can be piped in as well, or given as --token or CAUSEWAY_TOKEN. A server that asks nobody for a token is kept without one,
and one that is given all the same has to be good. It is kept in the contexts' file, which
its owner alone can read.`,
		Example: "  causeway login --server https://mq.example.com --tenant pay\n  echo \"$TOKEN\" | causeway login --context prod",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			kept, isNew, err := c.loginContext(cmd)
			if err != nil {
				return err
			}
			if err := c.warnOfPlainText(); err != nil {
				return err
			}
			given, err := c.givenToken()
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
				if c.Token, err = c.typedToken(); err != nil {
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

// warnOfPlainText tells that a token would go over the network for everybody to read.
func (c commands) warnOfPlainText() error {
	u, err := url.Parse(c.Server)
	if err != nil {
		return call.Usage("--server %q: a URL such as http://127.0.0.1:8090 is needed", c.Server)
	}
	ip, err := netip.ParseAddr(u.Hostname())
	if u.Scheme == "https" || strings.EqualFold(u.Hostname(), "localhost") || err == nil && ip.IsLoopback() {
		return nil
	}
	fmt.Fprintf(c.Env.Err, "warning: the token goes to %s in plain text; https:// protects it\n", net.JoinHostPort(u.Hostname(), or(u.Port(), "80")))
	return nil
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

// givenToken is the token of the command line, of the environment, or of the first line of an input that nobody types; "" where none is given.
func (c commands) givenToken() (string, error) {
	if token := strings.TrimSpace(or(c.Given.Token, c.Env.Getenv("CAUSEWAY_TOKEN"))); token != "" || c.Env.Secret != nil {
		return token, nil
	}
	token, err := c.FirstLine()
	return strings.TrimSpace(token), err
}

// typedToken takes the token from somebody at the terminal.
func (c commands) typedToken() (string, error) {
	token, err := c.TypedSecret("Token: ")
	return strings.TrimSpace(token), err
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
		Use: "logout", Short: "Forget the token of a context", Args: call.Exactly(),
		Long:    "Forget the token of a context: the one that --context names, or the current one. A token that the context only points to, in a file or in the\nenvironment, stays there.",
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
