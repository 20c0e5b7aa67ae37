// SPDX-License-Identifier: Apache-2.0

// Package estate holds the commands about what belongs to the installation as a whole: quota plans, environments and zones, and which of them a
// tenant has.
package estate

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/causeway-mq/causeway/cli/call"
	"github.com/causeway-mq/causeway/control/wire"
)

// Commands gives the room's commands.
func Commands(c *call.Call) []*cobra.Command {
	return []*cobra.Command{planCommand(c), environmentCommand(c), zoneCommand(c), quota(c)}
}

// noun is one of the installation's nouns, as the API shows it in T.
type noun[T any] struct {
	*call.Call
	word, many, example string
	head                []string
	row                 func(T) []string // the name stands first
}

func (n noun[T]) path(name ...string) string {
	p := "/v1/" + n.many
	if len(name) > 0 {
		p += "/" + url.PathEscape(name[0])
	}
	return p
}

// table is a listing of some.
func (n noun[T]) table(some ...T) call.Table {
	t := call.Table{Head: n.head}
	for _, one := range some {
		t.Add(n.row(one)...)
	}
	return t
}

func (n noun[T]) list() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List " + n.many, Args: call.Exactly(), Example: "  causeway " + n.word + " list",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := n.CheckOutput(); err != nil {
				return err
			}
			all, err := call.Everything[T](cmd.Context(), n.Call, n.path())
			if err != nil {
				return err
			}
			return n.Show(all, func() call.Table { return n.table(all...) })
		},
	}
}

func (n noun[T]) describe() *cobra.Command {
	return &cobra.Command{
		Use: "describe NAME", Short: "Show one of the " + n.many, Args: call.Exactly("the " + n.word + "'s NAME"), Example: "  causeway " + n.word + " describe " + n.example,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := n.CheckOutput(); err != nil {
				return err
			}
			return n.exchange(cmd, http.MethodGet, n.path(args[0]), nil)
		},
	}
}

// exchange asks for something of one, and shows it as it is then.
func (n noun[T]) exchange(cmd *cobra.Command, method, path string, body any) error {
	var one T
	if err := n.Ask(cmd.Context(), method, path, body, &one); err != nil {
		return err
	}
	return n.Show(one, func() call.Table { return n.table(one) })
}

func (n noun[T]) remove() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "delete NAME", Short: "Delete one of the " + n.many + " that nothing names", Args: call.Exactly("the " + n.word + "'s NAME"),
		Example: "  causeway " + n.word + " delete " + n.example + " --yes",
		RunE: func(cmd *cobra.Command, args []string) error {
			if !yes {
				return call.Fail(call.ExitConflict, fmt.Errorf("%s %q would be deleted", n.word, args[0]), "if you mean it, say --yes")
			}
			if err := n.Ask(cmd.Context(), http.MethodDelete, n.path(args[0]), nil, nil); err != nil {
				return err
			}
			return n.Say(map[string]string{"deleted": args[0]}, "%s %s deleted", n.word, args[0])
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "confirm")
	return cmd
}

func quota(c *call.Call) *cobra.Command {
	return &cobra.Command{
		Use: "quota", Short: "Show what limits the tenant has, where each comes from, and what is used", Args: call.Exactly(), Example: "  causeway quota",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			var q wire.Quota
			if err := c.Ask(cmd.Context(), http.MethodGet, c.In("quota"), nil, &q); err != nil {
				return err
			}
			return c.Show(q, func() call.Table {
				t := call.Table{Head: []string{"NOUN", "USED", "LIMIT", "FROM"}}
				for _, i := range q.Items {
					from := i.From
					if from == "plan" {
						from += " " + q.Plan
					}
					t.Add(i.Noun, strconv.Itoa(i.Used), strconv.Itoa(i.Limit), from)
				}
				return t
			})
		},
	}
}
