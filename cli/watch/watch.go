// SPDX-License-Identifier: Apache-2.0

// Package watch has the commands that go on and show what goes on.
package watch

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/causeway-mq/causeway/cli/call"
	"github.com/causeway-mq/causeway/control/wire"
)

// Commands is `causeway watch`.
func Commands(c *call.Call) []*cobra.Command {
	of := commands{c}
	all := call.Group("watch", "What goes on in the tenant, as it goes on")
	for _, k := range kinds() {
		all.AddCommand(of.watch(k))
	}
	return []*cobra.Command{all}
}

// Message follows a topic's messages.
func Message(c *call.Call) *cobra.Command { return commands{c}.tail() }

// commands is one command line under way.
type commands struct{ *call.Call }

const goesOn = "Goes on until Ctrl-C, or for as long as --for says. A connection that breaks is made anew, and what happened meanwhile is told then.\n"

// ending is the flag of a command that has no end of its own.
func ending(cmd *cobra.Command, to *time.Duration) {
	call.SpanFlag(cmd, to, "for", "end after so long (default: go on)")
}

// kind is one kind of what can be watched.
type kind struct {
	name, short, long string
	head              string // of the columns
	rows              func(call.Event) ([]string, error)
}

func kinds() []kind {
	return []kind{
		{"rates", "Show what passes, in steps of ten seconds", "A step is shown some fifteen seconds after its end, when every proxy has told of it. A step that none told of is one dash: nobody knows.\n",
			fmt.Sprintf("%-24s  %-40s %10s %12s %10s %12s", "TIME", "TOPIC", "IN/S", "IN BYTES/S", "OUT/S", "OUT BYTES/S"), rateRows},
		{"lag", "Show how far groups are behind, every ten seconds", "A dash is what nobody saw within a minute.\n",
			fmt.Sprintf("%-24s  %-30s %-30s %10s %10s", "TIME", "GROUP", "TOPIC", "LAG", "OLDEST"), lagRows},
		{"jobs", "Show jobs, and how far they come", "", fmt.Sprintf("%-14s %-10s %-10s %7s %10s", "ID", "KIND", "STATE", "PERCENT", "DONE"), jobRows},
		{"requests", "Show requests, and what becomes of them", "", fmt.Sprintf("%-14s %-10s %-20s %-20s %s", "ID", "STATE", "FROM", "TO", "REASON"), requestRows},
		{"grants", "Show grants as they come and go", "", fmt.Sprintf("%-14s %-20s %-20s %-20s %s", "ID", "OWNER", "TOPIC", "BORROWER", "AS"), grantRows},
	}
}

func (c commands) watch(k kind) *cobra.Command {
	var span time.Duration
	cmd := &cobra.Command{
		Use: k.name, Short: k.short, Args: call.Exactly(),
		Long:    k.short + ".\n\n" + k.long + goesOn + "With -o jsonl each event is one object on a line.",
		Example: "  causeway watch " + k.name + "\n  causeway watch " + k.name + " -o jsonl --for 1s",
		RunE: func(cmd *cobra.Command, _ []string) error {
			query := url.Values{"watch": {k.name}}
			return c.follow(cmd.Context(), span, query, c.table(k.head, k.rows))
		},
	}
	ending(cmd, &span)
	return cmd
}

// follow shows a stream to see.
func (c commands) follow(ctx context.Context, span time.Duration, query url.Values, see func(call.Event) error) error {
	if err := call.Choice("--output", c.Output, "table", "json", "jsonl"); err != nil {
		return err
	}
	if span < 0 {
		return call.Usage("--for %v: at least 0s", span)
	}
	if span > 0 {
		bounded, cancel := context.WithTimeout(ctx, span)
		defer cancel()
		ctx = bounded
	}
	return c.Follow(ctx, c.In("events")+"?"+query.Encode(), see)
}

// table shows events as lines below a head, or as objects.
func (c commands) table(head string, rows func(call.Event) ([]string, error)) func(call.Event) error {
	return func(e call.Event) error {
		if c.Output != "table" {
			return json.NewEncoder(c.Env.Out).Encode(e)
		}
		if head != "" {
			fmt.Fprintln(c.Env.Out, head)
			head = ""
		}
		lines, err := rows(e)
		if err != nil {
			return fmt.Errorf("%s does not answer like Causeway's API: %w", c.Server, err)
		}
		for _, line := range lines {
			if _, err := fmt.Fprintln(c.Env.Out, strings.TrimRight(call.Printable(line), " ")); err != nil {
				return err
			}
		}
		return nil
	}
}

// read reads an event's data.
func read[T any](e call.Event) (v T, err error) {
	err = json.Unmarshal(e.Data, &v)
	return v, err
}

func number(f float64) string { return strconv.FormatFloat(f, 'f', 1, 64) }

func rateRows(e call.Event) ([]string, error) {
	if e.Name != "rates" {
		return nil, nil
	}
	r, err := read[wire.LiveRates](e)
	if err != nil || !r.Known {
		return []string{call.When(&r.Time) + "  -"}, err
	}
	lines := []string{rateRow(&r.Time, wire.LiveTopicRate{Topic: "(all)", In: *r.In, Out: *r.Out})}
	for _, t := range r.Topics {
		lines = append(lines, rateRow(&r.Time, t))
	}
	return lines, nil
}

