// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/causeway-mq/causeway/control/wire"
)

func (c *call) topicCommand() *cobra.Command {
	return group("topic", "Topics: where messages are sent to",
		c.topicCreate(), c.topicList(), c.topicDescribe(), c.topicUpdate(), c.topicDelete())
}

func (c *call) topicCreate() *cobra.Command {
	var want wire.NewTopic
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Make a topic", Args: exactly("the topic's NAME"),
		Example: "  causeway topic create orders\n  causeway topic create payments --type fifo --queues 16\n  causeway topic create reminders --type delay --retention 24h",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.checkOutput(); err != nil {
				return err
			}
			want.Name = args[0]
			if err := notZero(cmd, "queues", want.Queues, "from 1 to 256"); err != nil {
				return err
			}
			var err error
			if want.Retention, err = spanText("--retention", want.Retention); err != nil {
				return err
			}
			var t wire.Topic
			if err := c.ask(cmd.Context(), http.MethodPost, c.in("topics"), want, &t); err != nil {
				return err
			}
			c.hint("Next: causeway produce %s -m 'hello'", t.Name)
			return c.say(t, "topic %s created: %s messages, %d queues, kept for %s", t.Name, strings.Join(t.Types, " and "), t.Queues, tidy(t.Retention))
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&want.Types, "type", []string{"normal"}, "messages that it takes: normal, fifo, delay, transaction")
	f.IntVar(&want.Queues, "queues", 8, "queues, 1 to 256")
	f.StringVar(&want.Durability, "durability", "", `"sync" (on disk before the answer) or a loss window such as "window=20ms"`)
	f.StringVar(&want.Retention, "retention", "", "age after which a message may go, for example 36h or 7d (default 72h)")
	f.StringVar(&want.Note, "note", "", "free text for people")
	return cmd
}

func (c *call) topicList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List topics", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.checkOutput(); err != nil {
				return err
			}
			all, err := everything[wire.Topic](cmd.Context(), c, c.in("topics"))
			if err != nil {
				return err
			}
			return c.show(all, func() table {
				t := table{head: []string{"NAME", "TYPES", "QUEUES", "DURABILITY", "RETENTION", "STATE", "CREATED"}}
				for _, one := range all {
					t.add(one.Name, names(one.Types), strconv.Itoa(one.Queues), one.Durability, tidy(one.Retention), one.State, when(&one.Created))
				}
				return t
			})
		},
	}
}

func (c *call) topicDescribe() *cobra.Command {
	return &cobra.Command{
		Use: "describe NAME", Short: "Show a topic", Args: exactly("the topic's NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.checkOutput(); err != nil {
				return err
			}
			var t wire.Topic
			if err := c.ask(cmd.Context(), http.MethodGet, c.in("topics", args[0]), nil, &t); err != nil {
				return err
			}
			return c.show(t, func() table { return describeTopic(t) })
		},
	}
}

func describeTopic(t wire.Topic) table {
	return table{rows: [][]string{
		{"name", t.Name}, {"types", names(t.Types)}, {"queues", strconv.Itoa(t.Queues)}, {"durability", t.Durability}, {"retention", tidy(t.Retention)},
		{"state", t.State}, {"created", when(&t.Created)}, {"updated", when(&t.Updated)}, {"note", dash(t.Note)},
	}}
}

func (c *call) topicUpdate() *cobra.Command {
	var queues int
	var durability, retention, note string
	cmd := &cobra.Command{
		Use: "update NAME", Short: "Change a topic", Args: exactly("the topic's NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.checkOutput(); err != nil {
				return err
			}
			var err error
			if retention, err = spanText("--retention", retention); err != nil {
				return err
			}
			change := wire.TopicChange{
				Queues: given(cmd, "queues", &queues), Durability: given(cmd, "durability", &durability),
				Retention: given(cmd, "retention", &retention), Note: given(cmd, "note", &note),
			}
			if change == (wire.TopicChange{}) {
				return usage("%s: nothing to change; give a flag", cmd.CommandPath())
			}
			var t wire.Topic
			if err := c.ask(cmd.Context(), http.MethodPatch, c.in("topics", args[0]), change, &t); err != nil {
				return err
			}
			return c.show(t, func() table { return describeTopic(t) })
		},
	}
	f := cmd.Flags()
	f.IntVar(&queues, "queues", 0, "queues; may only grow")
	f.StringVar(&durability, "durability", "", `"sync" or a loss window such as "window=20ms"`)
	f.StringVar(&retention, "retention", "", "age after which a message may go")
	f.StringVar(&note, "note", "", "free text for people")
	return cmd
}

// given is the flag's value where the command line sets it, nil otherwise.
func given[T any](cmd *cobra.Command, flag string, value *T) *T {
	if cmd.Flags().Changed(flag) {
		return value
	}
	return nil
}

func (c *call) topicDelete() *cobra.Command {
	return c.deletion("topic", "topics", "Delete a topic with the messages that it holds")
}

func (c *call) deletion(noun, plural, short string) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "delete NAME", Short: short, Args: exactly("the " + noun + "'s NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.checkOutput(); err != nil {
				return err
			}
			path := c.in(plural, args[0])
			if yes {
				path += "?confirm=" + url.QueryEscape(args[0])
			}
			if err := c.ask(cmd.Context(), http.MethodDelete, path, nil, nil); err != nil {
				return err
			}
			return c.say(map[string]string{"deleted": args[0]}, "%s %s deleted", noun, args[0])
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "also when something would be lost")
	return cmd
}
