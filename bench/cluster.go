// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/tools/rocketmq/cluster"
)

const (
	clusterName = "DefaultCluster"
	queues      = 8
	sendTopic   = "bench"
	backlog     = "backlog"
	idleName    = "idle"
	stockName   = "causeway-grpc-go" // over grpc-go's transport
)

// contest measures proxies before one real broker: Apache's twice, with the heap of its own start script and with a small one, ours, and
// the brokers' protocol without any proxy.
type contest struct {
	server       string
	jars         string
	window, warm time.Duration
	rounds       int
	heat         time.Duration // load on each of Apache's proxies before the first round: a cold JVM is no opponent
	idle         int
	backlog      int // messages that each receiving load finds
	only         string
	leave        string
	rival        string
	shapes       string
	pprof        string
	out          string
}

func clusterMain(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("bench -cluster", flag.ContinueOnError)
	var c contest
	f.StringVar(&c.server, "server", "bin/causeway", "binary under test")
	f.StringVar(&c.jars, "jars", ".build", "folder of RocketMQ's jars")
	f.DurationVar(&c.window, "window", 3*time.Second, "measured time of one run")
	f.DurationVar(&c.warm, "warm", time.Second, "time before it")
	f.IntVar(&c.rounds, "rounds", 3, "interleaved rounds, medians are reported")
	f.DurationVar(&c.heat, "heat", 150*time.Second, "load on each of Apache's proxies before the first round")
	f.IntVar(&c.idle, "idle", 10_000, "parked polls of the last row, 0 leaves it out")
	f.IntVar(&c.backlog, "backlog", 250_000, "messages that each receiving load finds")
	f.StringVar(&c.only, "only", "", "contenders whose name begins with this: causeway, causeway-grpc-go, direct, apache-4g, apache-512m")
	f.StringVar(&c.leave, "leave", "", "contenders whose name begins with this are left out")
	f.StringVar(&c.rival, "rival", "", "another build of causeway, measured beside the others")
	f.StringVar(&c.shapes, "shapes", "", "only loads whose name holds this")
	f.StringVar(&c.pprof, "pprof", "", "file for a CPU profile of causeway under all loads")
	f.StringVar(&c.out, "out", "", "file for the figures as JSON")
	if err := f.Parse(args); err != nil {
		return err
	}
	if c.rounds < 1 || c.rounds > 15 || c.window < 200*time.Millisecond || c.window > time.Minute || c.idle < 0 || c.idle > 20_000 || c.heat > 10*time.Minute {
		return errors.New("rounds 1 to 15, window 200ms to 1m, idle 0 to 20000, heat up to 10m")
	}
	r, err := c.run(ctx)
	r.print(os.Stdout)
	if len(r.Rows) == 0 || c.out == "" {
		return err
	}
	raw, failed := json.MarshalIndent(r, "", "  ") // what was measured is kept, also when the idle row failed
	if failed == nil {
		failed = os.WriteFile(c.out, append(raw, '\n'), 0o644)
	}
	return errors.Join(err, failed)
}

// stage is a running cluster with a broker of its own.
type stage struct {
	contest
	self    string
	dir     string
	cluster *cluster.Cluster
	broker  *cluster.Process
	engine  *rocketmq.Engine // provisions
	ops     string           // causeway's HTTP address
}

func (c contest) run(ctx context.Context) (r report, err error) {
	s := &stage{contest: c}
	if s.self, err = os.Executable(); err != nil {
		return r, err
	}
	if s.dir, err = os.MkdirTemp("", "causeway-bench-"); err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(s.dir)) }()
	jars, err := cluster.Jars(ctx, c.jars)
	if err != nil {
		return r, err
	}
	if s.cluster, err = cluster.New(cluster.Options{Dir: s.dir, Jars: jars, Measure: true}); err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, s.cluster.Kill()) }()
	if err := s.open(ctx); err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, s.engine.Close()) }()
	return s.contend(ctx)
}

// open starts name server and broker and makes what the loads use.
func (s *stage) open(ctx context.Context) (err error) {
	if _, err = s.cluster.NameServer(ctx, nil); err != nil {
		return err
	}
	s.broker, err = s.cluster.Broker(ctx, cluster.Broker{Settings: map[string]string{
		"flushDiskType": "ASYNC_FLUSH", "mappedFileSizeCommitLog": "1073741824", "mappedFileSizeConsumeQueue": "6000000",
		"maxHashSlotNum": "5000000", "maxIndexNum": "20000000", "transactionCheckInterval": "60000",
	}})
	if err != nil {
		return err
	}
	if s.engine, err = openEngine(s.cluster.NameServers()[0], 1); err != nil {
		return err
	}
	for _, name := range []string{sendTopic, backlog, idleName} {
		t, _, err := targets(shape{Topic: name, Group: name})
		if err != nil {
			return err
		}
		if err := s.engine.PutTopic(ctx, t); err != nil {
			return fmt.Errorf("topic %s: %w", name, err)
		}
	}
	if err := s.group(ctx, idleName, idleName); err != nil {
		return err
	}
	return s.fill(ctx)
}

