// SPDX-License-Identifier: Apache-2.0

// Package plan turns a short description of a RocketMQ cluster with its proxies into the files of each of its hosts.
package plan

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/causeway-mq/causeway/internal/strictyaml"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/tools/rocketmq/cluster"
)

// Plan is what an operator writes.
type Plan struct {
	Cluster     string   `yaml:"cluster" doc:"the cluster's name: brokerClusterName"`
	Mode        string   `yaml:"mode" doc:"safe: writes pause rather than run on one copy; available: they go on with one, alarmed"`
	Hosts       []Host   `yaml:"hosts" doc:"the machines"`
	NameServers []string `yaml:"name_servers" doc:"hosts"`
	Controllers []string `yaml:"controllers" doc:"hosts, an odd number: they elect primaries by majority"`
	Shards      []Shard  `yaml:"shards" doc:"each is a primary with its copies; the controllers choose which is the primary"`
	Proxies     []Proxy  `yaml:"proxies" doc:"none, or as many as are wanted; two on one host differ in their role"`
	Balancers   []string `yaml:"balancers" doc:"HOST:PORT=ROLE of the load balancers before the proxies, which routes name; empty: they name each proxy"`
	Ops         Ops      `yaml:"ops" doc:"the proxies' port for health and figures"`
	TLS         TLS      `yaml:"tls" doc:"of the proxies, towards clients; empty: each makes a certificate of its own"`
	ACL         ACL      `yaml:"acl" doc:"who may what (RocketMQ's ACL 2.0), at brokers and proxies; empty: everybody may everything"`
	SealKeys    string   `yaml:"seal_keys" doc:"file on the hosts with the keys that seal receipts, the same at every proxy; empty: derived from acl.secret"`
	Ports       Ports    `yaml:"ports" doc:"where processes listen"`
	Paths       Paths    `yaml:"paths" doc:"where things lie on the hosts; {host} in one stands for the host's name"`
	Heaps       Heaps    `yaml:"heaps" doc:"of what is no broker"`
	CommitLog   string   `yaml:"commit_log" doc:"size of one file of the brokers' commit log; each is written full before it is used"`
}

// Host is a machine.
type Host struct {
	Name    string `yaml:"name" doc:"the name of its directory"`
	Centre  string `yaml:"centre" doc:"data centre"`
	Address string `yaml:"address" doc:"under which the other hosts reach it"`
	Memory  string `yaml:"memory" doc:"for example 64GiB"`
	Heap    string `yaml:"heap" doc:"of each broker on it; empty: a quarter of the memory over its brokers, 8GiB at the most"`
	Shift   int    `yaml:"shift" doc:"is added to every port on it: for a trial with several hosts on one machine"`
}

// Shard is a broker name with its copies.
type Shard struct {
	Name   string `yaml:"name" doc:"brokerName"`
	Copies []Copy `yaml:"copies" doc:"the first is preferred when one is elected"`
}

// Copy is one broker process.
type Copy struct {
	Host    string `yaml:"host" doc:"where it runs"`
	Learner bool   `yaml:"learner" doc:"an asynchronous copy that is never elected"`
}

// Proxy is one causeway proxy.
type Proxy struct {
	Host string `yaml:"host" doc:"where it runs"`
	Role string `yaml:"role" doc:"produce, consume or both; empty: both"`
}

// Ports are where processes listen. Brokers on one host are 20 apart from each other.
type Ports struct {
	NameServer int `yaml:"name_server" doc:"name servers"`
	Controller int `yaml:"controller" doc:"controllers"`
	Broker     int `yaml:"broker" doc:"the first broker of a host, with two below and one above; the next ones are 20 apart"`
	Proxy      int `yaml:"proxy" doc:"the first proxy of a host, for clients; the next ones follow"`
	Ops        int `yaml:"ops" doc:"the same for health and figures"`
}

// Paths are where things lie on the hosts.
type Paths struct {
	RocketMQ string `yaml:"rocketmq" doc:"the unpacked distribution, with lib in it"`
	Data     string `yaml:"data" doc:"what brokers, controllers and name servers keep, logs among it; one directory for each"`
	Causeway string `yaml:"causeway" doc:"the binary"`
	Config   string `yaml:"config" doc:"where these files are laid"`
}

// Heaps are those of processes that are no brokers.
type Heaps struct {
	NameServer string `yaml:"name_server" doc:"each name server's heap"`
	Controller string `yaml:"controller" doc:"each controller's heap"`
}

// brokerStep is between the ports of two brokers on one host: each uses three around its own.
const brokerStep = 20

const (
	mib     = 1 << 20
	gib     = 1 << 30
	maxHeap = 8 * gib
)

