// SPDX-License-Identifier: Apache-2.0

// Package requests has the commands of requests with approval, and of topics that one tenant lends to another.
package requests

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"

	"github.com/spf13/cobra"

	"github.com/causeway-mq/causeway/cli/call"
	"github.com/causeway-mq/causeway/control/wire"
)

// Commands are the commands of this room.
func Commands(c *call.Call) []*cobra.Command {
	all := commands{c}
	return []*cobra.Command{all.requestCommand(), all.grantCommand()}
}

// commands is one command line under way.
type commands struct{ *call.Call }

func (c commands) requestCommand() *cobra.Command {
	return call.Group("request", "Requests: what tenants ask of each other and of the installation, and who decides", c.requestQuota(), c.requestList(), c.requestShow(),
		c.requestEnd(ending{"approve", "approval", "Say yes to a request of another tenant; what it asks for comes about", "  causeway request approve REQUEST\n  causeway request approve RAISE --installation", true}),
		c.requestEnd(ending{"refuse", "refusal", "Say no to a request of another tenant", "  causeway request refuse REQUEST --why 'ask for the aggregate instead'\n" +
			"  causeway request refuse RAISE --why 'half of your topics are empty' --installation", true}),
		c.requestEnd(ending{"withdraw", "withdrawal", "Take a request of this tenant back", "  causeway request withdraw MINE", false}),
		c.requestComment())
}

func (c commands) requestList() *cobra.Command {
	var only, everywhere bool
	cmd := &cobra.Command{
		Use: "list", Short: "List what the tenant asks, and what it is asked; pending ones first", Args: call.Exactly(),
		Example: "  causeway request list\n  causeway request list --pending=false\n  causeway request list --installation",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			some, err := call.Everything[wire.Request](cmd.Context(), c.Call, c.At(everywhere, "requests"))
			if err != nil {
				return err
			}
			if only {
				some = slices.DeleteFunc(some, func(r wire.Request) bool { return r.State != "pending" })
			}
			slices.SortFunc(some, func(a, b wire.Request) int { return cmp.Or(pending(a)-pending(b), a.Created.Compare(b.Created)) })
			return c.Show(some, func() call.Table {
				t := call.Table{Head: []string{"ID", "STATE", "FROM", "TO", "WISH", "BY", "CREATED", "ENDS"}}
				for _, r := range some {
					t.Add(r.ID, r.State, r.From, decides(r), wish(r), r.By, call.When(&r.Created), call.When(&r.Ends))
				}
				return t
			})
		},
	}
	cmd.Flags().BoolVar(&only, "pending", true, "only those that nobody has decided")
	everywhereFlag(cmd, &everywhere)
	return cmd
}

// everywhereFlag says that a command is about what the installation is asked, not a tenant.
func everywhereFlag(cmd *cobra.Command, to *bool) {
	cmd.Flags().BoolVar(to, "installation", false, "what tenants ask of the installation, not of a tenant")
}

// decides is who decides.
func decides(r wire.Request) string { return cmp.Or(r.To, "(installation)") }

// pending sorts what waits for somebody before the rest.
func pending(r wire.Request) int {
	if r.State == "pending" {
		return 0
	}
	return 1
}

// wish says what is asked for.
func wish(r wire.Request) string {
	switch {
	case r.Quota != nil && r.Quota.Was != "":
		return fmt.Sprintf("quota plan %s instead of %s", r.Quota.Plan, r.Quota.Was)
	case r.Quota != nil:
		return "quota plan " + r.Quota.Plan
	case r.Grant == nil:
		return r.Kind
	}
	return fmt.Sprintf("%s %s/%s as %s", rights(r.Grant.Publish, r.Grant.Subscribe), r.To, r.Grant.Topic, r.Grant.As)
}

func rights(publish, subscribe bool) string {
	switch {
	case publish && subscribe:
		return "publish+subscribe"
	case publish:
		return "publish"
	}
	return "subscribe"
}

func (c commands) requestShow() *cobra.Command {
	var everywhere bool
	cmd := &cobra.Command{
		Use: "show ID", Short: "Show a request with what was said about it", Args: call.Exactly("the request's ID"),
		Example: "  causeway request show REQUEST\n  causeway request show RAISE --installation",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			var r wire.Request
			if err := c.Ask(cmd.Context(), http.MethodGet, c.At(everywhere, "requests", args[0]), nil, &r); err != nil {
				return err
			}
			return c.Show(r, func() call.Table { return describe(r) })
		},
	}
	everywhereFlag(cmd, &everywhere)
	return cmd
}

func describe(r wire.Request) call.Table {
	t := call.Table{Rows: [][]string{{"id", r.ID}, {"state", r.State}, {"wish", wish(r)}, {"from", r.From}, {"to", decides(r)}, {"by", r.By}, {"reason", r.Reason},
		{"created", call.When(&r.Created)}, {"ends", call.When(&r.Ends)}, {"decided", call.When(r.Decided)}, {"decider", call.Dash(r.Decider)}, {"why", call.Dash(r.Why)}}}
	if r.Grant != nil && r.Grant.Expires != nil {
		t.Add("grant expires", call.When(r.Grant.Expires))
	}
	switch {
	case r.Due:
		t.Add("effect", "on its way")
	case r.Failed != "":
		t.Add("effect", "failed: "+r.Failed)
	}
	for _, said := range r.Comments {
		t.Add("comment", fmt.Sprintf("%s, %s: %s", cmp.Or(said.By, said.Side, "installation"), call.When(&said.At), said.Text))
	}
	return t
}

// ending is how a request ends: by a command, at a path, in words for people.
type ending struct {
	use, path, short, example string
	asked                     bool // it ends by who was asked, which may be the installation
}

func (c commands) requestEnd(e ending) *cobra.Command {
	var why string
	var everywhere bool
	cmd := &cobra.Command{
		Use: e.use + " ID", Short: e.short, Args: call.Exactly("the request's ID"), Example: e.example,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			var r wire.Request
			if err := c.Ask(cmd.Context(), http.MethodPost, c.At(everywhere, "requests", args[0], e.path), wire.Decision{Why: why}, &r); err != nil {
				return err
			}
			return c.Say(r, "request %s is %s%s", r.ID, r.State, after(r))
		},
	}
	cmd.Flags().StringVar(&why, "why", "", "the reason, which the other side reads; a refusal needs one")
	if e.asked {
		everywhereFlag(cmd, &everywhere)
	}
	return cmd
}

// after says what comes of an approval that is not simply there.
func after(r wire.Request) string {
	switch {
	case r.Due:
		return "; what it asks for comes about within moments"
	case r.Failed != "":
		return "; what it asks for could not be done: " + r.Failed
	}
	return ""
}

func (c commands) requestComment() *cobra.Command {
	var everywhere bool
	cmd := &cobra.Command{
		Use: "comment ID TEXT", Short: "Say something about a request; both sides read it", Args: call.Exactly("the request's ID", "the TEXT"),
		Example: "  causeway request comment REQUEST 'for how long do you need it?'\n  causeway request comment RAISE 'how many topics do you need?' --installation",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			var r wire.Request
			if err := c.Ask(cmd.Context(), http.MethodPost, c.At(everywhere, "requests", args[0], "comments"), wire.NewComment{Text: args[1]}, &r); err != nil {
				return err
			}
			return c.Say(r, "said")
		},
	}
	everywhereFlag(cmd, &everywhere)
	return cmd
}
