// SPDX-License-Identifier: Apache-2.0

// Command rocketmq starts a small RocketMQ cluster on this machine, makes topics and groups on it, prints its addresses, and stops it on a signal; or it
// starts Apache's own proxy before a cluster that runs already.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/admin"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/tools/rocketmq/cluster"
)

type shape struct {
	dir, jars, mode                                            string
	nameServers, primaries, secondaries, learners, controllers int
	within, proxy, measure, keep, fetch                        bool
	port                                                       int
	before                                                     string // name servers of a cluster that runs already
	topics                                                     []admin.Topic
	groups                                                     []admin.Group
}

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
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
	f.BoolVar(&s.within, "controllers-within", false, "the controllers stand in the name servers, of which there are as many")
	f.StringVar(&s.mode, "mode", string(cluster.Available), "what brokers under controllers do when copies are missing: safe refuses writes, available goes on with one copy")
	f.IntVar(&s.learners, "learners", 0, "asynchronous copies of each broker name that are never elected; needs controllers")
	f.BoolVar(&s.proxy, "apache-proxy", false, "Apache's own proxy, to compare with")
	f.BoolVar(&s.fetch, "fetch", false, "fetch the jars and end")
	f.BoolVar(&s.measure, "measure", false, "full compilation and larger heaps")
	f.IntVar(&s.port, "port", 0, "the first name server's port; everything else listens right behind it; 0 = whatever is free")
	f.StringVar(&s.before, "namesrv", "", "with -apache-proxy: only that proxy, before the cluster of these name servers")
	f.Func("topic", "NAME or NAME:TYPE, a topic to make: normal (default), fifo, delay or transaction; can be repeated", func(word string) error {
		t, err := topicOf(word)
		s.topics = append(s.topics, t)
		return err
	})
	f.Func("group", "NAME or NAME:fifo, a consumer group to make; can be repeated", func(word string) error {
		g, err := groupOf(word)
		s.groups = append(s.groups, g)
		return err
	})
	if err := f.Parse(args); err != nil {
		return s, err
	}
	if f.NArg() > 0 {
		return s, fmt.Errorf("what is %q? There are flags only", f.Arg(0))
	}
	return s, s.check()
}

func (s *shape) check() error {
	s.keep = s.dir != ""
	if s.nameServers < 1 || s.primaries < 1 || s.secondaries < 0 || s.controllers != 0 && s.controllers != 1 && s.controllers != 3 {
		return errors.New("at least one name server and one primary; 0, 1 or 3 controllers")
	}
	if s.controllers == 0 && (s.within || s.learners > 0) {
		return errors.New("-controllers-within and -learners need -controllers")
	}
	if s.learners < 0 || s.mode != string(cluster.Safe) && s.mode != string(cluster.Available) {
		return fmt.Errorf("-mode %s, -learners %d: a mode is safe or available, and learners are none or more", s.mode, s.learners)
	}
	if s.before != "" && (!s.proxy || len(s.topics)+len(s.groups) > 0) {
		return errors.New("-namesrv goes with -apache-proxy, and makes no topics or groups")
	}
	return nil
}

// topicOf reads NAME or NAME:TYPE.
func topicOf(word string) (admin.Topic, error) {
	name, kind, typed := strings.Cut(word, ":")
	if _, err := mq.ParsePhysical(name); err != nil {
		return admin.Topic{}, err
	}
	if kind = strings.ToUpper(kind); !typed {
		kind = admin.TypeNormal
	}
	if !slices.Contains([]string{admin.TypeNormal, admin.TypeFIFO, admin.TypeDelay, admin.TypeTransaction}, kind) {
		return admin.Topic{}, fmt.Errorf("%q: normal, fifo, delay or transaction", word)
	}
	return admin.Topic{
		Name: name, Read: 8, Write: 8, Permission: request.MayRead | request.MayWrite, Attributes: map[string]string{admin.TypeAttribute: kind},
	}, nil
}

// groupOf reads NAME or NAME:fifo.
func groupOf(word string) (admin.Group, error) {
	name, kind, typed := strings.Cut(word, ":")
	if _, err := mq.ParsePhysical(name); err != nil {
		return admin.Group{}, err
	}
	if typed && !strings.EqualFold(kind, admin.TypeFIFO) {
		return admin.Group{}, fmt.Errorf("%q: a group is ordered with :fifo, and not without", word)
	}
	g := admin.NewGroup(name)
	g.Orderly = typed
	return g, nil
}

func run(args []string, out io.Writer) (err error) {
	s, err := parse(args)
	if err != nil {
		return err
	}
	if s.fetch {
		_, err := cluster.JarsTelling(context.Background(), s.jars, out)
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
	jars, err := cluster.JarsTelling(ctx, s.jars, out)
	if err != nil {
		return err
	}
	o := cluster.Options{Dir: s.dir, Jars: jars, Measure: s.measure, FirstPort: s.port}
	if s.before != "" {
		o.NameServers = strings.Split(s.before, ";")
	}
	c, err := cluster.New(o)
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
	showAll := func(all []*cluster.Process, err error) error {
		for _, p := range all {
			err = errors.Join(err, show(p, err))
		}
		return err
	}
	if s.before != "" {
		return show(c.ApacheProxy(ctx, ""))
	}
	if s.within {
		if err := showAll(c.NameServersThatControl(ctx, s.controllers, nil)); err != nil {
			return err
		}
	} else {
		for range s.nameServers {
			if err := show(c.NameServer(ctx, nil)); err != nil {
				return err
			}
		}
		if s.controllers > 0 {
			if err := showAll(c.Controllers(ctx, s.controllers)); err != nil {
				return err
			}
		}
	}
	for i := range s.primaries {
		for id := range 1 + s.secondaries + s.learners {
			b := cluster.Broker{Name: "broker-" + string(rune('a'+i)), ID: id}
			if s.controllers > 0 {
				b.Settings = cluster.Mode(s.mode).Settings()
			}
			if id > s.secondaries {
				name, value := cluster.LearnerSetting()
				b.Settings[name] = value
			}
			if err := show(c.Broker(ctx, b)); err != nil {
				return err
			}
		}
	}
	if err := furnish(ctx, c, s, out); err != nil {
		return err
	}
	if s.proxy {
		return show(c.ApacheProxy(ctx, ""))
	}
	return nil
}

// furnish makes the topics and groups.
func furnish(ctx context.Context, c *cluster.Cluster, s shape, out io.Writer) error {
	for _, t := range s.topics {
		if err := c.Topic(ctx, t); err != nil {
			return err
		}
		fmt.Fprintf(out, "topic %s, %s\n", t.Name, t.Attributes[admin.TypeAttribute])
	}
	for _, g := range s.groups {
		if err := c.Group(ctx, g); err != nil {
			return err
		}
		fmt.Fprintf(out, "group %s\n", g.Name)
	}
	return nil
}
