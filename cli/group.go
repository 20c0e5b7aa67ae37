// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/causeway-mq/causeway/control/wire"
)

func (c *call) groupCommand() *cobra.Command {
	return group("group", "Consumer groups: who reads, how far, what happens to failures",
		c.groupCreate(), c.groupList(), c.groupDescribe(), c.groupUpdate(),
		c.deletion("group", "groups", "Delete a group with its progress and its dead letters"), c.groupLag(), c.groupReset())
}

func (c *call) groupCreate() *cobra.Command {
	var want wire.NewGroup
	var retry, from string
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Make a consumer group", Args: exactly("the group's NAME"),
		Example: "  causeway group create billing --from earliest\n  causeway group create mail --max-attempts 5 --retry 1s,5s,30s\n  causeway group create ledger --fifo",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.checkOutput(); err != nil {
				return err
			}
			var err error
			want.Name = args[0]
			if err := notZero(cmd, "max-attempts", want.MaxAttempts, "from 1 to 1000"); err != nil {
				return err
			}
			if want.Hold, err = spanText("--hold", want.Hold); err != nil {
				return err
			}
			if want.Retry, err = parseRetry(retry); err != nil {
				return err
			}
			if from != "" {
				if want.From, err = place("--from", from, time.Now()); err != nil {
					return err
				}
			}
			var g wire.Group
			if err := c.ask(cmd.Context(), http.MethodPost, c.in("groups"), want, &g); err != nil {
				return err
			}
			c.hint("Next: causeway consume TOPIC --group %s", g.Name)
			return c.say(g, "group %s created: begins at %s, %d attempts", g.Name, g.From, g.MaxAttempts)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&want.Fifo, "fifo", false, "deliver the messages of one message group in order")
	f.IntVar(&want.MaxAttempts, "max-attempts", 17, "deliveries before a message becomes a dead letter")
	f.StringVar(&retry, "retry", "", `rests between attempts: steps "1s,5s,30s", or "INITIAL..MAXxFACTOR" such as "1s..10m x2"`)
	f.StringVar(&from, "from", "", "where it begins: earliest, a time, or latest, which is now (default: now)")
	f.StringVar(&want.Mode, "mode", "leases", "leases (push and simple consumers) or pulls (pull consumers)")
	f.StringVar(&want.Hold, "hold", "", "how long a message stays with a consumer that does not say (default: the engine's)")
	f.StringVar(&want.Note, "note", "", "free text for people")
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
			if steps[i], err = spanText("--retry", strings.TrimSpace(steps[i])); err != nil {
				return nil, err
			}
		}
		return &wire.Retry{Steps: steps}, nil
	}
	most, factor, ok := strings.Cut(rest, "x")
	multiplier, err := strconv.ParseFloat(strings.TrimSpace(factor), 64)
	if !ok || err != nil {
		return nil, usage(`--retry %q: steps such as "1s,5s,30s", or "INITIAL..MAX xFACTOR" such as "1s..10m x2"`, s)
	}
	r := &wire.Retry{Multiplier: multiplier}
	if r.Initial, err = spanText("--retry", strings.TrimSpace(initial)); err == nil {
		r.Max, err = spanText("--retry", strings.TrimSpace(most))
	}
	return r, err
}

func showRetry(r wire.Retry) string {
	if len(r.Steps) == 0 {
		return tidy(r.Initial) + ".." + tidy(r.Max) + " x" + strconv.FormatFloat(r.Multiplier, 'g', -1, 64)
	}
	steps := make([]string, len(r.Steps))
	for i, s := range r.Steps {
		steps[i] = tidy(s)
	}
	return strings.Join(steps, ",")
}

