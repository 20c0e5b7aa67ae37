// SPDX-License-Identifier: Apache-2.0

package app

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/causeway-mq/causeway/app/database"
	"github.com/causeway-mq/causeway/app/selfsigned"
	"github.com/causeway-mq/causeway/control/identity/oidc"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/internal/obs"
	"github.com/causeway-mq/causeway/internal/strictyaml"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/seal"
	"github.com/causeway-mq/causeway/proxy/trail"
)

// Config is the configuration of `causeway up`. Flags override the file, the file overrides the defaults.
type Config struct {
	Data       string          `yaml:"data" doc:"directory that holds everything: messages, catalog, keys"`
	Listen     string          `yaml:"listen" doc:"HOST:PORT for clients (gRPC, TLS and plaintext on one port); empty: 127.0.0.1:8081, or a free port when that is taken"`
	HTTP       string          `yaml:"http" doc:"HOST:PORT for the API, health and metrics; empty: 127.0.0.1:8090, or a free port when that is taken"`
	Advertise  []string        `yaml:"advertise" doc:"HOST:PORT of every proxy that clients may be sent to; empty: wherever the client asked"`
	TLS        TLSConfig       `yaml:"tls"`
	Proxy      ProxyProtocol   `yaml:"proxy_protocol"`
	Engine     EngineConfig    `yaml:"engine"`
	Store      database.Config `yaml:"store"`
	SealKeys   string          `yaml:"seal_keys" doc:"file of the keys that seal receipts; empty: seal.keys in the data directory"`
	Unsigned   bool            `yaml:"unsigned_loopback" doc:"let callers without a signature in from the loopback interface; false behind a reverse proxy on this machine"`
	Token      string          `yaml:"token" secret:"true" doc:"bearer token of the HTTP API; required when http is not on the loopback interface"`
	OIDC       oidc.Config     `yaml:"oidc"`
	LogLevel   string          `yaml:"log_level" doc:"debug, info, warn or error"`
	Demo       bool            `yaml:"demo" doc:"at the first start on an empty data directory, make the tenants shop and payments with topics, groups and messages to look at"`
	Lean       bool            `yaml:"lean" doc:"carry client connections over Causeway's own transport; false: over grpc-go's, with the same services and limits, for more CPU"`
	Pprof      bool            `yaml:"pprof" doc:"serve /debug/pprof on the HTTP address"`
	TraceBytes int64           `yaml:"trace_bytes" doc:"memory in which is remembered what happened to each message, for traces, in bytes: 4194304 at least; 0: nothing is remembered"`
	// Production refuses what is fit for trying out alone.
	Production bool     `yaml:"production" doc:"refuse to start with what is fit for trying out alone: callers without a signature, an API without a token"`
	Drain      Duration `yaml:"drain" doc:"longest time that a stop waits for calls under way"`
}

// TLSConfig names the certificate of the gRPC port. Both empty: a self-signed one is made in the data directory, since most
// official clients speak TLS by default and trust any certificate.
type TLSConfig struct {
	Cert string `yaml:"cert" doc:"PEM file of the certificate chain"`
	Key  string `yaml:"key" doc:"PEM file of the private key"`
}

// files are those of the certificate: configured ones, or of one that is made in dir.
func (c TLSConfig) files(dir string, now time.Time) (cert, key string, err error) {
	if c.Cert != "" {
		return c.Cert, c.Key, nil
	}
	return selfsigned.Certificate(dir, now)
}

// ProxyProtocol says whose PROXY protocol headers are believed.
type ProxyProtocol struct {
	From []string `yaml:"from" doc:"address ranges of the load balancers, for example 10.0.0.0/8"`
}

// ranges are From as the door takes it; the configuration is valid.
func (p ProxyProtocol) ranges() []netip.Prefix {
	var all []netip.Prefix
	for _, r := range p.From {
		all = append(all, netip.MustParsePrefix(r))
	}
	return all
}

