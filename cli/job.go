// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"net/http"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/causeway-mq/causeway/control/wire"
)

func (c *call) jobCommand() *cobra.Command {
	return group("job", "Jobs: long work that goes on without a command, until the server's process ends", c.jobShow(), c.jobList())
}

func (c *call) jobShow() *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show how far a job is", Args: exactly("the job's ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.checkOutput(); err != nil {
				return err
			}
			var j wire.Job
			if err := c.ask(cmd.Context(), http.MethodGet, c.in("jobs", args[0]), nil, &j); err != nil {
				return err
			}
			return c.show(j, func() table {
				return table{rows: [][]string{
					{"id", j.ID}, {"kind", j.Kind}, {"group", dash(j.Group)}, {"state", j.State}, {"percent", number(int64(j.Percent))},
					{"sent back", number(j.Moved)}, {"left", number(j.Skipped)}, {"started", when(&j.Started)}, {"ended", when(j.Ended)}, {"detail", dash(j.Detail)},
				}}
			})
		},
	}
}

func (c *call) jobList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List jobs, oldest first", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.checkOutput(); err != nil {
				return err
			}
			var page wire.Page[wire.Job]
			if err := c.ask(cmd.Context(), http.MethodGet, c.in("jobs"), nil, &page); err != nil {
				return err
			}
			return c.show(page.Items, func() table {
				t := table{head: []string{"ID", "KIND", "GROUP", "STATE", "PERCENT", "SENT BACK", "LEFT", "STARTED"}}
				for _, j := range page.Items {
					t.add(j.ID, j.Kind, dash(j.Group), j.State, strconv.Itoa(j.Percent), number(j.Moved), number(j.Skipped), when(&j.Started))
				}
				return t
			})
		},
	}
}
