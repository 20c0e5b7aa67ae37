// SPDX-License-Identifier: Apache-2.0

// Package roster has the commands about who is connected.
package roster

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/causeway-mq/causeway/cli/call"
	"github.com/causeway-mq/causeway/control/wire"
)

// Commands are the commands of this room that stand by themselves.
func Commands(c *call.Call) []*cobra.Command {
	return []*cobra.Command{call.Group("client", "Clients that are connected: producers and consumers of the tenant", commands{c}.list(), commands{c}.disconnect())}
}

// Group lists the members of a group.
func Group(c *call.Call) *cobra.Command { return commands{c}.group() }

// commands is one command line under way.
type commands struct{ *call.Call }

func (c commands) list() *cobra.Command {
	var group, topic, app, kind, sort string
	cmd := &cobra.Command{
		Use: "list", Short: "List the tenant's clients that are connected", Args: call.Exactly(),
		Long: "Lists the clients that the proxies told the control plane of, each once however many proxies it is connected to. Proxies tell every ten seconds. Where one of them was silent for\n" +
			"longer its clients are not listed, and the command says so.",
		Example: "  causeway client list\n  causeway client list --topic orders --kind producer\n  causeway client list --group billing --sort=-since",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			q := url.Values{}
			for name, v := range map[string]string{"group": group, "topic": topic, "app": app, "kind": kind, "sort": sort} {
				if v != "" {
					q.Set(name, v)
				}
			}
			all, err := everybody(cmd, c.Call, c.In("clients"), q)
			if err != nil {
				return err
			}
			c.known(all.Complete, all.Unknown)
			return c.Show(wire.ClientPage{Items: all.Items, Total: all.Total, Complete: all.Complete, Unknown: all.Unknown}, func() call.Table { return table(all.Items) })
		},
	}
	f := cmd.Flags()
	f.StringVar(&group, "group", "", "members of this group")
	f.StringVar(&topic, "topic", "", "those that announced this topic or subscribe to it")
	f.StringVar(&app, "app", "", "those of this application")
	f.StringVar(&kind, "kind", "", "producer, consumer, push_consumer, simple_consumer or pull_consumer")
	sortFlag(cmd, &sort)
	return cmd
}

func sortFlag(cmd *cobra.Command, to *string) {
	cmd.Flags().StringVar(to, "sort", "", "id, app, group, kind, language, since or heard; with - before it the other way round (default: id)")
}

// everybody reads a listing of clients piece by piece; what is said of all is that of the last piece.
func everybody(cmd *cobra.Command, c *call.Call, path string, q url.Values) (wire.GroupClients, error) {
	all := wire.GroupClients{Items: []wire.Client{}}
	q.Set("limit", "1000")
	for {
		var page wire.GroupClients // a page of the tenant's clients is one without differences
		if err := c.Ask(cmd.Context(), http.MethodGet, path+"?"+q.Encode(), nil, &page); err != nil {
			return all, err
		}
		page.Items = append(all.Items, page.Items...)
		all = page
		if page.Next == "" {
			return all, nil
		}
		q.Set("cursor", page.Next)
	}
}

// known says on standard error what is not known.
func (c commands) known(complete bool, unknown []wire.SilentProxy) {
	for _, p := range unknown {
		where := ""
		if p.Zone != "" {
			where = " in zone " + p.Zone
		}
		c.Hint("A proxy%s was last heard of at %s: who is connected to it is not known", where, call.When(&p.Heard))
	}
	if !complete && len(unknown) == 0 {
		c.Hint("Not every proxy has said yet who is connected to it: there may be more clients")
	}
}

func table(all []wire.Client) call.Table {
	t := call.Table{Head: []string{"CLIENT", "APP", "KIND", "GROUP", "TOPICS", "SDK", "ADDRESS", "ZONES", "SINCE", "HEARD"}}
	for _, one := range all {
		t.Add(one.ID, call.Dash(one.App), one.Kind, call.Dash(one.Group), call.Dash(topics(one)), call.Dash(strings.TrimSpace(one.Language+" "+one.Version)), call.Dash(address(one)), call.Dash(zones(one)),
			call.When(&one.Since), call.When(&one.Heard))
	}
	return t
}

// topics shows what a client takes or announces, with the filters.
func topics(one wire.Client) string {
	var words []string
	for _, t := range one.Topics {
		words = append(words, strings.TrimSuffix(t.Topic+":"+t.Filter, ":"))
	}
	if one.Untold > 0 {
		words = append(words, "...")
	}
	return strings.Join(words, " ")
}

func address(one wire.Client) string {
	if len(one.Proxies) == 0 {
		return ""
	}
	return one.Proxies[0].Address
}

func zones(one wire.Client) string {
	var words []string
	for _, p := range one.Proxies {
		if z := call.Dash(p.Zone); len(words) == 0 || words[len(words)-1] != z {
			words = append(words, z)
		}
	}
	return strings.Join(words, " ")
}

func (c commands) group() *cobra.Command {
	var sort string
	cmd := &cobra.Command{
		Use: "clients GROUP", Short: "List a group's members that are connected, and tell whether they subscribe alike", Args: call.Exactly("the GROUP"),
		Long: "Members of one group that take a topic with different filters, or not all of them, lose messages without a word: what the filter of one does not pass counts as consumed for all.\n" +
			"The command says where that is so.",
		Example: "  causeway group clients billing",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			q := url.Values{}
			if sort != "" {
				q.Set("sort", sort)
			}
			all, err := everybody(cmd, c.Call, c.In("groups", args[0], "clients"), q)
			if err != nil {
				return err
			}
			c.known(all.Complete, all.Unknown)
			for _, d := range all.Differences {
				c.Hint("Messages of topic %s get lost: the members do not subscribe alike: %s", d.Topic, ways(d))
			}
			return c.Show(all, func() call.Table { return table(all.Items) })
		},
	}
	sortFlag(cmd, &sort)
	return cmd
}

// ways shows how the members of a group take a topic.
func ways(d wire.SubscriptionDifference) string {
	var words []string
	for _, w := range d.Ways {
		how := "without it"
		switch {
		case w.Subscribed && w.Filter == "":
			how = "with all of it"
		case w.Subscribed:
			how = "with " + w.FilterType + " " + w.Filter
		}
		words = append(words, call.Number(int64(w.Clients))+" "+how+" ("+strings.Join(w.Examples, ", ")+")")
	}
	return strings.Join(words, "; ")
}
