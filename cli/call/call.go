// SPDX-License-Identifier: Apache-2.0

// Package call is one command line under way: where it talks to, how it shows data, how it fails.
package call

import (
	"io"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/causeway-mq/causeway/app"
	"github.com/causeway-mq/causeway/internal/nearest"
)

// Env is what surrounds a run: everything that the commands take from the process they run in.
type Env struct {
	Args   []string // without the program's name
	In     io.Reader
	Out    io.Writer // data
	Err    io.Writer // talk
	Getenv func(string) string
	// Secret asks somebody at a terminal for a secret without showing it; nil where there is nobody.
	Secret func(prompt string) (string, error)
	// Browse opens a browser for somebody at a desktop; nil: he opens one himself.
	Browse func(address string) error
	// InTerminal tells that somebody types the input; OutTerminal and ErrTerminal, that somebody looks at the output as it comes.
	InTerminal, OutTerminal, ErrTerminal bool
}

// Call is one command line under way, with what all commands share.
type Call struct {
	Env    Env
	Output string
	Quiet  bool
	// Server, Token, Tenant and Endpoint hold once the command line is settled.
	Server, Token, Tenant, Endpoint string

	Given    Given
	flags    *pflag.FlagSet
	tenantBy string
	// tokenFor is the server that the token belongs to, "" when whoever runs the command gave it for this call.
	tokenFor string
}

// Given is the words of the command line and nothing else.
type Given struct{ Server, Token, Tenant, Context string }

// Flags adds the flags that all commands share.
func (c *Call) Flags(f *pflag.FlagSet) {
	c.flags = f
	f.StringVar(&c.Given.Context, "context", "", "context to work in (CAUSEWAY_CONTEXT; see causeway context)")
	f.StringVar(&c.Given.Server, "server", "", "URL of the API (CAUSEWAY_SERVER; "+DefaultServer+" when nothing says otherwise)")
	f.StringVar(&c.Given.Token, "token", "", "token of the API; better given as CAUSEWAY_TOKEN, or kept by causeway login")
	f.StringVar(&c.Given.Tenant, "tenant", "", "tenant to work in (CAUSEWAY_TENANT; "+DefaultTenant+" when nothing says otherwise)")
	f.StringVarP(&c.Output, "output", "o", "table", "form of data: table, json or yaml; jsonl of what goes on")
	f.BoolVarP(&c.Quiet, "quiet", "q", false, "no word about what went well: data and errors alone")
}

// Or is the environment's value, or what holds where it says nothing.
func (c *Call) Or(name, otherwise string) string {
	if v := c.Env.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

// NotZero refuses a 0 that somebody wrote, where a 0 that nobody wrote stands for the default.
func NotZero(cmd *cobra.Command, flag string, value int, limits string) error {
	if value == 0 && cmd.Flags().Changed(flag) {
		return Usage("%s: --%s 0: %s", cmd.CommandPath(), flag, limits)
	}
	return nil
}

// Changed is the flag's value where the command line sets it, nil otherwise.
func Changed[T any](cmd *cobra.Command, flag string, value *T) *T {
	if cmd.Flags().Changed(flag) {
		return value
	}
	return nil
}

// Exactly wants one argument for each name.
func Exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < len(names) {
			return Usage("%s: %s is missing", cmd.CommandPath(), names[len(args)])
		}
		if len(args) > len(names) {
			return Usage("%s: %q is one argument too many", cmd.CommandPath(), args[len(names)])
		}
		return nil
	}
}

// Group is a command that only holds others.
func Group(use, short string, subs ...*cobra.Command) *cobra.Command {
	g := &cobra.Command{Use: use, Short: short}
	g.AddCommand(subs...)
	return g
}

// Choice refuses a word that is none of those known.
func Choice(flag, word string, known ...string) error {
	for _, k := range known {
		if word == k {
			return nil
		}
	}
	return Usage("%s %q: %s%s", flag, word, list(known), nearest.Hint(word, known))
}

// list joins words as people do.
func list(words []string) string {
	text := ""
	for i, w := range words {
		switch {
		case i > 0 && i == len(words)-1:
			text += " or "
		case i > 0:
			text += ", "
		}
		text += w
	}
	return text
}

// EndpointFlag adds the flag of commands that speak to the clients' port.
func EndpointFlag(cmd *cobra.Command, to *string) {
	cmd.Flags().StringVar(to, "endpoint", "", "HOST:PORT for clients (CAUSEWAY_ENDPOINT; "+app.DefaultListen+" when nothing says otherwise)")
}
