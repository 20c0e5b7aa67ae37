// SPDX-License-Identifier: Apache-2.0

package requests

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/causeway-mq/causeway/cli/call"
	"github.com/causeway-mq/causeway/control/wire"
)

func (c commands) grantCommand() *cobra.Command {
	return call.Group("grant", "Grants: topics that one tenant lends to another", c.grantAsk(), c.grantList(), c.grantShow(), c.grantEnd())
}

func (c commands) grantAsk() *cobra.Command {
	var wish wire.GrantWish
	var reason, expires string
	cmd := &cobra.Command{
		Use: "ask OWNER/TOPIC", Short: "Ask another tenant for the use of a topic", Args: call.Exactly("the OWNER/TOPIC"),
		Long: `Ask another tenant for the use of a topic. Its admins decide; until then, and where there is no such tenant or topic, the request waits.

Once it is approved, applications of this tenant use the topic under the name that --as gives, by rights to that name and with groups of this tenant on the topic's
cluster (see causeway grant show).`,
		Example: "  causeway grant ask pay/orders --as pay-orders --subscribe --reason 'risk scoring'\n" +
			"  causeway grant ask pay/orders --as pay-orders-in --publish --reason 'orders of the branches' --expires 2099-12-31T00:00:00Z",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			owner, topic, ok := strings.Cut(args[0], "/")
			if !ok {
				return call.Usage("%s: %q: OWNER/TOPIC is wanted, for example pay/orders", cmd.CommandPath(), args[0])
			}
			wish.Topic = topic
			if expires != "" {
				end, err := call.Moment("--expires", expires, time.Now())
				if err != nil {
					return err
				}
				wish.Expires = &end
			}
			if wish.As == "" {
				wish.As = topic
			}
			var r wire.Request
			if err := c.Ask(cmd.Context(), http.MethodPost, c.In("requests"), wire.NewRequest{Kind: "grant", To: owner, Reason: reason, Grant: &wish}, &r); err != nil {
				return err
			}
			return c.Say(r, "asked as request %s, which ends %s if nobody decides", r.ID, call.When(&r.Ends))
		},
	}
	f := cmd.Flags()
	f.StringVar(&wish.As, "as", "", "the topic's name in this tenant (default: as its owner calls it)")
	f.BoolVar(&wish.Publish, "publish", false, "to send to it")
	f.BoolVar(&wish.Subscribe, "subscribe", false, "to receive from it")
	f.StringVar(&reason, "reason", "", "what it is for, which the owner reads")
	f.StringVar(&expires, "expires", "", "when the grant ends by itself, a time such as 2027-01-31T12:00:00Z (default: never)")
	return cmd
}

func (c commands) grantList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the topics that the tenant lends and borrows", Args: call.Exactly(), Example: "  causeway grant list",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			all, err := call.Everything[wire.Grant](cmd.Context(), c.Call, c.In("grants"))
			if err != nil {
				return err
			}
			return c.Show(all, func() call.Table {
				t := call.Table{Head: []string{"ID", "TOPIC", "BORROWER", "AS", "RIGHTS", "HOLDS", "EXPIRES"}}
				for _, g := range all {
					t.Add(g.ID, g.Owner+"/"+g.Topic, g.Borrower, g.As, rights(g.Publish, g.Subscribe), call.YesNo(g.Holds), call.When(g.Expires))
				}
				return t
			})
		},
	}
}

func (c commands) grantShow() *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show a grant: whose topic it is, where it is, until when", Args: call.Exactly("the grant's ID"), Example: "  causeway grant show GRANT",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			var g wire.Grant
			if err := c.Ask(cmd.Context(), http.MethodGet, c.In("grants", args[0]), nil, &g); err != nil {
				return err
			}
			return c.Show(g, func() call.Table {
				return call.Table{Rows: [][]string{{"id", g.ID}, {"topic", g.Owner + "/" + g.Topic}, {"borrower", g.Borrower}, {"as", g.As}, {"rights", rights(g.Publish, g.Subscribe)},
					{"holds", call.YesNo(g.Holds)}, {"cluster", call.Dash(g.Cluster)}, {"types", call.Dash(strings.Join(g.Types, ", "))}, {"expires", call.When(g.Expires)},
					{"created", call.When(&g.Created)}, {"request", g.Request}}}
			})
		},
	}
}

func (c commands) grantEnd() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "end ID", Short: "End a grant, from either side", Args: call.Exactly("the grant's ID"), Example: "  causeway grant end GRANT --yes",
		RunE: func(cmd *cobra.Command, args []string) error {
			if !yes {
				return call.Fail(call.ExitConflict, fmt.Errorf("the borrower's clients lose the topic of grant %s within seconds", args[0]), "if you mean it, say --yes")
			}
			if err := c.Ask(cmd.Context(), http.MethodDelete, c.In("grants", args[0]), nil, nil); err != nil {
				return err
			}
			return c.Say(map[string]string{"ended": args[0]}, "grant %s ended", args[0])
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "confirm")
	return cmd
}
