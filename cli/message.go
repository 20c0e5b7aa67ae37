// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/causeway-mq/causeway/cli/call"
	"github.com/causeway-mq/causeway/cli/figures"
	"github.com/causeway-mq/causeway/cli/post"
	"github.com/causeway-mq/causeway/cli/watch"
	"github.com/causeway-mq/causeway/control/wire"
)

func (c commands) messageCommand() *cobra.Command {
	looking := []*cobra.Command{c.messageGet(), c.messageSearch(), c.messageTrace(), figures.Message(c.Call), watch.Message(c.Call)}
	return call.Group("message", "Messages: look at what is stored, send one", append(looking, post.Message(c.Call)...)...)
}

func (c commands) messageGet() *cobra.Command {
	return &cobra.Command{
		Use: "get TOPIC ID", Short: "Show one message with its whole body", Args: call.Exactly("the TOPIC", "the message's ID"),
		Example: "  causeway message get orders MESSAGE",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			var m wire.Message
			if err := c.Ask(cmd.Context(), http.MethodGet, c.In("topics", args[0], "messages", args[1]), nil, &m); err != nil {
				return err
			}
			return c.Show(m, func() call.Table { return describeMessage(m) })
		},
	}
}

func (c commands) messageTrace() *cobra.Command {
	var group string
	cmd := &cobra.Command{
		Use: "trace TOPIC ID", Short: "Tell where a message is, and why a group has not consumed it", Args: call.Exactly("the TOPIC", "the message's ID"),
		Long: "Tells from what the engine knows now where the message is, and below it, in the order of time, what happened to it as far as proxies remember and the store tells.\n\n" +
			"Where it is: whether the message is stored, scheduled, or waits for its transaction's end, and for each group of the tenant that reads the topic\n" +
			"whether it has come so far, holds the message, will try it again, or gave it up. It shows nothing of what is in the message. An engine that does not keep account of each\n" +
			"message (RocketMQ) says \"taken\" of all that a group was given and did not let die.",
		Example: "  causeway message trace orders MESSAGE\n  causeway message trace orders MESSAGE --group billing",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			path := c.In("topics", args[0], "messages", args[1], "trace")
			if group != "" {
				path += "?group=" + url.QueryEscape(group)
			}
			var t wire.Trace
			if err := c.Ask(cmd.Context(), http.MethodGet, path, nil, &t); err != nil {
				return err
			}
			c.aboutRecords(t)
			if t.More {
				c.Hint("The tenant has more groups than were asked; --group NAME asks for one")
			}
			return c.Show(t, func() call.Table { return traceTable(t) })
		},
	}
	cmd.Flags().StringVar(&group, "group", "", "this group alone")
	return cmd
}

func traceTable(t wire.Trace) call.Table {
	out := call.Table{Head: []string{"WHERE", "GROUP", "STATE", "WHY"}}
	for _, p := range t.Places {
		where := fmt.Sprintf("queue %d offset %s, %s", p.Queue, call.Number(p.Offset), call.When(&p.Stored))
		if p.Broker != "" {
			where = p.Broker + " " + where
		}
		if len(p.Groups) == 0 {
			why := p.Why
			if why == "" {
				why = "no group of the tenant reads this topic"
			}
			out.Add(where, "-", p.State, why)
		}
		for _, g := range p.Groups {
			out.Add(where, g.Group, g.State, g.Why)
		}
	}
	if len(t.Places) == 0 {
		out.Add("nowhere", "-", "gone", "the topic does not hold it any more: it was rolled back, recalled, or its retention is over")
	}
	out.Then = timeline(t.Events)
	return out
}

// timeline is what happened, a line an event.
func timeline(events []wire.TraceEvent) *call.Table {
	out := &call.Table{Head: []string{"WHEN", "WHAT", "GROUP", "BY", "AT", "MORE"}}
	for _, e := range events {
		by, at := e.Client, e.Proxy
		if e.Application != "" {
			by = e.Application + " " + by
		}
		if e.Zone != "" {
			at += " (" + e.Zone + ")"
		}
		if e.Source != "proxy" {
			at = e.Source
		}
		out.Add(e.At.Local().Format("2006-01-02 15:04:05.000"), e.Kind, call.Dash(e.Group), call.Dash(by), at, strings.Join(particulars(e), ", "))
	}
	return out
}

