// SPDX-License-Identifier: Apache-2.0

package serve

import (
	"github.com/spf13/cobra"

	"github.com/causeway-mq/causeway/app"
	"github.com/causeway-mq/causeway/app/configfile"
)

// Up is `causeway up`.
func Up(w World) *cobra.Command {
	var file string
	given := app.DefaultConfig()
	cmd := &cobra.Command{
		Use: "up", Short: "Run the whole platform in this process",
		Example: "  causeway up\n  causeway up --data /var/lib/causeway --listen 0.0.0.0:8081 --advertise mq.example.com:8081",
		Long: `Run the whole platform in this process: engine, proxy and control plane, until Ctrl-C or SIGTERM.

Everything is kept in the data directory; the next start goes on where this one stopped. A default port that is taken is replaced by
a free one, a port that you name is not.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := w.upConfig(cmd, file, given)
			if err != nil {
				return err
			}
			log, err := w.logger(config.LogLevel)
			if err != nil {
				return err
			}
			return app.Up(cmd.Context(), app.UpOptions{Config: config, Out: w.Out, Log: log, StoreKeys: w.Getenv("CAUSEWAY_SEAL_KEY")})
		},
	}
	f := cmd.Flags()
	f.StringVar(&file, "config", "", "YAML file; flags override it")
	f.StringVar(&given.Data, "data", given.Data, "directory that holds everything")
	f.StringVar(&given.Listen, "listen", given.Listen, "HOST:PORT for clients, TLS and plaintext (default: "+app.DefaultListen+", or a free port)")
	f.StringVar(&given.HTTP, "http", given.HTTP, "HOST:PORT for the API, health and metrics (default: "+app.DefaultHTTP+", or a free port)")
	f.StringSliceVar(&given.Advertise, "advertise", nil, "HOST:PORT of every proxy that clients may be sent to (default: where the client asked)")
	f.StringVar(&given.TLS.Cert, "tls-cert", "", "PEM file of the certificate chain")
	f.StringVar(&given.TLS.Key, "tls-key", "", "PEM file of the private key")
	f.StringVar(&given.SealKeys, "seal-keys", "", "file of the keys that seal receipts (default: in the data directory)")
	f.StringVar(&given.Store.Postgres.URL, "store", "", "postgres://USER@HOST/DATABASE that keeps tenants, topics and groups (default: a database in the data directory)")
	f.StringVar(&given.Store.Keys, "store-keys", "", "file of the keys that seal secrets in the store (default: CAUSEWAY_SEAL_KEY, or beside the database)")
	f.StringVar(&given.LogLevel, "log-level", given.LogLevel, "debug, info, warn or error")
	f.BoolVar(&given.Lean, "lean", given.Lean, "carry client connections over Causeway's own transport; --lean=false: over grpc-go's")
	f.BoolVar(&given.Demo, "demo", false, "on an empty data directory, make the tenants shop and payments with messages to look at")
	f.BoolVar(&given.Pprof, "pprof", false, "serve /debug/pprof on the HTTP address")
	return cmd
}

// upConfig lays the flags that were given over the file, and the file over the defaults.
func (w World) upConfig(cmd *cobra.Command, file string, given app.Config) (app.Config, error) {
	config := app.DefaultConfig()
	if file != "" {
		var err error
		if config, err = app.LoadConfig(file); err != nil {
			return config, app.ConfigError{Err: err}
		}
		if err := w.closed(configfile.Up, file); err != nil {
			return config, err
		}
	}
	overlay(cmd, map[string]func(){
		"data":       func() { config.Data = given.Data },
		"listen":     func() { config.Listen = given.Listen },
		"http":       func() { config.HTTP = given.HTTP },
		"advertise":  func() { config.Advertise = given.Advertise },
		"tls-cert":   func() { config.TLS.Cert = given.TLS.Cert },
		"tls-key":    func() { config.TLS.Key = given.TLS.Key },
		"seal-keys":  func() { config.SealKeys = given.SealKeys },
		"store":      func() { config.Store.Postgres.URL = given.Store.Postgres.URL },
		"store-keys": func() { config.Store.Keys = given.Store.Keys },
		"log-level":  func() { config.LogLevel = given.LogLevel },
		"lean":       func() { config.Lean = given.Lean },
		"demo":       func() { config.Demo = given.Demo },
		"pprof":      func() { config.Pprof = given.Pprof },
	})
	config.Token = w.token(config.Token)
	config.OIDC.ClientSecret = w.oidcSecret(config.OIDC.ClientSecret)
	if err := config.Validate(); err != nil {
		return config, app.ConfigError{Err: err}
	}
	return config, nil
}
