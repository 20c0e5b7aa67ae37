// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/causeway-mq/causeway/cli/call"
	"github.com/causeway-mq/causeway/cli/figures"
	"github.com/causeway-mq/causeway/control/wire"
)

func (c commands) topicCommand() *cobra.Command {
	return call.Group("topic", "Topics: where messages are sent to",
		c.topicCreate(), c.topicList(), c.topicDescribe(), c.topicUpdate(), c.topicDelete(), figures.Topic(c.Call))
}

func (c commands) topicCreate() *cobra.Command {
	var want wire.NewTopic
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Make a topic", Args: call.Exactly("the topic's NAME"),
		Example: "  causeway topic create orders\n  causeway topic create payments --type fifo --queues 16\n  causeway topic create reminders --type delay --retention 24h\n  causeway topic create orders --label team=shop --label tier=gold",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			want.Name = args[0]
			if err := call.NotZero(cmd, "queues", want.Queues, "from 1 to 256"); err != nil {
				return err
			}
			var err error
			if want.Retention, err = call.SpanText("--retention", want.Retention); err != nil {
				return err
			}
			var t wire.Topic
			if err := c.Ask(cmd.Context(), http.MethodPost, c.In("topics"), want, &t); err != nil {
				return err
			}
			c.Hint("Next: causeway produce %s -m 'hello'", t.Name)
			kept := "kept as long as the brokers of cluster " + t.Cluster + " keep messages"
			if t.Retention != "" {
				kept = "kept for " + call.Tidy(t.Retention)
			}
			return c.Say(t, "topic %s created: %s messages, %d queues, %s", t.Name, strings.Join(t.Types, " and "), t.Queues, kept)
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&want.Types, "type", []string{"normal"}, "messages that it takes: normal, fifo, delay, transaction")
	f.StringVar(&want.Cluster, "cluster", "", "where it is made (default: the installation's)")
	f.IntVar(&want.Queues, "queues", 8, "queues, 1 to 256")
	f.StringVar(&want.Durability, "durability", "", `"sync" (on disk before the answer) or a loss window such as "window=20ms"`)
	f.StringVar(&want.Retention, "retention", "", "age after which a message may go, for example 36h or 7d (default 72h); not where the brokers have one for all topics")
	f.StringVar(&want.Note, "note", "", "free text for people")
	call.LabelFlag(cmd, &want.Labels)
	return cmd
}

func (c commands) topicList() *cobra.Command {
	var label string
	cmd := &cobra.Command{
		Use: "list", Short: "List topics", Args: call.Exactly(),
		Example: "  causeway topic list\n  causeway topic list -o json\n  causeway topic list --label team=shop",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			all, err := call.Everything[wire.Topic](cmd.Context(), c.Call, call.Search(c.In("topics"), label))
			if err != nil {
				return err
			}
			return c.Show(all, func() call.Table {
				t := call.Table{Head: []string{"NAME", "TYPES", "QUEUES", "DURABILITY", "RETENTION", "STATE", "CREATED"}}
				for _, one := range all {
					t.Add(one.Name, call.Names(one.Types), strconv.Itoa(one.Queues), call.Dash(one.Durability), call.Dash(call.Tidy(one.Retention)), one.State, call.When(&one.Created))
				}
				return t
			})
		},
	}
	call.SearchFlag(cmd, &label)
	return cmd
}

func (c commands) topicDescribe() *cobra.Command {
	return &cobra.Command{
		Use: "describe NAME", Short: "Show a topic", Args: call.Exactly("the topic's NAME"),
		Example: "  causeway topic describe orders",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			var t wire.Topic
			if err := c.Ask(cmd.Context(), http.MethodGet, c.In("topics", args[0]), nil, &t); err != nil {
				return err
			}
			return c.Show(t, func() call.Table { return describeTopic(t) })
		},
	}
}

// ofBrokers shows a setting that is the brokers' own, for all topics alike, where the topic has none.
func ofBrokers(value string) string {
	if value == "" {
		return "as the brokers are set"
	}
	return value
}

