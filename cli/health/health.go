// SPDX-License-Identifier: Apache-2.0

// Package health is the commands that look at a server: what it is, how it is, what is wrong with it.
package health

import (
	"github.com/spf13/cobra"

	"github.com/causeway-mq/causeway/cli/call"
)

type commands struct{ *call.Call }

// Commands is `causeway server` and `doctor`.
func Commands(c *call.Call) []*cobra.Command {
	of := commands{c}
	return []*cobra.Command{of.serverCommand(), of.doctorCommand()}
}