// particulars are what an event tells beside who, what and when.
func particulars(e wire.TraceEvent) (all []string) {
	if e.Attempt > 0 {
		all = append(all, fmt.Sprintf("attempt %d", e.Attempt))
	}
	if e.Queue != nil && e.Offset != nil {
		where := fmt.Sprintf("queue %d offset %s", *e.Queue, call.Number(*e.Offset))
		if e.Broker != "" {
			where = e.Broker + " " + where
		}
		all = append(all, where)
	}
	if e.Until != nil {
		all = append(all, "until "+e.Until.Local().Format("2006-01-02 15:04:05.000"))
	}
	for _, s := range []string{e.Result, e.Detail} {
		if s != "" {
			all = append(all, s)
		}
	}
	return all
}

// aboutRecords says what the timeline may lack.
func (c commands) aboutRecords(t wire.Trace) {
	for _, r := range t.Recorded {
		switch {
		case r.State == "off":
			c.Hint("Proxy %s remembers nothing (trace_bytes: 0): what it did is not shown", r.Proxy)
		case r.State == "silent":
			c.Hint("Proxy %s did not answer, last heard of at %s: what it did is not shown", r.Proxy, call.When(r.Heard))
		case r.Since != nil && r.RareSince != nil && r.Since.After(*r.RareSince):
			c.Hint("Proxy %s remembers all since %s, and retries, dead letters and verdicts since %s: what is earlier is not shown", r.Proxy, call.When(r.Since), call.When(r.RareSince))
		case r.Since != nil:
			c.Hint("Proxy %s remembers all since %s: what is earlier is not shown", r.Proxy, call.When(r.Since))
		}
	}
}

func describeMessage(m wire.Message) call.Table {
	t := call.Table{Rows: [][]string{
		{"id", m.ID}, {"topic", m.Topic}, {"state", m.State}, {"type", m.Type}, {"queue", fmt.Sprintf("%d, offset %s", m.Queue, call.Number(m.Offset))},
		{"stored", call.When(&m.Stored)}, {"born", call.When(m.Born) + " at " + call.Dash(m.BornHost)},
	}}
	for _, row := range [][2]string{{"due", call.When(m.Due)}, {"tag", m.Tag}, {"keys", strings.Join(m.Keys, " ")}, {"message group", m.MessageGroup}, {"trace", m.Trace}} {
		if row[1] != "" && row[1] != "-" {
			t.Add(row[0], row[1])
		}
	}
	for _, name := range sortedKeys(m.Properties) {
		t.Add("property", name+" = "+m.Properties[name])
	}
	if o := m.Origin; o != nil {
		t.Add("came from", fmt.Sprintf("topic %s, message %s, after %d attempts: %s", o.Topic, o.ID, o.Attempts, o.Why))
	}
	t.Add("body", fmt.Sprintf("%d bytes, %s", m.BodySize, m.Encoding))
	t.Add("", call.Body(m.Body))
	return t
}

func sortedKeys(m map[string]string) []string {
	all := make([]string, 0, len(m))
	for k := range m {
		all = append(all, k)
	}
	slices.Sort(all)
	return all
}

// search is the flags that choose messages.
type search struct {
	key, id, begin, end string
	offset              int64
	queue               int32
	limit               int
	cursor              string
}

func (s *search) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.key, "key", "", "messages with this key")
	f.StringVar(&s.id, "id", "", "messages with this id")
	f.StringVar(&s.begin, "begin", "", "stored at or after: 2026-11-23T09:00:00Z, '2026-11-23 09:00' (local), -10m")
	f.StringVar(&s.end, "end", "", "stored before")
	f.Int64Var(&s.offset, "offset", 0, "with --queue: the message at this offset")
	f.Int32Var(&s.queue, "queue", 0, "with --offset")
	f.IntVar(&s.limit, "limit", 100, "at most so many messages, newest first")
	f.StringVar(&s.cursor, "cursor", "", "go on where a search with the same flags was cut")
}

