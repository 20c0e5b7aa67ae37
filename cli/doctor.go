// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/causeway-mq/causeway/app"
	"github.com/causeway-mq/causeway/control/wire"
)

func (c *call) doctorCommand() *cobra.Command {
	var endpoint string
	cmd := &cobra.Command{
		Use: "doctor", Short: "Check the installation, and say how to mend it", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.checkOutput(); err != nil {
				return err
			}
			asked := time.Now()
			d := wire.Doctor{Time: asked}
			failed := c.ask(cmd.Context(), http.MethodGet, "/v1/doctor", nil, &d)
			d.Findings = append([]wire.Finding{c.apiFinding(failed)}, d.Findings...)
			if failed == nil {
				d.Findings = append(d.Findings, clockFinding(d.Time, asked, time.Now()))
			}
			d.Findings = append(d.Findings, endpointFindings(cmd.Context(), endpoint)...)
			err := c.show(d, func() table {
				t := table{paint: c.mark}
				for _, f := range d.Findings {
					t.add(f.Status, f.Name, f.Detail)
					if f.Fix != "" {
						t.add("", "", "-> "+f.Fix)
					}
				}
				return t
			})
			if err != nil {
				return err
			}
			if failed != nil {
				return failed
			}
			for _, f := range d.Findings {
				if f.Status == "fail" {
					return &failure{ExitFailure, fmt.Errorf("%s: %s", f.Name, f.Detail), f.Fix}
				}
			}
			return nil
		},
	}
	c.endpointFlag(cmd, &endpoint)
	return cmd
}

// mark is a status in colour where colour is wanted.
func (c *call) mark(status string) string {
	if !c.env.OutTerminal || c.env.Getenv("NO_COLOR") != "" {
		return status
	}
	colour, ok := map[string]string{"ok": "32", "warn": "33", "fail": "31"}[status]
	if !ok {
		colour = "00" // nothing, in as many characters, so that columns stay in line
	}
	return "\x1b[" + colour + "m" + status + "\x1b[0m"
}

// clockFinding compares the clocks: signatures hold for five minutes around the server's time.
func clockFinding(theirs, asked, answered time.Time) wire.Finding {
	f := wire.Finding{Name: "clock", Status: "ok"}
	skew := theirs.Sub(asked.Add(answered.Sub(asked) / 2)).Round(time.Millisecond)
	f.Detail = fmt.Sprintf("the server's clock is %v off this machine's", skew)
	switch {
	case skew.Abs() > 4*time.Minute:
		f.Status, f.Fix = "fail", "set the clocks: signatures are refused beyond five minutes"
	case skew.Abs() > 10*time.Second:
		f.Status, f.Fix = "warn", "set the clocks: delayed messages come at the server's time"
	}
	return f
}

// apiFinding tells whether the API answers.
func (c *call) apiFinding(err error) wire.Finding {
	if err != nil {
		f := classify(err)
		return wire.Finding{Name: "api", Status: "fail", Detail: f.Error(), Fix: f.next}
	}
	return wire.Finding{Name: "api", Status: "ok", Detail: c.server + " answers"}
}

// endpointFindings tells whether the clients' port takes connections, plain ones and over TLS.
func endpointFindings(ctx context.Context, endpoint string) []wire.Finding {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", endpoint)
	if err != nil {
		return []wire.Finding{{Name: "endpoint", Status: "fail", Detail: err.Error(), Fix: "start it with `causeway up`, or name another endpoint with --endpoint or CAUSEWAY_ENDPOINT"}}
	}
	defer conn.Close()
	return []wire.Finding{{Name: "endpoint", Status: "ok", Detail: endpoint + " takes connections"}, tlsFinding(ctx, conn, endpoint)}
}

// tlsFinding shakes hands as official clients do, then tells what the certificate is worth to those that check it.
func tlsFinding(ctx context.Context, conn net.Conn, endpoint string) wire.Finding {
	f := wire.Finding{Name: "tls", Status: "ok"}
	host, _, _ := net.SplitHostPort(endpoint) // it was dialled
	// Whatever is shown is taken: it is looked at below.
	secured := tls.Client(conn, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2"}, ServerName: host})
	if err := secured.HandshakeContext(ctx); err != nil {
		f.Status, f.Detail, f.Fix = "fail", "no TLS on "+endpoint+": "+err.Error(), "most official clients speak TLS: is --endpoint the clients' port?"
		return f
	}
	chain := secured.ConnectionState().PeerCertificates
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	f.Detail = "TLS works, the certificate holds until " + chain[0].NotAfter.UTC().Format(time.DateOnly)
	_, err := chain[0].Verify(x509.VerifyOptions{DNSName: host, Intermediates: between})
	var unknown x509.UnknownAuthorityError
	switch {
	case time.Now().After(chain[0].NotAfter):
		f.Status, f.Fix = "warn", "renew the certificate: clients that check it refuse to connect"
	case errors.As(err, &unknown):
		f.Detail += "; this machine does not know its authority: " + ownCertificate
	case err != nil:
		f.Status, f.Fix = "warn", "clients that check the certificate refuse it: "+err.Error()
	}
	return f
}

func (c *call) endpointFlag(cmd *cobra.Command, to *string) {
	cmd.Flags().StringVar(to, "endpoint", c.or("CAUSEWAY_ENDPOINT", app.DefaultListen), "HOST:PORT for clients (CAUSEWAY_ENDPOINT)")
}
