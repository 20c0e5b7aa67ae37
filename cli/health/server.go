// SPDX-License-Identifier: Apache-2.0

package health

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/causeway-mq/causeway/cli/call"
	"github.com/causeway-mq/causeway/control/wire"
)

func (c commands) serverCommand() *cobra.Command {
	return call.Group("server", "The server that answers: what it is, how it is", c.serverShow(), c.serverLogLevel(), c.serverMetrics(), c.serverProfile(), c.serverAPI())
}

// Shown is what `server show` gives to machines.
type Shown struct {
	Server  string `json:"server"`
	Version string `json:"version"`
	Catalog uint64 `json:"catalog"`
	Alive   bool   `json:"alive"`
	Ready   bool   `json:"ready"`
	Why     string `json:"why,omitempty"` // it is not ready
}

func (c commands) serverShow() *cobra.Command {
	return &cobra.Command{
		Use: "show", Short: "Show the server's version, and whether it takes messages now", Args: call.Exactly(),
		Example: "  causeway server show\n  causeway server show -o json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			s := Shown{Server: c.Server}
			if err := c.Ask(cmd.Context(), http.MethodGet, "/healthz", nil, nil); err != nil {
				return err
			}
			s.Alive = true
			unready := c.Ask(cmd.Context(), http.MethodGet, "/readyz", nil, nil)
			if s.Ready = unready == nil; !s.Ready {
				s.Why = unready.Error()
			}
			var v wire.Version
			if err := c.Ask(cmd.Context(), http.MethodGet, "/v1/version", nil, &v); err != nil {
				return err
			}
			s.Version, s.Catalog = v.Version, v.Catalog
			err := c.Show(s, func() call.Table {
				return call.Table{Rows: [][]string{{"server", s.Server}, {"version", s.Version}, {"catalog", strconv.FormatUint(s.Catalog, 10)}, {"alive", call.YesNo(s.Alive)},
					{"ready", call.YesNo(s.Ready)}, {"why not", call.Dash(s.Why)}}}
			})
			if err != nil || s.Ready {
				return err
			}
			return call.Fail(call.ExitFailure, unready, "`causeway doctor` says what to do")
		},
	}
}

func (c commands) serverLogLevel() *cobra.Command {
	return &cobra.Command{
		Use: "log-level [LEVEL]", Short: "Show how much the server writes, or change it until it ends", Args: cobra.MaximumNArgs(1),
		Example: "  causeway server log-level\n  causeway server log-level debug",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			var l wire.LogLevel
			if len(args) == 0 {
				if err := c.Ask(cmd.Context(), http.MethodGet, "/v1/log-level", nil, &l); err != nil {
					return err
				}
				return c.Show(l, func() call.Table { return call.Table{Rows: [][]string{{l.Level}}} })
			}
			if err := call.Choice("log-level", args[0], "debug", "info", "warn", "error"); err != nil {
				return err
			}
			if err := c.Ask(cmd.Context(), http.MethodPut, "/v1/log-level", wire.LogLevel{Level: args[0]}, &l); err != nil {
				return err
			}
			return c.Say(l, "the server writes %s and above", l.Level)
		},
	}
}

func (c commands) serverMetrics() *cobra.Command {
	return &cobra.Command{
		Use: "metrics", Short: "Show the server's figures, in Prometheus' format", Args: call.Exactly(),
		Example: "  causeway server metrics",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.raw(cmd, "/metrics", 0)
		},
	}
}

func (c commands) serverAPI() *cobra.Command {
	return &cobra.Command{
		Use: "api", Short: "Show the document of the server's interface, OpenAPI 3.1", Args: call.Exactly(),
		Example: "  causeway server api > openapi.json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.raw(cmd, "/v1/openapi.json", 0)
		},
	}
}

// raw writes what the server gives as it is.
func (c commands) raw(cmd *cobra.Command, path string, work time.Duration) error {
	if err := c.CheckOutput(); err != nil {
		return err
	}
	got, err := c.Fetch(cmd.Context(), path, work)
	if err != nil {
		return err
	}
	_, err = c.Env.Out.Write(got)
	return err
}

// longestProfile is how long a profile may take, in seconds.
const longestProfile = 60

func (c commands) serverProfile() *cobra.Command {
	var seconds int
	cmd := &cobra.Command{
		Use: "profile [NAME]", Short: "Take a profile of the server, which has to run with --pprof; without NAME: list them", Args: cobra.MaximumNArgs(1),
		Long:    "Take a profile of the server, which has to run with --pprof; without NAME: list them. The profile goes to standard output, for `go tool pprof`; cpu takes\n--seconds to make.",
		Example: "  causeway server profile\n  causeway server profile heap > heap.pprof\n  causeway server profile cpu --seconds 1 > cpu.pprof",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.profiles(cmd)
			}
			if c.Env.OutTerminal {
				return call.Usage("%s: a profile is not for a terminal; write it to a file with > FILE", cmd.CommandPath())
			}
			if seconds < 1 || seconds > longestProfile {
				return call.Usage("--seconds %d: from 1 to %d", seconds, longestProfile)
			}
			path, work := "/debug/pprof/"+url.PathEscape(args[0]), time.Duration(0)
			if args[0] == "cpu" {
				path, work = fmt.Sprintf("/debug/pprof/profile?seconds=%d", seconds), time.Duration(seconds)*time.Second
			}
			return c.raw(cmd, path, work)
		},
	}
	cmd.Flags().IntVar(&seconds, "seconds", 10, "how long cpu looks")
	return cmd
}

// profiles lists the profiles that the server's page of them names.
func (c commands) profiles(cmd *cobra.Command) error {
	if err := c.CheckOutput(); err != nil {
		return err
	}
	page, err := c.Fetch(cmd.Context(), "/debug/pprof/", 0)
	if err != nil {
		return err
	}
	all := []string{"cpu"}
	for _, m := range regexp.MustCompile(`href='([a-z]+)\?`).FindAllSubmatch(page, -1) {
		if name := string(m[1]); name != "profile" && name != "cmdline" && name != "trace" {
			all = append(all, name)
		}
	}
	return c.Show(all, func() call.Table {
		t := call.Table{Head: []string{"PROFILE"}}
		for _, name := range all {
			t.Add(name)
		}
		return t
	})
}
