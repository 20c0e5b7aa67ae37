// SPDX-License-Identifier: Apache-2.0

// Package post has the commands that send messages by the control plane, without a client's key.
package post

import (
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/causeway-mq/causeway/cli/call"
	"github.com/causeway-mq/causeway/control/wire"
)

// Message gives the commands that stand under `causeway message`.
func Message(c *call.Call) []*cobra.Command {
	return []*cobra.Command{commands{c}.send(), commands{c}.resend()}
}

// commands is one command line under way.
type commands struct{ *call.Call }

func (c commands) send() *cobra.Command {
	var want wire.NewMessage
	var file, at string
	var props []string
	cmd := &cobra.Command{
		Use: "send TOPIC", Short: "Send a message by the control plane", Args: call.Exactly("the TOPIC"),
		Long: "Sends one message with the right of the caller (message.send) in the place of an application's key: for tests by hand. Programs, and `causeway produce`, send by a proxy. The audit has\n" +
			"the message's id and size, not what is in it. A body has 512 KiB at most.",
		Example: "  causeway message send orders -m '{\"id\":1}' --key o-1 --tag paid --prop region=north\n  causeway message send reminders -m later --delay 10m",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			for _, prop := range props {
				name, value, ok := strings.Cut(prop, "=")
				if !ok || name == "" {
					return call.Usage("--prop %q: NAME=VALUE is wanted", prop)
				}
				if want.Properties == nil {
					want.Properties = map[string]string{}
				}
				want.Properties[name] = value
			}
			var err error
			if want.Body, err = c.body(want.Text, file); err != nil {
				return err
			}
			want.Text = ""
			if want.Delay, err = call.SpanText("--delay", want.Delay); err != nil {
				return err
			}
			if at != "" {
				moment, err := call.Moment("--at", at, time.Now())
				if err != nil {
					return err
				}
				want.DeliverAt = &moment
			}
			return c.deliver(cmd, c.In("topics", args[0], "messages"), want)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&want.Text, "message", "m", "", "body")
	f.StringVarP(&file, "file", "f", "", "file whose content is the body, - for standard input")
	f.StringVar(&want.Tag, "tag", "", "tag")
	f.StringArrayVar(&want.Keys, "key", nil, "key to find it by; may stand several times")
	f.StringArrayVar(&props, "prop", nil, "NAME=VALUE; may stand several times")
	f.StringVar(&want.MessageGroup, "message-group", "", "FIFO: messages of one message group stay in order")
	f.StringVar(&want.Delay, "delay", "", "deliver so much later, for example 90s or 7d")
	f.StringVar(&at, "at", "", "deliver at this time")
	return cmd
}

// body is what -m or -f says.
func (c commands) body(text, file string) ([]byte, error) {
	switch {
	case text != "" && file != "":
		return nil, call.Usage("-m and -f exclude each other: the body is one or the other")
	case text != "":
		return []byte(text), nil
	case file == "-":
		return io.ReadAll(c.Env.In)
	case file != "":
		return os.ReadFile(file)
	}
	return nil, call.Usage("a body is needed: -m TEXT or -f FILE")
}

func (c commands) deliver(cmd *cobra.Command, path string, body any) error {
	var sent wire.SentMessage
	if err := c.Ask(cmd.Context(), http.MethodPost, path, body, &sent); err != nil {
		return err
	}
	if sent.Due != nil {
		return c.Say(sent, "message %s waits in topic %s until %s", sent.ID, sent.Topic, call.When(sent.Due))
	}
	return c.Say(sent, "message %s stored in topic %s, queue %d, offset %d", sent.ID, sent.Topic, sent.Queue, sent.Offset)
}

func (c commands) resend() *cobra.Command {
	return &cobra.Command{
		Use: "resend TOPIC ID", Short: "Send a stored message again, as a new one that names it", Args: call.Exactly("the TOPIC", "the message's ID"),
		Long: "Sends what a stored message holds once more, with a new id and the property resent-of. Every group that reads the topic gets it. It is delivered at once: neither a delay nor a\n" +
			"transaction begins again. What a group could not consume goes back with `causeway dlq redrive`.",
		Example: "  causeway message resend orders MESSAGE",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			return c.deliver(cmd, c.In("topics", args[0], "messages", args[1], "resend"), wire.Resend{})
		},
	}
}
