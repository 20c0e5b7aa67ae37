// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
)

// Options say where and how.
type Options struct {
	Dir     string // scratch, one folder a process below it
	Jars    string // from Jars
	Name    string // of the cluster, default "DefaultCluster"
	Nice    bool   // leave the processor to others
	Measure bool   // full compilation and larger heaps, for measurements; default is fast starts
	// Credentials with which the cluster's own requests are signed, where access control is on.
	Credentials remoting.Credentials
}

// Cluster is a set of processes that know each other.
type Cluster struct {
	opts   Options
	client *remoting.Client

	mu          sync.Mutex // guards below
	processes   []*Process
	ports       map[int]bool
	nameServers []string
	controllers []string
	peers       string // of the controllers
}

// New makes an empty cluster.
func New(o Options) (*Cluster, error) {
	if o.Dir == "" || o.Jars == "" {
		return nil, errors.New("cluster: a directory and the jars are needed")
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	if o.Jars, err = filepath.Abs(o.Jars); err != nil {
		return nil, err
	}
	o.Dir = dir
	if o.Name == "" {
		o.Name = "DefaultCluster"
	}
	return &Cluster{opts: o, client: remoting.New(remoting.Options{Credentials: o.Credentials}), ports: map[int]bool{}}, nil
}

// Client speaks to the cluster's processes; it belongs to the cluster.
func (c *Cluster) Client() *remoting.Client { return c.client }

// Name is the cluster's name.
func (c *Cluster) Name() string { return c.opts.Name }

// NameServers lists their addresses.
func (c *Cluster) NameServers() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.nameServers)
}

// Stop asks every process to end and waits: brokers and proxies first and all at once, then those to which they say goodbye.
func (c *Cluster) Stop() error { return c.endAll((*Process).Stop) }

// Kill ends every process at once, for clusters whose data nobody needs any more.
func (c *Cluster) Kill() error { return c.endAll((*Process).Kill) }

func (c *Cluster) endAll(end func(*Process) error) error {
	c.mu.Lock()
	processes := c.processes
	c.processes = nil
	c.mu.Unlock()
	var errs []error
	for _, served := range []bool{false, true} {
		var wave sync.WaitGroup
		results := make([]error, len(processes))
		for i, p := range processes {
			if p.spec.serves == served {
				wave.Go(func() { results[i] = end(p) })
			}
		}
		wave.Wait()
		errs = append(errs, results...)
	}
	c.client.Close()
	return errors.Join(errs...)
}

// heap gives the JVM's arguments; sizes in MiB.
func (c *Cluster) heap(least, most, direct int) []string {
	args := []string{fmt.Sprintf("-Xms%dm", least), fmt.Sprintf("-Xmx%dm", most), "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"}
	if c.opts.Measure {
		args = []string{fmt.Sprintf("-Xms%dm", 4*least), fmt.Sprintf("-Xmx%dm", 4*most)}
		direct *= 4
	}
	if direct > 0 {
		args = append(args, fmt.Sprintf("-XX:MaxDirectMemorySize=%dm", direct))
	}
	return args
}

// add makes the process's folder, writes its configuration and starts it.
func (c *Cluster) add(ctx context.Context, p *Process, file string, settings map[string]string) (*Process, error) {
	p.Dir = filepath.Join(c.opts.Dir, p.Name)
	p.nice, p.spec.jars = c.opts.Nice, c.opts.Jars
	if err := os.MkdirAll(filepath.Join(p.Dir, "conf"), 0o755); err != nil {
		return nil, err
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		fmt.Fprintf(&b, "%s=%s\n", name, settings[name])
	}
	if err := os.WriteFile(filepath.Join(p.Dir, file), []byte(b.String()), 0o644); err != nil {
		return nil, err
	}
	return c.run(ctx, p)
}

func (c *Cluster) run(ctx context.Context, p *Process) (*Process, error) {
	if err := p.Start(ctx); err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.processes = append(c.processes, p)
	c.mu.Unlock()
	return p, nil
}

