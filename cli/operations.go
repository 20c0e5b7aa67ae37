// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"github.com/spf13/cobra"
	"gopkg.in/yaml.v3"

	"github.com/causeway-mq/causeway/app"
	"github.com/causeway-mq/causeway/internal/strictyaml"
)

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
