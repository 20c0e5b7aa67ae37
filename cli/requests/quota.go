// SPDX-License-Identifier: Apache-2.0

package requests

import (
	"net/http"

	"github.com/spf13/cobra"

	"github.com/causeway-mq/causeway/cli/call"
	"github.com/causeway-mq/causeway/control/wire"
)

func (c commands) requestQuota() *cobra.Command {
	var plan, reason string
	cmd := &cobra.Command{
		Use: "quota --plan PLAN", Short: "Ask the installation's operators for another quota plan", Args: call.Exactly(),
		Long: `Ask the installation's operators for another quota plan, by the name that they told you. They decide; until then, and where there is no plan of that name, the
request waits. Once it is approved the plan's limits hold at once: see causeway quota.`,
		Example: "  causeway request quota --plan large --reason 'the branches get a topic each'",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			if plan == "" {
				return call.Usage("%s: name the quota plan that is wanted: --plan PLAN", cmd.CommandPath())
			}
			var r wire.Request
			if err := c.Ask(cmd.Context(), http.MethodPost, c.In("requests"), wire.NewRequest{Kind: "quota", Reason: reason, Quota: &wire.QuotaWish{Plan: plan}}, &r); err != nil {
				return err
			}
			return c.Say(r, "asked as request %s, which ends %s if nobody decides", r.ID, call.When(&r.Ends))
		},
	}
	f := cmd.Flags()
	f.StringVar(&plan, "plan", "", "the quota plan that is wanted")
	f.StringVar(&reason, "reason", "", "what it is for, which the operators read")
	return cmd
}
