// SPDX-License-Identifier: Apache-2.0

package call

import (
	"fmt"
	"strings"
)

// Bar shows how far long work is, on standard error, where somebody looks at a terminal; it is silent elsewhere.
type Bar struct {
	c     *Call
	what  string
	shown bool
}

// Bar makes the bar of one piece of work.
func (c *Call) Bar(what string) *Bar { return &Bar{c: c, what: what} }

// At draws the bar: percent from 0 to 100, -1 where the end is not known.
func (b *Bar) At(percent int, done int64) {
	if !b.c.Env.ErrTerminal || b.c.Quiet {
		return
	}
	b.shown = true
	const width = 30
	if percent < 0 {
		fmt.Fprintf(b.c.Env.Err, "\r%s  %d   ", b.what, done)
		return
	}
	full := min(width, width*percent/100)
	fmt.Fprintf(b.c.Env.Err, "\r%s  [%s%s] %3d%%  %d   ", b.what, strings.Repeat("#", full), strings.Repeat(".", width-full), percent, done)
}

// End leaves the last state standing on a line of its own.
func (b *Bar) End() {
	if b.shown {
		fmt.Fprintln(b.c.Env.Err)
	}
}
