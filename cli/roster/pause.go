// SPDX-License-Identifier: Apache-2.0

package roster

import (
	"net/http"

	"github.com/spf13/cobra"

	"github.com/causeway-mq/causeway/cli/call"
	"github.com/causeway-mq/causeway/control/wire"
)

// Pause stops and continues what is handed out to a group.
func Pause(c *call.Call) []*cobra.Command {
	return []*cobra.Command{
		commands{c}.paused("pause", "Hand out nothing to a group; what its consumers hold they may settle", true, "group %s is paused: nothing is handed out until causeway group resume"),
		commands{c}.paused("resume", "Hand out messages to a group again", false, "group %s goes on"),
	}
}

func (c commands) paused(use, short string, paused bool, done string) *cobra.Command {
	return &cobra.Command{
		Use: use + " GROUP", Short: short, Args: call.Exactly("the GROUP"),
		Example: "  causeway group " + use + " billing",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			var g wire.Group
			if err := c.Ask(cmd.Context(), http.MethodPatch, c.In("groups", args[0]), wire.GroupChange{Paused: &paused}, &g); err != nil {
				return err
			}
			return c.Say(g, done, g.Name)
		},
	}
}
