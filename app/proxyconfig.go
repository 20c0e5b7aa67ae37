// SPDX-License-Identifier: Apache-2.0

package app

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/causeway-mq/causeway/app/follow"
	"github.com/causeway-mq/causeway/app/rmqproxy"
	"github.com/causeway-mq/causeway/internal/obs"
	"github.com/causeway-mq/causeway/internal/strictyaml"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/trail"
)

// ProxyConfig is the configuration of `causeway proxy`. Flags override the file, the file overrides the defaults.
type ProxyConfig struct {
	Listen    string          `yaml:"listen" doc:"HOST:PORT for clients (gRPC, TLS and plaintext on one port)"`
	HTTP      string          `yaml:"http" doc:"HOST:PORT for health, metrics and the listing of clients; empty: 127.0.0.1:8091, or a free port when that is taken"`
	Role      string          `yaml:"role" doc:"produce: takes messages; consume: hands them out; both"`
	Zone      string          `yaml:"zone" doc:"where this proxy stands, for figures of flow between zones: 1 to 100 characters of A-Z, a-z, 0-9, '_' and '-'; empty: nobody says"`
	Advertise []string        `yaml:"advertise" doc:"HOST:PORT of every proxy that clients may be sent to, with =produce or =consume behind it for one that does not do both; empty: wherever the client asked"`
	Catalog   string          `yaml:"catalog" doc:"file of tenants, applications, topics and groups, watched; empty: the catalog is what the one cluster has"`
	Control   follow.Config   `yaml:"control"`
	Clusters  []ClusterConfig `yaml:"clusters" doc:"the message clusters; without a catalog or a control plane exactly one"`

	Authentication bool `yaml:"authentication" doc:"let in only who signs as a user of the cluster (ACL 2.0)"`
	Authorization  bool `yaml:"authorization" doc:"hold users to the cluster's rules; goes with authentication"`

	TLS        TLSConfig     `yaml:"tls"`
	Proxy      ProxyProtocol `yaml:"proxy_protocol"`
	SealKeys   string        `yaml:"seal_keys" doc:"file of the keys that seal receipts, the same at every proxy; empty: derived from the clusters' credentials"`
	Token      string        `yaml:"token" secret:"true" doc:"bearer token of the HTTP port; required when http is not on the loopback interface"`
	LogLevel   string        `yaml:"log_level" doc:"debug, info, warn or error"`
	Lean       bool          `yaml:"lean" doc:"carry client connections over Causeway's own transport; false: over grpc-go's, with the same services and limits, for more CPU"`
	Pprof      bool          `yaml:"pprof" doc:"serve /debug/pprof on the HTTP address"`
	TraceBytes int64         `yaml:"trace_bytes" doc:"memory in which is remembered what happened to each message, for traces at the control plane, in bytes: 4194304 at least; 0: nothing is remembered, as without a control plane"`
	// Production refuses what is fit for trying out alone.
	Production bool     `yaml:"production" doc:"refuse to start with what is fit for trying out alone: callers without a signature, a cluster without ACL, a port for operators without a token"`
	Drain      Duration `yaml:"drain" doc:"longest time that a stop waits for calls under way"`
	Linger     Duration `yaml:"linger" doc:"how long a proxy that was told to stop still serves, out of routes and not ready: clients renew their routes every 30 s, so that after 35s none of them notices"`

	from *origin // the file that it was read from, nil without one
}

// origin is the file of a configuration, for problems in its own words.
type origin struct {
	path    string
	doc     *strictyaml.Document // nil for Apache's file
	unread  error                // what Decode or rmqproxy.Read found
	flagged map[string]bool      // keys that the command line said otherwise
}

// ClusterConfig is one RocketMQ cluster.
type ClusterConfig struct {
	Name        string   `yaml:"name" doc:"how the catalog calls it"`
	Zone        string   `yaml:"zone" doc:"where it stands, as the control plane shows it; empty: nobody says"`
	BrokersName string   `yaml:"brokers_name" doc:"the brokers' brokerClusterName; empty: the same as name"`
	NameServers []string `yaml:"namesrv" doc:"HOST:PORT of every name server"`
	AccessKey   string   `yaml:"access_key" doc:"user with which the proxy signs its requests; empty: they are not signed"`
	SecretKey   string   `yaml:"secret_key" secret:"true" doc:"that user's secret"`
	TLS         bool     `yaml:"tls" doc:"speak TLS to name servers and brokers"`
	CA          string   `yaml:"ca" doc:"PEM file that vouches for their certificates; empty: this machine's authorities do"`
	BatchSends  bool     `yaml:"batch_sends" doc:"let sends of many callers to one topic share a request: spares brokers with hot topics; what shares one has one time of birth"`
	AnyCert     bool     `yaml:"any_certificate" doc:"accept any certificate, as RocketMQ's own clients do: protects against listeners, not against impostors"`
}

