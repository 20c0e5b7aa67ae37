// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/causeway-mq/causeway/cli/call"
	"github.com/causeway-mq/causeway/cli/estate"
	"github.com/causeway-mq/causeway/cli/figures"
	"github.com/causeway-mq/causeway/control/wire"
)

func (c commands) tenantCommand() *cobra.Command {
	var want wire.NewTenant
	create := &cobra.Command{
		Use: "create ID", Short: "Make a tenant", Args: call.Exactly("the tenant's ID"),
		Example: "  causeway tenant create pay --note 'payments, owned by team pay' --label team=pay",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			want.ID = args[0]
			var t wire.Tenant
			if err := c.Ask(cmd.Context(), http.MethodPost, "/v1/tenants", want, &t); err != nil {
				return err
			}
			c.Hint("Next: causeway app create NAME --owner --tenant %s", t.ID)
			return c.Say(t, "tenant %s created", t.ID)
		},
	}
	create.Flags().StringVar(&want.Note, "note", "", "free text for people")
	create.Flags().StringVar(&want.Plan, "plan", "", "quota plan whose limits hold")
	create.Flags().StringVar(&want.Environment, "environment", "", "environment that it is there for")
	call.LabelFlag(create, &want.Labels)
	var label string
	list := &cobra.Command{
		Use: "list", Short: "List tenants", Args: call.Exactly(),
		Example: "  causeway tenant list\n  causeway tenant list --label team=pay",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			all, err := call.Everything[wire.Tenant](cmd.Context(), c.Call, call.Search("/v1/tenants", label))
			if err != nil {
				return err
			}
			return c.Show(all, func() call.Table {
				t := call.Table{Head: []string{"ID", "PLAN", "ENVIRONMENT", "DISABLED", "UNSIGNED FROM LOOPBACK", "CREATED", "NOTE"}}
				for _, one := range all {
					t.Add(one.ID, call.Dash(one.Plan), call.Dash(one.Environment), call.YesNo(one.Disabled), call.YesNo(one.LoopbackUnsigned), call.When(&one.Created), call.Dash(one.Note))
				}
				return t
			})
		},
	}
	call.SearchFlag(list, &label)
	return call.Group("tenant", "Tenants: who shares this installation", append(figures.Tenant(c.Call), create, list, c.tenantDescribe(), estate.UpdateTenant(c.Call), c.tenantDelete())...)
}

