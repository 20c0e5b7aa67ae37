// SPDX-License-Identifier: Apache-2.0

package app

import (
	"fmt"
	"os"
	"slices"

	"github.com/causeway-mq/causeway/app/database"
	"github.com/causeway-mq/causeway/control/feed"
	"github.com/causeway-mq/causeway/control/identity/oidc"
	"github.com/causeway-mq/causeway/internal/obs"
	"github.com/causeway-mq/causeway/internal/strictyaml"
)

// ControlConfig is the configuration of `causeway control`. Flags override the file, the file overrides the defaults.
type ControlConfig struct {
	Data     string          `yaml:"data" doc:"directory that holds the database"`
	Store    database.Config `yaml:"store"`
	HTTP     string          `yaml:"http" doc:"HOST:PORT for the API, the feed of proxies, health and metrics; empty: 127.0.0.1:8090, or a free port when that is taken"`
	Clusters []ClusterConfig `yaml:"clusters" doc:"the message clusters that topics and groups are made on; the first is the one for what names none. access_key is a super user where brokers check who calls: every tenant gets a user of its own there"`
	TLS      TLSConfig       `yaml:"tls"`
	Token    string          `yaml:"token" secret:"true" doc:"bearer token of the API; required when http is not on the loopback interface"`
	OIDC     oidc.Config     `yaml:"oidc"`
	// ProxyTokens open the feed and nothing else.
	ProxyTokens []string `yaml:"proxy_tokens" secret:"true" doc:"tokens with which proxies read the feed, secrets of applications included; two while one is exchanged for the other"`
	// Production refuses what is fit for trying out alone.
	Production bool   `yaml:"production" doc:"refuse to start with what is fit for trying out alone: an API without a token, a cluster without ACL; and give no first catalog to a proxy that signs at the brokers as this control plane does"`
	LogLevel   string `yaml:"log_level" doc:"debug, info, warn or error"`
	Pprof      bool   `yaml:"pprof" doc:"serve /debug/pprof on the HTTP address"`

	from *origin // the file that it was read from, nil without one
}

// DefaultControlConfig is what `causeway control` runs with when nothing is said. It names no cluster.
func DefaultControlConfig() ControlConfig {
	return ControlConfig{Data: "data", OIDC: oidc.Default(), LogLevel: "info"}
}

// LoadControlConfig reads a file over the defaults. The error names every problem of reading; the configuration is then half filled, good for Validate alone,
// which says what else is wrong. Whether the whole makes sense is for Validate to say, once flags and the environment had their word.
func LoadControlConfig(path string) (ControlConfig, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return ControlConfig{}, fmt.Errorf("config: %w", err)
	}
	c := DefaultControlConfig()
	c.from = &origin{path: path, flagged: map[string]bool{}}
	if c.from.doc, err = strictyaml.Decode(raw, &c); err != nil {
		c.from.unread = err
		err = fmt.Errorf("%s: %w", path, err)
	}
	return c, err
}

// FromFile tells whether there was a file to read, well or not.
func (c *ControlConfig) FromFile() bool { return c.from != nil }

// Flagged notes that the command line, or the environment, said these keys otherwise than the file: what is wrong with them stands nowhere in it.
func (c *ControlConfig) Flagged(keys ...string) {
	if c.from == nil {
		return
	}
	for _, k := range keys {
		c.from.flagged[k] = true
	}
}

// Validate checks all values. The error names all that is wrong, also what LoadControlConfig could not read, with its line in the file.
func (c ControlConfig) Validate() error {
	if c.from == nil {
		return plain(nil, c.problems())
	}
	if err := c.from.ours(c.problems()); err != nil {
		return fmt.Errorf("%s: %w", c.from.path, err)
	}
	return nil
}

func (c ControlConfig) problems() []problem {
	var ps []problem
	bad := func(key, format string, args ...any) { ps = append(ps, problem{key, fmt.Sprintf(format, args...)}) }
	if c.Data == "" {
		bad("data", "a directory is needed")
	} else if info, err := os.Stat(c.Data); err == nil && !info.IsDir() {
		bad("data", "%s is not a directory", c.Data)
	}
	if c.HTTP != "" {
		if err := checkAddress(c.HTTP, 0); err != nil {
			bad("http", "%v", err)
		}
	}
	c.Store.Check(bad)
	c.OIDC.Check(bad)
	open := c.HTTP != "" && !onLoopback(c.HTTP)
	ps = append(ps, tokenProblems(c.Token, c.HTTP, c.Production)...)
	if c.Production {
		ps = append(ps, openClusters(c.Clusters)...)
	}
	if c.TLS.Cert == "" && open {
		bad("tls", "required because http (%s) is not on the loopback interface: the feed carries the secrets of applications", c.HTTP)
	}
	ps = append(ps, c.TLS.problems()...)
	for i, t := range c.ProxyTokens {
		key := fmt.Sprintf("proxy_tokens[%d]", i)
		switch {
		case len(t) < feed.MinToken:
			bad(key, "at least %d characters", feed.MinToken)
		case t == c.Token:
			bad(key, "is the API's token: whoever holds a proxy could change everything")
		case slices.Contains(c.ProxyTokens[:i], t):
			bad(key, "is there twice")
		}
	}
	if len(c.ProxyTokens) == 0 {
		bad("proxy_tokens", "a token for proxies is needed: CAUSEWAY_PROXY_TOKEN, or proxy_tokens in the configuration file")
	}
	if len(c.Clusters) == 0 {
		bad("clusters", "none is named: clusters in the configuration file, or --namesrv HOST:PORT")
	}
	ps = append(ps, clusterProblems(c.Clusters)...)
	if _, err := obs.ParseLevel(c.LogLevel); err != nil {
		bad("log_level", "%v", err)
	}
	return ps
}