// problems of the ranges, under the key of the configuration that holds them.
func (p ProxyProtocol) problems() (ps []problem) {
	for i, r := range p.From {
		if _, err := netip.ParsePrefix(r); err != nil {
			ps = append(ps, problem{fmt.Sprintf("proxy_protocol.from[%d]", i), fmt.Sprintf("%q is no address range such as 10.0.0.0/8", r)})
		}
	}
	return ps
}

// EngineConfig shapes the embedded engine.
type EngineConfig struct {
	SegmentBytes int64    `yaml:"segment_bytes" doc:"size of one log segment"`
	MaxBytes     int64    `yaml:"max_bytes" doc:"disk that the log may use; 0: as much as the volume gives"`
	Retention    Duration `yaml:"retention" doc:"age after which a message may go, unless its topic says otherwise"`
}

// Duration is a time.Duration that reads and writes itself as text, for example "72h".
type Duration time.Duration

// UnmarshalText reads "72h" or "1m30s"; a bare number has no unit and is refused.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return errors.New(`a duration with its unit is needed, for example "72h" or "1m30s"`)
	}
	*d = Duration(v)
	return nil
}

// MarshalText writes what UnmarshalText reads.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// Addresses of `causeway up` where none is chosen. One that is taken is replaced by a free port of the same host; an address that
// somebody chose is an error when it is taken.
const (
	DefaultListen = "127.0.0.1:8081"
	DefaultHTTP   = "127.0.0.1:8090"
)

// DefaultConfig is what `causeway up` runs with when nothing is said.
func DefaultConfig() Config {
	return Config{
		Data:     "data",
		Engine:   EngineConfig{SegmentBytes: 128 << 20, Retention: Duration(72 * time.Hour)},
		Unsigned: true,
		OIDC:     oidc.Default(),
		LogLevel: "info", Lean: true,
		Drain: Duration(20 * time.Second),

		TraceBytes: trail.DefaultBytes,
	}
}

// traceProblem judges trace_bytes.
func traceProblem(bytes int64) []problem {
	if bytes == 0 || bytes >= trail.MinBytes && bytes <= maxTraceBytes {
		return nil
	}
	return []problem{{"trace_bytes", fmt.Sprintf("%d: from %d to %d bytes, or 0 to remember nothing", bytes, trail.MinBytes, int64(maxTraceBytes))}}
}

// maxTraceBytes bounds what a typing error takes of a machine's memory.
const maxTraceBytes = 16 << 30

