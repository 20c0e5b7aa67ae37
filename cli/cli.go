// SPDX-License-Identifier: Apache-2.0

// Package cli is the command line of Causeway.
//
// Rules of the house. Data goes to standard output, talk to standard error. Every command that shows data takes -o table, json
// or yaml; json and yaml are the API's own objects, complete. An error names what is wrong, then what to do next, and
// ends the process with a code that scripts can tell apart (see the Exit constants). Nothing asks questions; what destroys
// something needs --yes. Precedence: flag, then environment, then default.
package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

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
	// InTerminal tells that somebody types the input; OutTerminal and ErrTerminal, that somebody looks at the output as it comes.
	InTerminal, OutTerminal, ErrTerminal bool
}

// Process is the environment of this process.
func Process() Env {
	return Env{
		Args: os.Args[1:], In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv,
		InTerminal: term.IsTerminal(int(os.Stdin.Fd())), OutTerminal: term.IsTerminal(int(os.Stdout.Fd())), ErrTerminal: term.IsTerminal(int(os.Stderr.Fd())),
	}
}

// Run runs one command line to its end and gives the process's exit code. When ctx ends the command stops as soon as it can.
func Run(ctx context.Context, env Env) int {
	c := &call{env: env}
	root := c.root()
	root.SetArgs(env.Args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return ExitOK
	}
	return c.report(err)
}

// call is one command line under way, with the flags that all commands share.
type call struct {
	env    Env
	server string
	token  string
	tenant string
	output string
}

func (c *call) root() *cobra.Command {
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
	root.SetIn(c.env.In)
	root.SetOut(c.env.Out) // before completion is added, which takes it as it is then
	root.SetErr(c.env.Err)
	flags := root.PersistentFlags()
	flags.StringVar(&c.server, "server", c.or("CAUSEWAY_SERVER", "http://127.0.0.1:8090"), "URL of the API (CAUSEWAY_SERVER)")
	flags.StringVar(&c.token, "token", "", "token of the API (CAUSEWAY_TOKEN)")
	flags.StringVar(&c.tenant, "tenant", c.or("CAUSEWAY_TENANT", "default"), "tenant to work in (CAUSEWAY_TENANT)")
	flags.StringVarP(&c.output, "output", "o", "table", "form of data: table, json or yaml")
	root.Version = app.Version()
	root.SetVersionTemplate("causeway {{.Version}}\n")
	root.AddCommand(
		c.upCommand(), c.tenantCommand(), c.appCommand(), c.topicCommand(), c.groupCommand(), c.messageCommand(), c.dlqCommand(), c.jobCommand(),
		c.produceCommand(), c.consumeCommand(), c.benchCommand(), c.doctorCommand(), c.configCommand(), c.versionCommand(),
	)
	c.complete(root)
	root.InitDefaultCompletionCmd()
	for _, every := range append(root.Commands(), root) {
		strict(every)
	}
	return root
}

// or is the environment's value, or what holds where it says nothing.
func (c *call) or(name, otherwise string) string {
	if v := c.env.Getenv(name); v != "" {
		return v
	}
	return otherwise
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
			return usage("%s: unknown command %q%s", cmd.CommandPath(), args[0], nearest.Hint(args[0], known))
		}
		if !cmd.HasParent() {
			return cmd.Help()
		}
		return usage("%s: one of %s is needed", cmd.CommandPath(), strings.Join(known, ", "))
	}
}

// flagError says an error of flags with the nearest name.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var wrong *pflag.InvalidValueError
	if errors.As(err, &wrong) {
		return usage("%s: invalid argument %q for \"--%s\": %s", cmd.CommandPath(), wrong.GetValue(), wrong.GetFlag().Name, wanted(wrong))
	}
	if !errors.As(err, &unknown) {
		return usage("%s: %v", cmd.CommandPath(), err)
	}
	var known []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, f.Name) })
	name := unknown.GetSpecifiedName()
	return usage("%s: unknown flag --%s%s", cmd.CommandPath(), name, strings.Replace(nearest.Hint(name, known), `"`, `"--`, 1))
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
		return errSpan.Error()
	default:
		return "a " + t + " is needed"
	}
}

// notZero refuses a 0 that somebody wrote, where a 0 that nobody wrote stands for the default.
func notZero(cmd *cobra.Command, flag string, value int, limits string) error {
	if value == 0 && cmd.Flags().Changed(flag) {
		return usage("%s: --%s 0: %s", cmd.CommandPath(), flag, limits)
	}
	return nil
}

// exactly wants one argument for each name.
func exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < len(names) {
			return usage("%s: %s is missing", cmd.CommandPath(), names[len(args)])
		}
		if len(args) > len(names) {
			return usage("%s: %q is one argument too many", cmd.CommandPath(), args[len(names)])
		}
		return nil
	}
}

func group(use, short string, subs ...*cobra.Command) *cobra.Command {
	g := &cobra.Command{Use: use, Short: short}
	g.AddCommand(subs...)
	return g
}
