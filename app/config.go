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
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/causeway-mq/causeway/internal/obs"
	"github.com/causeway-mq/causeway/internal/strictyaml"
	"github.com/causeway-mq/causeway/proxy/seal"
)

// Config is the configuration of `causeway up`. Flags override the file, the file overrides the defaults.
type Config struct {
	Data      string       `yaml:"data" doc:"directory that holds everything: messages, catalog, keys"`
	Listen    string       `yaml:"listen" doc:"HOST:PORT for clients (gRPC, TLS and plaintext on one port); empty: 127.0.0.1:8081, or a free port when that is taken"`
	HTTP      string       `yaml:"http" doc:"HOST:PORT for the API, health and metrics; empty: 127.0.0.1:8090, or a free port when that is taken"`
	Advertise []string     `yaml:"advertise" doc:"HOST:PORT of every proxy that clients may be sent to; empty: wherever the client asked"`
	TLS       TLSConfig    `yaml:"tls"`
	Proxy     ProxyConfig  `yaml:"proxy_protocol"`
	Engine    EngineConfig `yaml:"engine"`
	SealKeys  string       `yaml:"seal_keys" doc:"file of the keys that seal receipts; empty: seal.keys in the data directory"`
	Unsigned  bool         `yaml:"unsigned_loopback" doc:"let callers without a signature in from the loopback interface; false behind a reverse proxy on this machine"`
	Token     string       `yaml:"token" secret:"true" doc:"bearer token of the HTTP API; required when http is not on the loopback interface"`
	LogLevel  string       `yaml:"log_level" doc:"debug, info, warn or error"`
	Pprof     bool         `yaml:"pprof" doc:"serve /debug/pprof on the HTTP address"`
	Drain     Duration     `yaml:"drain" doc:"longest time that a stop waits for calls under way"`
}

// TLSConfig names the certificate of the gRPC port. Both empty: a self-signed one is made in the data directory, since most
// official clients speak TLS by default and trust any certificate.
type TLSConfig struct {
	Cert string `yaml:"cert" doc:"PEM file of the certificate chain"`
	Key  string `yaml:"key" doc:"PEM file of the private key"`
}

// ProxyConfig says whose PROXY protocol headers are believed.
type ProxyConfig struct {
	From []string `yaml:"from" doc:"address ranges of the load balancers, for example 10.0.0.0/8"`
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
		LogLevel: "info",
		Drain:    Duration(20 * time.Second),
	}
}

// LoadConfig reads a file over the defaults. The error names every problem with its line; nothing is half taken.
func LoadConfig(path string) (Config, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("config: %w", err)
	}
	c := DefaultConfig()
	doc, err := strictyaml.Decode(raw, &c)
	var problems strictyaml.Problems
	if err != nil && !errors.As(err, &problems) {
		return Config{}, fmt.Errorf("%s: %w", path, err)
	}
	unread := map[string]bool{}
	for _, p := range problems {
		unread[p.Key] = true
	}
	for _, p := range c.problems() {
		if !unread[p.key] { // of what could not be read a rule would speak nonsense
			problems = append(problems, doc.Problem(p.key, "%s", p.rule))
		}
	}
	slices.SortStableFunc(problems, byLine)
	if err := problems.Err(); err != nil {
		return Config{}, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// byLine puts what stands nowhere in the file behind the rest.
func byLine(a, b strictyaml.Problem) int {
	if a.Line == 0 || b.Line == 0 {
		return b.Line - a.Line
	}
	return a.Line - b.Line
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
	for i, r := range c.Proxy.From {
		if _, err := netip.ParsePrefix(r); err != nil {
			bad(fmt.Sprintf("proxy_protocol.from[%d]", i), "%q is no address range such as 10.0.0.0/8", r)
		}
	}
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
	ps = append(ps, c.fileProblems()...)
	if c.Token == "" && c.HTTP != "" && !onLoopback(c.HTTP) {
		bad("token", "required because http (%s) is not on the loopback interface", c.HTTP)
	}
	return ps
}

// fileProblems looks at the files that the configuration names, as the start will.
func (c Config) fileProblems() []problem {
	var ps []problem
	bad := func(key, format string, args ...any) { ps = append(ps, problem{key, fmt.Sprintf(format, args...)}) }
	if info, err := os.Stat(c.Data); c.Data != "" && err == nil && !info.IsDir() {
		bad("data", "%s is not a directory", c.Data)
	}
	readable := true
	for _, one := range []struct{ key, path string }{{"tls.cert", c.TLS.Cert}, {"tls.key", c.TLS.Key}} {
		if one.path == "" {
			continue
		}
		if _, err := os.ReadFile(one.path); err != nil {
			bad(one.key, "%v", err)
			readable = false
		}
	}
	switch {
	case (c.TLS.Cert == "") != (c.TLS.Key == ""):
		bad("tls", "cert and key go together; only one is given")
	case c.TLS.Cert != "" && readable:
		if _, err := tls.LoadX509KeyPair(c.TLS.Cert, c.TLS.Key); err != nil {
			bad("tls", "%s with %s: %v", c.TLS.Cert, c.TLS.Key, err)
		}
	}
	if c.SealKeys == "" {
		return ps
	}
	// A file that is missing is made at the start.
	if _, err := seal.LoadFile(c.SealKeys); err != nil && !errors.Is(err, fs.ErrNotExist) {
		bad("seal_keys", "%v", err)
	} else if _, err := os.Stat(filepath.Dir(c.SealKeys)); err != nil {
		bad("seal_keys", "%v", err)
	}
	return ps
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
