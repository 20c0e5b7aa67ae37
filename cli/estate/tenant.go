// SPDX-License-Identifier: Apache-2.0

package estate

import (
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/causeway-mq/causeway/cli/call"
	"github.com/causeway-mq/causeway/control/wire"
)

// DescribeTenant is a tenant as a table.
func DescribeTenant(t wire.Tenant) call.Table {
	return call.Table{Rows: [][]string{
		{"id", t.ID}, {"plan", call.Dash(t.Plan)}, {"environment", call.Dash(t.Environment)}, {"unsigned from loopback", call.YesNo(t.LoopbackUnsigned)},
		{"disabled", call.YesNo(t.Disabled)}, {"created", call.When(&t.Created)}, {"note", call.Dash(t.Note)}, {"labels", call.Dash(call.Labels(t.Labels))},
	}}
}

// UpdateTenant is the command that changes a tenant.
func UpdateTenant(c *call.Call) *cobra.Command {
	var note, plan, environment string
	var labels map[string]string
	var disabled bool
	cmd := &cobra.Command{
		Use: "update ID", Short: "Change a tenant: its plan, its environment, and whether anybody gets in", Args: call.Exactly("the tenant's ID"),
		Example: "  causeway tenant update pay --plan gold --environment prod\n  causeway tenant update pay --disabled\n  causeway tenant update pay --disabled=false",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			change := wire.TenantChange{
				Note: call.Changed(cmd, "note", &note), Labels: call.Changed(cmd, "label", &labels), Plan: call.Changed(cmd, "plan", &plan),
				Environment: call.Changed(cmd, "environment", &environment), Disabled: call.Changed(cmd, "disabled", &disabled),
			}
			if change == (wire.TenantChange{}) {
				return call.Usage("%s: nothing to change; give a flag", cmd.CommandPath())
			}
			var t wire.Tenant
			if err := c.Ask(cmd.Context(), http.MethodPatch, "/v1/tenants/"+url.PathEscape(args[0]), change, &t); err != nil {
				return err
			}
			return c.Show(t, func() call.Table { return DescribeTenant(t) })
		},
	}
	f := cmd.Flags()
	f.StringVar(&plan, "plan", "", `quota plan; "" for none`)
	f.StringVar(&environment, "environment", "", `environment; "" for none`)
	f.BoolVar(&disabled, "disabled", false, "whether all of its keys are refused; what it has stays")
	f.StringVar(&note, "note", "", "free text for people")
	call.LabelsFlag(cmd, &labels)
	return cmd
}
