// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/causeway-mq/causeway/cli/bench"
	"github.com/causeway-mq/causeway/cli/call"
	"github.com/causeway-mq/causeway/mq"
)

func (c commands) benchCommand() *cobra.Command {
	return call.Group("bench", "Measure an endpoint; the topic should be one that nobody needs",
		c.measure("produce TOPIC", "Measure sends until they are acknowledged", "  causeway bench produce speed --messages 1000\n  causeway bench produce speed --duration 1s --in-flight 64 -o json", bench.Produce),
		c.measure("consume TOPIC --group GROUP", "Measure receives with their acknowledgements, of what is there", "  causeway bench consume speed --group meter --messages 1000", bench.Consume),
		c.measure("e2e TOPIC --group GROUP", "Measure from send to receipt", "  causeway bench e2e speed --group meter --messages 1000", bench.EndToEnd))
}

type measurement func(context.Context, bench.Options, func(bench.Done)) (bench.Result, error)

func (c commands) measure(use, short, example string, run measurement) *cobra.Command {
	var o bench.Options
	cmd := &cobra.Command{Use: use, Short: short, Args: call.Exactly("the TOPIC"), Example: example}
	connection := c.connectionFlags(cmd)
	f := cmd.Flags()
	consumes := cmd.Name() != "produce"
	f.Int64Var(&o.Messages, "messages", 0, "end after so many messages")
	o.Duration = 10 * time.Second
	call.SpanFlag(cmd, &o.Duration, "duration", "end after so long; with --messages alone: an hour at most")
	f.IntVar(&o.InFlight, "in-flight", 16, "calls under way at a time")
	f.IntVar(&o.Connections, "connections", 4, "connections that share them")
	if cmd.Name() != "consume" {
		f.IntVar(&o.Size, "size", 1024, "bytes of a body")
		f.Float64Var(&o.Rate, "rate", 0, "messages per second (default: as fast as it goes)")
		f.IntVar(&o.Order, "message-groups", 0, "FIFO: over so many message groups")
	}
	if consumes {
		f.StringVarP(&o.Group, "group", "g", "", "consumer group")
		o.Idle = 3 * time.Second
		call.SpanFlag(cmd, &o.Idle, "idle", "end when nothing came for so long")
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := c.CheckOutput(); err != nil {
			return err
		}
		o.Topic = args[0]
		if o.Messages > 0 && !cmd.Flags().Changed("duration") {
			o.Duration = 0
		}
		if err := call.NotZero(cmd, "size", o.Size, fmt.Sprintf("from %d to %d", bench.StampSize, mq.MaxBody)); err != nil {
			return err
		}
		if err := checkBench(&o, consumes); err != nil {
			return err
		}
		var err error
		if o.Client, err = c.options(cmd, connection); err != nil {
			return err
		}
		bar := c.Bar(cmd.Name())
		res, err := run(cmd.Context(), o, func(d bench.Done) { bar.At(d.Percent, d.Messages) })
		bar.End()
		if err != nil {
			return err
		}
		if err := c.Show(res, func() call.Table { return benchTable(res) }); err != nil {
			return err
		}
		if res.Errors > 0 {
			return call.Fail(call.ExitPartial, fmt.Errorf("%d calls failed, the first with: %s", res.Errors, res.FirstError), "")
		}
		return nil
	}
	return cmd
}

func checkBench(o *bench.Options, consumes bool) error {
	switch {
	case o.Messages < 0 || o.Duration < 0 || o.Messages == 0 && o.Duration == 0:
		return call.Usage("--messages or --duration: at least one must be more than 0")
	case o.Duration > bench.MaxDuration:
		return call.Usage("--duration %v: at most %v", o.Duration, bench.MaxDuration)
	case o.InFlight < 1 || o.InFlight > bench.MaxInFlight:
		return call.Usage("--in-flight %d: from 1 to %d", o.InFlight, bench.MaxInFlight)
	case o.Connections < 1 || o.Connections > bench.MaxConnections:
		return call.Usage("--connections %d: from 1 to %d", o.Connections, bench.MaxConnections)
	case o.Size != 0 && o.Size < bench.StampSize || o.Size > mq.MaxBody:
		return call.Usage("--size %d: from %d to %d", o.Size, bench.StampSize, mq.MaxBody)
	case o.Rate < 0:
		return call.Usage("--rate %v: more than 0", o.Rate)
	case o.Order < 0 || o.Order > 1<<16:
		return call.Usage("--message-groups %d: from 0 to 65536", o.Order)
	case consumes && o.Group == "":
		return call.Usage("--group is missing")
	case consumes && o.Idle <= 0:
		return call.Usage("--idle %v: more than 0s", o.Idle)
	}
	return nil
}

func benchTable(r bench.Result) call.Table {
	micros := func(n int64) string { return (time.Duration(n) * time.Microsecond).String() }
	return call.Table{Rows: [][]string{
		{"messages", strconv.FormatInt(r.Messages, 10)},
		{"time", (time.Duration(r.Seconds * float64(time.Second))).Round(time.Millisecond).String()},
		{"rate", fmt.Sprintf("%.0f messages/s", r.PerSecond)},
		{"p50", micros(r.P50)}, {"p99", micros(r.P99)}, {"p99.9", micros(r.P999)}, {"max", micros(r.Max)},
		{"errors", strconv.FormatInt(r.Errors, 10)},
	}}
}
