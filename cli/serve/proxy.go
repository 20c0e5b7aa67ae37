// SPDX-License-Identifier: Apache-2.0

package serve

import (
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/causeway-mq/causeway/app"
	"github.com/causeway-mq/causeway/app/configfile"
	"github.com/causeway-mq/causeway/app/rmqproxy"
)

// proxyFlags are the words of `causeway proxy` that do not stand in the configuration as they are said.
type proxyFlags struct {
	file, engine, nameServers, cluster string
}

// Proxy is `causeway proxy`.
func Proxy(w World) *cobra.Command {
	var flags proxyFlags
	given := app.DefaultProxyConfig()
	cmd := &cobra.Command{
		Use: "proxy", Short: "Run a proxy before RocketMQ clusters",
		Long: `Run a stateless proxy before RocketMQ 5 clusters, until Ctrl-C or SIGTERM.

Without --catalog its catalog is what the one cluster has: topics and groups under their own names. Any number of proxies may stand before one cluster,
beside Apache's own; clients go from one to the other by changing an address.

With --catalog a file says which tenants there are, who may what, and on which cluster each topic is; several clusters stand in the configuration file.

With --control a control plane says it (causeway control). The proxy keeps what it said on disk, and goes on, and starts, while the control plane is away.
"causeway config print --for proxy" shows every key of that, with --for catalog those of a catalog.

Look at a running one with "causeway doctor --server http://HOST:8091", its HTTP port. The first Ctrl-C or SIGTERM lets it linger and finish the calls under way, a
second one ends the lingering, a third one everything.`,
		Example: `  causeway proxy --namesrv "10.0.0.1:9876;10.0.0.2:9876"
  causeway proxy --config proxy.yaml --catalog catalog.yaml
  causeway proxy --control https://control-1:8090,https://control-2:8090 --control-token token --namesrv "10.0.0.1:9876"`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, report, err := w.proxyConfig(cmd, flags, given)
			if err != nil {
				return err
			}
			log, err := w.logger(config.LogLevel)
			if err != nil {
				return err
			}
			return app.Proxy(cmd.Context(), app.ProxyOptions{Config: config, Report: report, Out: w.Out, Log: log})
		},
	}
	f := cmd.Flags()
	f.StringVar(&flags.file, "config", "", "YAML file, or Apache's rmq-proxy.json; flags override it")
	f.StringVar(&flags.engine, "engine", "rocketmq", "what is behind the proxy: rocketmq")
	f.StringVar(&flags.nameServers, "namesrv", "", "HOST:PORT of the name servers, joined by ';'")
	f.StringVar(&flags.cluster, "cluster", app.DefaultClusterName, "the cluster's name: the brokers' brokerClusterName")
	f.StringVar(&given.Catalog, "catalog", "", "file of tenants, applications, topics and groups, watched (default: what the one cluster has)")
	f.StringSliceVar(&given.Control.URLs, "control", nil, "URL of each control plane to follow; its token is CAUSEWAY_PROXY_TOKEN, or in a file")
	f.StringVar(&given.Control.TokenFile, "control-token", "", "file that holds the token for the control plane")
	f.StringVar(&given.Control.CA, "control-ca", "", "PEM file that vouches for the control plane's certificate")
	f.StringVar(&given.Control.Cache, "control-cache", given.Control.Cache, "file that keeps the control plane's catalog, for starts without it; each proxy its own")
	f.StringVar(&given.Listen, "listen", given.Listen, "HOST:PORT for clients, TLS and plaintext")
	f.StringVar(&given.HTTP, "http", "", "HOST:PORT for health, metrics and the listing of clients (default: "+app.DefaultProxyHTTP+", or a free port)")
	f.StringVar(&given.Role, "role", given.Role, "produce, consume or both")
	f.StringSliceVar(&given.Advertise, "advertise", nil, "HOST:PORT[=ROLE] of every proxy that clients may be sent to (default: where the client asked)")
	f.BoolVar(&given.Authentication, "authentication", false, "let in only who signs as a user of the cluster (ACL 2.0)")
	f.BoolVar(&given.Authorization, "authorization", false, "hold users to the cluster's rules; goes with --authentication")
	f.StringVar(&given.TLS.Cert, "tls-cert", "", "PEM file of the certificate chain (default: self-signed)")
	f.StringVar(&given.TLS.Key, "tls-key", "", "PEM file of the private key")
	f.StringVar(&given.SealKeys, "seal-keys", "", "file of the keys that seal receipts, the same at every proxy")
	f.StringVar(&given.LogLevel, "log-level", given.LogLevel, "debug, info, warn or error")
	f.Var((*span)(&given.Linger), "linger", "how long a proxy that was told to stop still serves, out of routes and not ready; 35s for a restart that no client notices")
	f.BoolVar(&given.Lean, "lean", given.Lean, "carry client connections over Causeway's own transport; --lean=false: over grpc-go's")
	f.BoolVar(&given.Pprof, "pprof", false, "serve /debug/pprof on the HTTP address")
	return cmd
}

