// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"embed"
	"fmt"
	"maps"
	"net"
	"path"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/tools/rocketmq/cluster"
)

//go:embed templates
var templates embed.FS

// Files are the files of every host, by path: HOST/NAME, those of the machine itself below every-host; alerts.yaml and scrape.yaml for Prometheus and
// balancers.yaml for the load balancers. Equal plans give equal files.
func (p *Plan) Files() (map[string]string, error) {
	all := map[string]string{}
	for _, h := range p.Hosts {
		files, err := p.filesOf(h)
		if err != nil {
			return nil, err
		}
		for name, text := range files {
			all[path.Join(h.Name, name)] = text
		}
	}
	about := p.surroundings()
	for name, wanted := range map[string]bool{
		"alerts.yaml": true, "scrape.yaml": p.Ops.Address != "" && len(p.Proxies) > 0, "balancers.yaml": len(p.Balancers) > 0,
		"every-host/sysctl.conf": true, "every-host/limits.conf": true, "every-host/sysusers.conf": true, "every-host/tmpfiles.conf": true,
	} {
		if !wanted {
			continue
		}
		text, err := render(path.Base(name), about)
		if err != nil {
			return nil, err
		}
		all[name] = text
	}
	return all, nil
}

// Secret tells whether a file of Files holds a secret, so that nobody but its reader may read it.
func (p *Plan) Secret(text string) bool {
	return p.Ops.Token != "" && strings.Contains(text, p.Ops.Token) || p.ACL.Secret != "" && strings.Contains(text, p.ACL.Secret)
}

func (p *Plan) filesOf(h Host) (map[string]string, error) {
	r := &rendering{plan: p, host: h, paths: p.pathsOf(h), files: map[string]string{}}
	ns, err := bytesOf(p.Heaps.NameServer)
	if err != nil {
		return nil, err
	}
	controller, err := bytesOf(p.Heaps.Controller)
	if err != nil {
		return nil, err
	}
	if slices.Contains(p.NameServers, h.Name) {
		r.java(unit{Name: "namesrv", Main: "org.apache.rocketmq.namesrv.NamesrvStartup", Heap: ns}, map[string]string{
			"listenPort": strconv.Itoa(p.Ports.NameServer + h.Shift), "orderMessageEnable": "false",
		})
	}
	if i := slices.Index(p.Controllers, h.Name); i >= 0 {
		r.java(unit{Name: "controller", Main: "org.apache.rocketmq.controller.ControllerStartup", Heap: controller}, p.controller(i))
	}
	if err := r.brokers(); err != nil {
		return nil, err
	}
	r.proxies()
	return r.files, r.err
}

// rendering gathers the files of one host.
type rendering struct {
	plan  *Plan
	host  Host
	paths Paths // of the host
	files map[string]string
	err   error // the first
}

// unit is a process that systemd runs.
type unit struct {
	Name, Main     string
	Heap, Direct   int64
	After          string
	Host, RocketMQ string
	Config, Data   string
}

// pathsOf are the paths on one host.
func (p *Plan) pathsOf(h Host) Paths {
	on := func(s string) string { return strings.ReplaceAll(s, "{host}", h.Name) }
	return Paths{RocketMQ: on(p.Paths.RocketMQ), Data: on(p.Paths.Data), Causeway: on(p.Paths.Causeway), Config: on(p.Paths.Config)}
}

func (r *rendering) add(name, from string, with any) {
	text, err := render(from, with)
	if err != nil && r.err == nil {
		r.err = err
	}
	r.files[name] = text
}

// java adds a Java process: its settings, its environment and its unit.
func (r *rendering) java(u unit, settings map[string]string) {
	u.Host, u.RocketMQ, u.Config, u.Data = r.host.Name, r.paths.RocketMQ, r.paths.Config, path.Join(r.paths.Data, u.Name)
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		fmt.Fprintf(&b, "%s=%s\n", key, settings[key])
	}
	r.files[u.Name+".conf"] = b.String()
	r.add(u.Name+".env", "jvm.env", u)
	r.add("rocketmq-"+u.Name+".service", "java.service", u)
}

