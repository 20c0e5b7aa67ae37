// SPDX-License-Identifier: Apache-2.0

package post

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/causeway-mq/causeway/cli/call"
	"github.com/causeway-mq/causeway/control/wire"
)

// Commands are the commands of this room that stand by themselves.
func Commands(c *call.Call) []*cobra.Command {
	of := commands{c}
	return []*cobra.Command{
		call.Group("scheduled", "Messages that wait for their time", of.scheduledList(), of.scheduledCancel()),
		call.Group("transaction", "Messages whose transaction nobody has ended", of.transactionList(), of.transactionResolve()),
	}
}

// waiting reads a listing of what waits, piece by piece, until it has enough.
func (c commands) waiting(cmd *cobra.Command, path string, most int) ([]wire.WaitingMessage, error) {
	if most < 1 {
		return nil, call.Usage("%s: --limit %d: at least 1", cmd.CommandPath(), most)
	}
	all := []wire.WaitingMessage{}
	q := url.Values{}
	for {
		q.Set("limit", strconv.Itoa(min(most-len(all), 100)))
		var page wire.Waiting
		if err := c.Ask(cmd.Context(), http.MethodGet, path+"?"+q.Encode(), nil, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		switch {
		case page.Next == "":
			return all, nil
		case len(all) >= most:
			c.Hint("There are more; --limit shows them")
			return all, nil
		}
		q.Set("cursor", page.Next)
	}
}

func (c commands) scheduledList() *cobra.Command {
	var most int
	cmd := &cobra.Command{
		Use: "list TOPIC", Short: "List messages that wait for their time, the next one due first", Args: call.Exactly("the TOPIC"),
		Example: "  causeway scheduled list reminders",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			all, err := c.waiting(cmd, c.In("topics", args[0], "scheduled"), most)
			if err != nil {
				return err
			}
			return c.Show(all, func() call.Table {
				t := call.Table{Head: []string{"DUE", "ID", "TAG", "KEYS", "SIZE", "STORED"}}
				for _, m := range all {
					t.Add(call.When(m.Due), m.ID, call.Dash(m.Tag), call.Dash(strings.Join(m.Keys, " ")), call.Number(int64(m.BodySize)), call.When(&m.Stored))
				}
				return t
			})
		},
	}
	cmd.Flags().IntVar(&most, "limit", 100, "how many at most")
	return cmd
}

func (c commands) scheduledCancel() *cobra.Command {
	return &cobra.Command{
		Use: "cancel TOPIC ID", Short: "Recall a message that waits for its time: it is never delivered", Args: call.Exactly("the TOPIC", "the message's ID"),
		Example: "  causeway scheduled cancel reminders WAITING",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			var m wire.WaitingMessage
			if err := c.Ask(cmd.Context(), http.MethodPost, c.In("topics", args[0], "scheduled", args[1], "cancel"), wire.CancelScheduled{}, &m); err != nil {
				return err
			}
			return c.Say(m, "message %s is recalled: nobody gets it", m.ID)
		},
	}
}

func (c commands) transactionList() *cobra.Command {
	var most int
	cmd := &cobra.Command{
		Use: "list TOPIC", Short: "List messages whose transaction nobody has ended, the oldest first", Args: call.Exactly("the TOPIC"),
		Example: "  causeway transaction list payments",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			all, err := c.waiting(cmd, c.In("topics", args[0], "transactions"), most)
			if err != nil {
				return err
			}
			return c.Show(all, func() call.Table {
				t := call.Table{Head: []string{"STORED", "ID", "CHECKS", "PRODUCER", "TAG", "KEYS", "SIZE"}}
				for _, m := range all {
					t.Add(call.When(&m.Stored), m.ID, strconv.Itoa(m.Checks), call.Dash(m.Producer), call.Dash(m.Tag), call.Dash(strings.Join(m.Keys, " ")), call.Number(int64(m.BodySize)))
				}
				return t
			})
		},
	}
	cmd.Flags().IntVar(&most, "limit", 100, "how many at most")
	return cmd
}

func (c commands) transactionResolve() *cobra.Command {
	var commit, rollback, sure bool
	cmd := &cobra.Command{
		Use: "resolve TOPIC ID --commit|--rollback", Short: "End a transaction in the place of its producer", Args: call.Exactly("the TOPIC", "the message's ID"),
		Long: "Ends a transaction that nobody ended: with --commit its message is delivered, with --rollback it never is. It cannot be taken back, and holds whatever the producer says later, so\n" +
			"--yes is needed.",
		Example: "  causeway transaction resolve payments HALF --rollback --yes",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			if commit == rollback {
				return call.Usage("%s: either --commit or --rollback", cmd.CommandPath())
			}
			want := wire.Resolve{Verdict: "rollback"}
			if commit {
				want.Verdict = "commit"
			}
			if sure {
				want.Confirm = args[1]
			}
			var m wire.WaitingMessage
			if err := c.Ask(cmd.Context(), http.MethodPost, c.In("topics", args[0], "transactions", args[1], "resolve"), want, &m); err != nil {
				return err
			}
			return c.Say(m, "transaction %s ended: %s", m.ID, want.Verdict)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&commit, "commit", false, "its message is delivered")
	f.BoolVar(&rollback, "rollback", false, "its message is never delivered")
	f.BoolVar(&sure, "yes", false, "it is meant")
	return cmd
}