func (s *search) query(cmd *cobra.Command) (url.Values, error) {
	q := url.Values{}
	for name, v := range map[string]string{"key": s.key, "id": s.id} {
		switch {
		case v != "":
			q.Set(name, v)
		case cmd.Flags().Changed(name):
			return nil, call.Usage("%s: --%s is empty", cmd.CommandPath(), name)
		}
	}
	for name, v := range map[string]string{"begin": s.begin, "end": s.end} {
		if v == "" {
			continue
		}
		t, err := call.Moment("--"+name, v, time.Now())
		if err != nil {
			return nil, err
		}
		q.Set(name, t.UTC().Format(time.RFC3339Nano))
	}
	if cmd.Flags().Changed("queue") != cmd.Flags().Changed("offset") {
		return nil, call.Usage("%s: --queue and --offset go together: offsets count within one queue, from 0 to the topic's last one", cmd.CommandPath())
	}
	if cmd.Flags().Changed("queue") {
		q.Set("queue", strconv.Itoa(int(s.queue)))
		q.Set("offset", strconv.FormatInt(s.offset, 10))
	}
	if s.cursor != "" {
		q.Set("cursor", s.cursor)
	}
	if s.limit < 1 || s.limit > 100_000 {
		return nil, call.Usage("--limit %d: from 1 to 100000", s.limit)
	}
	return q, nil
}

// find reads pages until the limit, and says on standard error where there is more.
func (c commands) find(cmd *cobra.Command, path string, s *search) ([]wire.Message, error) {
	q, err := s.query(cmd)
	if err != nil {
		return nil, err
	}
	all := []wire.Message{}
	for len(all) < s.limit {
		q.Set("limit", strconv.Itoa(min(100, s.limit-len(all))))
		var page wire.Found
		if err := c.Ask(cmd.Context(), http.MethodGet, path+"?"+q.Encode(), nil, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if page.Next == "" {
			return all, nil
		}
		q.Set("cursor", page.Next)
	}
	fmt.Fprintf(c.Env.Err, "%d shown, there are more: --limit %d, or --cursor %s\n", len(all), min(10*s.limit, 100_000), q.Get("cursor"))
	return all, nil
}

func (c commands) messageSearch() *cobra.Command {
	var s search
	cmd := &cobra.Command{
		Use: "search TOPIC", Short: "Find messages by id, key, time or place", Args: call.Exactly("the TOPIC"),
		Example: "  causeway message search orders --key o-1\n  causeway message search orders --begin -10m --limit 20 -o json",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			all, err := c.find(cmd, c.In("topics", args[0], "messages"), &s)
			if err != nil {
				return c.ifBorrowed(cmd.Context(), args[0], err)
			}
			if len(all) == 0 {
				c.Hint("%s", s.nothing())
			}
			return c.Show(all, func() call.Table { return messageTable(all) })
		},
	}
	s.flags(cmd)
	return cmd
}

func (s *search) nothing() string {
	switch {
	case s.offset != 0 || s.queue != 0:
		return "No message at that offset; `causeway group lag GROUP --topic TOPIC --queues` shows each queue's first and end"
	case s.id != "" || s.key != "":
		return "Nothing found under that id or key"
	}
	return "Nothing found; without --begin and --end the last 7 days are searched"
}

func messageTable(all []wire.Message) call.Table {
	t := call.Table{Head: []string{"ID", "STATE", "QUEUE", "OFFSET", "STORED", "TAG", "KEYS", "BODY"}}
	for _, m := range all {
		t.Add(m.ID, m.State, strconv.Itoa(int(m.Queue)), call.Number(m.Offset), call.When(&m.Stored), call.Dash(m.Tag), call.Names(m.Keys), glance(m))
	}
	return t
}

func glance(m wire.Message) string {
	const most = 40
	text := []rune(call.Body(m.Body))
	if len(text) > most || m.BodyTruncated {
		return string(text[:min(most, len(text))]) + "..."
	}
	return string(text)
}
