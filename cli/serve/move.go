// SPDX-License-Identifier: Apache-2.0

package serve

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/causeway-mq/causeway/app"
	"github.com/causeway-mq/causeway/app/moving"
)

// Catalog is `causeway catalog`: what is done to a catalog file while proxies serve from it.
func Catalog(w World) *cobra.Command {
	cmd := &cobra.Command{Use: "catalog", Short: "Work on the catalog file that proxies serve from"}
	cmd.AddCommand(moveTopic(w))
	return cmd
}

func moveTopic(w World) *cobra.Command {
	var config, to string
	var quiet time.Duration
	cmd := &cobra.Command{
		Use: "move TOPIC --config FILE --to CLUSTER", Short: "Move a topic to another cluster while clients run",
		Long: `Move a topic to another cluster while clients run. --config is the configuration of the proxies: it names the catalog file and the clusters.

The topic and the tenant's groups are made on the other cluster, sends are held at the proxies for some seconds, the brokers of the old cluster take no
message of the topic any more, and sends go to the new one. What is left on the old one is still delivered; an ordered group takes nothing from the new
one before. Whoever interrupts this calls it again; with --quiet 15m, also later, it ends the move once the old cluster was empty for so long. A topic that is on its way
goes nowhere else before.

The file is written anew: comments in it are gone, and "sum" stands in it, by which a proxy knows it is whole. Who changes it by hand afterwards takes the line with
the sum out and makes the version larger.`,
		Example: `  causeway catalog move orders --tenant pay --config proxy.yaml --to west --quiet 15m`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, words []string) error {
			c, _, err := app.CheckProxyConfig(config)
			if err != nil {
				return app.ConfigError{Err: err}
			}
			log, err := w.logger(c.LogLevel)
			if err != nil {
				return err
			}
			return moving.Topic(cmd.Context(), moving.Options{Config: c, Tenant: *w.Tenant, Topic: words[0], To: to, Quiet: quiet, Log: log, Out: w.Out})
		},
	}
	f := cmd.Flags()
	f.StringVar(&config, "config", "", "configuration of the proxies")
	f.StringVar(&to, "to", "", "cluster that the topic goes to")
	f.DurationVar(&quiet, "quiet", 0, "wait until the old cluster was empty for so long, longer than any lease, and end the move (default: leave the topic draining)")
	for _, name := range []string{"config", "to"} {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic(err) // the flag stands above
		}
	}
	return cmd
}
