// SPDX-License-Identifier: Apache-2.0

package estate

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/causeway-mq/causeway/cli/call"
	"github.com/causeway-mq/causeway/control/wire"
)

func zoneFlow(c *call.Call) *cobra.Command {
	minutes := 5
	cmd := &cobra.Command{
		Use: "flow", Short: "Show what went through zones, and what crosses from one into another", Args: call.Exactly(),
		Long: "Shows for each way through zones what went there a second: where the producers' proxy stands, the cluster, and the consumers' proxy. A question mark is a zone that nobody knows. Of what\n" +
			"was delivered, the zone that it came from is known where all messages of its topic came through one zone within the last hour.",
		Example: "  causeway zone flow\n  causeway zone flow --minutes 60",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			if err := call.NotZero(cmd, "minutes", minutes, "from 1 to 60"); err != nil {
				return err
			}
			var f wire.ZoneFlow
			if err := c.Ask(cmd.Context(), http.MethodGet, "/v1/flow?minutes="+strconv.Itoa(minutes), nil, &f); err != nil {
				return err
			}
			switch seconds := f.To.Sub(f.From).Seconds(); {
			case f.KnownSeconds == 0:
				c.Hint("No proxy told anything of that time: nothing is known")
			case f.KnownSeconds < seconds:
				c.Hint("Proxies told of %.0f of these %.0f seconds", f.KnownSeconds, seconds)
			}
			return c.Show(f, func() call.Table {
				t := call.Table{Head: []string{"LEG", "PRODUCED IN", "STORED IN", "CONSUMED IN", "MESSAGES/S", "BYTES/S", "CROSSES", "BECAUSE"}}
				for _, w := range f.Ways {
					consume := "-"
					if w.Leg == "delivered" {
						consume = zone(w.Consume)
					}
					t.Add(w.Leg, zone(w.Produce), zone(w.Store), consume, fmt.Sprintf("%.1f", w.Rate.Messages), fmt.Sprintf("%.0f", w.Rate.Bytes), crosses(w.Crosses), call.Dash(w.Reason))
				}
				return t
			})
		},
	}
	cmd.Flags().IntVar(&minutes, "minutes", minutes, "how far back, from 1 to 60")
	return cmd
}

// zone is a zone for people, a question mark where nobody knows.
func zone(name string) string {
	if name == "" {
		return "?"
	}
	return name
}

func crosses(c *bool) string {
	if c == nil {
		return "?"
	}
	return call.YesNo(*c)
}
