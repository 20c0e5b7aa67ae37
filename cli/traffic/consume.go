// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"context"
	"fmt"
	"strings"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"github.com/spf13/cobra"

	"github.com/causeway-mq/causeway/cli/call"
	"github.com/causeway-mq/causeway/cli/v2client"
	"github.com/causeway-mq/causeway/mq"
)

// received is what consume shows of each message.
type received struct {
	ID           string            `json:"id" yaml:"id"`
	Topic        string            `json:"topic" yaml:"topic"`
	Queue        int32             `json:"queue" yaml:"queue"`
	Offset       int64             `json:"offset" yaml:"offset"`
	Attempt      int32             `json:"attempt" yaml:"attempt"`
	Tag          string            `json:"tag,omitempty" yaml:"tag,omitempty"`
	Keys         []string          `json:"keys,omitempty" yaml:"keys,omitempty"`
	MessageGroup string            `json:"messageGroup,omitempty" yaml:"messageGroup,omitempty"`
	Properties   map[string]string `json:"properties,omitempty" yaml:"properties,omitempty"`
	Stored       time.Time         `json:"stored" yaml:"stored"`
	Body         []byte            `json:"body" yaml:"body"` // base64
}

type consumeFlags struct {
	group, tags, sql string
	most             int
	wait, hold       time.Duration
	keep             bool
	connection       *connection
}

// longestPoll is how long one receive waits; the next one follows at once.
const longestPoll = 15 * time.Second

func (c commands) consumeCommand() *cobra.Command {
	var k consumeFlags
	cmd := &cobra.Command{
		Use: "consume TOPIC --group GROUP", Short: "Receive messages, show each body on a line, acknowledge", Args: call.Exactly("the TOPIC"),
		Example: "  causeway consume orders --group billing\n  causeway consume orders --group billing --max 1 --wait 5s\n  causeway consume '%DLQ%billing' --group billing --wait 1s -o json",
		Long: `Receive messages, show each body on a line, acknowledge. Goes on until --max messages came, nothing came for --wait, or Ctrl-C.

With -o json every message is one object on a line, its body in base64.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			if err := k.check(cmd); err != nil {
				return err
			}
			client, err := c.connect(cmd, k.connection)
			if err != nil {
				return err
			}
			defer client.Close()
			filter := v2client.Filter{Expression: k.tags}
			if k.sql != "" {
				filter = v2client.Filter{Expression: k.sql, SQL: true}
			}
			consumer, err := client.Consumer(cmd.Context(), k.group, args[0], filter)
			if err != nil {
				return err
			}
			defer consumer.Close()
			return c.consume(cmd.Context(), consumer, &k)
		},
	}
	k.connection = c.connectionFlags(cmd)
	f := cmd.Flags()
	f.StringVarP(&k.group, "group", "g", "", "consumer group")
	f.StringVar(&k.tags, "tags", "", `only these tags: "a || b"`)
	f.StringVar(&k.sql, "sql", "", `only what an SQL92 expression chooses: "amount > 10 AND region = 'eu'"`)
	f.IntVar(&k.most, "max", 0, "end after so many messages (default: go on)")
	call.SpanFlag(cmd, &k.wait, "wait", "end when nothing came for so long (default: go on)")
	k.hold = 30 * time.Second
	call.SpanFlag(cmd, &k.hold, "hold", "how long a message is this command's until it is acknowledged")
	f.BoolVar(&k.keep, "no-ack", false, "give each message back instead of acknowledging it")
	return cmd
}

func (k *consumeFlags) check(cmd *cobra.Command) error {
	switch {
	case k.group == "":
		return call.Usage("%s: --group is missing; `causeway group create NAME` makes one", cmd.CommandPath())
	case k.tags != "" && k.sql != "":
		return call.Usage("--tags and --sql exclude each other")
	case k.most < 0:
		return call.Usage("--max %d: at least 0", k.most)
	case k.wait < 0:
		return call.Usage("--wait %v: at least 0s", k.wait)
	case k.keep && k.most == 0 && k.wait == 0:
		return call.Usage("--no-ack goes with --max or --wait: what is given back comes again")
	}
	return nil
}

func (c commands) consume(ctx context.Context, consumer *v2client.Consumer, k *consumeFlags) error {
	done := 0
	last := time.Now()
	var kept []*v2.Message
	defer func() {
		for _, m := range kept {
			// What can't be given back now comes again when its hold is over.
			_ = consumer.Free(context.WithoutCancel(ctx), m)
		}
	}()
	for k.most == 0 || done < k.most {
		poll := v2client.Poll{Max: mq.MaxReceive, Hold: k.hold, Wait: longestPoll}
		if k.most > 0 {
			poll.Max = min(poll.Max, k.most-done)
		}
		if k.wait > 0 {
			poll.Wait = min(poll.Wait, max(0, time.Until(last.Add(k.wait))))
		}
		got, err := consumer.Receive(ctx, poll)
		if ctx.Err() != nil && k.most == 0 {
			return nil // Ctrl-C is how this ends
		}
		if err != nil {
			return partly(done, err)
		}
		for _, m := range got {
			if err := c.emitMessage(m); err != nil {
				return err
			}
		}
		if k.keep {
			kept = append(kept, got...)
		} else if err := consumer.Ack(context.WithoutCancel(ctx), got...); err != nil {
			return partly(done, err)
		}
		done += len(got)
		if len(got) > 0 {
			last = time.Now()
		}
		if k.wait > 0 && time.Since(last) >= k.wait {
			return k.quiet(done)
		}
	}
	return nil
}

// quiet is how it ends when nothing came for long.
func (k *consumeFlags) quiet(done int) error {
	switch {
	case k.most == 0:
		return nil
	case done == 0:
		return call.Fail(call.ExitTimeout, fmt.Errorf("no message within %v", k.wait), "`causeway group lag` shows what the group has left; behind `causeway proxy` its /metrics do, as rocketmq_consumer_ready_messages")
	}
	return call.Fail(call.ExitPartial, fmt.Errorf("%d of %d messages came, then none for %v", done, k.most, k.wait), "")
}

func (c commands) emitMessage(m *v2.Message) error {
	s := m.GetSystemProperties()
	r := received{
		ID: s.GetMessageId(), Topic: m.GetTopic().GetName(), Queue: s.GetQueueId(), Offset: s.GetQueueOffset(), Attempt: s.GetDeliveryAttempt(),
		Tag: s.GetTag(), Keys: s.GetKeys(), MessageGroup: s.GetMessageGroup(), Properties: m.GetUserProperties(), Stored: s.GetStoreTimestamp().AsTime(), Body: m.GetBody(),
	}
	if c.Output == "table" && c.Env.ErrTerminal {
		fmt.Fprintf(c.Env.Err, "%s  attempt %d  tag %s  keys %s\n", r.ID, r.Attempt, call.Printable(call.Dash(r.Tag)), call.Printable(call.Dash(strings.Join(r.Keys, " "))))
	}
	text := string(r.Body)
	if c.Env.OutTerminal {
		text = call.Printable(call.Body(r.Body))
	}
	return c.Emit(r, "%s", text)
}
