// SPDX-License-Identifier: Apache-2.0

package serve

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/causeway-mq/causeway/app"
	"github.com/causeway-mq/causeway/app/capital"
	"github.com/causeway-mq/causeway/app/configfile"
)

// proxyTokenVariable is the environment's word for the token of proxies, at both ends.
const proxyTokenVariable = "CAUSEWAY_PROXY_TOKEN"

// Control is `causeway control`.
func Control(w World) *cobra.Command {
	var file, nameServers, cluster string
	given := app.DefaultControlConfig()
	cmd := &cobra.Command{
		Use: "control", Short: "Run a control plane that proxies follow",
		Long: `Run a control plane without a proxy, until Ctrl-C or SIGTERM: the API for tenants, applications, topics and groups, which are made on the
message cluster, and the feed from which proxies learn of them (causeway proxy --control URL).

Proxies keep what they learned and go on while the control plane is away. They show a token that opens the feed and nothing else: CAUSEWAY_PROXY_TOKEN,
or proxy_tokens in the configuration file. Everything is kept in the data directory, or with --store in a PostgreSQL database, over which several control planes
may run: they follow each other within a second, and what one was at work on when it died another finishes.`,
		Example: `  causeway control --namesrv "10.0.0.1:9876;10.0.0.2:9876"
  causeway control --config control.yaml`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config := app.DefaultControlConfig()
			if file != "" {
				var err error
				if config, err = app.LoadControlConfig(file); err != nil && !config.FromFile() {
					return app.ConfigError{Err: err} // otherwise Validate says all that is wrong, once flags had their word
				}
				if err := w.closed(configfile.Control, file); err != nil {
					return err
				}
			}
			overlay(cmd, map[string]func(){
				"data":       func() { config.Data = given.Data },
				"store":      func() { config.Store.Postgres.URL = given.Store.Postgres.URL },
				"store-keys": func() { config.Store.Keys = given.Store.Keys },
				"http":       func() { config.HTTP = given.HTTP },
				"tls-cert":   func() { config.TLS.Cert = given.TLS.Cert },
				"tls-key":    func() { config.TLS.Key = given.TLS.Key },
				"log-level":  func() { config.LogLevel = given.LogLevel },
				"pprof":      func() { config.Pprof = given.Pprof },
			})
			var err error
			if config.Clusters, err = oneCluster(cmd, config.Clusters, naming{file, nameServers, cluster}); err != nil {
				return err
			}
			cmd.Flags().Visit(func(f *pflag.Flag) {
				config.Flagged(strings.NewReplacer("store-keys", "store.keys", "store", "store.postgres.url", "tls-", "tls.", "namesrv", "clusters[0].namesrv", "cluster", "clusters[0].name", "-", "_").Replace(f.Name))
			})
			config.Token = w.token(config.Token)
			config.OIDC.ClientSecret = w.oidcSecret(config.OIDC.ClientSecret)
			if t := w.Getenv(proxyTokenVariable); t != "" {
				config.ProxyTokens = []string{t}
				config.Flagged("proxy_tokens")
			}
			if err := config.Validate(); err != nil {
				return app.ConfigError{Err: err}
			}
			log, err := w.logger(config.LogLevel)
			if err != nil {
				return err
			}
			return capital.Run(cmd.Context(), capital.Options{Config: config, Out: w.Out, Log: log, StoreKeys: w.Getenv("CAUSEWAY_SEAL_KEY")})
		},
	}
	f := cmd.Flags()
	f.StringVar(&file, "config", "", "YAML file; flags override it")
	f.StringVar(&given.Data, "data", given.Data, "directory that holds the database")
	f.StringVar(&given.Store.Postgres.URL, "store", "", "postgres://USER@HOST/DATABASE that several control planes may share (default: a database in the data directory)")
	f.StringVar(&given.Store.Keys, "store-keys", "", "file of the keys that seal secrets in the store, the same at every control plane (default: CAUSEWAY_SEAL_KEY, or beside the database)")
	f.StringVar(&given.HTTP, "http", "", "HOST:PORT for the API, the feed, health and metrics (default: "+app.DefaultHTTP+", or a free port)")
	f.StringVar(&nameServers, "namesrv", "", "HOST:PORT of the name servers, joined by ';'")
	f.StringVar(&cluster, "cluster", app.DefaultClusterName, "the cluster's name: the brokers' brokerClusterName")
	f.StringVar(&given.TLS.Cert, "tls-cert", "", "PEM file of the HTTP port's certificate chain")
	f.StringVar(&given.TLS.Key, "tls-key", "", "PEM file of the private key")
	f.StringVar(&given.LogLevel, "log-level", given.LogLevel, "debug, info, warn or error")
	f.BoolVar(&given.Pprof, "pprof", false, "serve /debug/pprof on the HTTP address")
	cmd.AddCommand(forceFeed(w))
	return cmd
}

// forceFeed is `causeway control force`.
func forceFeed(w World) *cobra.Command {
	var file, data, why string
	cmd := &cobra.Command{
		Use: "force", Short: "Make proxies take the catalog as it is, older or smaller than what they have",
		Long: `Make proxies take the control plane's catalog as it is. They refuse one that is older than what they have, as after a restore of the database, and one
without more than half of their tenants, until this is called on the control plane's data directory. The control plane may run meanwhile; proxies follow
within seconds. Who did it, and why, is kept in the audit.

After a restore, look first what was revoked since the backup: it works again.`,
		Example: `  causeway control force --data data --why "restored from the backup of last night; CW4711 revoked anew"`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config := app.DefaultControlConfig()
			if file != "" {
				var err error
				if config, err = app.LoadControlConfig(file); err != nil {
					return app.ConfigError{Err: err}
				}
			}
			if cmd.Flags().Changed("data") {
				config.Data = data
			}
			version, epoch, err := capital.ForceFeed(cmd.Context(), config, why)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(w.Out, "proxies take version %d as it is; it begins epoch %s\n", version, epoch)
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&file, "config", "", "the control plane's YAML file; flags override it")
	f.StringVar(&data, "data", "data", "directory that holds the database")
	f.StringVar(&why, "why", "", "the reason, for the audit")
	if err := cmd.MarkFlagRequired("why"); err != nil {
		panic(err) // the flag stands above
	}
	return cmd
}

// naming is what the command line says of the one cluster.
type naming struct{ file, nameServers, cluster string }

// oneCluster lays the flags of the one cluster over the file.
func oneCluster(cmd *cobra.Command, clusters []app.ClusterConfig, n naming) ([]app.ClusterConfig, error) {
	set := cmd.Flags().Changed
	if !set("namesrv") && !set("cluster") {
		return clusters, nil
	}
	if len(clusters) > 1 {
		return nil, usage("%s: --namesrv and --cluster speak of one cluster, %s names %d", cmd.Name(), n.file, len(clusters))
	}
	if len(clusters) == 0 {
		clusters = []app.ClusterConfig{{Name: n.cluster}}
	}
	if set("cluster") {
		clusters[0].Name = n.cluster
	}
	if set("namesrv") {
		clusters[0].NameServers = addresses(n.nameServers)
	}
	return clusters, nil
}
