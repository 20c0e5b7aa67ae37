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
	// FirstPort is the first name server's; what comes later listens right behind, and nothing elsewhere. 0: whatever is free.
	FirstPort int
	// NameServers of a cluster that runs already, before which a proxy is started.
	NameServers []string
	// Credentials with which the cluster's own requests are signed, where access control is on.
	Credentials remoting.Credentials
	Certificate Certificate // with which all of it speaks TLS, and nothing else
}

// Cluster is a set of processes that know each other.
type Cluster struct {
	opts   Options
	client *remoting.Client

	mu          sync.Mutex // guards below
	processes   []*Process
	ports       []*os.File // locks of the ports that are taken
	next        int        // the first port that may be taken next, 0 while any may
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
	return &Cluster{opts: o, client: remoting.New(remoting.Options{Credentials: o.Credentials, TLS: o.Certificate.TLS(), Patience: Patience}), nameServers: slices.Clone(o.NameServers), next: o.FirstPort}, nil
}

// Patience is for engines and clients of tests whose subject is no timeout: a broker on a starved machine was seen to answer after ten seconds.
const Patience = 10

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
	processes, ports := c.processes, c.ports
	c.processes, c.ports = nil, nil
	c.mu.Unlock()
	defer func() {
		for _, p := range ports {
			p.Close()
		}
	}()
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

// keepSockets lets a broker on a starved machine keep its connection to a name server that did not answer within three seconds. It would close it, and a name server whose
// connection to a broker is closed forgets the broker with all its topics, for the ten seconds until it comes round.
const keepSockets = "-Dcom.rocketmq.remoting.client.closeSocketIfTimeout=false"

// heap gives the JVM's arguments; sizes in MiB.
func (c *Cluster) heap(least, most, direct int) []string {
	args := []string{fmt.Sprintf("-Xms%dm", least), fmt.Sprintf("-Xmx%dm", most), "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", keepSockets}
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
	p.nice, p.certificate, p.spec.jars = c.opts.Nice, c.opts.Certificate, c.opts.Jars
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
	if !c.opts.Measure {
		maps.Copy(conf, patientSettings())
	}
	c.mu.Lock()
	if len(c.controllers) > 0 {
		conf["enableControllerMode"], conf["controllerAddr"], conf["brokerId"] = "true", strings.Join(c.controllers, ";"), "-1"
	}
	c.mu.Unlock()
	maps.Copy(conf, b.Settings)
	p := &Process{Name: name, Address: local(port), spec: spec{
		main: "org.apache.rocketmq.broker.BrokerStartup", args: []string{"-c", "broker.conf"}, heap: c.heap(128, 256, 1024),
		ready: "boot success", within: 3 * time.Minute,
	}}
	p.patch = func(ctx context.Context) error { return c.published(ctx, p.Address) }
	return c.add(ctx, p, "broker.conf", conf)
}

// patientSettings keep a broker that has nothing to do off the processor, and let one that is starved be slow: it would call itself busy when a send waited for 200 ms, or
// for its page cache. A fresh one spins for as long as the interval of its transaction metrics, ten seconds unless
// told otherwise; and it compares the 39 MB of its timer wheel with what is on disk at each flush, and counts it all for each line of its progress log, both
// every second, a tenth of a processor for each broker. A broker that is killed may deliver once more what its timers delivered since their last flush.
func patientSettings() map[string]string {
	return map[string]string{
		"transactionMetricFlushInterval": "1000", "timerFlushIntervalMs": "5000", "timerProgressLogIntervalMs": "600000",
		"waitTimeMillsInSendQueue": "20000", "waitTimeMillsInAckQueue": "20000", "waitTimeMillsInTransactionQueue": "20000", "waitTimeMillsInAdminBrokerQueue": "20000",
		"osPageCacheBusyTimeOutMills": "20000",
	}
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

// ApacheProxy starts Apache's own proxy, to measure against and to stand beside. more is added to its JSON configuration, without braces, "" for
// nothing. heap is the JVM's arguments, none for the cluster's own choice. Its Address is the gRPC one.
func (c *Cluster) ApacheProxy(ctx context.Context, more string, heap ...string) (*Process, error) {
	if len(heap) == 0 {
		heap = c.heap(64, 256, 128)
	}
	port, err := c.port(1)
	if err != nil {
		return nil, err
	}
	p := &Process{Name: fmt.Sprintf("proxy-%d", port), Address: local(port), spec: spec{
		main: "org.apache.rocketmq.proxy.ProxyStartup", heap: heap, ready: "rocketmq-proxy startup successfully", within: 2 * time.Minute,
	}}
	p.Dir = filepath.Join(c.opts.Dir, p.Name)
	p.nice, p.certificate, p.spec.jars = c.opts.Nice, c.opts.Certificate, c.opts.Jars
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
