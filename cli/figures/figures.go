// SPDX-License-Identifier: Apache-2.0

// Package figures has the commands about figures over time, and those that look at messages one by one.
package figures

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/causeway-mq/causeway/cli/call"
	"github.com/causeway-mq/causeway/control/wire"
)

// Commands are the commands of this room that stand by themselves.
func Commands(c *call.Call) []*cobra.Command { return []*cobra.Command{commands{c}.proxies()} }

// Topic gives the rates of a topic.
func Topic(c *call.Call) *cobra.Command { return commands{c}.topicRates() }

// Group gives the rates of a group.
func Group(c *call.Call) *cobra.Command { return commands{c}.groupRates() }

// Message looks for messages one by one.
func Message(c *call.Call) *cobra.Command { return commands{c}.scan() }

// Dead groups dead letters.
func Dead(c *call.Call) *cobra.Command { return commands{c}.causes() }

// Tenant gives the rates and the use of a tenant.
func Tenant(c *call.Call) []*cobra.Command {
	return []*cobra.Command{commands{c}.tenantRates(), commands{c}.usage()}
}

// commands is one command line under way.
type commands struct{ *call.Call }

// spanFlag chooses between the last hour and the last day.
func spanFlag(cmd *cobra.Command, to *string) {
	cmd.Flags().StringVar(to, "span", "hour", "hour, in steps of ten seconds, or day, in steps of five minutes")
}

func (c commands) topicRates() *cobra.Command {
	var span string
	cmd := &cobra.Command{
		Use: "rates TOPIC", Short: "Show what was stored in a topic and handed out of it, over time", Args: call.Exactly("the TOPIC"),
		Example: "  causeway topic rates orders\n  causeway topic rates orders --span day",
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.rates(cmd, c.In("topics", args[0], "rates"), url.Values{"span": {span}})
		},
	}
	spanFlag(cmd, &span)
	return cmd
}

func (c commands) groupRates() *cobra.Command {
	var span, topic string
	cmd := &cobra.Command{
		Use: "rates GROUP", Short: "Show what a group was given and how far it was behind, over time", Args: call.Exactly("the GROUP"),
		Example: "  causeway group rates billing\n  causeway group rates billing --topic orders --span day",
		RunE: func(cmd *cobra.Command, args []string) error {
			q := url.Values{"span": {span}}
			if topic != "" {
				q.Set("topic", topic)
			}
			return c.rates(cmd, c.In("groups", args[0], "rates"), q)
		},
	}
	spanFlag(cmd, &span)
	cmd.Flags().StringVar(&topic, "topic", "", "in this topic alone")
	return cmd
}

func (c commands) tenantRates() *cobra.Command {
	var span string
	cmd := &cobra.Command{
		Use: "rates", Short: "Show what the tenant sent and received, over time", Args: call.Exactly(),
		Example: "  causeway tenant rates",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.rates(cmd, c.In("rates"), url.Values{"span": {span}})
		},
	}
	spanFlag(cmd, &span)
	return cmd
}

// rates shows a curve, the newest step last. What is not known is a dash.
func (c commands) rates(cmd *cobra.Command, path string, q url.Values) error {
	if err := c.CheckOutput(); err != nil {
		return err
	}
	var r wire.Rates
	if err := c.Ask(cmd.Context(), http.MethodGet, path+"?"+q.Encode(), nil, &r); err != nil {
		return err
	}
	if r.Incomplete {
		c.Hint("The control plane had no room for figures of everything: these may lack something")
	}
	return c.Show(r, func() call.Table {
		t := call.Table{Head: []string{"TIME", "IN/S", "IN BYTES/S", "OUT/S", "OUT BYTES/S", "LAG", "OLDEST"}}
		for _, p := range r.Points {
			in, inBytes := rate(p.In)
			out, outBytes := rate(p.Out)
			t.Add(call.When(&p.Time), in, inBytes, out, outBytes, lag(p.Lag), age(p.LagSeconds))
		}
		return t
	})
}

