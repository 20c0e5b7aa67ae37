// SPDX-License-Identifier: Apache-2.0

// Command rocketmq starts a small RocketMQ cluster on this machine, prints its addresses, and stops it on a signal.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/causeway-mq/causeway/tools/rocketmq/cluster"
)

type shape struct {
	dir, jars                                        string
	nameServers, primaries, secondaries, controllers int
	proxy, measure, keep                             bool
}

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "rocketmq:", err)
		os.Exit(1)
	}
}

func parse(args []string) (shape, error) {
	var s shape
	f := flag.NewFlagSet("rocketmq", flag.ContinueOnError)
	f.StringVar(&s.dir, "dir", "", "scratch folder; default a temporary one that is removed at the end")
	f.StringVar(&s.jars, "jars", ".build", "folder that keeps RocketMQ's jars")
	f.IntVar(&s.nameServers, "name-servers", 1, "name servers")
	f.IntVar(&s.primaries, "primaries", 1, "broker names; in controller mode each has -secondaries more candidates")
	f.IntVar(&s.secondaries, "secondaries", 0, "secondaries of each primary")
	f.IntVar(&s.controllers, "controllers", 0, "controllers, 1 or 3; 0 = no automatic fail-over")
	f.BoolVar(&s.proxy, "apache-proxy", false, "Apache's own proxy, to compare with")
	f.BoolVar(&s.measure, "measure", false, "full compilation and larger heaps")
	if err := f.Parse(args); err != nil {
		return s, err
	}
	if f.NArg() > 0 {
		return s, fmt.Errorf("what is %q? There are flags only", f.Arg(0))
	}
	if s.nameServers < 1 || s.primaries < 1 || s.secondaries < 0 || s.controllers != 0 && s.controllers != 1 && s.controllers != 3 {
		return s, errors.New("at least one name server and one primary; 0, 1 or 3 controllers")
	}
	s.keep = s.dir != ""
	return s, nil
}

func run(args []string, out io.Writer) (err error) {
	s, err := parse(args)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if !s.keep {
		if s.dir, err = os.MkdirTemp("", "rocketmq-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(s.dir)) }()
	}
	jars, err := cluster.Jars(ctx, s.jars)
	if err != nil {
		return err
	}
	c, err := cluster.New(cluster.Options{Dir: s.dir, Jars: jars, Measure: s.measure})
	if err != nil {
		return err
	}
	end := c.Stop
	if !s.keep {
		end = c.Kill // its data goes as well, and a broker's goodbye takes 20 s
	}
	defer func() { err = errors.Join(err, end()) }()
	began := time.Now()
	if err := start(ctx, c, s, out); err != nil {
		return err
	}
	fmt.Fprintf(out, "ready after %v; Ctrl-C stops it. --namesrv \"%s\"\n", time.Since(began).Round(time.Millisecond), strings.Join(c.NameServers(), ";"))
	<-ctx.Done()
	return nil
}

func start(ctx context.Context, c *cluster.Cluster, s shape, out io.Writer) error {
	show := func(p *cluster.Process, err error) error {
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%-20s %-16s pid %d  %s\n", p.Name, p.Address, p.PID(), p.Dir)
		return nil
	}
	for range s.nameServers {
		if err := show(c.NameServer(ctx, nil)); err != nil {
			return err
		}
	}
	if s.controllers > 0 {
		all, err := c.Controllers(ctx, s.controllers)
		if err != nil {
			return err
		}
		for _, p := range all {
			_ = show(p, nil) // it has no error to show
		}
	}
	for i := range s.primaries {
		for id := range 1 + s.secondaries {
			if err := show(c.Broker(ctx, cluster.Broker{Name: "broker-" + string(rune('a'+i)), ID: id})); err != nil {
				return err
			}
		}
	}
	if s.proxy {
		return show(c.ApacheProxy(ctx, ""))
	}
	return nil
}
