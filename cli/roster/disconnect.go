// SPDX-License-Identifier: Apache-2.0

package roster

import (
	"net/http"

	"github.com/spf13/cobra"

	"github.com/causeway-mq/causeway/cli/call"
	"github.com/causeway-mq/causeway/control/wire"
)

func (c commands) disconnect() *cobra.Command {
	var app string
	cmd := &cobra.Command{
		Use: "disconnect CLIENT", Short: "End a client's streams at every proxy, and tell it to connect anew", Args: call.Exactly("the CLIENT"),
		Long: "Ends the streams that a client keeps to proxies, and tells it to connect anew. What it holds goes to other members of its group at once, as when a client goes away. It opens its next\n" +
			"stream as after any that ended: at once, or, as Go's client does, with its next settings, within five minutes; until then it may send and receive, and is not listed. To keep a\n" +
			"client out, revoke its key.",
		Example: "  causeway client disconnect host@1@0@abc\n  causeway client disconnect host@1@0@abc --app shop",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			want := wire.Disconnect{}
			if cmd.Flags().Changed("app") {
				want.App = &app
			}
			var done wire.Disconnected
			if err := c.Ask(cmd.Context(), http.MethodPost, c.In("clients", args[0], "disconnect"), want, &done); err != nil {
				return err
			}
			c.known(true, done.Unknown)
			return c.Say(done, "client %s: %s streams ended at %s proxies", done.ID, call.Number(int64(done.Streams)), call.Number(int64(done.Proxies)))
		},
	}
	cmd.Flags().StringVar(&app, "app", "", `the application whose client it is, "" for clients without a key (default: whichever)`)
	return cmd
}