func describeTopic(t wire.Topic) call.Table {
	return call.Table{Rows: [][]string{
		{"name", t.Name}, {"types", call.Names(t.Types)}, {"queues", strconv.Itoa(t.Queues)}, {"durability", ofBrokers(t.Durability)}, {"retention", ofBrokers(call.Tidy(t.Retention))},
		{"state", t.State}, {"created", call.When(&t.Created)}, {"updated", call.When(&t.Updated)}, {"note", call.Dash(t.Note)},
		{"labels", call.Dash(call.Labels(t.Labels))},
	}}
}

func (c commands) topicUpdate() *cobra.Command {
	var queues int
	var durability, retention, note string
	var labels map[string]string
	cmd := &cobra.Command{
		Use: "update NAME", Short: "Change a topic", Args: call.Exactly("the topic's NAME"),
		Example: "  causeway topic update orders --retention 7d --queues 16",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			var err error
			if retention, err = call.SpanText("--retention", retention); err != nil {
				return err
			}
			change := wire.TopicChange{
				Queues: call.Changed(cmd, "queues", &queues), Durability: call.Changed(cmd, "durability", &durability),
				Retention: call.Changed(cmd, "retention", &retention), Note: call.Changed(cmd, "note", &note),
				Labels: call.Changed(cmd, "label", &labels),
			}
			if change == (wire.TopicChange{}) {
				return call.Usage("%s: nothing to change; give a flag", cmd.CommandPath())
			}
			var t wire.Topic
			if err := c.Ask(cmd.Context(), http.MethodPatch, c.In("topics", args[0]), change, &t); err != nil {
				return err
			}
			return c.Show(t, func() call.Table { return describeTopic(t) })
		},
	}
	f := cmd.Flags()
	f.IntVar(&queues, "queues", 0, "queues; may only grow")
	f.StringVar(&durability, "durability", "", `"sync" or a loss window such as "window=20ms"`)
	f.StringVar(&retention, "retention", "", "age after which a message may go")
	f.StringVar(&note, "note", "", "free text for people")
	call.LabelsFlag(cmd, &labels)
	return cmd
}

func (c commands) topicDelete() *cobra.Command {
	return c.deletion("topic", "topics", "Delete a topic with the messages that it holds")
}

func (c commands) deletion(noun, plural, short string) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "delete NAME", Short: short, Args: call.Exactly("the " + noun + "'s NAME"),
		Example: "  causeway " + noun + " delete NAME --yes",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			path := c.In(plural, args[0])
			if yes {
				path += "?confirm=" + url.QueryEscape(args[0])
			}
			lent := ""
			if noun == "topic" && yes { // without it the server names them
				lent = c.lentTo(cmd.Context(), args[0])
			}
			if err := c.Ask(cmd.Context(), http.MethodDelete, path, nil, nil); err != nil {
				return err
			}
			return c.Say(map[string]string{"deleted": args[0]}, "%s %s deleted%s", noun, args[0], lent)
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "also when something would be lost")
	return cmd
}

// ifBorrowed says of a topic that is not there that it is, with another tenant, whose messages are shown to that one alone.
func (c commands) ifBorrowed(ctx context.Context, topic string, err error) error {
	if call.Classify(err).Code != ExitNotFound {
		return err
	}
	all, _ := call.Everything[wire.Grant](ctx, c.Call, c.In("grants")) // who may not look learns nothing
	for _, g := range all {
		if g.Borrower == c.Tenant && g.As == topic {
			return call.Fail(ExitNotFound, err, fmt.Sprintf("it is borrowed: tenant %s has it as topic %s, and only there its messages are searched; consumers of this tenant read them", g.Owner, g.Topic))
		}
	}
	return err
}

// lentTo names who loses a topic with its owner; "" for nobody, and where the caller may not look at grants.
func (c commands) lentTo(ctx context.Context, topic string) string {
	all, err := call.Everything[wire.Grant](ctx, c.Call, c.In("grants"))
	if err != nil {
		return ""
	}
	var names []string
	for _, g := range all {
		if g.Owner == c.Tenant && g.Topic == topic && g.Holds && !slices.Contains(names, g.Borrower) {
			names = append(names, g.Borrower)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "; it was lent to " + strings.Join(names, ", ") + ", whose grants ended with it"
}
