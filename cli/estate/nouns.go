// SPDX-License-Identifier: Apache-2.0

package estate

import (
	"net/http"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/causeway-mq/causeway/cli/call"
	"github.com/causeway-mq/causeway/control/wire"
)

func planCommand(c *call.Call) *cobra.Command {
	n := noun[wire.Plan]{c, "plan", "plans", "gold", []string{"NAME", "TOPICS", "GROUPS", "APPLICATIONS", "MEMBERS", "TOKENS", "NOTE"}, func(p wire.Plan) []string {
		l := p.Limits
		return []string{p.Name, limit(l.Topics), limit(l.Groups), limit(l.Applications), limit(l.Members), limit(l.Tokens), call.Dash(p.Note)}
	}}
	return call.Group("plan", "Quota plans: limits that tenants share", planCreate(n), n.list(), n.describe(), planUpdate(n), n.remove())
}

// limit is a plan's limit for people: where it says nothing, the installation's holds.
func limit(n int) string {
	if n == 0 {
		return "-"
	}
	return strconv.Itoa(n)
}

func limitFlags(cmd *cobra.Command, l *wire.PlanLimits) {
	for name, to := range map[string]*int{"topics": &l.Topics, "groups": &l.Groups, "applications": &l.Applications, "members": &l.Members, "tokens": &l.Tokens} {
		cmd.Flags().IntVar(to, name, 0, name+" that a tenant may have; 0 = as many as the installation allows")
	}
}

func planCreate(n noun[wire.Plan]) *cobra.Command {
	var want wire.NewPlan
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Make a plan", Args: call.Exactly("the plan's NAME"), Example: "  causeway plan create gold --topics 500 --groups 1000",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := n.CheckOutput(); err != nil {
				return err
			}
			want.Name = args[0]
			return n.exchange(cmd, http.MethodPost, n.path(), want)
		},
	}
	limitFlags(cmd, &want.Limits)
	cmd.Flags().StringVar(&want.Note, "note", "", "free text for people")
	return cmd
}

func planUpdate(n noun[wire.Plan]) *cobra.Command {
	var limits wire.PlanLimits
	var note string
	cmd := &cobra.Command{
		Use: "update NAME", Short: "Change a plan; what tenants have beyond its new limits stays", Args: call.Exactly("the plan's NAME"),
		Example: "  causeway plan update gold --topics 800",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := n.CheckOutput(); err != nil {
				return err
			}
			var is wire.Plan
			if err := n.Ask(cmd.Context(), http.MethodGet, n.path(args[0]), nil, &is); err != nil {
				return err
			}
			want := wire.PlanChange{Note: call.Changed(cmd, "note", &note), Revision: is.Revision}
			if mixed := mix(cmd, is.Limits, limits); mixed != is.Limits {
				want.Limits = &mixed
			}
			return n.exchange(cmd, http.MethodPatch, n.path(args[0]), want)
		},
	}
	limitFlags(cmd, &limits)
	cmd.Flags().StringVar(&note, "note", "", "free text for people")
	return cmd
}

// mix is a plan's limits with those that the command line names.
func mix(cmd *cobra.Command, is, said wire.PlanLimits) wire.PlanLimits {
	for name, at := range map[string][2]*int{
		"topics": {&is.Topics, &said.Topics}, "groups": {&is.Groups, &said.Groups}, "applications": {&is.Applications, &said.Applications},
		"members": {&is.Members, &said.Members}, "tokens": {&is.Tokens, &said.Tokens},
	} {
		if cmd.Flags().Changed(name) {
			*at[0] = *at[1]
		}
	}
	return is
}

func environmentCommand(c *call.Call) *cobra.Command {
	n := noun[wire.Environment]{c, "environment", "environments", "prod", []string{"NAME", "PRODUCTION", "NOTE"}, func(e wire.Environment) []string {
		return []string{e.Name, call.YesNo(e.Production), call.Dash(e.Note)}
	}}
	return call.Group("environment", "Environments: what tenants are there for", environmentCreate(n), n.list(), n.describe(), environmentUpdate(n), n.remove())
}

func environmentCreate(n noun[wire.Environment]) *cobra.Command {
	var want wire.NewEnvironment
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Make an environment", Args: call.Exactly("the environment's NAME"), Example: "  causeway environment create prod --production",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := n.CheckOutput(); err != nil {
				return err
			}
			want.Name = args[0]
			return n.exchange(cmd, http.MethodPost, n.path(), want)
		},
	}
	cmd.Flags().BoolVar(&want.Production, "production", false, "it is the real thing")
	cmd.Flags().StringVar(&want.Note, "note", "", "free text for people")
	return cmd
}

func environmentUpdate(n noun[wire.Environment]) *cobra.Command {
	var note string
	var production bool
	cmd := &cobra.Command{
		Use: "update NAME", Short: "Change an environment", Args: call.Exactly("the environment's NAME"), Example: "  causeway environment update prod --note 'since March'",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := n.CheckOutput(); err != nil {
				return err
			}
			want := wire.EnvironmentChange{Note: call.Changed(cmd, "note", &note), Production: call.Changed(cmd, "production", &production)}
			return n.exchange(cmd, http.MethodPatch, n.path(args[0]), want)
		},
	}
	cmd.Flags().BoolVar(&production, "production", false, "it is the real thing")
	cmd.Flags().StringVar(&note, "note", "", "free text for people")
	return cmd
}

func zoneCommand(c *call.Call) *cobra.Command {
	n := noun[wire.Zone]{c, "zone", "zones", "az1", []string{"NAME", "CLUSTERS", "PROXIES", "NOTE"}, func(z wire.Zone) []string {
		return []string{z.Name, call.Names(z.Clusters), call.Names(z.Proxies), call.Dash(z.Note)}
	}}
	return call.Group("zone", "Zones: where clusters and proxies stand", zoneCreate(n), n.list(), n.describe(), zoneUpdate(n), n.remove(), zoneFlow(c))
}

func zoneCreate(n noun[wire.Zone]) *cobra.Command {
	var want wire.NewZone
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Make a zone", Args: call.Exactly("the zone's NAME"), Example: "  causeway zone create az1 --note 'Frankfurt, hall 1'",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := n.CheckOutput(); err != nil {
				return err
			}
			want.Name = args[0]
			return n.exchange(cmd, http.MethodPost, n.path(), want)
		},
	}
	cmd.Flags().StringVar(&want.Note, "note", "", "free text for people")
	return cmd
}

func zoneUpdate(n noun[wire.Zone]) *cobra.Command {
	var note string
	cmd := &cobra.Command{
		Use: "update NAME", Short: "Change a zone's note", Args: call.Exactly("the zone's NAME"), Example: "  causeway zone update az1 --note 'Frankfurt, hall 2'",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := n.CheckOutput(); err != nil {
				return err
			}
			return n.exchange(cmd, http.MethodPatch, n.path(args[0]), wire.ZoneChange{Note: call.Changed(cmd, "note", &note)})
		},
	}
	cmd.Flags().StringVar(&note, "note", "", "free text for people")
	return cmd
}