// NameServer starts a name server. settings are its own keys, for example supportActingMaster.
func (c *Cluster) NameServer(ctx context.Context, settings map[string]string) (*Process, error) {
	port, err := c.port(0)
	if err != nil {
		return nil, err
	}
	conf := map[string]string{"listenPort": strconv.Itoa(port)}
	maps.Copy(conf, settings)
	name := fmt.Sprintf("namesrv-%d", port)
	p, err := c.add(ctx, &Process{Name: name, Address: local(port), spec: spec{
		main: "org.apache.rocketmq.namesrv.NamesrvStartup", args: []string{"-c", "namesrv.conf"}, heap: c.heap(32, 64, 0), serves: true,
		ready: "Name Server boot success", within: 2 * time.Minute,
	}}, "namesrv.conf", conf)
	if err == nil {
		c.mu.Lock()
		c.nameServers = append(c.nameServers, p.Address)
		c.mu.Unlock()
	}
	return p, err
}

// Broker is one broker to start.
type Broker struct {
	Name     string // "" = broker-a
	ID       int    // 0 primary, > 0 secondary; ignored in controller mode
	Settings map[string]string
}

// Broker starts a broker and waits until a name server publishes it.
func (c *Cluster) Broker(ctx context.Context, b Broker) (*Process, error) {
	port, err := c.port(2)
	if err != nil {
		return nil, err
	}
	if b.Name == "" {
		b.Name = "broker-a"
	}
	name := fmt.Sprintf("%s-%d", b.Name, port)
	store := filepath.Join(c.opts.Dir, name, "store")
	role := "ASYNC_MASTER"
	if b.ID > 0 {
		role = "SLAVE"
	}
	conf := map[string]string{
		"brokerClusterName": c.opts.Name, "brokerName": b.Name, "brokerId": strconv.Itoa(b.ID), "brokerRole": role,
		"listenPort": strconv.Itoa(port), "brokerIP1": "127.0.0.1", "brokerIP2": "127.0.0.1",
		"namesrvAddr":      strings.Join(c.NameServers(), ";"),
		"storePathRootDir": store, "storePathCommitLog": filepath.Join(store, "commitlog"),
		"mappedFileSizeCommitLog": "33554432", "mappedFileSizeConsumeQueue": "200000", "maxHashSlotNum": "10000", "maxIndexNum": "40000",
		"mappedFileSizeTimerLog": "1048576", "timerWheelEnable": "true", "recallMessageEnable": "true", "enablePropertyFilter": "true",
		"autoCreateTopicEnable": "false", "autoCreateSubscriptionGroup": "true", "enableSingleTopicRegister": "true",
		"registerNameServerPeriod": "10000", "diskMaxUsedSpaceRatio": "95", "transactionCheckInterval": "2000", "transactionTimeOut": "2000",
		// Brokers note a verdict up to 3 s after it came; a check that is due earlier asks about a transaction that is settled.
		"transactionOpBatchInterval": "100",
	}
	c.mu.Lock()
	if len(c.controllers) > 0 {
		conf["enableControllerMode"], conf["controllerAddr"], conf["brokerId"] = "true", strings.Join(c.controllers, ";"), "-1"
	}
	c.mu.Unlock()
	maps.Copy(conf, b.Settings)
	p := &Process{Name: name, Address: local(port), spec: spec{
		main: "org.apache.rocketmq.broker.BrokerStartup", args: []string{"-c", "broker.conf"}, heap: c.heap(128, 256, 256),
		ready: "boot success", within: 3 * time.Minute,
	}}
	p.patch = func(ctx context.Context) error { return c.published(ctx, p.Address) }
	return c.add(ctx, p, "broker.conf", conf)
}

// published asks every name server whether it knows the address. Brokers announce themselves on a change of settings at once and
// otherwise by timer, so one that is missing is given a change that changes nothing.
func (c *Cluster) published(ctx context.Context, address string) error {
	for _, ns := range c.NameServers() {
		known, err := c.Describe(ctx, ns)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(slices.Collect(maps.Values(known.Brokers)), func(b request.Broker) bool {
			return slices.Contains(slices.Collect(maps.Values(b.Addresses)), address)
		}) {
			continue
		}
		f, err := c.client.Call(ctx, address, remoting.Request{Code: remoting.UpdateBrokerConfig, Body: []byte("brokerPermission=6\n")})
		if err == nil {
			f.Release()
		}
		return fmt.Errorf("%s is not published by %s", address, ns)
	}
	return nil
}

