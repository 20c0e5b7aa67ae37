// SPDX-License-Identifier: Apache-2.0

// Package cli is the command line of Causeway.
//
// Rules of the house. Data goes to standard output, talk to standard error. Every command that shows data takes -o table, json
// or yaml; json and yaml are the API's own objects, complete. An error names what is wrong, then what to do next, and
// ends the process with a code that scripts can tell apart (see the Exit constants). Nothing asks questions; what destroys
// something needs --yes. Precedence: flag, then environment, then context, then default.
package cli

import (
	"context"
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/causeway-mq/causeway/app"
	"github.com/causeway-mq/causeway/cli/call"
	"github.com/causeway-mq/causeway/cli/clusters"
	"github.com/causeway-mq/causeway/cli/estate"
	"github.com/causeway-mq/causeway/cli/figures"
	"github.com/causeway-mq/causeway/cli/health"
	"github.com/causeway-mq/causeway/cli/people"
	"github.com/causeway-mq/causeway/cli/post"
	"github.com/causeway-mq/causeway/cli/requests"
	"github.com/causeway-mq/causeway/cli/roster"
	"github.com/causeway-mq/causeway/cli/serve"
	"github.com/causeway-mq/causeway/cli/sso"
	"github.com/causeway-mq/causeway/cli/traffic"
	"github.com/causeway-mq/causeway/cli/watch"
	"github.com/causeway-mq/causeway/internal/nearest"
)

// Env is what surrounds a run.
type Env = call.Env

// The exit codes.
const (
	ExitOK        = call.ExitOK
	ExitFailure   = call.ExitFailure
	ExitUsage     = call.ExitUsage
	ExitNotFound  = call.ExitNotFound
	ExitDenied    = call.ExitDenied
	ExitConflict  = call.ExitConflict
	ExitTimeout   = call.ExitTimeout
	ExitPartial   = call.ExitPartial
	ExitThrottled = call.ExitThrottled
	ExitConfig    = call.ExitConfig
)

// Process is the environment of this process.
func Process() Env {
	return Env{
		Args: os.Args[1:], In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv,
		Secret: call.AskSecret(os.Stdin, os.Stderr), Browse: sso.Browse,
		InTerminal: term.IsTerminal(int(os.Stdin.Fd())), OutTerminal: term.IsTerminal(int(os.Stdout.Fd())), ErrTerminal: term.IsTerminal(int(os.Stderr.Fd())),
	}
}

// Run runs one command line to its end and gives the process's exit code. When ctx ends the command stops as soon as it can.
func Run(ctx context.Context, env Env) int {
	c := commands{&call.Call{Env: env}}
	root := c.root()
	root.SetArgs(env.Args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return call.ExitOK
	}
	return c.Report(err)
}

// commands is one command line under way.
type commands struct{ *call.Call }

