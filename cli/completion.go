// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/causeway-mq/causeway/control/wire"
)

// completionTime is how long a shell waits for names: beyond it, none are offered.
const completionTime = 300 * time.Millisecond

// offer is what a shell may complete an argument or a flag with.
type offer func(ctx context.Context) []string

func these(words ...string) offer { return func(context.Context) []string { return words } }

// complete makes every command below cmd offer the names that its arguments and flags take. What an argument is, its place in
// the usage line says: TOPIC, GROUP, APP, or the NAME of what the parent is about.
func (c *call) complete(cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		c.complete(sub)
	}
	flags := map[string]offer{
		"output": these("table", "json", "yaml"), "type": these("normal", "fifo", "delay", "transaction"), "mode": these("leases", "pulls"),
		"log-level": these("debug", "info", "warn", "error"), "topic": c.listed("topics"), "group": c.listed("groups"),
		"publish": c.listed("topics"), "read": c.listed("topics"), "consume": c.listed("groups"),
	}
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if o := flags[f.Name]; o != nil {
			// It fails for a flag that does not exist or has its offer, and neither can be.
			_ = cmd.RegisterFlagCompletionFunc(f.Name, func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
				return o(cmd.Context()), cobra.ShellCompDirectiveNoFileComp
			})
		}
	})
	args := c.arguments(cmd)
	if len(args) == 0 {
		return
	}
	cmd.ValidArgsFunction = func(cmd *cobra.Command, have []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(have) >= len(args) || args[len(have)] == nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return args[len(have)](cmd.Context()), cobra.ShellCompDirectiveNoFileComp
	}
}

// arguments reads a command's usage line; nil stands for an argument that nobody can know.
func (c *call) arguments(cmd *cobra.Command) []offer {
	var args []offer
	for _, word := range strings.Fields(cmd.Use)[1:] {
		if strings.HasPrefix(word, "-") {
			break
		}
		known := map[string]offer{"TOPIC": c.listed("topics"), "GROUP": c.listed("groups"), "APP": c.listed("apps")}[word]
		if word == "NAME" && cmd.Name() != "create" && cmd.HasParent() {
			known = c.listed(cmd.Parent().Name() + "s")
		}
		if word == "FILE" || word == "[FILE]" {
			return nil // the shell knows files
		}
		args = append(args, known)
	}
	return args
}

// listed offers the names in one of the tenant's listings, as far as the server gives them in time.
func (c *call) listed(what string) offer {
	return func(ctx context.Context) []string {
		ctx, cancel := context.WithTimeout(ctx, completionTime)
		defer cancel()
		var page wire.Page[struct {
			Name string `json:"name"`
		}]
		if err := c.ask(ctx, http.MethodGet, c.in(what)+"?limit=1000", nil, &page); err != nil {
			return nil
		}
		names := make([]string, 0, len(page.Items))
		for _, one := range page.Items {
			names = append(names, one.Name)
		}
		return names
	}
}