// Addresses of `causeway proxy` where none is chosen. The one for clients is never replaced: in production an address is where it is said.
const (
	DefaultProxyListen = "0.0.0.0:8081"
	DefaultProxyHTTP   = "127.0.0.1:8091"
	DefaultClusterName = "DefaultCluster"
)

// DefaultProxyConfig is what `causeway proxy` runs with when nothing is said. It names no name server.
func DefaultProxyConfig() ProxyConfig {
	return ProxyConfig{Listen: DefaultProxyListen, Role: mq.BothRoles.String(), LogLevel: "info", Lean: true, Drain: Duration(20 * time.Second), TraceBytes: trail.DefaultBytes, Control: follow.Config{Cache: follow.DefaultCache}}
}

// LoadProxyConfig reads a file over the defaults: YAML of ours, or Apache's rmq-proxy.json, of which it says what becomes of each key. The error names
// every problem of reading; the configuration is then half filled, good for Validate alone, which says what else is wrong. Whether the whole makes sense is
// for Validate to say, once flags had their word.
func LoadProxyConfig(path string) (ProxyConfig, []rmqproxy.Finding, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return ProxyConfig{}, nil, fmt.Errorf("config: %w", err)
	}
	c := DefaultProxyConfig()
	c.from = &origin{path: path, flagged: map[string]bool{}}
	if rmqproxy.Is(raw) {
		s, found, err := rmqproxy.Read(raw)
		c.take(s)
		if err != nil {
			c.from.unread = err
			err = fmt.Errorf("%s: %w", path, err)
		}
		return c, found, err
	}
	if c.from.doc, err = strictyaml.Decode(raw, &c); err != nil {
		c.from.unread = err
		err = fmt.Errorf("%s: %w", path, err)
	}
	return c, nil, err
}

// CheckProxyConfig is LoadProxyConfig and Validate in one, for who has no flags to lay over the file. The error names all that is wrong.
func CheckProxyConfig(path string) (ProxyConfig, []rmqproxy.Finding, error) {
	c, found, err := LoadProxyConfig(path)
	if c.FromFile() {
		err = c.Validate()
	}
	return c, found, err
}

// FromFile tells whether there was a file to read, well or not.
func (c *ProxyConfig) FromFile() bool { return c.from != nil }

// Flagged notes that the command line said these keys otherwise than the file: what is wrong with them stands nowhere in it.
func (c *ProxyConfig) Flagged(keys ...string) {
	if c.from == nil {
		return
	}
	for _, k := range keys {
		c.from.flagged[k] = true
	}
}

// take lays what Apache's file says over the defaults.
func (c *ProxyConfig) take(s rmqproxy.Settings) {
	one := ClusterConfig{Name: s.Cluster, NameServers: s.NameServers, AccessKey: s.AccessKey, SecretKey: s.SecretKey}
	if one.Name == "" {
		one.Name = DefaultClusterName
	}
	c.Clusters = []ClusterConfig{one}
	if s.Port != 0 {
		c.Listen = net.JoinHostPort("0.0.0.0", strconv.Itoa(s.Port))
	}
	if s.Drain != 0 {
		c.Drain = Duration(s.Drain)
	}
	c.TLS = TLSConfig{Cert: s.Cert, Key: s.Key}
	c.Authentication, c.Authorization = s.Authentication, s.Authorization
}

// Validate checks all values. The error names all that is wrong, also what LoadProxyConfig could not read, in the words of the file.
func (c ProxyConfig) Validate() error {
	problems := c.problems()
	if c.from == nil {
		return plain(nil, problems)
	}
	var err error
	switch doc := c.from.doc; {
	case doc == nil:
		err = c.from.apaches(problems)
	default:
		err = c.from.ours(problems)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", c.from.path, err)
	}
	return nil
}

// ours says problems with their lines in a YAML file of ours, beside what could not be read.
func (o *origin) ours(problems []problem) error {
	var rules []strictyaml.Problem
	for _, p := range problems {
		if o.byFlag(p.key) {
			rules = append(rules, strictyaml.Problem{Key: p.key, Rule: p.rule})
		} else {
			rules = append(rules, o.doc.Problem(p.key, "%s", p.rule))
		}
	}
	return o.doc.Together(o.unread, rules...)
}

