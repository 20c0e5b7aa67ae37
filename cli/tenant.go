// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/causeway-mq/causeway/control/wire"
)

func (c *call) tenantCommand() *cobra.Command {
	var note string
	create := &cobra.Command{
		Use: "create ID", Short: "Make a tenant", Args: exactly("the tenant's ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.checkOutput(); err != nil {
				return err
			}
			var t wire.Tenant
			if err := c.ask(cmd.Context(), http.MethodPost, "/v1/tenants", wire.NewTenant{ID: args[0], Note: note}, &t); err != nil {
				return err
			}
			c.hint("Next: causeway app create NAME --owner --tenant %s", t.ID)
			return c.say(t, "tenant %s created", t.ID)
		},
	}
	create.Flags().StringVar(&note, "note", "", "free text for people")
	list := &cobra.Command{
		Use: "list", Short: "List tenants", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.checkOutput(); err != nil {
				return err
			}
			all, err := everything[wire.Tenant](cmd.Context(), c, "/v1/tenants")
			if err != nil {
				return err
			}
			return c.show(all, func() table {
				t := table{head: []string{"ID", "UNSIGNED FROM LOOPBACK", "CREATED", "NOTE"}}
				for _, one := range all {
					t.add(one.ID, yesNo(one.LoopbackUnsigned), when(&one.Created), dash(one.Note))
				}
				return t
			})
		},
	}
	return group("tenant", "Tenants: who shares this installation", create, list, c.tenantDescribe())
}

func (c *call) appCommand() *cobra.Command {
	return group("app", "Applications: who acts for a tenant, with which keys and rights",
		c.appCreate(), c.appList(), c.appDescribe(), c.appUpdate(), c.appDelete(), group("key", "Keys of an application", c.keyCreate(), c.keyList(), c.keyRevoke()))
}

func (c *call) appCreate() *cobra.Command {
	var want wire.NewApplication
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Make an application with its first key; the secret is shown this once", Args: exactly("the application's NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.checkOutput(); err != nil {
				return err
			}
			want.Name = args[0]
			var a wire.Application
			if err := c.ask(cmd.Context(), http.MethodPost, c.in("apps"), want, &a); err != nil {
				return err
			}
			if !want.Owner && len(want.Publish)+len(want.Read)+len(want.Consume) == 0 {
				c.hint("This application has no rights yet: see --owner, --publish, --read, --consume")
			}
			return c.show(a, func() table {
				t := table{rows: [][]string{{"application", a.Name}}}
				if a.Key != nil {
					t.add("access key", a.Key.ID)
					t.add("secret", a.Key.Secret+"   (shown this once)")
				}
				return t
			})
		},
	}
	cmd.Flags().BoolVar(&want.Owner, "owner", false, "every right within the tenant")
	cmd.Flags().StringSliceVar(&want.Publish, "publish", nil, "topics it may send to")
	cmd.Flags().StringSliceVar(&want.Read, "read", nil, "topics it may receive from")
	cmd.Flags().StringSliceVar(&want.Consume, "consume", nil, "groups it may consume as")
	cmd.Flags().StringVar(&want.Note, "note", "", "free text for people")
	return cmd
}

func (c *call) appList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List applications", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.checkOutput(); err != nil {
				return err
			}
			all, err := everything[wire.Application](cmd.Context(), c, c.in("apps"))
			if err != nil {
				return err
			}
			return c.show(all, func() table {
				t := table{head: []string{"NAME", "OWNER", "PUBLISH", "READ", "CONSUME", "DISABLED", "CREATED"}}
				for _, a := range all {
					t.add(a.Name, yesNo(a.Owner), names(a.Publish), names(a.Read), names(a.Consume), yesNo(a.Disabled), when(&a.Created))
				}
				return t
			})
		},
	}
}

func (c *call) tenantDescribe() *cobra.Command {
	return &cobra.Command{
		Use: "describe ID", Short: "Show a tenant", Args: exactly("the tenant's ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.checkOutput(); err != nil {
				return err
			}
			var t wire.Tenant
			if err := c.ask(cmd.Context(), http.MethodGet, "/v1/tenants/"+url.PathEscape(args[0]), nil, &t); err != nil {
				return err
			}
			return c.show(t, func() table {
				return table{rows: [][]string{{"id", t.ID}, {"unsigned from loopback", yesNo(t.LoopbackUnsigned)}, {"disabled", yesNo(t.Disabled)},
					{"created", when(&t.Created)}, {"note", dash(t.Note)}}}
			})
		},
	}
}

func (c *call) appDescribe() *cobra.Command {
	return &cobra.Command{
		Use: "describe NAME", Short: "Show an application with its rights", Args: exactly("the application's NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.checkOutput(); err != nil {
				return err
			}
			var a wire.Application
			if err := c.ask(cmd.Context(), http.MethodGet, c.in("apps", args[0]), nil, &a); err != nil {
				return err
			}
			return c.show(a, func() table { return describeApp(a) })
		},
	}
}

