// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/causeway-mq/causeway/cli/call"
	"github.com/causeway-mq/causeway/cli/figures"
	"github.com/causeway-mq/causeway/cli/reset"
	"github.com/causeway-mq/causeway/cli/roster"
	"github.com/causeway-mq/causeway/control/wire"
)

func (c commands) groupCommand() *cobra.Command {
	return call.Group("group", "Consumer groups: who reads, how far, what happens to failures", append(roster.Pause(c.Call),
		c.groupCreate(), c.groupList(), c.groupDescribe(), c.groupUpdate(),
		c.deletion("group", "groups", "Delete a group with its progress and its dead letters"), c.groupLag(), c.groupReset(), figures.Group(c.Call), roster.Group(c.Call))...)
}

func (c commands) groupCreate() *cobra.Command {
	var want wire.NewGroup
	var retry, from string
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Make a consumer group", Args: call.Exactly("the group's NAME"),
		Example: "  causeway group create billing --from earliest\n  causeway group create mail --max-attempts 5 --retry 1s,5s,30s\n  causeway group create ledger --fifo",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			var err error
			want.Name = args[0]
			if err := call.NotZero(cmd, "max-attempts", want.MaxAttempts, "from 1 to 1000"); err != nil {
				return err
			}
			if want.Hold, err = call.SpanText("--hold", want.Hold); err != nil {
				return err
			}
			if want.Retry, err = parseRetry(retry); err != nil {
				return err
			}
			if from != "" {
				if want.From, err = call.Place("--from", from, time.Now()); err != nil {
					return err
				}
			}
			var g wire.Group
			if err := c.Ask(cmd.Context(), http.MethodPost, c.In("groups"), want, &g); err != nil {
				return err
			}
			c.Hint("Next: causeway consume TOPIC --group %s", g.Name)
			return c.Say(g, "group %s created: begins at %s, %d attempts", g.Name, g.From, g.MaxAttempts)
		},
	}
	f := cmd.Flags()
	f.StringVar(&want.Cluster, "cluster", "", "where it is made: that of the topics that it is to read (default: the installation's)")
	f.BoolVar(&want.Fifo, "fifo", false, "deliver the messages of one message group in order")
	f.IntVar(&want.MaxAttempts, "max-attempts", 17, "deliveries before a message becomes a dead letter")
	f.StringVar(&retry, "retry", "", `rests between attempts: steps "1s,5s,30s", or "INITIAL..MAXxFACTOR" such as "1s..10m x2"`)
	f.StringVar(&from, "from", "", "where it begins: earliest, a time, or latest, which is now (default: now)")
	f.StringVar(&want.Mode, "mode", "leases", "leases (push and simple consumers) or pulls (pull consumers)")
	f.StringVar(&want.Hold, "hold", "", "how long a message stays with a consumer that does not say (default: the engine's)")
	f.StringVar(&want.Note, "note", "", "free text for people")
	call.LabelFlag(cmd, &want.Labels)
	return cmd
}

// parseRetry reads "1s,5s" or "1s..10m x2"; "" is nil, the default.
func parseRetry(s string) (*wire.Retry, error) {
	if s == "" {
		return nil, nil
	}
	initial, rest, exponential := strings.Cut(s, "..")
	if !exponential {
		steps := strings.Split(s, ",")
		for i := range steps {
			var err error
			if steps[i], err = call.SpanText("--retry", strings.TrimSpace(steps[i])); err != nil {
				return nil, err
			}
		}
		return &wire.Retry{Steps: steps}, nil
	}
	most, factor, ok := strings.Cut(rest, "x")
	multiplier, err := strconv.ParseFloat(strings.TrimSpace(factor), 64)
	if !ok || err != nil {
		return nil, call.Usage(`--retry %q: steps such as "1s,5s,30s", or "INITIAL..MAX xFACTOR" such as "1s..10m x2"`, s)
	}
	r := &wire.Retry{Multiplier: multiplier}
	if r.Initial, err = call.SpanText("--retry", strings.TrimSpace(initial)); err == nil {
		r.Max, err = call.SpanText("--retry", strings.TrimSpace(most))
	}
	return r, err
}

func showRetry(r wire.Retry) string {
	if len(r.Steps) == 0 {
		return call.Tidy(r.Initial) + ".." + call.Tidy(r.Max) + " x" + strconv.FormatFloat(r.Multiplier, 'g', -1, 64)
	}
	steps := make([]string, len(r.Steps))
	for i, s := range r.Steps {
		steps[i] = call.Tidy(s)
	}
	return strings.Join(steps, ",")
}

