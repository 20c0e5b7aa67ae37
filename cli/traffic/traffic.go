// SPDX-License-Identifier: Apache-2.0

// Package traffic is the commands that send and receive messages as clients do, and those that look at such clients.
package traffic

import (
	"github.com/spf13/cobra"

	"github.com/causeway-mq/causeway/cli/call"
)

type commands struct{ *call.Call }

// Commands is `causeway produce`, `consume`, `bench` and `clients`.
func Commands(c *call.Call) []*cobra.Command {
	of := commands{c}
	return []*cobra.Command{of.produceCommand(), of.consumeCommand(), of.benchCommand(), of.clientsCommand()}
}