func rate(r *wire.Rate) (messages, bytes string) {
	if r == nil {
		return "-", "-"
	}
	return strconv.FormatFloat(r.Messages, 'f', 1, 64), strconv.FormatFloat(r.Bytes, 'f', 0, 64)
}

func lag(n *int64) string {
	if n == nil {
		return "-"
	}
	return call.Number(*n)
}

func age(seconds *float64) string {
	if seconds == nil {
		return "-"
	}
	return (time.Duration(*seconds) * time.Second).String()
}

func (c commands) usage() *cobra.Command {
	var from, to string
	cmd := &cobra.Command{
		Use: "usage", Short: "Show what the tenant used, day by day", Args: call.Exactly(),
		Long: "Shows messages and bytes that were stored in the tenant's topics and handed out to its groups, by day of UTC. A day that is not listed used nothing that is known.\n" +
			"Up to ten seconds of traffic around midnight may count for the next day; what a proxy counted within the last seconds before it was killed is lost.",
		Example: "  causeway tenant usage\n  causeway tenant usage --from 2026-11-01 --to 2026-11-30",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			q := url.Values{}
			for name, v := range map[string]string{"from": from, "to": to} {
				if v != "" {
					q.Set(name, v)
				}
			}
			var u wire.Usage
			if err := c.Ask(cmd.Context(), http.MethodGet, c.In("usage")+"?"+q.Encode(), nil, &u); err != nil {
				return err
			}
			return c.Show(u, func() call.Table {
				t := call.Table{Head: []string{"DAY", "IN", "IN BYTES", "OUT", "OUT BYTES"}}
				for _, d := range u.Days {
					t.Add(d.Day, call.Number(d.In.Messages), call.Number(d.In.Bytes), call.Number(d.Out.Messages), call.Number(d.Out.Bytes))
				}
				return t
			})
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "the first day, 2026-11-01; thirty days by default")
	cmd.Flags().StringVar(&to, "to", "", "the last day; today by default")
	return cmd
}

func (c commands) proxies() *cobra.Command {
	return &cobra.Command{
		Use: "proxies", Short: "List the proxies, with what each counts and which version of the catalog it has", Args: call.Exactly(),
		Example: "  causeway proxies",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			var page wire.Page[wire.ProxyStatus]
			if err := c.Ask(cmd.Context(), http.MethodGet, "/v1/proxies", nil, &page); err != nil {
				return err
			}
			return c.Show(page.Items, func() call.Table {
				t := call.Table{Head: []string{"PROXY", "ZONE", "HEARD", "IN/S", "OUT/S", "CATALOG", "CURRENT", "BY", "SINCE", "ADMIN AT"}}
				for _, p := range page.Items {
					in, _ := rate(p.In)
					out, _ := rate(p.Out)
					row := []string{p.Name, call.Dash(p.Zone), call.When(&p.Heard), in, out, "-", "-", "-", "-"}
					if c := p.Catalog; c != nil {
						row = append(row[:5], strconv.FormatUint(c.Version, 10), call.YesNo(c.Current), by(c), call.When(c.Since))
					}
					t.Add(append(row, call.Names(p.SharedUser))...)
				}
				return t
			})
		},
	}
}

// by is by which way a proxy has its catalog, and whether this control plane only heard of that.
func by(c *wire.ProxyCatalog) string {
	if c.Elsewhere {
		return call.Dash(c.By) + ", elsewhere"
	}
	return call.Dash(c.By)
}

// told says on standard error how far a scan has come.
func (c commands) told(p wire.ScanProgress) {
	reached := "nothing"
	if p.Reached != nil {
		reached = "messages down to " + call.When(p.Reached)
	}
	c.Hint("Looked at %s messages, %s", call.Number(int64(p.Looked)), reached)
	switch {
	case p.Trouble != "":
		c.Hint("It ended before its time: %s. Go on with --cursor %s", p.Trouble, p.Next)
	case !p.Complete:
		c.Hint("There is more to look at. Go on with --cursor %s", p.Next)
	}
}

