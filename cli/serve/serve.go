// SPDX-License-Identifier: Apache-2.0

// Package serve is the commands that run a server until they are told to stop.
package serve

import (
	"cmp"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/causeway-mq/causeway/app"
	"github.com/causeway-mq/causeway/app/configfile"
	"github.com/causeway-mq/causeway/internal/obs"
)

// World is what the commands take from the command line around them.
type World struct {
	Out, Err io.Writer
	Getenv   func(string) string
	Token    *string // the flags that all commands share
	Tenant   *string
}

// Usage is a command line that makes no sense.
type Usage struct{ text string }

// Error is what is wrong.
func (u *Usage) Error() string { return u.text }

func usage(format string, args ...any) error { return &Usage{fmt.Sprintf(format, args...)} }

// token lays the flag over the environment, and that over what the file says.
func (w World) token(file string) string {
	for _, said := range []string{*w.Token, w.Getenv("CAUSEWAY_TOKEN"), file} {
		if said != "" {
			return said
		}
	}
	return ""
}

// oidcSecret is the secret of this client at the identity provider: the environment lies over what the file says.
func (w World) oidcSecret(file string) string {
	return cmp.Or(w.Getenv("CAUSEWAY_OIDC_SECRET"), file)
}

// logger writes to standard error.
func (w World) logger(level string) (*obs.Logger, error) {
	l, err := obs.ParseLevel(level)
	if err != nil {
		return nil, app.ConfigError{Err: err}
	}
	return obs.NewLogger(w.Err, l), nil
}

// closed refuses a file whose secrets others on this machine can read, or change, in production; elsewhere it warns. It is for a file that was read.
func (w World) closed(kind configfile.Kind, path string) error {
	note, err := configfile.Open(kind, path)
	if err != nil {
		return app.ConfigError{Err: err}
	}
	if note != "" {
		fmt.Fprintln(w.Err, note)
	}
	return nil
}

// overlay takes what was said on the command line.
func overlay(cmd *cobra.Command, take map[string]func()) {
	for flag, do := range take {
		if cmd.Flags().Changed(flag) {
			do()
		}
	}
}