func (c *call) groupList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List consumer groups", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.checkOutput(); err != nil {
				return err
			}
			all, err := everything[wire.Group](cmd.Context(), c, c.in("groups"))
			if err != nil {
				return err
			}
			return c.show(all, func() table {
				t := table{head: []string{"NAME", "MODE", "FIFO", "ATTEMPTS", "BEGAN AT", "STATE", "CREATED"}}
				for _, g := range all {
					t.add(g.Name, g.Mode, yesNo(g.Fifo), strconv.Itoa(g.MaxAttempts), g.From, g.State, when(&g.Created))
				}
				return t
			})
		},
	}
}

func (c *call) groupDescribe() *cobra.Command {
	return &cobra.Command{
		Use: "describe NAME", Short: "Show a consumer group", Args: exactly("the group's NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.checkOutput(); err != nil {
				return err
			}
			var g wire.Group
			if err := c.ask(cmd.Context(), http.MethodGet, c.in("groups", args[0]), nil, &g); err != nil {
				return err
			}
			return c.show(g, func() table { return describeGroup(g) })
		},
	}
}

func describeGroup(g wire.Group) table {
	return table{rows: [][]string{
		{"name", g.Name}, {"mode", g.Mode}, {"fifo", yesNo(g.Fifo)}, {"max attempts", strconv.Itoa(g.MaxAttempts)}, {"retry", showRetry(g.Retry)},
		{"began at", g.From}, {"hold", dash(tidy(g.Hold))}, {"state", g.State}, {"created", when(&g.Created)}, {"updated", when(&g.Updated)}, {"note", dash(g.Note)},
	}}
}

func (c *call) groupUpdate() *cobra.Command {
	var attempts int
	var retry, hold, note string
	cmd := &cobra.Command{
		Use: "update NAME", Short: "Change a consumer group", Args: exactly("the group's NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.checkOutput(); err != nil {
				return err
			}
			policy, err := parseRetry(retry)
			if err != nil {
				return err
			}
			if hold, err = spanText("--hold", hold); err != nil {
				return err
			}
			change := wire.GroupChange{
				MaxAttempts: given(cmd, "max-attempts", &attempts), Retry: policy, Hold: given(cmd, "hold", &hold), Note: given(cmd, "note", &note),
			}
			if change == (wire.GroupChange{}) {
				return usage("%s: nothing to change; give a flag", cmd.CommandPath())
			}
			var g wire.Group
			if err := c.ask(cmd.Context(), http.MethodPatch, c.in("groups", args[0]), change, &g); err != nil {
				return err
			}
			return c.show(g, func() table { return describeGroup(g) })
		},
	}
	f := cmd.Flags()
	f.IntVar(&attempts, "max-attempts", 0, "deliveries before a message becomes a dead letter")
	f.StringVar(&retry, "retry", "", `rests between attempts: steps "1s,5s,30s", or "1s..10m x2"`)
	f.StringVar(&hold, "hold", "", "how long a message stays with a consumer that does not say")
	f.StringVar(&note, "note", "", "free text for people")
	return cmd
}

func (c *call) groupLag() *cobra.Command {
	var topic string
	var queues bool
	cmd := &cobra.Command{
		Use: "lag GROUP", Short: "Show what a group has left", Args: exactly("the GROUP"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.checkOutput(); err != nil {
				return err
			}
			path := c.in("groups", args[0], "progress")
			if topic != "" {
				path += "?topic=" + url.QueryEscape(topic)
			}
			var page wire.Page[wire.Progress]
			if err := c.ask(cmd.Context(), http.MethodGet, path, nil, &page); err != nil {
				return err
			}
			if len(page.Items) == 0 {
				c.hint("The group has not read anything yet; name a topic with --topic to see it all the same")
			}
			return c.show(page.Items, func() table {
				if queues {
					return lagByQueue(page.Items)
				}
				t := table{head: []string{"TOPIC", "READY", "LEASED", "RETRYING", "OLDEST"}}
				for _, p := range page.Items {
					t.add(p.Topic, number(p.Ready), number(p.Leased), number(p.Retrying), age(p.Oldest, time.Now()))
				}
				return t
			})
		},
	}
	cmd.Flags().StringVar(&topic, "topic", "", "one topic only")
	cmd.Flags().BoolVar(&queues, "queues", false, "one line for each queue")
	return cmd
}

