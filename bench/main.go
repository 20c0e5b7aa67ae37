// SPDX-License-Identifier: Apache-2.0

// Command bench measures Causeway beside its floor and its ceiling in one run.
//
// Every measured thing is a process of its own: the server under test, a gRPC echo (what the front costs when nothing is
// stored), a raw group-commit writer (what the disk can do), and the load client. CPU is user plus system time of each process over the
// window. On shared machines absolute figures wander; the ratio server CPU / client CPU of the same window does not, so that is
// what bench/README.md quotes. Rounds are interleaved (A B A B ...) and medians are reported.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) > 0 {
		switch args[0] {
		case "echo":
			return echo(ctx)
		case "load":
			return loadMain(ctx, args[1:])
		case "direct":
			return directMain(ctx, args[1:])
		case "-cluster", "--cluster":
			return clusterMain(ctx, args[1:])
		case "idle":
			return idleMain(ctx, args[1:])
		case "-scale", "--scale":
			return scaleMain(ctx, args[1:])
		case "follow":
			return followMain(ctx, args[1:])
		case "ceiling":
			return ceilingMain(ctx, args[1:])
		case "engine":
			return engineMain(ctx, args[1:])
		}
	}
	return compareMain(ctx, args)
}

func compareMain(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	var c comparison
	f.StringVar(&c.server, "server", "bin/causeway", "binary under test")
	f.DurationVar(&c.window, "window", 4*time.Second, "measured time of one run")
	f.DurationVar(&c.warm, "warm", 1500*time.Millisecond, "time before it")
	f.IntVar(&c.rounds, "rounds", 3, "interleaved rounds, medians are reported")
	f.IntVar(&c.idle, "idle", 10_000, "parked polls of the memory row, 0 leaves it out")
	f.StringVar(&c.out, "out", "", "file for the figures as JSON")
	if err := f.Parse(args); err != nil {
		return err
	}
	if c.rounds < 1 || c.rounds > 15 || c.window < 200*time.Millisecond || c.window > time.Minute || c.idle < 0 || c.idle > 20_000 {
		return errors.New("rounds 1 to 15, window 200ms to 1m, idle 0 to 20000")
	}
	rows, err := c.run(ctx)
	if err != nil {
		return err
	}
	printTable(os.Stdout, rows)
	if c.out == "" {
		return nil
	}
	raw, err := json.MarshalIndent(rows, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(c.out, append(raw, '\n'), 0o644)
}