func (c commands) groupList() *cobra.Command {
	var label string
	cmd := &cobra.Command{
		Use: "list", Short: "List consumer groups", Args: call.Exactly(),
		Example: "  causeway group list\n  causeway group list --label team=shop",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			all, err := call.Everything[wire.Group](cmd.Context(), c.Call, call.Search(c.In("groups"), label))
			if err != nil {
				return err
			}
			return c.Show(all, func() call.Table {
				t := call.Table{Head: []string{"NAME", "MODE", "FIFO", "ATTEMPTS", "BEGAN AT", "STATE", "CREATED"}}
				for _, g := range all {
					t.Add(g.Name, g.Mode, call.YesNo(g.Fifo), strconv.Itoa(g.MaxAttempts), g.From, g.State, call.When(&g.Created))
				}
				return t
			})
		},
	}
	call.SearchFlag(cmd, &label)
	return cmd
}

func (c commands) groupDescribe() *cobra.Command {
	return &cobra.Command{
		Use: "describe NAME", Short: "Show a consumer group", Args: call.Exactly("the group's NAME"),
		Example: "  causeway group describe billing",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			var g wire.Group
			if err := c.Ask(cmd.Context(), http.MethodGet, c.In("groups", args[0]), nil, &g); err != nil {
				return err
			}
			return c.Show(g, func() call.Table { return describeGroup(g) })
		},
	}
}

func describeGroup(g wire.Group) call.Table {
	return call.Table{Rows: [][]string{
		{"name", g.Name}, {"mode", g.Mode}, {"fifo", call.YesNo(g.Fifo)}, {"max attempts", strconv.Itoa(g.MaxAttempts)}, {"retry", showRetry(g.Retry)},
		{"began at", g.From}, {"hold", call.Dash(call.Tidy(g.Hold))}, {"paused", call.YesNo(g.Paused)}, {"state", g.State}, {"created", call.When(&g.Created)}, {"updated", call.When(&g.Updated)}, {"note", call.Dash(g.Note)},
		{"labels", call.Dash(call.Labels(g.Labels))},
	}}
}

func (c commands) groupUpdate() *cobra.Command {
	var attempts int
	var retry, hold, note string
	var labels map[string]string
	cmd := &cobra.Command{
		Use: "update NAME", Short: "Change a consumer group", Args: call.Exactly("the group's NAME"),
		Example: "  causeway group update billing --max-attempts 5 --retry '1s..10m x2'",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			policy, err := parseRetry(retry)
			if err != nil {
				return err
			}
			if hold, err = call.SpanText("--hold", hold); err != nil {
				return err
			}
			change := wire.GroupChange{
				MaxAttempts: call.Changed(cmd, "max-attempts", &attempts), Retry: policy, Hold: call.Changed(cmd, "hold", &hold), Note: call.Changed(cmd, "note", &note),
				Labels: call.Changed(cmd, "label", &labels),
			}
			if change == (wire.GroupChange{}) {
				return call.Usage("%s: nothing to change; give a flag", cmd.CommandPath())
			}
			var g wire.Group
			if err := c.Ask(cmd.Context(), http.MethodPatch, c.In("groups", args[0]), change, &g); err != nil {
				return err
			}
			return c.Show(g, func() call.Table { return describeGroup(g) })
		},
	}
	f := cmd.Flags()
	f.IntVar(&attempts, "max-attempts", 0, "deliveries before a message becomes a dead letter")
	f.StringVar(&retry, "retry", "", `rests between attempts: steps "1s,5s,30s", or "1s..10m x2"`)
	f.StringVar(&hold, "hold", "", "how long a message stays with a consumer that does not say")
	f.StringVar(&note, "note", "", "free text for people")
	call.LabelsFlag(cmd, &labels)
	return cmd
}

