// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"github.com/spf13/cobra"

	"github.com/causeway-mq/causeway/app"
	"github.com/causeway-mq/causeway/internal/obs"
)

func (c *call) upCommand() *cobra.Command {
	var file string
	given := app.DefaultConfig()
	cmd := &cobra.Command{
		Use: "up", Short: "Run the whole platform in this process", Args: exactly(),
		Long: `Run the whole platform in this process: engine, proxy and control plane, until Ctrl-C or SIGTERM.

Everything is kept in the data directory; the next start goes on where this one stopped. A default port that is taken is replaced by
a free one, a port that you name is not.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := c.upConfig(cmd, file, given)
			if err != nil {
				return err
			}
			level, err := obs.ParseLevel(config.LogLevel)
			if err != nil {
				return app.ConfigError{Err: err}
			}
			return app.Up(cmd.Context(), app.UpOptions{
				Config: config, Out: c.env.Out, Log: obs.NewLogger(c.env.Err, level),
			})
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
	f.StringVar(&given.LogLevel, "log-level", given.LogLevel, "debug, info, warn or error")
	f.BoolVar(&given.Pprof, "pprof", false, "serve /debug/pprof on the HTTP address")
	return cmd
}

// upConfig lays the flags that were given over the file, and the file over the defaults.
func (c *call) upConfig(cmd *cobra.Command, file string, given app.Config) (app.Config, error) {
	config := app.DefaultConfig()
	if file != "" {
		var err error
		if config, err = app.LoadConfig(file); err != nil {
			return config, app.ConfigError{Err: err}
		}
	}
	set := cmd.Flags().Changed
	for flag, take := range map[string]func(){
		"data":      func() { config.Data = given.Data },
		"listen":    func() { config.Listen = given.Listen },
		"http":      func() { config.HTTP = given.HTTP },
		"advertise": func() { config.Advertise = given.Advertise },
		"tls-cert":  func() { config.TLS.Cert = given.TLS.Cert },
		"tls-key":   func() { config.TLS.Key = given.TLS.Key },
		"seal-keys": func() { config.SealKeys = given.SealKeys },
		"log-level": func() { config.LogLevel = given.LogLevel },
		"pprof":     func() { config.Pprof = given.Pprof },
	} {
		if set(flag) {
			take()
		}
	}
	for _, token := range []string{c.env.Getenv("CAUSEWAY_TOKEN"), c.token} { // the flag has the last word
		if token != "" {
			config.Token = token
		}
	}
	if err := config.Validate(); err != nil {
		return config, app.ConfigError{Err: err}
	}
	return config, nil
}