func lagByQueue(all []wire.Progress) table {
	t := table{head: []string{"TOPIC", "QUEUE", "FIRST", "COMMITTED", "END", "READY", "LEASED", "RETRYING", "OLDEST"}}
	for _, p := range all {
		for _, q := range p.Queues {
			t.add(p.Topic, strconv.Itoa(int(q.Queue)), number(q.Lo), number(q.Committed), number(q.Hi), number(q.Ready), number(q.Leased), number(q.Retrying),
				age(q.Oldest, time.Now()))
		}
	}
	return t
}

func (c *call) groupReset() *cobra.Command {
	var want wire.Reset
	var to string
	var offset int64
	var queue int32
	cmd := &cobra.Command{
		Use: "reset GROUP --topic TOPIC --to PLACE", Short: "Move a group to another place in a topic", Args: exactly("the GROUP"),
		Example: "  causeway group reset billing --topic orders --to earliest\n  causeway group reset billing --topic orders --to -10m\n  causeway group reset billing --topic orders --offset 100 --queue 3",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.checkOutput(); err != nil {
				return err
			}
			if want.Topic == "" || (to == "") == !cmd.Flags().Changed("offset") {
				return usage("%s: --topic is needed, with either --to or --offset", cmd.CommandPath())
			}
			want.Offset, want.Queue = given(cmd, "offset", &offset), given(cmd, "queue", &queue)
			if to != "" {
				var err error
				if want.To, err = place("--to", to, time.Now()); err != nil {
					return err
				}
			}
			var done wire.ResetDone
			if err := c.ask(cmd.Context(), http.MethodPost, c.in("groups", args[0], "reset"), want, &done); err != nil {
				return err
			}
			return c.show(done, func() table { return resetTable(done) })
		},
	}
	f := cmd.Flags()
	f.StringVar(&want.Topic, "topic", "", "the topic")
	f.StringVar(&to, "to", "", "earliest, latest or a time: 2026-11-23T09:00:00Z, '2026-11-23 09:00' (local), -10m")
	f.Int64Var(&offset, "offset", 0, "an offset instead")
	f.Int32Var(&queue, "queue", 0, "with --offset: this queue only")
	f.BoolVar(&want.Force, "force", false, "also while consumers hold messages, which are taken from them")
	return cmd
}

func resetTable(done wire.ResetDone) table {
	before := map[int32]int64{}
	for _, q := range done.Before {
		before[q.Queue] = q.Committed
	}
	t := table{head: []string{"QUEUE", "FROM", "TO"}}
	for _, q := range done.After {
		was, ok := before[q.Queue]
		if !ok {
			was = -1
		}
		t.add(strconv.Itoa(int(q.Queue)), number(was), number(q.Committed))
	}
	return t
}

// place reads a position for the API: earliest, latest, RFC 3339, "2026-11-23 09:00" in local time, or "-10m" before now.
func place(flag, s string, now time.Time) (string, error) {
	if s == "earliest" || s == "latest" {
		return s, nil
	}
	t, err := moment(flag, s, now)
	if err != nil {
		return "", usage("%s %q: earliest, latest, a time such as 2026-11-23T09:00:00Z or '2026-11-23 09:00' (local), or -10m", flag, s)
	}
	return t.UTC().Format(time.RFC3339Nano), nil
}

func moment(flag, s string, now time.Time) (time.Time, error) {
	if back, ok := strings.CutPrefix(s, "-"); ok {
		if d, err := parseSpan(back); err == nil {
			return now.Add(-d), nil
		}
	}
	for _, form := range []string{time.RFC3339Nano, "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(form, s, now.Location()); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usage("%s %q: a time such as 2026-11-23T09:00:00Z, '2026-11-23 09:00' (local), or -10m", flag, s)
}
