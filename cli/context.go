// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/causeway-mq/causeway/cli/call"
	"github.com/causeway-mq/causeway/cli/contexts"
	"github.com/causeway-mq/causeway/internal/clock"
)

func (c commands) contextCommand() *cobra.Command {
	return call.Group("context", "Contexts: the installations that you work with, each under a name",
		c.contextAdd(), c.contextUse(), c.contextList(), c.contextShow(), c.contextRemove(), c.contextRename())
}

// keep is where contexts are changed.
func (c commands) keep() contexts.Store {
	return contexts.Store{Path: c.Contexts(), Clock: clock.System()}
}

func (c commands) contextAdd() *cobra.Command {
	var kept contexts.Context
	var replace bool
	cmd := &cobra.Command{
		Use: "add NAME --server URL", Short: "Keep an installation under a name; the first one is worked in from then on", Args: call.Exactly("the context's NAME"),
		Long: `Keep an installation under a name; the first one is worked in from then on.

The token is kept in the contexts' file, which its owner alone can read, or better: it stays in a file or in the environment, and the context says
where. causeway login asks for one without showing it.`,
		Example: "  causeway context add test --server http://127.0.0.1:8090\n  causeway context add prod --server https://mq.example.com --tenant pay --token-env PROD_TOKEN",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			kept.Name, kept.Server, kept.Tenant, kept.Token = args[0], c.Given.Server, c.Given.Tenant, c.Given.Token
			if kept.Server == "" {
				return call.Usage("%s: --server is missing: the URL of the API", cmd.CommandPath())
			}
			if err := kept.Check(); err != nil {
				return call.Usage("%s: %w", cmd.CommandPath(), err)
			}
			current := false
			err := c.keep().Change(cmd.Context(), func(b *contexts.Book) error {
				if was, err := b.Find(kept.Name); err == nil {
					if !replace {
						return call.Fail(ExitConflict, fmt.Errorf("context %q exists already", kept.Name), "--replace puts the new one in its place")
					}
					*was = kept
				} else {
					b.Contexts = append(b.Contexts, kept)
				}
				if b.Current == "" {
					b.Current = kept.Name
				}
				current = b.Current == kept.Name
				return nil
			})
			if err != nil {
				return unkept(err)
			}
			if !current {
				c.Hint("Work in it with: causeway context use %s", kept.Name)
			}
			return c.Say(listedContext{kept, current}, "context %s kept", kept.Name)
		},
	}
	f := cmd.Flags()
	f.StringVar(&kept.Endpoint, "endpoint", "", "HOST:PORT for clients")
	f.StringVar(&kept.TokenFile, "token-file", "", "file that holds the token")
	f.StringVar(&kept.TokenEnv, "token-env", "", "variable of the environment that holds the token")
	f.BoolVar(&replace, "replace", false, "in the place of a context of that name")
	return cmd
}

// unkept gives an error about the contexts' file its exit code.
func unkept(err error) error {
	var known *call.Failure
	if errors.As(err, &known) || errors.Is(err, context.Canceled) {
		return err
	}
	return call.Fail(ExitConfig, err, "")
}

// listedContext is a context as it is shown: without its token.
type listedContext struct {
	contexts.Context
	Current bool `json:"current"`
}

func (c commands) contextUse() *cobra.Command {
	return &cobra.Command{
		Use: "use CONTEXT", Short: "Work in a context from now on", Args: call.Exactly("the CONTEXT"),
		Example: "  causeway context use prod",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			var now contexts.Context
			err := c.keep().Change(cmd.Context(), func(b *contexts.Book) error {
				found, err := known(b, args[0])
				if err == nil {
					b.Current, now = found.Name, *found
				}
				return err
			})
			if err != nil {
				return unkept(err)
			}
			return c.Say(listedContext{now, true}, "context %s: %s, tenant %s", now.Name, now.Server, or(now.Tenant, call.DefaultTenant))
		},
	}
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// known finds a context that the command line names.
func known(b *contexts.Book, name string) (*contexts.Context, error) {
	found, err := b.Find(name)
	if err != nil {
		return nil, call.Fail(ExitNotFound, err, "`causeway context list` shows all")
	}
	return found, nil
}