func (p *Plan) controller(i int) map[string]string {
	var peers []string
	for n, at := range p.addresses(p.Controllers, p.Ports.Controller) {
		peers = append(peers, fmt.Sprintf("n%d-%s", n, at))
	}
	return map[string]string{
		"controllerDLegerGroup": "controllers", "controllerDLegerPeers": strings.Join(peers, ";"), "controllerDLegerSelfId": fmt.Sprintf("n%d", i),
		"controllerStorePath": path.Join(p.pathsOf(*p.host(p.Controllers[i])).Data, "controller"), "enableElectUncleanMaster": "false", "notifyBrokerRoleChanged": "true",
	}
}

func (r *rendering) brokers() error {
	heap, err := r.plan.heap(r.host)
	if err != nil {
		return err
	}
	n := 0
	for _, s := range r.plan.Shards {
		for _, c := range s.Copies {
			if c.Host != r.host.Name {
				continue
			}
			r.java(unit{Name: s.Name, Main: "org.apache.rocketmq.broker.BrokerStartup", Heap: heap, Direct: heap, After: "time-sync.target"}, r.plan.broker(s, c, n))
			n++
		}
	}
	return nil
}

// broker is the settings of one copy, the n-th broker of its host.
func (p *Plan) broker(s Shard, c Copy, n int) map[string]string {
	h := p.host(c.Host)
	store := path.Join(p.pathsOf(*h).Data, s.Name)
	file, _ := bytesOf(p.CommitLog) // which check has read
	all := map[string]string{
		"brokerClusterName": p.Cluster, "brokerName": s.Name, "brokerId": "-1", "brokerIP1": h.Address, "brokerIP2": h.Address, // to clients, and to copies
		"listenPort":     strconv.Itoa(p.Ports.Broker + h.Shift + n*brokerStep),
		"namesrvAddr":    strings.Join(p.addresses(p.NameServers, p.Ports.NameServer), ";"),
		"controllerAddr": strings.Join(p.addresses(p.Controllers, p.Ports.Controller), ";"), "enableControllerMode": "true",
		"storePathRootDir": store, "storePathCommitLog": path.Join(store, "commitlog"),
		"mappedFileSizeCommitLog": strconv.FormatInt(file, 10),
		"flushDiskType":           "ASYNC_FLUSH", // durable by copies; see README.md
	}
	maps.Copy(all, cluster.Mode(p.Mode).Settings())
	// What stands first is the primary for as long as it is in sync; controllers choose by the lower number.
	all["brokerElectionPriority"] = strconv.Itoa(1 + slices.IndexFunc(s.Copies, func(x Copy) bool { return x.Host == c.Host }))
	if c.Learner {
		key, value := cluster.LearnerSetting()
		all[key] = value
	}
	maps.Copy(all, Cures())
	maps.Copy(all, p.access())
	return all
}

// Cures are the broker settings behind the four problems of README.md, and what Causeway needs of a broker.
func Cures() map[string]string {
	return map[string]string{
		// What is needed: recalls, timers, filters by SQL92; nothing is made by a misspelt name.
		"recallMessageEnable": "true", "timerWheelEnable": "true", "timerMaxDelaySec": "3456000", "enablePropertyFilter": "true",
		"autoCreateTopicEnable": "false", "autoCreateSubscriptionGroup": "false",
		// A page cache that is busy: writers wait for the lock in a queue, and are told after a second; files are made ready before they are needed.
		"useReentrantLockWhenPutMessage": "true", "osPageCacheBusyTimeOutMills": "1000", "warmMapedFileEnable": "true", "flushDelayOffsetInterval": "5000",
		// Overload: queues that are long enough for a burst and short enough to be honest, and what waits too long is sent back.
		"sendMessageThreadPoolNums": "8", "sendThreadPoolQueueCapacity": "10000", "waitTimeMillsInSendQueue": "500", "brokerFastFailureEnable": "true",
		"endTransactionThreadPoolNums": "16", "ackMessageThreadPoolNums": "8", "pullMessageThreadPoolNums": "16",
		// Memory and disk: data leaves in time.
		"fileReservedTime": "72", "deleteWhen": "04", "diskMaxUsedSpaceRatio": "75", "transferMsgByHeap": "false",
	}
}