// byFlag tells whether a key, or the list that it is an entry of, was said by the command line.
func (o *origin) byFlag(key string) bool {
	return o.flagged[key] || o.flagged[key[:max(strings.LastIndex(key, "["), 0)]]
}

func plain(first error, problems []problem) error {
	errs := []error{first}
	for _, p := range problems {
		errs = append(errs, fmt.Errorf("%s: %s", p.key, p.rule))
	}
	return errors.Join(errs...)
}

// apaches says problems in the keys of rmq-proxy.json. What could not be read there is not looked at by rules.
func (o *origin) apaches(problems []problem) error {
	words := map[string]string{
		"listen": "grpcServerPort", "clusters[0].name": "rocketMQClusterName", "clusters[0].namesrv": "namesrvAddr", "clusters[0]": "innerClientAuthenticationCredentials",
		"tls": "tlsCertPath, tlsKeyPath", "tls.cert": "tlsCertPath", "tls.key": "tlsKeyPath", "authentication": "authenticationEnabled",
		"authorization": "authorizationEnabled", "drain": "grpcShutdownTimeSeconds",
	}
	unread := rmqproxy.Unread(o.unread)
	problems = slices.DeleteFunc(slices.Clone(problems), func(p problem) bool {
		name := words[p.key]
		if rest, indexed := strings.CutPrefix(p.key, "clusters[0].namesrv["); indexed {
			name = "namesrvAddr[" + rest
		}
		key, _, _ := strings.Cut(name, "[")
		return slices.Contains(unread, key) || slices.Contains(unread, "")
	})
	for i, p := range problems {
		if name, ok := words[p.key]; ok && !o.byFlag(p.key) {
			problems[i].key = name
		} else if rest, indexed := strings.CutPrefix(p.key, "clusters[0].namesrv["); indexed && !o.byFlag(p.key) {
			problems[i].key = "namesrvAddr[" + rest
		}
	}
	return plain(o.unread, problems)
}

func (c ProxyConfig) problems() []problem {
	var ps []problem
	bad := func(key, format string, args ...any) { ps = append(ps, problem{key, fmt.Sprintf(format, args...)}) }
	if err := checkAddress(c.Listen, 0); err != nil {
		bad("listen", "%v", err)
	}
	if c.HTTP != "" {
		if err := checkAddress(c.HTTP, 0); err != nil {
			bad("http", "%v", err)
		} else if _, port, _ := net.SplitHostPort(c.HTTP); c.HTTP == c.Listen && port != "0" {
			bad("http", "is the same address as listen: %s", c.HTTP)
		}
	}
	ps = append(ps, c.roleProblems()...)
	if c.complete() && (c.Authentication || c.Authorization) {
		bad("authentication", "users and rules of the cluster go with the cluster's catalog; here a catalog file or the control plane says who gets in")
	}
	if c.Catalog != "" && c.Control.Follows() {
		bad("catalog", "a catalog file and a control plane cannot both say what there is")
	}
	if _, err := mq.ParseCluster(c.Zone); c.Zone != "" && err != nil {
		bad("zone", "%q: 1 to 100 characters of A-Z, a-z, 0-9, '_' and '-'", c.Zone)
	}
	c.Control.Problems(func(key, format string, args ...any) { bad("control."+key, format, args...) })
	if c.Authorization && !c.Authentication {
		bad("authorization", "goes with authentication: nobody can be held to rules who is not known")
	}
	ps = append(ps, c.clusterProblems()...)
	ps = append(ps, c.Proxy.problems()...)
	ps = append(ps, traceProblem(c.TraceBytes)...)
	ps = append(ps, c.TLS.problems()...)
	if c.SealKeys != "" {
		if _, err := os.Stat(c.SealKeys); err != nil { // not made here: every proxy needs the same
			bad("seal_keys", "%v", err)
		} else {
			ps = append(ps, sealKeyProblems(c.SealKeys)...)
		}
	}
	if _, err := obs.ParseLevel(c.LogLevel); err != nil {
		bad("log_level", "%v", err)
	}
	if c.Drain < 0 || c.Drain > Duration(10*time.Minute) {
		bad("drain", "from 0s to 10m")
	}
	if c.Linger < 0 || c.Linger > Duration(10*time.Minute) {
		bad("linger", "from 0s to 10m")
	}
	ps = append(ps, tokenProblems(c.Token, c.HTTP, c.Production)...)
	return append(ps, c.productionProblems()...)
}