func rateRow(at *time.Time, t wire.LiveTopicRate) string {
	return fmt.Sprintf("%-24s  %-40s %10s %12s %10s %12s", call.When(at), t.Topic, number(t.In.Messages), number(t.In.Bytes), number(t.Out.Messages), number(t.Out.Bytes))
}

func lagRows(e call.Event) ([]string, error) {
	if e.Name != "lag" {
		return nil, nil
	}
	l, err := read[wire.LiveLag](e)
	var lines []string
	for _, g := range l.Groups {
		behind, oldest := "-", "-"
		if g.Lag != nil {
			behind = call.Number(*g.Lag)
		}
		if g.LagSeconds != nil {
			oldest = (time.Duration(*g.LagSeconds) * time.Second).String()
		}
		lines = append(lines, fmt.Sprintf("%-24s  %-30s %-30s %10s %10s", call.When(&l.Time), g.Group, g.Topic, behind, oldest))
	}
	return lines, err
}

func jobRows(e call.Event) ([]string, error) {
	if e.Name != "job" {
		return gone(e)
	}
	j, err := read[wire.Job](e)
	return []string{fmt.Sprintf("%-14s %-10s %-10s %7s %10s", j.ID, j.Kind, j.State, call.Number(int64(j.Percent)), call.Number(j.Moved))}, err
}

func requestRows(e call.Event) ([]string, error) {
	if e.Name != "request" {
		return gone(e)
	}
	q, err := read[wire.Request](e)
	return []string{fmt.Sprintf("%-14s %-10s %-20s %-20s %s", q.ID, q.State, q.From, cmp.Or(q.To, "(installation)"), q.Reason)}, err
}

func grantRows(e call.Event) ([]string, error) {
	if e.Name != "grant" {
		return gone(e)
	}
	g, err := read[wire.Grant](e)
	return []string{fmt.Sprintf("%-14s %-20s %-20s %-20s %s", g.ID, g.Owner, g.Topic, g.Borrower, g.As)}, err
}

func gone(e call.Event) ([]string, error) {
	if e.Name != "gone" {
		return nil, nil
	}
	g, err := read[wire.LiveGone](e)
	return []string{fmt.Sprintf("%-14s gone", g.ID)}, err
}

func (c commands) tail() *cobra.Command {
	var span time.Duration
	var body int
	cmd := &cobra.Command{
		Use: "tail TOPIC", Short: "Show a topic's messages as they are stored, and consume none", Args: call.Exactly("the TOPIC"),
		Long: "Show a topic's messages as they are stored, and consume none.\n\n" + goesOn +
			"What is shown of a busy topic is a sample: at most fifty messages a second, ten minutes and four megabytes. A topic is followed once by each user; who begins anew ends what he\n" +
			"began before. With -o jsonl each message is one object on a line, its body in base64.",
		Example: "  causeway message tail orders --for 1s\n  causeway message tail orders -o jsonl --for 1s",
		RunE: func(cmd *cobra.Command, args []string) error {
			query := url.Values{"tail": {args[0]}, "body": {strconv.Itoa(body)}}
			return c.follow(cmd.Context(), span, query, c.message())
		},
	}
	ending(cmd, &span)
	cmd.Flags().IntVar(&body, "body", 1024, "bytes to show of each body")
	return cmd
}

// message shows each message of a tail on a line.
func (c commands) message() func(call.Event) error {
	head := fmt.Sprintf("%-24s  %-34s %-16s %s", "STORED", "ID", "TAG", "BODY")
	rows := c.table(head, func(e call.Event) (lines []string, err error) {
		if e.Name != "tail" {
			return nil, nil
		}
		t, err := read[wire.LiveTail](e)
		for _, m := range t.Messages {
			lines = append(lines, fmt.Sprintf("%-24s  %-34s %-16s %s", call.When(&m.Stored), m.ID, call.Dash(m.Tag), call.Body(m.Body)))
		}
		return lines, err
	})
	return func(e call.Event) error {
		switch e.Name {
		case "tail-end":
			end, err := read[wire.LiveTailEnd](e)
			if err != nil {
				return err
			}
			return c.ended(end)
		case "tail":
			t, err := read[wire.LiveTail](e)
			if err != nil {
				return err
			}
			if t.More {
				c.Hint("More was stored than is shown")
			}
			if t.Trouble != "" {
				c.Hint("The topic cannot be looked at: %s", t.Trouble)
			}
			if c.Output == "table" {
				return rows(e)
			}
			for _, m := range t.Messages {
				if err := json.NewEncoder(c.Env.Out).Encode(m); err != nil {
					return err
				}
			}
			return nil
		}
		if c.Output == "table" {
			return rows(e)
		}
		return nil
	}
}

// ended says why no more messages come.
func (c commands) ended(e wire.LiveTailEnd) error {
	switch e.Reason {
	case "gone":
		return call.Fail(call.ExitNotFound, fmt.Errorf("topic %q is gone", e.Topic), "")
	case "elsewhere":
		return call.Fail(call.ExitConflict, fmt.Errorf("you follow topic %q elsewhere now", e.Topic), "")
	}
	return call.Fail(call.ExitPartial, fmt.Errorf("the budget of %s is spent", e.Reason), "begin again to see more")
}