// Default is a plan in which everything stands that need not be said.
func Default() Plan {
	return Plan{
		Ports:     Ports{NameServer: 9876, Controller: 9878, Broker: 10911, Proxy: 8081, Ops: 8091},
		Paths:     Paths{RocketMQ: "/opt/rocketmq", Data: "/data/rocketmq", Causeway: "/opt/causeway/bin/causeway", Config: "/etc/causeway"},
		Heaps:     Heaps{NameServer: "1GiB", Controller: "512MiB"},
		CommitLog: "1GiB",
	}
}

// Read reads a plan over the defaults and checks it. The error names everything that is wrong. Relative paths in it, for trials, begin where the caller stands.
func Read(path string) (*Plan, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return parse(raw, filepath.Abs)
}

// Parse is Read of a text whose paths are absolute.
func Parse(raw []byte) (*Plan, error) {
	return parse(raw, func(s string) (string, error) { return s, nil })
}

func parse(raw []byte, absolute func(string) (string, error)) (*Plan, error) {
	p := Default()
	if _, err := strictyaml.Decode(raw, &p); err != nil {
		return nil, err
	}
	var errs []error
	for _, path := range []*string{&p.Paths.RocketMQ, &p.Paths.Data, &p.Paths.Causeway, &p.Paths.Config} {
		if *path != "" {
			full, err := absolute(*path)
			errs = append(errs, err)
			*path = full
		}
	}
	for i := range p.Proxies {
		if role, err := mq.ParseRole(p.Proxies[i].Role); err == nil { // "" is both; what is none, check refuses
			p.Proxies[i].Role = role.String()
		}
	}
	if err := errors.Join(append(errs, p.check())...); err != nil {
		return nil, err
	}
	return &p, nil
}

// check is everything that makes no sense, together.
func (p *Plan) check() error {
	var errs []error
	bad := func(key, rule string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: %s", key, fmt.Sprintf(rule, args...)))
	}
	if _, err := mq.ParseCluster(p.Cluster); err != nil {
		bad("cluster", "%v", err)
	}
	if m := cluster.Mode(p.Mode); m != cluster.Safe && m != cluster.Available {
		bad("mode", "%q: %s or %s", p.Mode, cluster.Safe, cluster.Available)
	}
	p.checkHosts(bad)
	p.checkNames("name_servers", p.NameServers, bad)
	p.checkNames("controllers", p.Controllers, bad)
	if n := len(p.Controllers); n%2 == 0 {
		bad("controllers", "%d of them: an odd number is needed, since a majority elects; one more than an odd number bears no further loss", n)
	}
	if len(p.Shards) == 0 {
		bad("shards", "at least one is needed")
	}
	seen := map[string]bool{}
	for i, s := range p.Shards {
		key := fmt.Sprintf("shards[%d]", i)
		if _, err := mq.ParseCluster(s.Name); err != nil {
			bad(key+".name", "%v", err)
		}
		if seen[s.Name] {
			bad(key+".name", "%q is there twice", s.Name)
		}
		seen[s.Name] = true
		p.checkShard(key, s, bad)
	}
	p.checkProxies(bad)
	p.checkBalancers(bad)
	p.checkAccess(bad)
	p.checkSizes(bad)
	return errors.Join(errs...)
}

func (p *Plan) checkProxies(bad complain) {
	seen := map[Proxy]bool{}
	for i, x := range p.Proxies {
		key := fmt.Sprintf("proxies[%d]", i)
		if p.host(x.Host) == nil {
			bad(key+".host", "there is no host %q", x.Host)
		}
		if _, err := mq.ParseRole(x.Role); err != nil {
			bad(key+".role", "%v", err)
		}
		if seen[x] {
			bad(key, "%s has a proxy for %s already: one serves thousands of clients, a second one stands on another host", x.Host, x.Role)
		}
		seen[x] = true
	}
}

// checkBalancers wants an address for every role that the proxies have.
func (p *Plan) checkBalancers(bad complain) {
	var sends, receives bool
	for i, b := range p.Balancers {
		key := fmt.Sprintf("balancers[%d]", i)
		address, word, _ := strings.Cut(b, "=")
		host, port, err := net.SplitHostPort(address)
		if n, wrong := strconv.ParseUint(port, 10, 16); err != nil || host == "" || wrong != nil || n == 0 {
			bad(key, "%q: HOST:PORT=ROLE is needed", b)
		}
		role, err := mq.ParseRole(word)
		if err != nil {
			bad(key, "%v", err)
		}
		sends, receives = sends || role.Produces(), receives || role.Consumes()
	}
	if len(p.Balancers) > 0 && (!sends || !receives) {
		bad("balancers", "clients are sent nowhere to produce or nowhere to consume: each role needs an address")
	}
}

type complain func(key, rule string, args ...any)

