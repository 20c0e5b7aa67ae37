// SPDX-License-Identifier: Apache-2.0

package clusters

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/causeway-mq/causeway/cli/call"
	"github.com/causeway-mq/causeway/control/wire"
)

func (c commands) clusterBrokers() *cobra.Command {
	return &cobra.Command{
		Use: "brokers CLUSTER", Short: "List a cluster's brokers with their role, version, rates and logs, and its controllers", Args: call.Exactly("the CLUSTER"),
		Example: "  causeway cluster brokers causeway",
		Long: "Asks every process now. PUT and GET are messages a second, DISK is how full the log's volume is, LOG TO is where the log ends and BEHIND how many bytes a secondary lacks.\n" +
			"SYNC tells whether the controllers count a copy as complete. What nobody tells is a dash.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			var all wire.Brokers
			if err := c.Ask(cmd.Context(), http.MethodGet, "/v1/clusters/"+url.PathEscape(args[0])+"/brokers", nil, &all); err != nil {
				return err
			}
			return c.Show(all, func() call.Table { return brokers(all) })
		},
	}
}

func brokers(all wire.Brokers) call.Table {
	t := call.Table{Head: []string{"BROKER", "ID", "ROLE", "ADDRESS", "VERSION", "PUT", "GET", "DISK", "LOG TO", "BEHIND", "SYNC", "WHY"}}
	for _, b := range all.Items {
		disk, sync := "-", "-"
		if b.DiskUse != nil {
			disk = fmt.Sprintf("%.0f %%", *b.DiskUse*100)
		}
		if b.InSync != nil {
			sync = call.YesNo(*b.InSync)
		}
		t.Add(b.Name, whole(b.ID), b.Role, call.Dash(b.Address), call.Dash(b.Version), rate(b.PutRate), rate(b.GetRate), disk, whole(b.LogTo), whole(b.Behind), sync, call.Dash(b.Why))
	}
	for _, k := range all.Controllers {
		t.Add("-", "-", map[bool]string{true: "controller, leads", false: "controller"}[k.Leader], k.Address, "-", "-", "-", "-", "-", "-", "-", call.Dash(k.Why))
	}
	return t
}

func whole(n *int64) string {
	if n == nil {
		return "-"
	}
	return strconv.FormatInt(*n, 10)
}

func rate(n *float64) string {
	if n == nil {
		return "-"
	}
	return strconv.FormatFloat(*n, 'f', 1, 64)
}
