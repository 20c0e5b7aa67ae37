// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"fmt"
	"io"
)

// Tell says what there is to see, as commands of that program; server is the flag that they need.
func Tell(out io.Writer, program, server string) error {
	_, err := fmt.Fprintf(out, `The demo is made: tenants shop and payments. Look at it, for example:
  %[1]s group lag billing --tenant shop%[2]s
  %[1]s dlq list billing --tenant shop%[2]s
  %[1]s message search orders --tenant shop%[2]s
  %[1]s dlq redrive billing --tenant shop%[2]s
It goes with: %[1]s tenant delete shop --confirm shop%[2]s (payments likewise); it does not come back.
`, program, server)
	return err
}

// TellNone says that no demo is made though one was asked for.
func TellNone(out io.Writer) error {
	_, err := fmt.Fprintln(out, "No demo is made: the data directory was not empty.")
	return err
}