func (p *Plan) checkHosts(bad complain) {
	names, addresses := map[string]bool{}, map[string]bool{}
	for i, h := range p.Hosts {
		key := fmt.Sprintf("hosts[%d]", i)
		if h.Name == "" || strings.ContainsAny(h.Name, "/ \t") {
			bad(key+".name", "%q: a name without slash or space is needed", h.Name)
		}
		if names[h.Name] {
			bad(key+".name", "%q is there twice", h.Name)
		}
		if h.Shift < 0 || h.Shift > 40_000 {
			bad(key+".shift", "%d: from 0 to 40000", h.Shift)
		}
		if h.Centre == "" {
			bad(key+".centre", "a data centre is needed: copies are spread over them")
		}
		if h.Address == "" {
			bad(key+".address", "the address is needed under which the other hosts reach it")
		}
		if addresses[h.Address] {
			bad(key+".address", "%q is there twice", h.Address)
		}
		names[h.Name], addresses[h.Address] = true, true
		memory, err := bytesOf(h.Memory)
		if err != nil {
			bad(key+".memory", "%v", err)
			continue
		}
		heap, err := p.heap(h)
		if err != nil {
			bad(key+".heap", "%v", err)
			continue
		}
		if n := int64(p.brokersOn(h.Name)); n > 0 && 2*n*heap > memory*3/5 {
			bad(key+".heap", "%d brokers with %s of heap and as much direct memory each are %s of %s; at most three fifths, the rest is for the page cache",
				n, sizeOf(heap), sizeOf(2*n*heap), sizeOf(memory))
		}
	}
}

func (p *Plan) checkNames(key string, hosts []string, bad complain) {
	if len(hosts) == 0 {
		bad(key, "at least one host is needed")
	}
	seen := map[string]bool{}
	for i, h := range hosts {
		if p.host(h) == nil {
			bad(fmt.Sprintf("%s[%d]", key, i), "there is no host %q", h)
		}
		if seen[h] {
			bad(fmt.Sprintf("%s[%d]", key, i), "%q is there twice", h)
		}
		seen[h] = true
	}
}

func (p *Plan) checkShard(key string, s Shard, bad complain) {
	hosts, centres := map[string]bool{}, map[string]bool{}
	electable := 0
	for i, c := range s.Copies {
		at := fmt.Sprintf("%s.copies[%d].host", key, i)
		h := p.host(c.Host)
		if h == nil {
			bad(at, "there is no host %q", c.Host)
			continue
		}
		if hosts[c.Host] {
			bad(at, "%s has another copy of %s: both are gone with the host", c.Host, s.Name)
		}
		hosts[c.Host] = true
		if !c.Learner {
			electable++
			centres[h.Centre] = true
		}
	}
	if electable < 2 {
		bad(key+".copies", "%d that may be primary; at least two are needed, or the shard is gone with one host", electable)
	}
	if electable > 1 && len(centres) == 1 && len(p.centres()) > 1 {
		bad(key+".copies", "all that may be primary are in one centre of %d: the shard is gone with it", len(p.centres()))
	}
}

func (p *Plan) centres() []string {
	var all []string
	for _, h := range p.Hosts {
		all = append(all, h.Centre)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func (p *Plan) host(name string) *Host {
	if i := slices.IndexFunc(p.Hosts, func(h Host) bool { return h.Name == name }); i >= 0 {
		return &p.Hosts[i]
	}
	return nil
}

// brokersOn counts the brokers of a host.
func (p *Plan) brokersOn(host string) (n int) {
	for _, s := range p.Shards {
		for _, c := range s.Copies {
			if c.Host == host {
				n++
			}
		}
	}
	return n
}

// heap is that of each broker on a host, in bytes.
func (p *Plan) heap(h Host) (int64, error) {
	if h.Heap != "" {
		return bytesOf(h.Heap)
	}
	memory, err := bytesOf(h.Memory)
	if err != nil {
		return 0, err
	}
	return min(maxHeap, memory/4/int64(max(p.brokersOn(h.Name), 1))) / mib * mib, nil
}

// addresses are those of a port on hosts.
func (p *Plan) addresses(hosts []string, port int) (all []string) {
	for _, name := range hosts {
		h := p.host(name)
		all = append(all, net.JoinHostPort(h.Address, strconv.Itoa(port+h.Shift)))
	}
	return all
}

// bytesOf reads a size like 64GiB or 512MiB.
func bytesOf(s string) (int64, error) {
	for unit, factor := range map[string]int64{"GiB": gib, "MiB": mib} {
		if text, ok := strings.CutSuffix(s, unit); ok {
			n, err := strconv.ParseInt(text, 10, 32)
			if err == nil && n > 0 {
				return n * factor, nil
			}
		}
	}
	return 0, fmt.Errorf("%q: a size like 64GiB or 512MiB", s)
}

func sizeOf(n int64) string {
	if n%gib == 0 {
		return fmt.Sprintf("%dGiB", n/gib)
	}
	return fmt.Sprintf("%dMiB", n/mib)
}