// stand is one proxy in its place.
type stand struct {
	Name, Role, Host string
	Address          string // where clients reach it
	Listen           string
	Ops              string // where it serves health and figures
	OpsFrom          string // where others reach that, "" when they do not
}

// stands are the proxies of the plan, in its order.
func (p *Plan) stands() []stand {
	var all []stand
	next := map[string]int{}
	for _, x := range p.Proxies {
		n, h := next[x.Host], p.host(x.Host)
		next[x.Host]++
		port := strconv.Itoa(p.Ports.Proxy + h.Shift + n)
		all = append(all, stand{
			Name: "proxy-" + x.Role, Role: x.Role, Host: h.Name, Address: net.JoinHostPort(h.Address, port), Listen: net.JoinHostPort("0.0.0.0", port),
			Ops: net.JoinHostPort(p.opsHost(*h), strconv.Itoa(p.Ports.Ops+h.Shift+n)), OpsFrom: p.opsFrom(*h, n),
		})
	}
	return all
}

func (r *rendering) proxies() {
	p := r.plan
	stands := p.stands()
	// One that has nobody beside it leaves at once: nobody can be sent elsewhere.
	routes, linger := p.Balancers, len(p.Balancers) == 0 && len(stands) > 1
	if len(routes) == 0 {
		for _, x := range stands {
			at := x.Address
			if x.Role != mq.BothRoles.String() {
				at += "=" + x.Role
			}
			routes = append(routes, at)
		}
	}
	for _, x := range stands {
		if x.Host != r.host.Name {
			continue
		}
		one := map[string]any{
			"Stand": x, "Plan": p, "Routes": routes, "Linger": linger, "Binary": r.paths.Causeway, "Config": r.paths.Config,
			"NameServers": p.addresses(p.NameServers, p.Ports.NameServer),
		}
		r.add(x.Name+".yaml", "proxy.yaml", one)
		r.add("causeway-"+x.Name+".service", "proxy.service", one)
	}
}

// surroundings is what alarms, Prometheus, load balancers and the machines themselves need to know.
func (p *Plan) surroundings() map[string]any {
	var copies []map[string]any
	for _, s := range p.Shards {
		copies = append(copies, map[string]any{"Shard": s.Name, "Copies": len(s.Copies)})
	}
	var data []string
	for _, h := range p.Hosts {
		data = append(data, p.pathsOf(h).Data)
	}
	slices.Sort(data)
	return map[string]any{
		"Cluster": p.Cluster, "Mode": p.Mode, "Shards": copies, "Proxies": p.stands(), "Balancers": p.behind(), "Token": p.Ops.Token, "Data": slices.Compact(data),
	}
}

// balancer is one load balancer with what stands behind it.
type balancer struct {
	Address, Role string
	Proxies       []stand
}

func (p *Plan) behind() []balancer {
	var all []balancer
	for _, b := range p.Balancers {
		address, word, _ := strings.Cut(b, "=")
		role, _ := mq.ParseRole(word) // which check has read
		one := balancer{Address: address, Role: role.String()}
		for _, x := range p.stands() {
			does, _ := mq.ParseRole(x.Role)
			if (does.Produces() || !role.Produces()) && (does.Consumes() || !role.Consumes()) {
				one.Proxies = append(one.Proxies, x)
			}
		}
		all = append(all, one)
	}
	return all
}

func render(name string, with any) (string, error) {
	t, err := template.New(name).Funcs(template.FuncMap{"mib": func(n int64) int64 { return n / mib }}).ParseFS(templates, "templates/"+name)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	if err := t.ExecuteTemplate(&b, name, with); err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return b.String(), nil
}
