// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"github.com/spf13/cobra"

	"github.com/causeway-mq/causeway/cli/call"
	"github.com/causeway-mq/causeway/cli/v2client"
)

// connection is the flags of every command that speaks to the clients' endpoint.
type connection struct{ v2client.Options }

func (c commands) connectionFlags(cmd *cobra.Command) *connection {
	n := &connection{}
	call.EndpointFlag(cmd, &n.Endpoint)
	f := cmd.Flags()
	f.BoolVar(&n.TLS, "tls", false, "speak TLS")
	f.StringVar(&n.CAFile, "tls-ca", "", "PEM file of the authority to trust (default: the system's)")
	f.BoolVar(&n.Unchecked, "tls-insecure", false, "with --tls: take whatever certificate the server shows")
	f.StringVar(&n.AccessKey, "access-key", c.Or("CAUSEWAY_ACCESS_KEY", ""), "sign as this key (CAUSEWAY_ACCESS_KEY)")
	f.StringVar(&n.Secret, "secret", "", "the key's secret; better given as CAUSEWAY_SECRET")
	return n
}

// options completes the flags. The tenant is sent where it was chosen: a key knows its own.
func (c commands) options(cmd *cobra.Command, n *connection) (v2client.Options, error) {
	o := n.Options
	if o.Secret == "" {
		o.Secret = c.Env.Getenv("CAUSEWAY_SECRET")
	}
	if (o.AccessKey == "") != (o.Secret == "") {
		return o, call.Usage("%s: --access-key and --secret go together", cmd.CommandPath())
	}
	if (o.CAFile != "" || o.Unchecked) && !o.TLS {
		return o, call.Usage("%s: --tls-ca and --tls-insecure go with --tls", cmd.CommandPath())
	}
	if o.CAFile != "" && o.Unchecked {
		return o, call.Usage("%s: --tls-ca and --tls-insecure exclude each other: one checks the server, the other does not", cmd.CommandPath())
	}
	if c.TenantChosen() {
		o.Namespace = c.Tenant
	}
	return o, nil
}

// connect makes the client.
func (c commands) connect(cmd *cobra.Command, n *connection) (*v2client.Client, error) {
	o, err := c.options(cmd, n)
	if err != nil {
		return nil, err
	}
	return v2client.New(o)
}
