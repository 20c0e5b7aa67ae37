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
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/causeway-mq/causeway/control/wire"
)

func (c *call) messageCommand() *cobra.Command {
	return group("message", "Messages: look at what is stored", c.messageGet(), c.messageSearch())
}

func (c *call) messageGet() *cobra.Command {
	return &cobra.Command{
		Use: "get TOPIC ID", Short: "Show one message with its whole body", Args: exactly("the TOPIC", "the message's ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.checkOutput(); err != nil {
				return err
			}
			var m wire.Message
			if err := c.ask(cmd.Context(), http.MethodGet, c.in("topics", args[0], "messages", args[1]), nil, &m); err != nil {
				return err
			}
			return c.show(m, func() table { return describeMessage(m) })
		},
	}
}

func describeMessage(m wire.Message) table {
	t := table{rows: [][]string{
		{"id", m.ID}, {"topic", m.Topic}, {"state", m.State}, {"type", m.Type}, {"queue", fmt.Sprintf("%d, offset %s", m.Queue, number(m.Offset))},
		{"stored", when(&m.Stored)}, {"born", when(m.Born) + " at " + dash(m.BornHost)},
	}}
	for _, row := range [][2]string{{"due", when(m.Due)}, {"tag", m.Tag}, {"keys", strings.Join(m.Keys, " ")}, {"message group", m.MessageGroup}, {"trace", m.Trace}} {
		if row[1] != "" && row[1] != "-" {
			t.add(row[0], row[1])
		}
	}
	for _, name := range sortedKeys(m.Properties) {
		t.add("property", name+" = "+m.Properties[name])
	}
	if o := m.Origin; o != nil {
		t.add("came from", fmt.Sprintf("topic %s, message %s, after %d attempts: %s", o.Topic, o.ID, o.Attempts, o.Why))
	}
	t.add("body", fmt.Sprintf("%d bytes, %s", m.BodySize, m.Encoding))
	t.add("", body(m.Body))
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

// body shows a body: text as it is, anything else as its first bytes in hexadecimal.
func body(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	const glance = 64
	if len(b) > glance {
		return fmt.Sprintf("% x ...", b[:glance])
	}
	return fmt.Sprintf("% x", b)
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
			return nil, usage("%s: --%s is empty", cmd.CommandPath(), name)
		}
	}
	for name, v := range map[string]string{"begin": s.begin, "end": s.end} {
		if v == "" {
			continue
		}
		t, err := moment("--"+name, v, time.Now())
		if err != nil {
			return nil, err
		}
		q.Set(name, t.UTC().Format(time.RFC3339Nano))
	}
	if cmd.Flags().Changed("queue") != cmd.Flags().Changed("offset") {
		return nil, usage("%s: --queue and --offset go together: offsets count within one queue, from 0 to the topic's last one", cmd.CommandPath())
	}
	if cmd.Flags().Changed("queue") {
		q.Set("queue", strconv.Itoa(int(s.queue)))
		q.Set("offset", strconv.FormatInt(s.offset, 10))
	}
	if s.cursor != "" {
		q.Set("cursor", s.cursor)
	}
	if s.limit < 1 || s.limit > 100_000 {
		return nil, usage("--limit %d: from 1 to 100000", s.limit)
	}
	return q, nil
}

// find reads pages until the limit, and says on standard error where there is more.
func (c *call) find(cmd *cobra.Command, path string, s *search) ([]wire.Message, error) {
	q, err := s.query(cmd)
	if err != nil {
		return nil, err
	}
	all := []wire.Message{}
	for len(all) < s.limit {
		q.Set("limit", strconv.Itoa(min(100, s.limit-len(all))))
		var page wire.Found
		if err := c.ask(cmd.Context(), http.MethodGet, path+"?"+q.Encode(), nil, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if page.Next == "" {
			return all, nil
		}
		q.Set("cursor", page.Next)
	}
	fmt.Fprintf(c.env.Err, "%d shown, there are more: --limit %d, or --cursor %s\n", len(all), min(10*s.limit, 100_000), q.Get("cursor"))
	return all, nil
}

func (c *call) messageSearch() *cobra.Command {
	var s search
	cmd := &cobra.Command{
		Use: "search TOPIC", Short: "Find messages by id, key, time or place", Args: exactly("the TOPIC"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.checkOutput(); err != nil {
				return err
			}
			all, err := c.find(cmd, c.in("topics", args[0], "messages"), &s)
			if err != nil {
				return err
			}
			if len(all) == 0 {
				c.hint("%s", s.nothing())
			}
			return c.show(all, func() table { return messageTable(all) })
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

func messageTable(all []wire.Message) table {
	t := table{head: []string{"ID", "STATE", "QUEUE", "OFFSET", "STORED", "TAG", "KEYS", "BODY"}}
	for _, m := range all {
		t.add(m.ID, m.State, strconv.Itoa(int(m.Queue)), number(m.Offset), when(&m.Stored), dash(m.Tag), names(m.Keys), glance(m))
	}
	return t
}

func glance(m wire.Message) string {
	const most = 40
	text := []rune(body(m.Body))
	if len(text) > most || m.BodyTruncated {
		return string(text[:min(most, len(text))]) + "..."
	}
	return string(text)
}
