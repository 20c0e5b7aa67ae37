// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"gopkg.in/yaml.v3"

	"github.com/causeway-mq/causeway/app"
	"github.com/causeway-mq/causeway/app/configfile"
	"github.com/causeway-mq/causeway/app/rmqproxy"
	"github.com/causeway-mq/causeway/cli/call"
)

func (c commands) configCommand() *cobra.Command {
	return call.Group("config", "Configuration files of `causeway up`, `causeway control` and `causeway proxy`, and catalogs", c.configCheck(), c.configPrint())
}

// forFlag says whose file a file is.
func forFlag(cmd *cobra.Command, to *string) {
	cmd.Flags().StringVar(to, "for", "", "whose file it is: up, control, proxy or catalog (default: what its keys say)")
}

// kindOf is the kind that the command line says, or what the file's content says.
func (c commands) kindOf(whose, path string) (configfile.Kind, error) {
	if whose != "" {
		if err := call.Choice("--for", whose, "up", "control", "proxy", "catalog"); err != nil {
			return "", err
		}
	}
	if path == "" {
		return cmp.Or(configfile.Kind(whose), configfile.Up), nil
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return "", call.Fail(ExitConfig, err, "")
	}
	kind, sure := configfile.Of(raw)
	if whose != "" && kind != configfile.Apaches {
		return configfile.Kind(whose), nil
	}
	if !sure {
		c.Hint("read as a file of `causeway %s`; --for says otherwise", kind)
	}
	return kind, nil
}

// secrets are those that a server started here would find in its environment.
func (c commands) secrets() (s configfile.Secrets) {
	s.Token, s.OIDC = c.Env.Getenv("CAUSEWAY_TOKEN"), c.Env.Getenv("CAUSEWAY_OIDC_SECRET")
	if t := c.Env.Getenv("CAUSEWAY_PROXY_TOKEN"); t != "" {
		s.ProxyTokens = []string{t}
	}
	return s
}

func (c commands) configCheck() *cobra.Command {
	var whose string
	cmd := &cobra.Command{
		Use: "check FILE...", Short: "Check configuration files or catalogs; all that is wrong with one, at once", Args: cobra.MinimumNArgs(1),
		Long: `Check a configuration file of causeway up, causeway control or causeway proxy, a catalog, or Apache's rmq-proxy.json; all that is wrong, at once.

A control plane's secrets may stand in the environment, as when it runs: CAUSEWAY_TOKEN, CAUSEWAY_PROXY_TOKEN, CAUSEWAY_OIDC_SECRET.

Several files are held against each other as well: in production no proxy signs at the brokers as a control plane does, whose user is an administrator there.

Of rmq-proxy.json it shows what becomes of each key. With 7 it ends when a proxy would start, and something that the file asks for would be lost; with 78 when
none would.`,
		Example: "  causeway config check causeway.yaml\n  causeway config check --for proxy proxy.yaml\n  causeway config check control.yaml proxy.yaml",
		RunE: func(_ *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			kinds := map[string]configfile.Kind{}
			for _, path := range args {
				kind, err := c.kindOf(whose, path)
				if err == nil {
					err = c.checkFile(kind, path)
				}
				if err != nil {
					return err
				}
				kinds[path] = kind
			}
			return c.apart(kinds)
		},
	}
	forFlag(cmd, &whose)
	return cmd
}

func (c commands) checkFile(kind configfile.Kind, path string) error {
	found, err := configfile.Check(kind, path, c.secrets())
	switch {
	case err != nil && kind == configfile.Apaches:
		return call.Fail(ExitConfig, err, "Apache's proxy passes over what it does not know, this one does not: the file starts a proxy once that is mended")
	case err != nil:
		return call.Fail(ExitConfig, err, "`causeway config print --for "+string(kind)+"` shows every key")
	case kind == configfile.Apaches:
		return c.showApaches(found, path)
	}
	note, err := configfile.Open(kind, path)
	if err != nil {
		return call.Fail(ExitConfig, err, "in production nobody but the server reads its secrets")
	}
	if note != "" && !c.Quiet {
		fmt.Fprintln(c.Env.Err, note)
	}
	return c.Say(map[string]any{"ok": true, "for": kind}, "%s is good, a file of %s", path, of(kind))
}

// apart holds files against each other.
func (c commands) apart(kinds map[string]configfile.Kind) error {
	note, err := c.secrets().Apart(kinds)
	if err != nil {
		return call.Fail(ExitConfig, err, "in production no proxy signs as a control plane does")
	}
	if note != "" && !c.Quiet {
		fmt.Fprintln(c.Env.Err, note)
	}
	return nil
}

// of says whose a file is.
func of(kind configfile.Kind) string {
	if kind == configfile.Catalog {
		return "tenants, topics and groups (--catalog)"
	}
	return "`causeway " + string(kind) + "`"
}

func (c commands) configPrint() *cobra.Command {
	var whose string
	cmd := &cobra.Command{
		Use: "print [FILE]", Short: "Print the configuration that would run, or a catalog, with every key explained; secrets are redacted", Args: cobra.MaximumNArgs(1),
		Example: "  causeway config print > causeway.yaml\n  causeway config print causeway.yaml\n  causeway config print --for proxy\n  causeway config print --for control\n  causeway config print --for catalog",
		RunE: func(_ *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			path := strings.Join(args, "")
			kind, err := c.kindOf(whose, path)
			if err != nil {
				return err
			}
			text, err := configfile.Explain(kind, path, c.secrets())
			if err != nil {
				return call.Fail(ExitConfig, err, "")
			}
			if c.Output == "json" {
				var plain any
				if err := yaml.Unmarshal(text, &plain); err != nil {
					return err
				}
				return c.Show(plain, nil)
			}
			_, err = c.Env.Out.Write(text)
			return err
		},
	}
	forFlag(cmd, &whose)
	return cmd
}

// showApaches says what becomes of each key of a file of Apache's proxy. That something is lost is told by the exit code as well: the proxy starts all the
// same, as one that takes another's place does, and a script must see the difference.
func (c commands) showApaches(found []rmqproxy.Finding, path string) error {
	err := c.Show(found, func() call.Table {
		t := call.Table{Head: []string{"KEY", "VERDICT", "WHY"}}
		for _, f := range found {
			t.Add(f.Key, string(f.Verdict), f.Why)
		}
		return t
	})
	var lost []string
	for _, f := range found {
		if f.Verdict == rmqproxy.Ignored {
			lost = append(lost, f.Key)
		}
	}
	if err != nil || len(lost) == 0 {
		return err
	}
	return call.Fail(call.ExitPartial, fmt.Errorf("%s: a proxy starts with it, but without what it says of %s", path, strings.Join(lost, ", ")), "take these keys out once you know that you can do without")
}

func (c commands) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Show the version of this program", Args: call.Exactly(),
		Example: "  causeway version",
		RunE: func(*cobra.Command, []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			return c.Say(map[string]string{"version": app.Version()}, "causeway %s", app.Version())
		},
	}
}
