// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"gopkg.in/yaml.v3"

	"github.com/causeway-mq/causeway/cli/call"
	"github.com/causeway-mq/causeway/cli/v2client"
	"github.com/causeway-mq/causeway/mq"
)

// sent is what produce shows of each message.
type sent struct {
	ID     string `json:"id" yaml:"id"`
	Offset int64  `json:"offset" yaml:"offset"`
	Recall string `json:"recall,omitempty" yaml:"recall,omitempty"`
}

type produceFlags struct {
	messages, keys, props []string
	file, tag, group, at  string
	delay                 time.Duration
	count                 int
	connection            *connection
}

func (c commands) produceCommand() *cobra.Command {
	var p produceFlags
	cmd := &cobra.Command{
		Use: "produce TOPIC", Short: "Send messages: -m, a file, or each line of standard input", Args: topicAlone,
		Example: "  causeway produce orders -m 'hello' --key o-1\n  causeway produce reminders -m 'wake up' --delay 10m\n  causeway produce ledger -m 'entry' --message-group account-7\n  seq 100 | causeway produce orders",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			m, err := p.template()
			if err != nil {
				return err
			}
			client, err := c.connect(cmd, p.connection)
			if err != nil {
				return err
			}
			defer client.Close()
			producer, err := client.Producer(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			defer producer.Close()
			return c.produce(cmd.Context(), producer, m, &p)
		},
	}
	p.connection = c.connectionFlags(cmd)
	f := cmd.Flags()
	f.StringArrayVarP(&p.messages, "message", "m", nil, "body; may stand several times")
	f.StringVarP(&p.file, "file", "f", "", "file whose content is the body")
	f.StringVar(&p.tag, "tag", "", "tag")
	f.StringArrayVar(&p.keys, "key", nil, "key to find it by; may stand several times")
	f.StringArrayVar(&p.props, "prop", nil, "NAME=VALUE; may stand several times")
	f.StringVar(&p.group, "message-group", "", "FIFO: messages of one message group stay in order")
	call.SpanFlag(cmd, &p.delay, "delay", "deliver so much later, for example 90s or 7d")
	f.StringVar(&p.at, "at", "", "deliver at this time")
	f.IntVar(&p.count, "count", 1, "send each so many times")
	return cmd
}

// topicAlone takes the topic; a second word is most likely meant as the body.
func topicAlone(cmd *cobra.Command, args []string) error {
	if len(args) == 2 {
		return call.Usage("%s: %q is one argument too many; a body goes with -m", cmd.CommandPath(), args[1])
	}
	return call.Exactly("the TOPIC")(cmd, args)
}

// template is a message with everything but its body.
func (p *produceFlags) template() (v2client.Message, error) {
	m := v2client.Message{Tag: p.tag, Keys: p.keys, Group: p.group}
	for _, prop := range p.props {
		name, value, ok := strings.Cut(prop, "=")
		if !ok || name == "" {
			return m, call.Usage("--prop %q: NAME=VALUE is wanted", prop)
		}
		if m.Properties == nil {
			m.Properties = map[string]string{}
		}
		m.Properties[name] = value
	}
	if len(p.messages) > 0 && p.file != "" {
		return m, call.Usage("-m and -f exclude each other: the body is one or the other")
	}
	if p.count < 1 {
		return m, call.Usage("--count %d: at least 1", p.count)
	}
	if p.delay != 0 && p.at != "" {
		return m, call.Usage("--delay and --at exclude each other")
	}
	if p.delay < 0 || p.delay > mq.MaxDelay {
		return m, call.Usage("--delay %s: from 0s to 40d", call.Tidy(p.delay.String()))
	}
	if p.delay != 0 {
		m.DeliverAt = time.Now().Add(p.delay)
	}
	if p.at != "" {
		var err error
		now := time.Now()
		if m.DeliverAt, err = call.Moment("--at", p.at, now); err != nil {
			return m, call.Usage("--at %q: a time such as 2026-11-23T09:00:00Z or '2026-11-23 09:00' (local); --delay counts from now", p.at)
		}
		if m.DeliverAt.Before(now) || m.DeliverAt.After(now.Add(mq.MaxDelay)) {
			return m, call.Usage("--at %q: from now (%s) to 40 days from now", p.at, now.UTC().Format(time.RFC3339))
		}
	}
	return m, nil
}