func boundedFlags(cmd *cobra.Command, look *int, cursor *string) {
	cmd.Flags().IntVar(look, "look", 5000, "messages to look at, at most 5000 in one call")
	cmd.Flags().StringVar(cursor, "cursor", "", "go on where a call with the same flags ended")
}

func bounded(look int, cursor string) url.Values {
	q := url.Values{"look": {strconv.Itoa(look)}}
	if cursor != "" {
		q.Set("cursor", cursor)
	}
	return q
}

func (c commands) scan() *cobra.Command {
	var tag, contains, property, cursor string
	var look int
	cmd := &cobra.Command{
		Use: "scan TOPIC", Short: "Look at messages one by one for what is in them, and say how far it has come", Args: call.Exactly("the TOPIC"),
		Long: "Finds what no index knows: messages by tag, property or a part of the body, among those of the last seven days. Each call looks at a bounded number of messages and says how far it\n" +
			"has come and how to go on; an empty answer that is not complete proves nothing.",
		Example: "  causeway message scan orders --contains 4711\n  causeway message scan orders --tag paid --property region=north --look 1000",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			q := bounded(look, cursor)
			for name, v := range map[string]string{"tag": tag, "contains": contains} {
				if v != "" {
					q.Set(name, v)
				}
			}
			if cmd.Flags().Changed("property") {
				name, value, ok := strings.Cut(property, "=")
				if !ok {
					return call.Usage("--property %q: NAME=VALUE is wanted", property)
				}
				q.Set("property", name)
				q.Set("value", value)
			}
			var s wire.Scan
			if err := c.Ask(cmd.Context(), http.MethodGet, c.In("topics", args[0], "scan")+"?"+q.Encode(), nil, &s); err != nil {
				return err
			}
			c.told(s.Progress)
			return c.Show(s, func() call.Table {
				t := call.Table{Head: []string{"STORED", "ID", "TAG", "SIZE", "STATE"}}
				for _, m := range s.Items {
					t.Add(call.When(&m.Stored), m.ID, call.Dash(m.Tag), call.Number(int64(m.BodySize)), m.State)
				}
				return t
			})
		},
	}
	cmd.Flags().StringVar(&tag, "tag", "", "messages with this tag")
	cmd.Flags().StringVar(&contains, "contains", "", "messages with this in their body, byte for byte")
	cmd.Flags().StringVar(&property, "property", "", "messages with this property: NAME=VALUE")
	boundedFlags(cmd, &look, &cursor)
	return cmd
}

func (c commands) causes() *cobra.Command {
	var cursor string
	var look int
	cmd := &cobra.Command{
		Use: "causes GROUP", Short: "Group a group's dead letters by what they died of", Args: call.Exactly("the GROUP"),
		Long:    "Group a group's dead letters by what they died of. Letters that a redrive sent back stay stored, and are counted here, until their age takes them.",
		Example: "  causeway dlq causes billing",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			var d wire.DeadLetterCauses
			if err := c.Ask(cmd.Context(), http.MethodGet, c.In("groups", args[0], "dead-letters", "causes")+"?"+bounded(look, cursor).Encode(), nil, &d); err != nil {
				return err
			}
			c.told(d.Progress)
			if d.Total != nil {
				c.Hint("%s dead letters are stored, with those that a redrive sent back already", call.Number(*d.Total))
			}
			return c.Show(d, func() call.Table {
				t := call.Table{Head: []string{"COUNT", "WHY", "TOPIC", "ATTEMPTS", "FIRST", "LAST", "NEWEST"}}
				for _, one := range d.Causes {
					t.Add(strconv.Itoa(one.Count), one.Why, one.Topic, fmt.Sprintf("%d to %d", one.MinAttempts, one.MaxAttempts), call.When(&one.First), call.When(&one.Last), one.Samples[0].ID)
				}
				return t
			})
		},
	}
	boundedFlags(cmd, &look, &cursor)
	return cmd
}