// Describe asks a name server for what it knows.
func (c *Cluster) Describe(ctx context.Context, nameServer string) (request.Cluster, error) {
	f, err := c.client.Call(ctx, nameServer, remoting.Request{Code: remoting.ClusterInfo})
	if err != nil {
		return request.Cluster{}, err
	}
	defer f.Release()
	if err := f.Err(); err != nil {
		return request.Cluster{}, err
	}
	return request.ParseCluster(f.Body)
}

// Controllers starts n controllers (1 or 3) at once; brokers that are started later are in controller mode.
func (c *Cluster) Controllers(ctx context.Context, n int) ([]*Process, error) {
	var peers, addresses []string
	var ports []int
	for i := range n {
		port, err := c.port(0)
		if err != nil {
			return nil, err
		}
		ports = append(ports, port)
		addresses = append(addresses, local(port))
		peers = append(peers, fmt.Sprintf("n%d-%s", i, local(port)))
	}
	started := make([]*Process, n)
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			name := fmt.Sprintf("controller-%d", ports[i])
			started[i], errs[i] = c.add(ctx, &Process{Name: name, Address: addresses[i], spec: spec{
				main: "org.apache.rocketmq.controller.ControllerStartup", args: []string{"-c", "controller.conf"}, heap: c.heap(64, 192, 0), serves: true,
				ready: "boot success", within: 2 * time.Minute,
			}}, "controller.conf", map[string]string{
				"controllerDLegerGroup": "controllers", "controllerDLegerPeers": strings.Join(peers, ";"), "controllerDLegerSelfId": fmt.Sprintf("n%d", i),
				"controllerStorePath": filepath.Join(c.opts.Dir, name, "store"), "mappedFileSize": "16777216",
			})
		})
	}
	all.Wait()
	c.mu.Lock()
	c.controllers = addresses
	c.mu.Unlock()
	return started, errors.Join(errs...)
}

// ApacheProxy starts Apache's own proxy, to measure against and to stand beside. more is added to its JSON configuration, without braces, "" for
// nothing. Its Address is the gRPC one.
func (c *Cluster) ApacheProxy(ctx context.Context, more string) (*Process, error) {
	port, err := c.port(1)
	if err != nil {
		return nil, err
	}
	p := &Process{Name: fmt.Sprintf("proxy-%d", port), Address: local(port), spec: spec{
		main: "org.apache.rocketmq.proxy.ProxyStartup", heap: c.heap(64, 256, 128), ready: "rocketmq-proxy startup successfully", within: 2 * time.Minute,
	}}
	p.Dir = filepath.Join(c.opts.Dir, p.Name)
	p.nice, p.spec.jars = c.opts.Nice, c.opts.Jars
	if err := os.MkdirAll(filepath.Join(p.Dir, "conf"), 0o755); err != nil {
		return nil, err
	}
	if more != "" {
		more = "," + more
	}
	conf := fmt.Sprintf(`{"rocketMQClusterName":%q,"namesrvAddr":%q,"grpcServerPort":%d,"remotingListenPort":%d,"proxyMode":"CLUSTER"%s}`,
		c.opts.Name, strings.Join(c.NameServers(), ";"), port, port+1, more)
	if err := os.WriteFile(filepath.Join(p.Dir, "conf", "rmq-proxy.json"), []byte(conf), 0o644); err != nil {
		return nil, err
	}
	return c.run(ctx, p)
}

func local(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// port finds a free port p with p-around to p+around free as well, below the range from which the kernel takes ports for outgoing
// connections. A broker listens at p-2 and p+1 too.
func (c *Cluster) port(around int) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	const least, most = 20000, 32000
	start := least + os.Getpid()%(most-least)
	for i := range most - least {
		p := least + (start-least+i*7)%(most-least)
		if !c.freeLocked(p-around, p+around) {
			continue
		}
		for q := p - around; q <= p+around; q++ {
			c.ports[q] = true
		}
		return p, nil
	}
	return 0, errors.New("cluster: no free ports")
}

func (c *Cluster) freeLocked(from, to int) bool {
	for p := from; p <= to; p++ {
		if c.ports[p] {
			return false
		}
		l, err := net.Listen("tcp", local(p))
		if err != nil {
			return false
		}
		l.Close()
	}
	return true
}