func (c commands) groupLag() *cobra.Command {
	var topic string
	var queues bool
	cmd := &cobra.Command{
		Use: "lag GROUP", Short: "Show what a group has left", Args: call.Exactly("the GROUP"),
		Example: "  causeway group lag billing\n  causeway group lag billing --topic orders --queues",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			path := c.In("groups", args[0], "progress")
			if topic != "" {
				path += "?topic=" + url.QueryEscape(topic)
			}
			var page wire.Page[wire.Progress]
			if err := c.Ask(cmd.Context(), http.MethodGet, path, nil, &page); err != nil {
				return err
			}
			if len(page.Items) == 0 {
				c.Hint("The group has not read anything yet; name a topic with --topic to see it all the same")
			}
			return c.Show(page.Items, func() call.Table {
				if queues {
					return lagByQueue(page.Items)
				}
				t := call.Table{Head: []string{"TOPIC", "READY", "LEASED", "RETRYING", "OLDEST"}}
				for _, p := range page.Items {
					t.Add(p.Topic, call.Number(p.Ready), call.Number(p.Leased), call.Number(p.Retrying), call.Age(p.Oldest, time.Now()))
				}
				return t
			})
		},
	}
	cmd.Flags().StringVar(&topic, "topic", "", "one topic only")
	cmd.Flags().BoolVar(&queues, "queues", false, "one line for each queue")
	return cmd
}

func lagByQueue(all []wire.Progress) call.Table {
	t := call.Table{Head: []string{"TOPIC", "QUEUE", "FIRST", "COMMITTED", "END", "READY", "LEASED", "RETRYING", "OLDEST"}}
	for _, p := range all {
		for _, q := range p.Queues {
			t.Add(p.Topic, strconv.Itoa(int(q.Queue)), call.Number(q.Lo), call.Number(q.Committed), call.Number(q.Hi), call.Number(q.Ready), call.Number(q.Leased), call.Number(q.Retrying),
				call.Age(q.Oldest, time.Now()))
		}
	}
	return t
}

func (c commands) groupReset() *cobra.Command {
	var want wire.Reset
	var to string
	var offset int64
	var queue int32
	var yes bool
	cmd := &cobra.Command{
		Use: "reset GROUP --topic TOPIC --to PLACE", Short: "Move a group to another place in a topic", Args: call.Exactly("the GROUP"),
		Example: "  causeway group reset billing --topic orders --to earliest --yes\n  causeway group reset billing --topic orders --to -10m --yes\n  causeway group reset billing --topic orders --offset 0 --queue 3 --yes",
		Long:    "Moves a group to another place in a topic. What lies between is skipped, or delivered once more; without --yes it says how much that is, and does nothing.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			if want.Topic == "" || (to == "") == !cmd.Flags().Changed("offset") {
				return call.Usage("%s: --topic is needed, with either --to or --offset", cmd.CommandPath())
			}
			want.Offset, want.Queue = call.Changed(cmd, "offset", &offset), call.Changed(cmd, "queue", &queue)
			if to != "" {
				var err error
				if want.To, err = call.Place("--to", to, time.Now()); err != nil {
					return err
				}
			}
			if !yes {
				return c.wouldReset(cmd.Context(), args[0], want)
			}
			var done wire.ResetDone
			if err := c.Ask(cmd.Context(), http.MethodPost, c.In("groups", args[0], "reset"), want, &done); err != nil {
				return err
			}
			return c.Show(done, func() call.Table { return reset.Table(done) })
		},
	}
	f := cmd.Flags()
	f.StringVar(&want.Topic, "topic", "", "the topic")
	f.StringVar(&to, "to", "", "earliest, latest or a time: 2026-11-23T09:00:00Z, '2026-11-23 09:00' (local), -10m")
	f.Int64Var(&offset, "offset", 0, "an offset instead")
	f.Int32Var(&queue, "queue", 0, "with --offset: this queue only")
	f.BoolVar(&want.Force, "force", false, "also while consumers hold messages, which are taken from them")
	f.BoolVar(&yes, "yes", false, "confirm")
	return cmd
}

// wouldReset refuses a reset that nobody confirmed, with what it would do.
func (c commands) wouldReset(ctx context.Context, group string, want wire.Reset) error {
	var page wire.Page[wire.Progress]
	if err := c.Ask(ctx, http.MethodGet, c.In("groups", group, "progress")+"?topic="+url.QueryEscape(want.Topic), nil, &page); err != nil {
		return err
	}
	var now wire.Progress
	if len(page.Items) > 0 {
		now = page.Items[0]
	}
	would, err := reset.Consequence(now, want, time.Now())
	if err != nil {
		return err
	}
	return call.Fail(call.ExitConflict, fmt.Errorf("group %q would be moved in topic %q: %s", group, want.Topic, would), "nothing was done; if you mean it, say --yes")
}