func (c commands) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "causeway",
		Short: "A messaging platform for RocketMQ clients in one binary",
		Long: `Causeway is a messaging platform in one binary: "causeway up" runs it, any RocketMQ 5 client talks to it, and the other
commands look at it and change it.

Exit codes: 0 ok, 1 failure, 2 usage, 3 not found, 4 denied, 5 conflict, 6 timeout, 7 partial, 8 throttled,
78 configuration.`,
		SilenceUsage:      true,
		SilenceErrors:     true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: false},
	}
	root.SetFlagErrorFunc(flagError)
	root.SetIn(c.Env.In)
	root.SetOut(c.Env.Out) // before completion is added, which takes it as it is then
	root.SetErr(c.Env.Err)
	c.Flags(root.PersistentFlags())
	root.Version = app.Version()
	root.SetVersionTemplate("causeway {{.Version}}\n")
	world := serve.World{Out: c.Env.Out, Err: c.Env.Err, Getenv: c.Env.Getenv, Token: &c.Given.Token, Tenant: &c.Tenant}
	up, control, proxy, catalog := serve.Up(world), serve.Control(world), serve.Proxy(world), serve.Catalog(world)
	up.Args, control.Args, proxy.Args = call.Exactly(), call.Exactly(), call.Exactly()
	local := []*cobra.Command{up, control, proxy, catalog, c.contextCommand(), c.loginCommand(), c.logoutCommand(), c.configCommand(), c.versionCommand()}
	remote := []*cobra.Command{
		c.tenantCommand(), c.appCommand(), c.topicCommand(), c.groupCommand(), c.messageCommand(), c.dlqCommand(), c.jobCommand(),
		c.getCommand(), c.applyCommand(), c.diffCommand(),
	}
	remote = append(remote, traffic.Commands(c.Call)...)
	remote = append(remote, people.Commands(c.Call)...)
	remote = append(remote, requests.Commands(c.Call)...)
	remote = append(remote, health.Commands(c.Call)...)
	remote = append(remote, figures.Commands(c.Call)...)
	remote = append(remote, roster.Commands(c.Call)...)
	remote = append(remote, post.Commands(c.Call)...)
	remote = append(remote, watch.Commands(c.Call)...)
	remote = append(remote, clusters.Commands(c.Call)...)
	remote = append(remote, estate.Commands(c.Call)...)
	root.AddCommand(local...)
	root.AddCommand(remote...)
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		if !slices.ContainsFunc(remote, func(r *cobra.Command) bool { return r == top(cmd) }) {
			c.SettleLocal()
			return nil
		}
		if _, err := c.Settle(cmd); err != nil {
			return err
		}
		c.TokensTenant(cmd)
		return nil
	}
	c.complete(root)
	root.InitDefaultCompletionCmd()
	for _, every := range append(root.Commands(), root) {
		strict(every)
	}
	return root
}

// top is the command of a command line that stands right behind the program's name.
func top(cmd *cobra.Command) *cobra.Command {
	for cmd.HasParent() && cmd.Parent().HasParent() {
		cmd = cmd.Parent()
	}
	return cmd
}

// strict makes a command that only holds others refuse what it does not know, where cobra would show its help and succeed.
func strict(cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		strict(sub)
	}
	if cmd.Runnable() || !cmd.HasSubCommands() {
		return
	}
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var known []string
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() {
				known = append(known, sub.Name())
			}
		}
		if len(args) > 0 {
			return call.Usage("%s: unknown command %q%s", cmd.CommandPath(), args[0], nearest.Hint(args[0], known))
		}
		if !cmd.HasParent() {
			return cmd.Help()
		}
		return call.Usage("%s: one of %s is needed", cmd.CommandPath(), strings.Join(known, ", "))
	}
}

// flagError says an error of flags with the nearest name.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var wrong *pflag.InvalidValueError
	if errors.As(err, &wrong) {
		return call.Usage("%s: invalid argument %q for \"--%s\": %s", cmd.CommandPath(), wrong.GetValue(), wrong.GetFlag().Name, wanted(wrong))
	}
	if !errors.As(err, &unknown) {
		return call.Usage("%s: %v", cmd.CommandPath(), err)
	}
	var known []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, f.Name) })
	name := unknown.GetSpecifiedName()
	return call.Usage("%s: unknown flag --%s%s", cmd.CommandPath(), name, strings.Replace(nearest.Hint(name, known), `"`, `"--`, 1))
}

// wanted says what a flag takes, in words of people.
func wanted(wrong *pflag.InvalidValueError) string {
	switch t := wrong.GetFlag().Value.Type(); t {
	case "int", "int32", "int64":
		if _, err := strconv.ParseFloat(wrong.GetValue(), 64); err == nil {
			return "a whole number in the range of the flag is needed"
		}
		return "a whole number is needed"
	case "float64":
		return "a number is needed"
	case "bool":
		return "true or false is needed"
	case "duration":
		return call.ErrSpan.Error()
	default:
		return "a " + t + " is needed"
	}
}
