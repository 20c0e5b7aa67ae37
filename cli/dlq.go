// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/causeway-mq/causeway/control/wire"
)

func (c *call) dlqCommand() *cobra.Command {
	return group("dlq", "Dead letters: messages that no attempt got through", c.dlqList(), c.dlqRedrive())
}

func (c *call) dlqList() *cobra.Command {
	var s search
	cmd := &cobra.Command{
		Use: "list GROUP", Short: "List a group's dead letters",
		Long: `List a group's dead letters.

A message becomes a dead letter when the group next receives after its last attempt; until then group lag counts it as RETRYING. Letters that
were redriven stay listed until their age takes them; a redrive sends each of them back once.`,
		Args: exactly("the GROUP"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.checkOutput(); err != nil {
				return err
			}
			all, err := c.find(cmd, c.in("groups", args[0], "dead-letters"), &s)
			if err != nil {
				return err
			}
			if len(all) > 0 {
				c.hint("Send them back with: causeway dlq redrive %s", args[0])
			}
			return c.show(all, func() table {
				t := table{head: []string{"ID", "FROM TOPIC", "ATTEMPTS", "WHY", "STORED", "KEYS", "BODY"}}
				for _, m := range all {
					o := m.Origin
					if o == nil {
						o = &wire.Origin{Topic: "-", Why: "-"}
					}
					t.add(m.ID, o.Topic, strconv.Itoa(o.Attempts), o.Why, when(&m.Stored), names(m.Keys), glance(m))
				}
				return t
			})
		},
	}
	s.flags(cmd)
	return cmd
}

func (c *call) dlqRedrive() *cobra.Command {
	var want wire.Redrive
	var background bool
	cmd := &cobra.Command{
		Use: "redrive GROUP", Short: "Send a group's dead letters back to the topics that they came from", Args: exactly("the GROUP"),
		Long: `Send a group's dead letters back to the topics that they came from.

Nothing is deleted: dead letters stay readable until their age takes them, and each is sent back once. Every group that reads the
topic gets the message again.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.checkOutput(); err != nil {
				return err
			}
			var j wire.Job
			if err := c.ask(cmd.Context(), http.MethodPost, c.in("groups", args[0], "dead-letters", "redrive"), want, &j); err != nil {
				return err
			}
			if !background {
				var err error
				if j, err = c.follow(cmd.Context(), j); err != nil {
					return err
				}
			}
			if err := c.say(j, "job %s %s: %d sent back, %d left", j.ID, j.State, j.Moved, j.Skipped); err != nil {
				return err
			}
			if background {
				c.hint("See how it goes with: causeway job show %s", j.ID)
			}
			return outcome(j)
		},
	}
	cmd.Flags().Int64Var(&want.Limit, "limit", 0, "at most so many; 0 is all that there are now")
	cmd.Flags().BoolVar(&background, "background", false, "do not wait for the end")
	return cmd
}

// follow waits for a job's end and shows how far it is.
func (c *call) follow(ctx context.Context, j wire.Job) (wire.Job, error) {
	bar := c.bar("redrive")
	defer bar.end()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for j.State == "running" {
		bar.at(j.Percent, j.Moved)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return j, &failure{ExitTimeout, ctx.Err(), "job " + j.ID + " goes on without this command"}
		}
		if err := c.ask(ctx, http.MethodGet, c.in("jobs", j.ID), nil, &j); err != nil {
			return j, err
		}
	}
	bar.at(j.Percent, j.Moved)
	return j, nil
}

func outcome(j wire.Job) error {
	switch j.State {
	case "failed":
		return &failure{ExitFailure, errors.New(j.Detail), "what was sent back stays sent back; run it again for the rest"}
	case "partial":
		return &failure{ExitPartial, errors.New(j.Detail), ""}
	}
	return nil
}
