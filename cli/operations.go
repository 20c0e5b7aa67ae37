// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"
	"gopkg.in/yaml.v3"

	"github.com/causeway-mq/causeway/app"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/internal/strictyaml"
)

func (c *call) doctorCommand() *cobra.Command {
	var endpoint string
	cmd := &cobra.Command{
		Use: "doctor", Short: "Check the installation, and say how to mend it", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.checkOutput(); err != nil {
				return err
			}
			asked := time.Now()
			var d wire.Doctor
			if err := c.ask(cmd.Context(), http.MethodGet, "/v1/doctor", nil, &d); err != nil {
				return err
			}
			d.Findings = append(d.Findings, clockFinding(d.Time, asked, time.Now()), endpointFinding(cmd.Context(), endpoint))
			err := c.show(d, func() table {
				t := table{paint: c.mark}
				for _, f := range d.Findings {
					t.add(f.Status, f.Name, f.Detail)
					if f.Fix != "" {
						t.add("", "", "-> "+f.Fix)
					}
				}
				return t
			})
			if err != nil {
				return err
			}
			for _, f := range d.Findings {
				if f.Status == "fail" {
					return &failure{ExitFailure, fmt.Errorf("%s: %s", f.Name, f.Detail), f.Fix}
				}
			}
			return nil
		},
	}
	c.endpointFlag(cmd, &endpoint)
	return cmd
}

// mark is a status in colour where colour is wanted.
func (c *call) mark(status string) string {
	if !c.env.OutTerminal || c.env.Getenv("NO_COLOR") != "" {
		return status
	}
	colour, ok := map[string]string{"ok": "32", "warn": "33", "fail": "31"}[status]
	if !ok {
		colour = "00" // nothing, in as many characters, so that columns stay in line
	}
	return "\x1b[" + colour + "m" + status + "\x1b[0m"
}

// clockFinding compares the clocks: signatures hold for five minutes around the server's time.
func clockFinding(theirs, asked, answered time.Time) wire.Finding {
	f := wire.Finding{Name: "clock", Status: "ok"}
	skew := theirs.Sub(asked.Add(answered.Sub(asked) / 2)).Round(time.Millisecond)
	f.Detail = fmt.Sprintf("the server's clock is %v off this machine's", skew)
	switch {
	case skew.Abs() > 4*time.Minute:
		f.Status, f.Fix = "fail", "set the clocks: signatures are refused beyond five minutes"
	case skew.Abs() > 10*time.Second:
		f.Status, f.Fix = "warn", "set the clocks: delayed messages come at the server's time"
	}
	return f
}

func endpointFinding(ctx context.Context, endpoint string) wire.Finding {
	f := wire.Finding{Name: "endpoint", Status: "ok", Detail: endpoint + " takes connections"}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", endpoint)
	if err != nil {
		f.Status, f.Detail, f.Fix = "fail", err.Error(), "start it with `causeway up`, or name another endpoint with --endpoint or CAUSEWAY_ENDPOINT"
		return f
	}
	_ = conn.Close() // it was opened to be closed
	return f
}

func (c *call) endpointFlag(cmd *cobra.Command, to *string) {
	cmd.Flags().StringVar(to, "endpoint", c.or("CAUSEWAY_ENDPOINT", app.DefaultListen), "HOST:PORT for clients (CAUSEWAY_ENDPOINT)")
}

func (c *call) configCommand() *cobra.Command {
	check := &cobra.Command{
		Use: "check FILE", Short: "Check a configuration file; all that is wrong, at once", Args: exactly("the FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			if _, err := app.LoadConfig(args[0]); err != nil {
				return &failure{ExitConfig, err, "`causeway config print` shows every key with its default"}
			}
			return c.say(map[string]bool{"ok": true}, "%s is good", args[0])
		},
	}
	show := &cobra.Command{
		Use: "print [FILE]", Short: "Print the configuration that would run, with every key explained; secrets are redacted",
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := c.checkOutput(); err != nil {
				return err
			}
			config := app.DefaultConfig()
			if len(args) == 1 {
				var err error
				if config, err = app.LoadConfig(args[0]); err != nil {
					return &failure{ExitConfig, err, ""}
				}
			}
			text, err := strictyaml.Encode(config)
			if err != nil {
				return err
			}
			if c.output == "json" {
				var plain any
				if err := yaml.Unmarshal(text, &plain); err != nil {
					return err
				}
				return c.show(plain, nil)
			}
			_, err = c.env.Out.Write(text)
			return err
		},
	}
	return group("config", "Configuration files of `causeway up`", check, show)
}

func (c *call) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Show the version of this program", Args: exactly(),
		RunE: func(*cobra.Command, []string) error {
			if err := c.checkOutput(); err != nil {
				return err
			}
			return c.say(map[string]string{"version": app.Version()}, "causeway %s", app.Version())
		},
	}
}
