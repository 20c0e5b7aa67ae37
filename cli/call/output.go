// SPDX-License-Identifier: Apache-2.0

package call

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// Table is data as columns for people.
type Table struct {
	Head  []string
	Rows  [][]string
	Paint func(string) string // colours the first cell of a row; may be nil
	Then  *Table              // another one below it; may be nil
}

// Add adds a row.
func (t *Table) Add(cells ...string) { t.Rows = append(t.Rows, cells) }

// CheckOutput refuses a form that does not exist before anything is done.
func (c *Call) CheckOutput() error {
	return Choice("--output", c.Output, "table", "json", "yaml")
}

// Show writes data: as it is for json and yaml, as the table that human draws otherwise.
func (c *Call) Show(data any, human func() Table) error {
	switch c.Output {
	case "json":
		enc := json.NewEncoder(c.Env.Out)
		enc.SetIndent("", "  ")
		return enc.Encode(data)
	case "yaml":
		return c.showYAML(data)
	}
	t := human()
	for next := &t; next != nil; next = next.Then {
		if next != &t {
			fmt.Fprintln(c.Env.Out)
		}
		if err := c.draw(*next); err != nil {
			return err
		}
	}
	return nil
}

func (c *Call) draw(t Table) error {
	w := tabwriter.NewWriter(c.Env.Out, 0, 0, 2, ' ', 0)
	if len(t.Head) > 0 {
		fmt.Fprintln(w, strings.Join(t.Head, "\t"))
	}
	for _, row := range t.Rows {
		for i, cell := range row {
			row[i] = Printable(cell)
		}
		if t.Paint != nil && len(row) > 0 {
			row[0] = t.Paint(row[0])
		}
		fmt.Fprintln(w, strings.TrimRight(strings.Join(row, "\t"), "\t"))
	}
	return w.Flush()
}

// Say tells of a deed where there is no data to show: on standard output for people, the object for machines.
func (c *Call) Say(data any, format string, args ...any) error {
	if c.Output != "table" {
		return c.Show(data, nil)
	}
	if c.Quiet {
		return nil
	}
	_, err := fmt.Fprintf(c.Env.Out, format+"\n", args...)
	return err
}

// Hint tells somebody at a terminal what to try next.
func (c *Call) Hint(format string, args ...any) {
	if c.Env.ErrTerminal && c.Output == "table" && !c.Quiet {
		fmt.Fprintf(c.Env.Err, format+"\n", args...)
	}
}

// showYAML goes through JSON, so that names and order are those of the API.
func (c *Call) showYAML(data any) error {
	raw, err := json.Marshal(data)
	if err != nil {
		return err
	}
	var n yaml.Node
	if err := yaml.Unmarshal(raw, &n); err != nil {
		return err
	}
	plain(&n)
	enc := yaml.NewEncoder(c.Env.Out)
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

// Printable keeps control characters of foreign data away from the terminal.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == 0xfffd {
			return '·'
		}
		return r
	}, s)
}

// Number is a figure; one that nobody knows is "?".
func Number(n int64) string {
	if n < 0 {
		return "?"
	}
	return strconv.FormatInt(n, 10)
}

// When is a time for people, "-" for none.
func When(t *time.Time) string {
	if t == nil || t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04:05.000Z")
}

// Age is how long ago a moment was, by this machine's clock.
func Age(t *time.Time, now time.Time) string {
	if t == nil || t.IsZero() {
		return "-"
	}
	return max(0, now.Sub(*t)).Round(time.Second).String()
}

// YesNo is a truth for people.
func YesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// Dash is text for a column, "-" for none.
func Dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// Tidy writes a duration without its zero units: "72h" instead of "72h0m0s".
func Tidy(text string) string {
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

// Names joins names for a column, at a glance.
func Names(all []string) string {
	const glance = 4
	if len(all) > glance {
		return strings.Join(all[:glance], ",") + ",..."
	}
	return Dash(strings.Join(all, ","))
}

// Body shows a body: text as it is, anything else as its first bytes in hexadecimal.
func Body(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	const glance = 64
	if len(b) > glance {
		return fmt.Sprintf("% x ...", b[:glance])
	}
	return fmt.Sprintf("% x", b)
}
