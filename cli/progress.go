// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"strings"
)

// bar shows how far long work is, on standard error, where somebody looks at a terminal; it is silent elsewhere.
type bar struct {
	c     *call
	what  string
	shown bool
}

func (c *call) bar(what string) *bar { return &bar{c: c, what: what} }

// at draws the bar: percent from 0 to 100, -1 where the end is not known.
func (b *bar) at(percent int, done int64) {
	if !b.c.env.ErrTerminal {
		return
	}
	b.shown = true
	const width = 30
	if percent < 0 {
		fmt.Fprintf(b.c.env.Err, "\r%s  %d   ", b.what, done)
		return
	}
	full := min(width, width*percent/100)
	fmt.Fprintf(b.c.env.Err, "\r%s  [%s%s] %3d%%  %d   ", b.what, strings.Repeat("#", full), strings.Repeat(".", width-full), percent, done)
}

// end leaves the last state standing on a line of its own.
func (b *bar) end() {
	if b.shown {
		fmt.Fprintln(b.c.env.Err)
	}
}