func (c commands) tenantDelete() *cobra.Command {
	var confirm string
	var background bool
	cmd := &cobra.Command{
		Use: "delete ID", Short: "Delete a tenant with all that it has", Args: call.Exactly("the tenant's ID"),
		Example: "  causeway tenant delete GONE --confirm GONE\n  causeway tenant delete GONE --confirm GONE --background",
		Long: `Delete a tenant with all that it has: groups, topics with their messages, applications with their keys, members, tokens.

Nobody is let in from the answer on; the rest is a job of the installation, which goes on after a restart and cannot be taken back. The name may
be used again: a new tenant gets nothing of the old one. What was done to the tenant stays in the audit.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			path := "/v1/tenants/" + url.PathEscape(args[0])
			if confirm != "" {
				path += "?confirm=" + url.QueryEscape(confirm)
			}
			var j wire.Job
			err := c.Ask(cmd.Context(), http.MethodDelete, path, nil, &j)
			if p := (*call.Refused)(nil); errors.As(err, &p) && p.Reason == "needs_confirmation" {
				return call.Fail(call.ExitConflict, err, "if you mean it, say --confirm "+args[0])
			}
			if err != nil {
				return err
			}
			if background {
				c.Hint("See how it goes with: causeway job show %s --installation", j.ID)
				return c.Say(j, "job %s deletes tenant %s", j.ID, args[0])
			}
			if j, err = c.follow(cmd.Context(), j); err != nil {
				return err
			}
			if err := c.Say(j, "tenant %s deleted: job %s %s", args[0], j.ID, j.State); err != nil {
				return err
			}
			return outcome(j)
		},
	}
	cmd.Flags().StringVar(&confirm, "confirm", "", "the tenant's ID once more, where something would be lost")
	cmd.Flags().BoolVar(&background, "background", false, "do not wait for the end")
	return cmd
}

func (c commands) appCommand() *cobra.Command {
	return call.Group("app", "Applications: who acts for a tenant, with which keys and rights",
		c.appCreate(), c.appList(), c.appDescribe(), c.appUpdate(), c.appDelete(), call.Group("key", "Keys of an application", c.keyCreate(), c.keyList(), c.keyRevoke()))
}

func (c commands) appCreate() *cobra.Command {
	var want wire.NewApplication
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Make an application with its first key; the secret is shown this once", Args: call.Exactly("the application's NAME"),
		Example: "  causeway app create shop --publish orders --read orders --consume billing\n  causeway app create ops --owner",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			want.Name = args[0]
			var a wire.Application
			if err := c.Ask(cmd.Context(), http.MethodPost, c.In("apps"), want, &a); err != nil {
				return err
			}
			c.WarnOfMissing(a)
			if !want.Owner && len(want.Publish)+len(want.Read)+len(want.Consume) == 0 {
				c.Hint("This application has no rights yet: see --owner, --publish, --read, --consume")
			}
			return c.Show(a, func() call.Table {
				t := call.Table{Rows: [][]string{{"application", a.Name}}}
				if a.Key != nil {
					t.Add("access key", a.Key.ID)
					t.Add("secret", a.Key.Secret+"   (shown this once)")
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
	call.LabelFlag(cmd, &want.Labels)
	return cmd
}

func (c commands) appList() *cobra.Command {
	var label string
	cmd := &cobra.Command{
		Use: "list", Short: "List applications", Args: call.Exactly(),
		Example: "  causeway app list\n  causeway app list --label team=shop",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			all, err := call.Everything[wire.Application](cmd.Context(), c.Call, call.Search(c.In("apps"), label))
			if err != nil {
				return err
			}
			return c.Show(all, func() call.Table {
				t := call.Table{Head: []string{"NAME", "OWNER", "PUBLISH", "READ", "CONSUME", "DISABLED", "CREATED"}}
				for _, a := range all {
					t.Add(a.Name, call.YesNo(a.Owner), call.Names(a.Publish), call.Names(a.Read), call.Names(a.Consume), call.YesNo(a.Disabled), call.When(&a.Created))
				}
				return t
			})
		},
	}
	call.SearchFlag(cmd, &label)
	return cmd
}

func (c commands) tenantDescribe() *cobra.Command {
	return &cobra.Command{
		Use: "describe ID", Short: "Show a tenant", Args: call.Exactly("the tenant's ID"),
		Example: "  causeway tenant describe default",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			var t wire.Tenant
			if err := c.Ask(cmd.Context(), http.MethodGet, "/v1/tenants/"+url.PathEscape(args[0]), nil, &t); err != nil {
				return err
			}
			return c.Show(t, func() call.Table { return estate.DescribeTenant(t) })
		},
	}
}

func (c commands) appDescribe() *cobra.Command {
	return &cobra.Command{
		Use: "describe NAME", Short: "Show an application with its rights", Args: call.Exactly("the application's NAME"),
		Example: "  causeway app describe shop",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			var a wire.Application
			if err := c.Ask(cmd.Context(), http.MethodGet, c.In("apps", args[0]), nil, &a); err != nil {
				return err
			}
			return c.Show(a, func() call.Table { return describeApp(a) })
		},
	}
}

func describeApp(a wire.Application) call.Table {
	all := func(names []string) string { return call.Dash(strings.Join(names, ",")) }
	return call.Table{Rows: [][]string{
		{"name", a.Name}, {"owner", call.YesNo(a.Owner)}, {"publish", all(a.Publish)}, {"read", all(a.Read)}, {"consume", all(a.Consume)},
		{"disabled", call.YesNo(a.Disabled)}, {"created", call.When(&a.Created)}, {"note", call.Dash(a.Note)},
		{"labels", call.Dash(call.Labels(a.Labels))}, {"missing", all(slices.Concat(a.MissingTopics, a.MissingGroups))},
	}}
}

func (c commands) appUpdate() *cobra.Command {
	var owner, disabled bool
	var publish, read, consume []string
	var note string
	var labels map[string]string
	cmd := &cobra.Command{
		Use: "update NAME", Short: "Change an application's rights, or switch it off; a list replaces the one before", Args: call.Exactly("the application's NAME"),
		Example: "  causeway app update shop --publish orders,returns\n  causeway app update shop --disabled\n  causeway app update shop --disabled=false",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			change := wire.ApplicationChange{
				Owner: call.Changed(cmd, "owner", &owner), Publish: call.Changed(cmd, "publish", &publish), Read: call.Changed(cmd, "read", &read),
				Consume: call.Changed(cmd, "consume", &consume), Note: call.Changed(cmd, "note", &note), Disabled: call.Changed(cmd, "disabled", &disabled),
				Labels: call.Changed(cmd, "label", &labels),
			}
			if change == (wire.ApplicationChange{}) {
				return call.Usage("%s: nothing to change; give a flag", cmd.CommandPath())
			}
			var a wire.Application
			if err := c.Ask(cmd.Context(), http.MethodPatch, c.In("apps", args[0]), change, &a); err != nil {
				return err
			}
			c.WarnOfMissing(a)
			return c.Show(a, func() call.Table { return describeApp(a) })
		},
	}
	f := cmd.Flags()
	f.BoolVar(&owner, "owner", false, "every right within the tenant")
	f.StringSliceVar(&publish, "publish", nil, "topics it may send to; \"\" for none")
	f.StringSliceVar(&read, "read", nil, "topics it may receive from; \"\" for none")
	f.StringSliceVar(&consume, "consume", nil, "groups it may consume as; \"\" for none")
	f.BoolVar(&disabled, "disabled", false, "whether its keys are refused")
	f.StringVar(&note, "note", "", "free text for people")
	call.LabelsFlag(cmd, &labels)
	return cmd
}

func (c commands) appDelete() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "delete NAME", Short: "Delete an application with its keys", Args: call.Exactly("the application's NAME"),
		Example: "  causeway app delete shop --yes",
		RunE: func(cmd *cobra.Command, args []string) error {
			if !yes {
				return call.Fail(call.ExitConflict, fmt.Errorf("whoever uses the keys of application %q is refused from then on", args[0]), "if you mean it, say --yes")
			}
			if err := c.Ask(cmd.Context(), http.MethodDelete, c.In("apps", args[0]), nil, nil); err != nil {
				return err
			}
			return c.Say(map[string]string{"deleted": args[0]}, "application %s deleted", args[0])
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "confirm")
	return cmd
}

func (c commands) keyCreate() *cobra.Command {
	return &cobra.Command{
		Use: "create APP", Short: "Make another key, to exchange the old one without a gap", Args: call.Exactly("the application's name"),
		Example: "  causeway app key create shop",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			var k wire.Key
			if err := c.Ask(cmd.Context(), http.MethodPost, c.In("apps", args[0], "keys"), wire.NewKey{}, &k); err != nil {
				return err
			}
			return c.Show(k, func() call.Table {
				return call.Table{Rows: [][]string{{"access key", k.ID}, {"secret", k.Secret + "   (shown this once)"}}}
			})
		},
	}
}

func (c commands) keyList() *cobra.Command {
	return &cobra.Command{
		Use: "list APP", Short: "List an application's keys, without secrets", Args: call.Exactly("the application's name"),
		Example: "  causeway app key list shop",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			var page wire.Page[wire.Key]
			if err := c.Ask(cmd.Context(), http.MethodGet, c.In("apps", args[0], "keys"), nil, &page); err != nil {
				return err
			}
			return c.Show(page.Items, func() call.Table {
				t := call.Table{Head: []string{"ACCESS KEY", "CREATED", "EXPIRES", "REVOKED"}}
				for _, k := range page.Items {
					t.Add(k.ID, call.When(&k.Created), call.When(k.Expires), call.When(k.Revoked))
				}
				return t
			})
		},
	}
}

func (c commands) keyRevoke() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "revoke APP KEY", Short: "End a key for good", Args: call.Exactly("the application's name", "the access key"),
		Long:    "Proxies refuse it from then on. Where it was taken over, the brokers' user is disabled within seconds; causeway cluster drift tells what is left to do.",
		Example: "  causeway app key revoke shop CWKEY --yes",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			if !yes {
				return call.Fail(call.ExitConflict, fmt.Errorf("whoever signs with key %s is refused from then on, for good", args[1]), "if you mean it, say --yes")
			}
			if err := c.Ask(cmd.Context(), http.MethodDelete, c.In("apps", args[0], "keys", args[1]), nil, nil); err != nil {
				return err
			}
			return c.Say(map[string]string{"revoked": args[1]}, "key %s revoked", args[1])
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "confirm")
	return cmd
}
