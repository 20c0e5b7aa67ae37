// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/causeway-mq/causeway/cli/contexts"
	"github.com/causeway-mq/causeway/control/wire"
)

// completionTime is how long a shell waits for names: beyond it, none are offered.
const completionTime = 300 * time.Millisecond

// offer is what a shell may complete an argument or a flag with.
type offer func(cmd *cobra.Command) []string

func these(words ...string) offer { return func(*cobra.Command) []string { return words } }

// complete makes every command below cmd offer the names that its arguments and flags take. What an argument is, its place in
// the usage line says: TOPIC, GROUP, APP, or the NAME of what the parent is about.
func (c commands) complete(cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		c.complete(sub)
	}
	flags := map[string]offer{
		"output": these("table", "json", "yaml"), "type": these("normal", "fifo", "delay", "transaction"), "mode": these("leases", "pulls"),
		"for": these("up", "proxy", "catalog"), "log-level": these("debug", "info", "warn", "error"), "topic": c.listed("topics"), "group": c.listed("groups"),
		"context": c.kept(), "publish": c.listed("topics"), "read": c.listed("topics"), "consume": c.listed("groups"),
	}
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if o := flags[f.Name]; o != nil {
			// It fails for a flag that does not exist or has its offer, and neither can be.
			_ = cmd.RegisterFlagCompletionFunc(f.Name, func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
				return o(cmd), cobra.ShellCompDirectiveNoFileComp
			})
		}
	})
	args := c.arguments(cmd)
	if len(args) == 0 || cmd.ValidArgsFunction != nil {
		return
	}
	cmd.ValidArgsFunction = func(cmd *cobra.Command, have []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(have) >= len(args) || args[len(have)] == nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return args[len(have)](cmd), cobra.ShellCompDirectiveNoFileComp
	}
}

// arguments reads a command's usage line; nil stands for an argument that nobody can know.
func (c commands) arguments(cmd *cobra.Command) []offer {
	var args []offer
	for _, word := range strings.Fields(cmd.Use)[1:] {
		if strings.HasPrefix(word, "-") {
			break
		}
		known := map[string]offer{"TOPIC": c.listed("topics"), "GROUP": c.listed("groups"), "APP": c.listed("apps"), "CONTEXT": c.kept(), "KIND": these("topics", "groups", "apps", "tenants", "all"),
			"LEVEL": these("debug", "info", "warn", "error")}[strings.Trim(word, "[]")]
		if word == "NAME" && cmd.HasParent() && cmd.Parent().Name() != "server" && !isNew(cmd.Name()) {
			known = c.listed(cmd.Parent().Name() + "s")
		}
		if word == "FILE" || word == "[FILE]" {
			return nil // the shell knows files
		}
		args = append(args, known)
	}
	return args
}

// isNew tells that a command's NAME is one that nobody has yet.
func isNew(command string) bool {
	return command == "create" || command == "add" || command == "rename"
}

// kept offers the names of contexts.
func (c commands) kept() offer {
	return func(*cobra.Command) []string {
		book, err := contexts.Load(c.Contexts())
		if err != nil {
			return nil
		}
		return book.Names()
	}
}

// listed offers the names in one of the tenant's listings, as far as the server gives them in time.
func (c commands) listed(what string) offer {
	return func(cmd *cobra.Command) []string {
		ctx, cancel := context.WithTimeout(cmd.Context(), completionTime)
		defer cancel()
		if _, err := c.Settle(cmd); err != nil {
			return nil
		}
		var page wire.Page[struct {
			Name string `json:"name"`
		}]
		if err := c.Ask(ctx, http.MethodGet, c.In(what)+"?limit=1000", nil, &page); err != nil {
			return nil
		}
		names := make([]string, 0, len(page.Items))
		for _, one := range page.Items {
			names = append(names, one.Name)
		}
		return names
	}
}
