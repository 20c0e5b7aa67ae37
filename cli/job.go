// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/causeway-mq/causeway/cli/call"
	"github.com/causeway-mq/causeway/control/wire"
)

func (c commands) jobCommand() *cobra.Command {
	return call.Group("job", "Jobs: long work that goes on without a command, and after a restart of the server", c.jobShow(), c.jobList(), c.jobCancel())
}

func installationJobs(cmd *cobra.Command, to *bool) {
	cmd.Flags().BoolVar(to, "installation", false, "of the installation, not of a tenant: a tenant's deletion is one")
}

// about is the group or the tenant that a job is about.
func about(j wire.Job) string {
	if j.Tenant != "" {
		return "tenant " + j.Tenant
	}
	return call.Dash(j.Group)
}

func (c commands) jobShow() *cobra.Command {
	var everywhere bool
	cmd := &cobra.Command{
		Use: "show ID", Short: "Show how far a job is", Args: call.Exactly("the job's ID"),
		Example: "  causeway job show JOB\n  causeway job show DELETION --installation",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			var j wire.Job
			if err := c.Ask(cmd.Context(), http.MethodGet, c.At(everywhere, "jobs", args[0]), nil, &j); err != nil {
				return err
			}
			return c.Show(j, func() call.Table { return describeJob(j) })
		},
	}
	installationJobs(cmd, &everywhere)
	return cmd
}

func describeJob(j wire.Job) call.Table {
	rate := "-"
	if j.Rate > 0 {
		rate = fmt.Sprintf("%.1f a second", j.Rate)
	}
	return call.Table{Rows: [][]string{
		{"id", j.ID}, {"kind", j.Kind}, {"about", about(j)}, {"state", j.State}, {"percent", call.Number(int64(j.Percent))}, {"done", call.Number(j.Moved)},
		{"left alone", call.Number(j.Skipped)}, {"rate", rate}, {"may still take", call.Dash(j.Left)}, {"asked by", j.By}, {"started", call.When(&j.Started)},
		{"ended", call.When(j.Ended)}, {"detail", call.Dash(j.Detail)},
	}}
}

func (c commands) jobList() *cobra.Command {
	var everywhere bool
	cmd := &cobra.Command{
		Use: "list", Short: "List jobs, oldest first", Args: call.Exactly(),
		Example: "  causeway job list\n  causeway job list --installation",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			all, err := call.Everything[wire.Job](cmd.Context(), c.Call, c.At(everywhere, "jobs"))
			if err != nil {
				return err
			}
			return c.Show(all, func() call.Table {
				t := call.Table{Head: []string{"ID", "KIND", "ABOUT", "STATE", "PERCENT", "DONE", "LEFT ALONE", "ASKED BY", "STARTED"}}
				for _, j := range all {
					t.Add(j.ID, j.Kind, about(j), j.State, strconv.Itoa(j.Percent), call.Number(j.Moved), call.Number(j.Skipped), j.By, call.When(&j.Started))
				}
				return t
			})
		},
	}
	installationJobs(cmd, &everywhere)
	return cmd
}

func (c commands) jobCancel() *cobra.Command {
	var everywhere bool
	cmd := &cobra.Command{
		Use: "cancel ID", Short: "Make a job end; what it did stays done", Args: call.Exactly("the job's ID"),
		Example: "  causeway job cancel JOB\n  causeway job cancel DELETION --installation",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			var j wire.Job
			if err := c.Ask(cmd.Context(), http.MethodPost, c.At(everywhere, "jobs", args[0], "cancel"), wire.JobCancel{}, &j); err != nil {
				return err
			}
			return c.Say(j, "job %s is %s", j.ID, j.State)
		},
	}
	installationJobs(cmd, &everywhere)
	return cmd
}

// follow waits for a job's end and shows how far it is.
func (c commands) follow(ctx context.Context, j wire.Job) (wire.Job, error) {
	bar := c.Bar(j.Kind)
	defer bar.End()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for j.State == "running" || j.State == "cancelling" {
		bar.At(j.Percent, j.Moved)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return j, call.Fail(call.ExitTimeout, ctx.Err(), "job "+j.ID+" goes on without this command")
		}
		if err := c.Ask(ctx, http.MethodGet, c.At(j.Tenant != "", "jobs", j.ID), nil, &j); err != nil {
			return j, err
		}
	}
	bar.At(j.Percent, j.Moved)
	return j, nil
}