// proxyConfig lays the flags that were given over the file, and the file over the defaults.
func (w World) proxyConfig(cmd *cobra.Command, flags proxyFlags, given app.ProxyConfig) (config app.ProxyConfig, report []rmqproxy.Finding, err error) {
	config = app.DefaultProxyConfig()
	if flags.file != "" {
		if config, report, err = app.LoadProxyConfig(flags.file); err != nil && !config.FromFile() {
			return config, nil, app.ConfigError{Err: err} // otherwise Validate says all that is wrong, once flags had their word
		}
		if err := w.closed(configfile.Proxy, flags.file); err != nil {
			return config, nil, err
		}
	}
	if flags.engine != "rocketmq" {
		return config, nil, usage("proxy: --engine %q: rocketmq is possible; the embedded engine is served by causeway up", flags.engine)
	}
	if config.Clusters, err = oneCluster(cmd, config.Clusters, naming{flags.file, flags.nameServers, flags.cluster}); err != nil {
		return config, nil, err
	}
	if cmd.Flags().Changed("cluster") {
		config.Flagged("clusters[0].name")
	}
	if cmd.Flags().Changed("namesrv") {
		config.Flagged("clusters[0].namesrv")
	}
	overlay(cmd, map[string]func(){
		"catalog":        func() { config.Catalog = given.Catalog },
		"control":        func() { config.Control.URLs = given.Control.URLs },
		"control-ca":     func() { config.Control.CA = given.Control.CA },
		"control-cache":  func() { config.Control.Cache = given.Control.Cache },
		"control-token":  func() { config.Control.TokenFile = given.Control.TokenFile },
		"listen":         func() { config.Listen = given.Listen },
		"http":           func() { config.HTTP = given.HTTP },
		"role":           func() { config.Role = given.Role },
		"advertise":      func() { config.Advertise = given.Advertise },
		"authentication": func() { config.Authentication = given.Authentication },
		"authorization":  func() { config.Authorization = given.Authorization },
		"tls-cert":       func() { config.TLS.Cert = given.TLS.Cert },
		"tls-key":        func() { config.TLS.Key = given.TLS.Key },
		"seal-keys":      func() { config.SealKeys = given.SealKeys },
		"log-level":      func() { config.LogLevel = given.LogLevel },
		"lean":           func() { config.Lean = given.Lean },
		"linger":         func() { config.Linger = given.Linger },
		"pprof":          func() { config.Pprof = given.Pprof },
	})
	cmd.Flags().Visit(func(f *pflag.Flag) {
		config.Flagged(strings.NewReplacer("control-cache", "control.cache", "control-ca", "control.ca", "control-token", "control.token_file", "control", "control.urls", "tls-", "tls.", "-", "_").Replace(f.Name))
	})
	config.Token = w.token(config.Token)
	if t := w.Getenv(proxyTokenVariable); t != "" && config.Control.TokenFile == "" && len(config.Control.URLs) > 0 {
		config.Control.Token = t
	}
	if err := config.Validate(); err != nil {
		return config, nil, app.ConfigError{Err: err}
	}
	return config, report, nil
}

// span is a flag that takes a duration.
type span app.Duration

// String is the duration; "" is what the help takes for none.
func (s *span) String() string {
	if *s == 0 {
		return ""
	}
	return time.Duration(*s).String()
}

// Set reads it from the command line.
func (s *span) Set(text string) error { return (*app.Duration)(s).UnmarshalText([]byte(text)) }

// Type is what the help calls it.
func (s *span) Type() string { return "duration" }

// addresses splits a list as RocketMQ writes it, or as others do.
func addresses(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ';' || r == ',' || r == ' ' })
}