func describeApp(a wire.Application) table {
	all := func(names []string) string { return dash(strings.Join(names, ",")) }
	return table{rows: [][]string{
		{"name", a.Name}, {"owner", yesNo(a.Owner)}, {"publish", all(a.Publish)}, {"read", all(a.Read)}, {"consume", all(a.Consume)},
		{"disabled", yesNo(a.Disabled)}, {"created", when(&a.Created)}, {"note", dash(a.Note)},
	}}
}

func (c *call) appUpdate() *cobra.Command {
	var owner, disabled bool
	var publish, read, consume []string
	var note string
	cmd := &cobra.Command{
		Use: "update NAME", Short: "Change an application's rights, or switch it off; a list replaces the one before", Args: exactly("the application's NAME"),
		Example: "  causeway app update shop --publish orders,returns\n  causeway app update shop --disabled\n  causeway app update shop --disabled=false",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.checkOutput(); err != nil {
				return err
			}
			change := wire.ApplicationChange{
				Owner: given(cmd, "owner", &owner), Publish: given(cmd, "publish", &publish), Read: given(cmd, "read", &read),
				Consume: given(cmd, "consume", &consume), Note: given(cmd, "note", &note), Disabled: given(cmd, "disabled", &disabled),
			}
			if change == (wire.ApplicationChange{}) {
				return usage("%s: nothing to change; give a flag", cmd.CommandPath())
			}
			var a wire.Application
			if err := c.ask(cmd.Context(), http.MethodPatch, c.in("apps", args[0]), change, &a); err != nil {
				return err
			}
			return c.show(a, func() table { return describeApp(a) })
		},
	}
	f := cmd.Flags()
	f.BoolVar(&owner, "owner", false, "every right within the tenant")
	f.StringSliceVar(&publish, "publish", nil, "topics it may send to; \"\" for none")
	f.StringSliceVar(&read, "read", nil, "topics it may receive from; \"\" for none")
	f.StringSliceVar(&consume, "consume", nil, "groups it may consume as; \"\" for none")
	f.BoolVar(&disabled, "disabled", false, "whether its keys are refused")
	f.StringVar(&note, "note", "", "free text for people")
	return cmd
}

func (c *call) appDelete() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "delete NAME", Short: "Delete an application with its keys", Args: exactly("the application's NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !yes {
				return &failure{ExitConflict, fmt.Errorf("whoever uses the keys of application %q is refused from then on", args[0]), "if you mean it, say --yes"}
			}
			if err := c.ask(cmd.Context(), http.MethodDelete, c.in("apps", args[0]), nil, nil); err != nil {
				return err
			}
			return c.say(map[string]string{"deleted": args[0]}, "application %s deleted", args[0])
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "confirm")
	return cmd
}

func (c *call) keyCreate() *cobra.Command {
	return &cobra.Command{
		Use: "create APP", Short: "Make another key, to exchange the old one without a gap", Args: exactly("the application's name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.checkOutput(); err != nil {
				return err
			}
			var k wire.Key
			if err := c.ask(cmd.Context(), http.MethodPost, c.in("apps", args[0], "keys"), wire.NewKey{}, &k); err != nil {
				return err
			}
			return c.show(k, func() table {
				return table{rows: [][]string{{"access key", k.ID}, {"secret", k.Secret + "   (shown this once)"}}}
			})
		},
	}
}

func (c *call) keyList() *cobra.Command {
	return &cobra.Command{
		Use: "list APP", Short: "List an application's keys, without secrets", Args: exactly("the application's name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.checkOutput(); err != nil {
				return err
			}
			var page wire.Page[wire.Key]
			if err := c.ask(cmd.Context(), http.MethodGet, c.in("apps", args[0], "keys"), nil, &page); err != nil {
				return err
			}
			return c.show(page.Items, func() table {
				t := table{head: []string{"ACCESS KEY", "CREATED", "EXPIRES", "REVOKED"}}
				for _, k := range page.Items {
					t.add(k.ID, when(&k.Created), when(k.Expires), when(k.Revoked))
				}
				return t
			})
		},
	}
}

func (c *call) keyRevoke() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "revoke APP KEY", Short: "End a key for good", Args: exactly("the application's name", "the access key"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.checkOutput(); err != nil {
				return err
			}
			if !yes {
				return &failure{ExitConflict, fmt.Errorf("whoever signs with key %s is refused from then on, for good", args[1]), "if you mean it, say --yes"}
			}
			if err := c.ask(cmd.Context(), http.MethodDelete, c.in("apps", args[0], "keys", args[1]), nil, nil); err != nil {
				return err
			}
			return c.say(map[string]string{"revoked": args[1]}, "key %s revoked", args[1])
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "confirm")
	return cmd
}

// names joins names for a column, at a glance.
func names(all []string) string {
	const glance = 4
	if len(all) > glance {
		return strings.Join(all[:glance], ",") + ",..."
	}
	return dash(strings.Join(all, ","))
}