func (c commands) contextList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List contexts", Args: call.Exactly(),
		Example: "  causeway context list",
		RunE: func(*cobra.Command, []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			book, err := contexts.Load(c.Contexts())
			if err != nil {
				return unkept(err)
			}
			all := make([]listedContext, len(book.Contexts))
			for i, one := range book.Contexts {
				all[i] = listedContext{one, one.Name == book.Current}
			}
			return c.Show(all, func() call.Table {
				t := call.Table{Head: []string{"CURRENT", "NAME", "SERVER", "TENANT", "ENDPOINT", "TOKEN"}}
				for _, one := range all {
					mark := ""
					if one.Current {
						mark = "*"
					}
					t.Add(mark, one.Name, one.Server, call.Dash(one.Tenant), call.Dash(one.Endpoint), call.Dash(one.Reference()))
				}
				return t
			})
		},
	}
}

// heldSettings is what `context show` gives to machines.
type heldSettings struct {
	File     string         `json:"file"`
	Settings []call.Setting `json:"settings"`
}

func (c commands) contextShow() *cobra.Command {
	cmd := &cobra.Command{
		Use: "show [CONTEXT]", Short: "Show where commands go from here, and what says so", Args: cobra.MaximumNArgs(1),
		Long: `Show where commands go from here, and what says so: a flag comes first, then the environment, then the context, then the default. Tokens are not
shown; a context's token goes to the context's server alone.`,
		Example: "  causeway context show\n  causeway context show -o json",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			if len(args) == 1 {
				if err := cmd.Flags().Set("context", args[0]); err != nil {
					return err
				}
			}
			settings, err := c.Settle(cmd)
			if err != nil {
				return err
			}
			return c.Show(heldSettings{c.Contexts(), settings}, func() call.Table {
				t := call.Table{Head: []string{"SETTING", "VALUE", "FROM"}}
				for _, s := range settings {
					t.Add(s.Name, call.Dash(s.Value), s.From)
				}
				return t
			})
		},
	}
	cmd.Flags().String("endpoint", "", "as with the commands that take it")
	return cmd
}

func (c commands) contextRemove() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "remove CONTEXT", Short: "Forget a context, with the token that is kept in it", Args: call.Exactly("the CONTEXT"),
		Example: "  causeway context remove test --yes",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			none := false
			err := c.keep().Change(cmd.Context(), func(b *contexts.Book) error {
				found, err := known(b, args[0])
				if err != nil {
					return err
				}
				if found.Token != "" && !yes {
					return call.Fail(ExitConflict, fmt.Errorf("context %q keeps a token, which is lost with it", args[0]), "if you mean it, say --yes")
				}
				b.Remove(args[0])
				none = b.Current == ""
				return nil
			})
			if err != nil {
				return unkept(err)
			}
			if none {
				c.Hint("No context is chosen now; choose one with: causeway context use CONTEXT")
			}
			return c.Say(map[string]string{"removed": args[0]}, "context %s removed", args[0])
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "also when a token would be lost")
	return cmd
}

func (c commands) contextRename() *cobra.Command {
	return &cobra.Command{
		Use: "rename CONTEXT NAME", Short: "Give a context another name", Args: call.Exactly("the CONTEXT", "the new NAME"),
		Example: "  causeway context rename test staging",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			err := c.keep().Change(cmd.Context(), func(b *contexts.Book) error {
				found, err := known(b, args[0])
				if err != nil {
					return err
				}
				if _, err := b.Find(args[1]); err == nil {
					return call.Fail(ExitConflict, fmt.Errorf("context %q exists already", args[1]), "")
				}
				renamed := *found
				renamed.Name = args[1]
				if err := renamed.Check(); err != nil {
					return call.Usage("%s: %w", cmd.CommandPath(), err)
				}
				if *found = renamed; b.Current == args[0] {
					b.Current = args[1]
				}
				return nil
			})
			if err != nil {
				return unkept(err)
			}
			return c.Say(map[string]string{"renamed": args[0], "to": args[1]}, "context %s is %s now", args[0], args[1])
		},
	}
}
