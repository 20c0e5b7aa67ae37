// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/causeway-mq/causeway/internal/nearest"
)

// table is data as columns for people.
type table struct {
	head  []string
	rows  [][]string
	paint func(string) string // colours the first cell of a row; may be nil
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// checkOutput refuses a form that does not exist before anything is done.
func (c *call) checkOutput() error {
	switch c.output {
	case "table", "json", "yaml":
		return nil
	}
	return usage("--output %q: table, json or yaml%s", c.output, nearest.Hint(c.output, []string{"table", "json", "yaml"}))
}

// show writes data: as it is for json and yaml, as the table that human draws otherwise.
func (c *call) show(data any, human func() table) error {
	switch c.output {
	case "json":
		enc := json.NewEncoder(c.env.Out)
		enc.SetIndent("", "  ")
		return enc.Encode(data)
	case "yaml":
		return c.showYAML(data)
	}
	t := human()
	w := tabwriter.NewWriter(c.env.Out, 0, 0, 2, ' ', 0)
	if len(t.head) > 0 {
		fmt.Fprintln(w, strings.Join(t.head, "\t"))
	}
	for _, row := range t.rows {
		for i, cell := range row {
			row[i] = printable(cell)
		}
		if t.paint != nil && len(row) > 0 {
			row[0] = t.paint(row[0])
		}
		fmt.Fprintln(w, strings.TrimRight(strings.Join(row, "\t"), "\t"))
	}
	return w.Flush()
}

// say tells of a deed where there is no data to show: on standard output for people, the object for machines.
func (c *call) say(data any, format string, args ...any) error {
	if c.output != "table" {
		return c.show(data, nil)
	}
	_, err := fmt.Fprintf(c.env.Out, format+"\n", args...)
	return err
}

// hint tells somebody at a terminal what to try next.
func (c *call) hint(format string, args ...any) {
	if c.env.ErrTerminal && c.output == "table" {
		fmt.Fprintf(c.env.Err, format+"\n", args...)
	}
}

// showYAML goes through JSON, so that names and order are those of the API.
func (c *call) showYAML(data any) error {
	raw, err := json.Marshal(data)
	if err != nil {
		return err
	}
	var n yaml.Node
	if err := yaml.Unmarshal(raw, &n); err != nil {
		return err
	}
	plain(&n)
	enc := yaml.NewEncoder(c.env.Out)
	enc.SetIndent(2)
	if err := enc.Encode(&n); err != nil {
		return err
	}
	return enc.Close()
}

// plain takes JSON's braces and quotes away where YAML does not need them.
func plain(n *yaml.Node) {
	n.Style &^= yaml.FlowStyle
	if n.Kind == yaml.ScalarNode && n.Tag == "!!str" {
		fresh := yaml.Node{}
		fresh.SetString(n.Value)
		n.Style = fresh.Style
	}
	for _, sub := range n.Content {
		plain(sub)
	}
}

// printable keeps control characters of foreign data away from the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == 0xfffd {
			return '·'
		}
		return r
	}, s)
}

func number(n int64) string {
	if n < 0 {
		return "?"
	}
	return strconv.FormatInt(n, 10)
}

func when(t *time.Time) string {
	if t == nil || t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04:05.000Z")
}

// age is how long ago a moment was, by this machine's clock.
func age(t *time.Time, now time.Time) string {
	if t == nil || t.IsZero() {
		return "-"
	}
	return max(0, now.Sub(*t)).Round(time.Second).String()
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// tidy writes a duration without its zero units: "72h" instead of "72h0m0s".
func tidy(text string) string {
	d, err := time.ParseDuration(text)
	if err != nil || d == 0 {
		return text
	}
	s := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(s, zero) {
			s = strings.TrimSuffix(s, zero[1:])
		}
	}
	return s
}