// roleProblems holds what this proxy does against what clients are told. Routes name the listed proxies and no other: what none of them does nobody who asks
// here can do.
func (c ProxyConfig) roleProblems() []problem {
	var ps []problem
	role, err := mq.ParseRole(c.Role)
	if err != nil {
		ps = append(ps, problem{"role", err.Error()})
	}
	known := err == nil
	var produces, consumes bool
	for i, addr := range c.Advertise {
		key := fmt.Sprintf("advertise[%d]", i)
		if err := checkPeer(addr); err != nil {
			ps = append(ps, problem{key, err.Error()})
			continue
		}
		peer, err := parsePeer(addr)
		if err != nil || !known {
			continue
		}
		own := len(c.Advertise) == 1 || net.JoinHostPort(peer.Host, strconv.Itoa(int(peer.Port))) == c.Listen
		if own && strings.Contains(addr, "=") && peer.Role != role {
			ps = append(ps, problem{key, fmt.Sprintf("%s is this proxy, whose role is %s", addr, role)})
			continue
		}
		produces, consumes = produces || own && role.Produces() || peer.Role.Produces(), consumes || own && role.Consumes() || peer.Role.Consumes()
	}
	if len(ps) > 0 || len(c.Advertise) == 0 {
		return ps
	}
	if role.Produces() && !produces {
		ps = append(ps, problem{"advertise", fmt.Sprintf("the role of this proxy is %s, and none of those that clients are sent to takes messages", role)})
	}
	if role.Consumes() && !consumes {
		ps = append(ps, problem{"advertise", fmt.Sprintf("the role of this proxy is %s, and none of those that clients are sent to hands messages out", role)})
	}
	return ps
}

func (c ProxyConfig) clusterProblems() []problem {
	var ps []problem
	bad := func(key, format string, args ...any) { ps = append(ps, problem{key, fmt.Sprintf(format, args...)}) }
	switch {
	case len(c.Clusters) == 0:
		bad("clusters", "no cluster is named: give --namesrv HOST:PORT, or clusters in the configuration file")
	case len(c.Clusters) > 1 && !c.complete():
		bad("clusters", "%d clusters need a catalog that says where each topic is; without one exactly one is served", len(c.Clusters))
	}
	return append(ps, clusterProblems(c.Clusters)...)
}

// complete tells whether somebody says what there is, a file or a control plane; otherwise it is what the one cluster has.
func (c ProxyConfig) complete() bool { return c.Catalog != "" || c.Control.Follows() }

// clusterProblems looks at each cluster.
func clusterProblems(clusters []ClusterConfig) []problem {
	var ps []problem
	bad := func(key, format string, args ...any) { ps = append(ps, problem{key, fmt.Sprintf(format, args...)}) }
	var names []string
	for i, one := range clusters {
		key := fmt.Sprintf("clusters[%d]", i)
		if _, err := mq.ParseCluster(one.Name); err != nil {
			bad(key+".name", "%v", err)
		}
		if one.BrokersName != "" {
			if _, err := mq.ParseCluster(one.BrokersName); err != nil {
				bad(key+".brokers_name", "%v", err)
			}
		}
		if _, err := mq.ParseCluster(one.Zone); one.Zone != "" && err != nil {
			bad(key+".zone", "%q: 1 to 100 characters of A-Z, a-z, 0-9, '_' and '-'", one.Zone)
		}
		if slices.Contains(names, one.Name) {
			bad(key+".name", "%q is there twice", one.Name)
		}
		names = append(names, one.Name)
		if len(one.NameServers) == 0 {
			bad(key+".namesrv", "at least one HOST:PORT is needed")
		}
		for j, addr := range one.NameServers {
			if err := checkAddress(addr, 1); err != nil {
				bad(fmt.Sprintf("%s.namesrv[%d]", key, j), "%v", err)
			}
		}
		if (one.AccessKey == "") != (one.SecretKey == "") {
			bad(key, "access_key and secret_key go together; only one is given")
		}
		if _, err := one.tls(); err != nil {
			bad(key+".ca", "%v", err)
		}
	}
	return ps
}

// tls is how to speak to the cluster, nil in clear.
func (c ClusterConfig) tls() (*tls.Config, error) {
	if !c.TLS {
		return nil, nil
	}
	t := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: c.AnyCert} //nolint:gosec // a named choice of the operator
	if c.CA == "" {
		return t, nil
	}
	pem, err := os.ReadFile(c.CA)
	if err != nil {
		return nil, err
	}
	t.RootCAs = x509.NewCertPool()
	if !t.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no PEM certificate", c.CA)
	}
	return t, nil
}