// fill sends the backlog that all receiving loads share, each with a group of its own.
func (s *stage) fill(ctx context.Context) error {
	t, _, err := targets(shape{Topic: backlog, Group: backlog})
	if err != nil {
		return err
	}
	const batch = 100
	body := make([]byte, 1024)
	refused := 0
	for sent := 0; sent < s.backlog; {
		messages := make([]mq.Message, batch)
		for i := range messages {
			if messages[i], err = messageDirect(body); err != nil {
				return err
			}
		}
		if r := s.engine.Send(ctx, t, messages)[0]; r.Err != nil { // a broker that has just started is soon busy
			if refused++; refused > 20 {
				return fmt.Errorf("fill %s: %w", t.Name, r.Err)
			}
			wait(ctx, 500*time.Millisecond)
			continue
		}
		sent += batch
	}
	return nil
}

// group makes a group that has all of a topic before it.
func (s *stage) group(ctx context.Context, topic, group string) error {
	t, g, err := targets(shape{Topic: topic, Group: group})
	if err != nil {
		return err
	}
	if err := s.engine.PutGroup(ctx, g); err != nil {
		return fmt.Errorf("group %s: %w", group, err)
	}
	g.Mode = mq.Pulls // so that an offset can be set; the brokers keep no mode
	all, err := s.engine.Refresh(ctx, t)
	if err != nil {
		return err
	}
	for _, q := range all {
		if err := s.engine.Commit(ctx, g, mq.QueueRef{Topic: t, Broker: q.Broker, Queue: q.ID}, 0); err != nil {
			return fmt.Errorf("group %s: %w", group, err)
		}
	}
	return nil
}

// contender is what the loads run against.
type contender struct {
	name     string
	endpoint string
	pid      int
	command  string // of the load client
	started  time.Duration
	fresh    int64 // resident memory when it served its first send
	heat     bool
	stop     func() error
}

func (s *stage) contenders(ctx context.Context) (all []*contender, err error) {
	type kind struct {
		name string
		make func(context.Context) (*contender, error)
	}
	kinds := []kind{
		{"apache-4g", func(ctx context.Context) (*contender, error) { return s.apache(ctx, "-Xms4g", "-Xmx4g") }},
		{"apache-512m", func(ctx context.Context) (*contender, error) { return s.apache(ctx, "-Xmx512m") }},
		{"causeway", func(ctx context.Context) (*contender, error) { return s.causeway(ctx, s.server) }},
		{stockName, func(ctx context.Context) (*contender, error) { return s.causeway(ctx, s.server, "--lean=false") }},
		{"direct", s.direct},
	}
	if s.rival != "" {
		kinds = append(kinds, kind{"causeway-rival", func(ctx context.Context) (*contender, error) { return s.causeway(ctx, s.rival) }})
	}
	for _, one := range kinds {
		if !strings.HasPrefix(one.name, s.only) || s.leave != "" && strings.HasPrefix(one.name, s.leave) {
			continue
		}
		began := time.Now()
		c, err := one.make(ctx)
		if err != nil {
			return all, fmt.Errorf("%s: %w", one.name, err)
		}
		c.name = one.name
		all = append(all, c)
		if c.pid == 0 {
			continue
		}
		if err := s.firstSend(ctx, c); err != nil {
			return all, fmt.Errorf("%s: %w", one.name, err)
		}
		c.started = time.Since(began)
		if c.fresh, err = rss(c.pid); err != nil {
			return all, err
		}
	}
	return all, nil
}

func (s *stage) direct(context.Context) (*contender, error) {
	return &contender{endpoint: s.cluster.NameServers()[0], command: "direct", stop: func() error { return nil }}, nil
}

func (s *stage) apache(ctx context.Context, heap ...string) (*contender, error) {
	p, err := s.cluster.ApacheProxy(ctx, "", heap...)
	if err != nil {
		return nil, err
	}
	return &contender{endpoint: p.Address, pid: p.PID(), command: "load", heat: true, stop: func() error { return nil }}, nil // it goes with the cluster
}

// causeway starts a proxy. The last one of our own build is the one that is profiled.
func (s *stage) causeway(ctx context.Context, binary string, flags ...string) (*contender, error) {
	listen, err := freeAddress()
	if err != nil {
		return nil, err
	}
	ops, err := freeAddress()
	if err != nil {
		return nil, err
	}
	if binary == s.server {
		s.ops = ops
	}
	args := []string{"proxy", "--engine", "rocketmq", "--namesrv", s.cluster.NameServers()[0], "--listen", listen, "--http", ops, "--log-level", "warn"}
	args = append(args, flags...)
	if s.pprof != "" {
		args = append(args, "--pprof")
	}
	p, out, err := start(ctx, binary, args...)
	if err != nil {
		return nil, err
	}
	go io.Copy(io.Discard, out) // ends with the process
	return &contender{endpoint: listen, pid: p.cmd.Process.Pid, command: "load", stop: p.stop}, nil
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// firstSend tries until a message is accepted.
func (s *stage) firstSend(ctx context.Context, c *contender) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		once := shape{Endpoint: c.endpoint, Mode: "send", Topic: sendTopic, Connections: 1, InFlight: 1, Size: 1024, Window: 20 * time.Millisecond}
		_, err := load(ctx, once)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("no send was accepted within a minute: %w", err)
		}
		wait(ctx, 5*time.Millisecond)
	}
}
