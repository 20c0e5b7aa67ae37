// SPDX-License-Identifier: Apache-2.0

package health

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/causeway-mq/causeway/cli/call"
	"github.com/causeway-mq/causeway/control/wire"
)

func (c commands) doctorCommand() *cobra.Command {
	var endpoint string
	cmd := &cobra.Command{
		Use: "doctor", Short: "Check the installation, and say how to mend it", Args: call.Exactly(),
		Long: `Check the installation, and say how to mend it. A proxy is looked at through its HTTP port: --server http://HOST:8091, with --endpoint for its clients' port;
it tells of its clusters, of each broker's settings, and of topics and groups of its catalog that are not there.`,
		Example: "  causeway doctor\n  causeway doctor -o json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			asked := time.Now()
			d := wire.Doctor{Time: asked}
			failed := c.Ask(cmd.Context(), http.MethodGet, "/v1/doctor", nil, &d)
			proxy := slices.ContainsFunc(d.Findings, func(f wire.Finding) bool { return f.Name == "proxy" })
			d.Findings = append([]wire.Finding{c.apiFinding(failed)}, d.Findings...)
			if failed == nil {
				d.Findings = append(d.Findings, clockFinding(d.Time, asked, time.Now()))
			}
			d.Findings = append(d.Findings, endpointFindings(cmd.Context(), endpoint, proxy)...)
			err := c.Show(d, func() call.Table {
				t := call.Table{Paint: c.mark}
				for _, f := range d.Findings {
					t.Add(f.Status, f.Name, f.Detail)
					if f.Fix != "" {
						t.Add("", "", "-> "+f.Fix)
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
					return call.Fail(call.ExitFailure, fmt.Errorf("%s: %s", f.Name, f.Detail), f.Fix)
				}
			}
			return nil
		},
	}
	call.EndpointFlag(cmd, &endpoint)
	return cmd
}

// mark is a status in colour where colour is wanted.
func (c commands) mark(status string) string {
	if !c.Env.OutTerminal || c.Env.Getenv("NO_COLOR") != "" {
		return status
	}
	colour, ok := map[string]string{"ok": "32", "warn": "33", "fail": "31"}[status]
	if !ok {
		colour = "00" // nothing, in as many characters, so that columns stay in line
	}
	return "\x1b[" + colour + "m" + status + "\x1b[0m"
}

// clockFinding compares the clocks: signatures hold for five minutes around the server's time. The server read its clock at some moment between question and
// answer: only what lies outside of them is off for certain.
func clockFinding(theirs, asked, answered time.Time) wire.Finding {
	f := wire.Finding{Name: "clock", Status: "ok", Detail: "the server's clock agrees with this machine's"}
	var skew time.Duration
	switch {
	case theirs.Before(asked):
		skew = theirs.Sub(asked)
	case theirs.After(answered):
		skew = theirs.Sub(answered)
	}
	skew = skew.Round(time.Millisecond)
	if skew != 0 {
		f.Detail = fmt.Sprintf("the server's clock is at least %v off this machine's", skew)
	}
	switch {
	case skew.Abs() > 4*time.Minute:
		f.Status, f.Fix = "fail", "set the clocks: signatures are refused beyond five minutes"
	case skew.Abs() > 10*time.Second:
		f.Status, f.Fix = "warn", "set the clocks: delayed messages come at the server's time"
	}
	return f
}

// apiFinding tells whether the API answers.
func (c commands) apiFinding(err error) wire.Finding {
	if err != nil {
		f := call.Classify(err)
		return wire.Finding{Name: "api", Status: "fail", Detail: f.Error(), Fix: f.Next}
	}
	return wire.Finding{Name: "api", Status: "ok", Detail: c.Server + " answers"}
}

// endpointFindings tells whether the clients' port takes connections, plain ones and over TLS.
func endpointFindings(ctx context.Context, endpoint string, proxy bool) []wire.Finding {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", endpoint)
	if err != nil {
		return []wire.Finding{{Name: "endpoint", Status: "fail", Detail: err.Error(), Fix: call.Start(proxy) + ", or name another endpoint with --endpoint or CAUSEWAY_ENDPOINT"}}
	}
	defer conn.Close()
	return []wire.Finding{{Name: "endpoint", Status: "ok", Detail: endpoint + " takes connections"}, tlsFinding(ctx, conn, endpoint, proxy)}
}

// tlsFinding shakes hands as official clients do, then tells what the certificate is worth to those that check it.
func tlsFinding(ctx context.Context, conn net.Conn, endpoint string, proxy bool) wire.Finding {
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
		cure := call.OwnCertificate
		if proxy {
			cure = call.ProxysCertificate
		}
		f.Detail += "; this machine does not know its authority: " + cure
	case err != nil:
		f.Status, f.Fix = "warn", "clients that check the certificate refuse it: "+err.Error()
	}
	return f
}