func (c commands) produce(ctx context.Context, producer *v2client.Producer, m v2client.Message, p *produceFlags) error {
	done := 0
	send := func(body []byte) error {
		for range p.count {
			m.Body = body
			r, err := producer.Send(ctx, m)
			if err != nil {
				return partly(done, doubtful(err))
			}
			done++
			if err := c.Emit(sent{r.ID, r.Offset, r.Recall}, "%s", r.ID); err != nil {
				return err
			}
		}
		return nil
	}
	if len(p.messages) > 0 {
		for _, body := range p.messages {
			if err := send([]byte(body)); err != nil {
				return err
			}
		}
		return nil
	}
	if p.file != "" {
		body, err := readBody(p.file)
		if err != nil {
			return err
		}
		return send(body)
	}
	if !c.Env.InTerminal {
		return partly(done, eachLine(ctx, c.Env.In, send))
	}
	fmt.Fprintln(c.Env.Err, "reading lines from the terminal, Ctrl-D ends")
	err := eachLine(ctx, c.Env.In, send)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil // Ctrl-C is how this ends as well: every line was sent as it was typed
	}
	return err
}

// readBody reads a file that is to be a body; the limit is a message's.
func readBody(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	body, err := io.ReadAll(io.LimitReader(f, mq.MaxBody+1))
	if err == nil && len(body) > mq.MaxBody {
		return nil, call.Usage("%s has more than %d bytes, which is the limit of a body", path, mq.MaxBody)
	}
	return body, err
}

// eachLine sends each line that is not empty until the input or ctx ends. A read of a terminal cannot be broken off, so a
// goroutine does it, which outlives a call that ctx ended: until the next line, or the process's end.
func eachLine(ctx context.Context, in io.Reader, send func([]byte) error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	read, ended := make(chan []byte), make(chan error, 1)
	go func() {
		lines := bufio.NewScanner(in)
		lines.Buffer(make([]byte, 64<<10), mq.MaxBody+1)
		for lines.Scan() {
			select {
			case read <- bytes.Clone(lines.Bytes()):
			case <-ctx.Done():
				return
			}
		}
		ended <- lines.Err()
	}()
	for {
		select {
		case line := <-read:
			if len(line) == 0 {
				continue
			}
			if err := send(line); err != nil {
				return err
			}
		case err := <-ended:
			if errors.Is(err, bufio.ErrTooLong) {
				return call.Usage("a line has more than %d bytes, which is the limit of a body", mq.MaxBody)
			}
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// doubtful says of a send without an answer what is not known.
func doubtful(err error) error {
	if f := call.Classify(err); f.Code == call.ExitTimeout && !errors.Is(err, context.Canceled) {
		return call.Fail(call.ExitTimeout, err, "the message may be stored all the same, and a second send would then store it twice: look with `causeway message search TOPIC --begin -10m`")
	}
	return err
}

// partly makes an error after some success one of its own code.
func partly(done int, err error) error {
	var already *call.Failure
	if err == nil || done == 0 || errors.As(err, &already) && already.Code == call.ExitPartial {
		return err
	}
	return call.Fail(call.ExitPartial, fmt.Errorf("%d messages are through, then: %w", done, err), call.Classify(err).Next)
}

// Emit shows one thing of a stream: a line for people, an object a line for json, a document for yaml.
func (c commands) Emit(data any, format string, args ...any) error {
	switch c.Output {
	case "json":
		return json.NewEncoder(c.Env.Out).Encode(data)
	case "yaml":
		text, err := yaml.Marshal(data)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(c.Env.Out, "---\n%s", text)
		return err
	}
	_, err := fmt.Fprintf(c.Env.Out, format+"\n", args...)
	return err
}