// LoadConfig reads a file over the defaults. The error names every problem with its line; nothing is half taken.
func LoadConfig(path string) (Config, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("config: %w", err)
	}
	c := DefaultConfig()
	doc, err := strictyaml.Decode(raw, &c)
	var rules []strictyaml.Problem
	for _, p := range c.problems() {
		rules = append(rules, doc.Problem(p.key, "%s", p.rule))
	}
	if err := doc.Together(err, rules...); err != nil {
		return Config{}, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// Validate checks values that came from flags. The error names all that is wrong.
func (c Config) Validate() error {
	var errs []error
	for _, p := range c.problems() {
		errs = append(errs, fmt.Errorf("%s: %s", p.key, p.rule))
	}
	return errors.Join(errs...)
}

type problem struct{ key, rule string }

func (c Config) problems() []problem {
	var ps []problem
	bad := func(key, format string, args ...any) { ps = append(ps, problem{key, fmt.Sprintf(format, args...)}) }
	if c.Data == "" {
		bad("data", "a directory is needed")
	}
	good := true
	for _, one := range []struct{ key, addr string }{{"listen", c.Listen}, {"http", c.HTTP}} {
		if one.addr == "" {
			continue
		}
		if err := checkAddress(one.addr, 0); err != nil {
			bad(one.key, "%v", err)
			good = false
		}
	}
	if good && c.Listen == c.HTTP && c.Listen != "" && !strings.HasSuffix(c.Listen, ":0") {
		bad("http", "is the same address as listen: %s", c.HTTP)
	}
	for i, addr := range c.Advertise {
		if err := checkAddress(addr, 1); err != nil {
			bad(fmt.Sprintf("advertise[%d]", i), "%v", err)
		}
	}
	ps = append(ps, c.Proxy.problems()...)
	ps = append(ps, traceProblem(c.TraceBytes)...)
	if c.Engine.SegmentBytes < 16<<20 || c.Engine.SegmentBytes > 1<<30 {
		bad("engine.segment_bytes", "from %d to %d", 16<<20, 1<<30)
	}
	if segments := c.Engine.SegmentBytes; segments >= 16<<20 && segments <= 1<<30 && c.Engine.MaxBytes != 0 && c.Engine.MaxBytes < 4*c.Engine.SegmentBytes {
		bad("engine.max_bytes", "0, or at least four segments (%d)", 4*c.Engine.SegmentBytes)
	}
	if c.Engine.Retention < Duration(time.Minute) {
		bad("engine.retention", "at least 1m")
	}
	if _, err := obs.ParseLevel(c.LogLevel); err != nil {
		bad("log_level", "%v", err)
	}
	if c.Drain < 0 || c.Drain > Duration(10*time.Minute) {
		bad("drain", "from 0s to 10m")
	}
	c.Store.Check(bad)
	c.OIDC.Check(bad)
	ps = append(ps, c.fileProblems()...)
	ps = append(ps, tokenProblems(c.Token, c.HTTP, c.Production)...)
	return append(ps, c.productionProblems()...)
}

// fileProblems looks at the files that the configuration names, as the start will.
func (c Config) fileProblems() []problem {
	var ps []problem
	bad := func(key, format string, args ...any) { ps = append(ps, problem{key, fmt.Sprintf(format, args...)}) }
	if info, err := os.Stat(c.Data); c.Data != "" && err == nil && !info.IsDir() {
		bad("data", "%s is not a directory", c.Data)
	}
	ps = append(ps, c.TLS.problems()...)
	return append(ps, sealKeyProblems(c.SealKeys)...)
}

// problems looks at the files, as the start will.
func (c TLSConfig) problems() []problem {
	var ps []problem
	bad := func(key, format string, args ...any) { ps = append(ps, problem{key, fmt.Sprintf(format, args...)}) }
	readable := true
	for _, one := range []struct{ key, path string }{{"tls.cert", c.Cert}, {"tls.key", c.Key}} {
		if one.path == "" {
			continue
		}
		if _, err := os.ReadFile(one.path); err != nil {
			bad(one.key, "%v", err)
			readable = false
		}
	}
	switch {
	case (c.Cert == "") != (c.Key == ""):
		bad("tls", "cert and key go together; only one is given")
	case c.Cert != "" && readable:
		pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
		if err != nil {
			bad("tls", "%s with %s: %v", c.Cert, c.Key, err)
			break
		}
		ps = append(ps, lifeProblems("tls.cert", c.Cert, pair.Leaf, clock.System().Now())...)
		ps = append(ps, keyProblems("tls.key", c.Key)...)
	}
	return ps
}

// sealKeyProblems looks at a key file. One that is missing is made at the start.
func sealKeyProblems(path string) []problem {
	if path == "" {
		return nil
	}
	if _, err := seal.LoadFile(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return []problem{{"seal_keys", err.Error()}}
	} else if _, err := os.Stat(filepath.Dir(path)); err != nil {
		return []problem{{"seal_keys", err.Error()}}
	}
	return nil
}

// checkPeer checks HOST:PORT or HOST:PORT=ROLE.
func checkPeer(told string) error {
	addr, word, _ := strings.Cut(told, "=")
	if _, err := mq.ParseRole(word); err != nil {
		return err
	}
	return checkAddress(addr, 1)
}

func checkAddress(addr string, lowest int) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("%q is not HOST:PORT", addr)
	}
	n, err := strconv.Atoi(port)
	if err != nil || n < lowest || n > 65535 {
		return fmt.Errorf("port %q: from %d to 65535", port, lowest)
	}
	if lowest > 0 && host == "" {
		return fmt.Errorf("%q names no host that clients could dial", addr)
	}
	return nil
}

func onLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return true // reported as such
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}
