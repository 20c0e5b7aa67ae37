// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/causeway-mq/causeway/cli/call"
	"github.com/causeway-mq/causeway/cli/figures"
	"github.com/causeway-mq/causeway/control/wire"
)

func (c commands) dlqCommand() *cobra.Command {
	return call.Group("dlq", "Dead letters: messages that no attempt got through", c.dlqList(), c.dlqRedrive(), figures.Dead(c.Call))
}

func (c commands) dlqList() *cobra.Command {
	var s search
	cmd := &cobra.Command{
		Use: "list GROUP", Short: "List a group's dead letters",
		Example: "  causeway dlq list billing\n  causeway dlq list billing --begin -1h -o json",
		Long: `List a group's dead letters.

A message becomes a dead letter when the group next receives after its last attempt; until then group lag counts it as RETRYING. Letters that
were redriven stay listed until their age takes them; a redrive sends each of them back once.`,
		Args: call.Exactly("the GROUP"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			all, err := c.find(cmd, c.In("groups", args[0], "dead-letters"), &s)
			if err != nil {
				return err
			}
			if len(all) > 0 {
				c.Hint("Send them back with: causeway dlq redrive %s; those that were sent back already stay in this list until their age takes them", args[0])
			}
			return c.Show(all, func() call.Table {
				t := call.Table{Head: []string{"ID", "FROM TOPIC", "ATTEMPTS", "WHY", "STORED", "KEYS", "BODY"}}
				for _, m := range all {
					o := m.Origin
					if o == nil {
						o = &wire.Origin{Topic: "-", Why: "-"}
					}
					t.Add(m.ID, o.Topic, strconv.Itoa(o.Attempts), o.Why, call.When(&m.Stored), call.Names(m.Keys), glance(m))
				}
				return t
			})
		},
	}
	s.flags(cmd)
	return cmd
}

func (c commands) dlqRedrive() *cobra.Command {
	var want wire.Redrive
	var background bool
	cmd := &cobra.Command{
		Use: "redrive GROUP", Short: "Send a group's dead letters back to the topics that they came from", Args: call.Exactly("the GROUP"),
		Example: "  causeway dlq redrive billing\n  causeway dlq redrive billing --limit 100 --background",
		Long: `Send a group's dead letters back to the topics that they came from.

Nothing is deleted: dead letters stay readable until their age takes them, and each is sent back once. Every group that reads the
topic gets the message again.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			var j wire.Job
			if err := c.Ask(cmd.Context(), http.MethodPost, c.In("groups", args[0], "dead-letters", "redrive"), want, &j); err != nil {
				return err
			}
			if !background {
				var err error
				if j, err = c.follow(cmd.Context(), j); err != nil {
					return err
				}
			}
			if err := c.Say(j, "job %s %s: %d sent back, %d left", j.ID, j.State, j.Moved, j.Skipped); err != nil {
				return err
			}
			if j.Moved > 0 {
				c.Hint("What was sent back stays in dlq list and dlq causes until its age takes it; a further redrive leaves it out")
			}
			if background {
				c.Hint("See how it goes with: causeway job show %s", j.ID)
			}
			return outcome(j)
		},
	}
	cmd.Flags().Int64Var(&want.Limit, "limit", 0, "at most so many; 0 is all that there are now")
	cmd.Flags().BoolVar(&background, "background", false, "do not wait for the end")
	return cmd
}

func outcome(j wire.Job) error {
	switch j.State {
	case "failed":
		return call.Fail(call.ExitFailure, errors.New(j.Detail), "what was done stays done; run it again for the rest")
	case "cancelled":
		return call.Fail(call.ExitPartial, errors.New("somebody cancelled it"), "what was done stays done; run it again for the rest")
	case "partial":
		return call.Fail(call.ExitPartial, errors.New(j.Detail), "")
	}
	return nil
}
