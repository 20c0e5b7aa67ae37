// SPDX-License-Identifier: Apache-2.0

// Package v2client is a small client of apache.rocketmq.v2 for the command line.
//
// It talks to the one endpoint that it is given, which may be any proxy, and does what official clients do: settings over a
// telemetry stream, heartbeats, a termination at the end. Everything it offers is a direct call; it keeps no cache, runs no
// listener and repeats nothing, so what a command reports is what happened on the wire.
package v2client

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" // the protocol's signature is HMAC-SHA1
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/causeway-mq/causeway/mq"
)

// CallTime bounds every call that does not poll.
const CallTime = 10 * time.Second

// Options is whom to talk to, and as whom.
type Options struct {
	Endpoint  string // HOST:PORT
	TLS       bool
	CAFile    string // PEM, instead of the system's roots
	Unchecked bool   // with TLS: take whatever certificate the server shows
	AccessKey string // with Secret: sign every call
	Secret    string
	Namespace string // "" = the key's own, or the default
}

// Client is one connection. It is safe for concurrent use.
type Client struct {
	opt  Options
	id   string
	conn *grpc.ClientConn
	v2   v2.MessagingServiceClient
}

// Refused is a status other than OK in the body of an answer.
type Refused struct {
	Op      string
	Code    v2.Code
	Message string
}

// Error names call, code and message.
func (r *Refused) Error() string { return fmt.Sprintf("%s: %s (%s)", r.Op, r.Message, r.Code) }

// Unreachable is a call that got no answer from a Causeway server.
type Unreachable struct {
	Op, Endpoint string
	Err          error
}

// Error names call, endpoint and cause.
func (u *Unreachable) Error() string {
	return fmt.Sprintf("%s: no answer from %s: %s", u.Op, u.Endpoint, status.Convert(u.Err).Message())
}

// Unwrap gives the transport's error.
func (u *Unreachable) Unwrap() error { return u.Err }

// New makes a client; nothing is sent before the first call.
func New(opt Options) (*Client, error) {
	transport, err := opt.credentials()
	if err != nil {
		return nil, err
	}
	conn, err := grpc.NewClient("passthrough:///"+opt.Endpoint, grpc.WithTransportCredentials(transport),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(256<<20), grpc.MaxCallSendMsgSize(64<<20)))
	if err != nil {
		return nil, fmt.Errorf("endpoint %q: %w", opt.Endpoint, err)
	}
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	id := fmt.Sprintf("%s@%d@cli@%s", host, os.Getpid(), randomHex(6))
	return &Client{opt: opt, id: id, conn: conn, v2: v2.NewMessagingServiceClient(conn)}, nil
}

func (o Options) credentials() (credentials.TransportCredentials, error) {
	if !o.TLS {
		return insecure.NewCredentials(), nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: o.Unchecked} // Unchecked is asked for by name
	if o.CAFile != "" {
		pem, err := os.ReadFile(o.CAFile)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate", o.CAFile)
		}
	}
	return credentials.NewTLS(config), nil
}

// Close ends the connection. Sessions are to be closed before.
func (c *Client) Close() error { return c.conn.Close() }

// headers adds what every call carries.
func (c *Client) headers(ctx context.Context) context.Context {
	now := time.Now().UTC().Format("20060102T150405Z")
	pairs := []string{
		"x-mq-client-id", c.id, "x-mq-language", "GO", "x-mq-client-version", "causeway", "x-mq-protocol", "v2",
		"x-mq-date-time", now, "x-mq-request-id", randomHex(16),
	}
	if c.opt.Namespace != "" {
		pairs = append(pairs, "x-mq-namespace", c.opt.Namespace)
	}
	if c.opt.AccessKey != "" {
		mac := hmac.New(sha1.New, []byte(c.opt.Secret))
		mac.Write([]byte(now))
		pairs = append(pairs, "authorization", fmt.Sprintf("MQv2-HMAC-SHA1 Credential=%s, SignedHeaders=x-mq-date-time, Signature=%s",
			c.opt.AccessKey, strings.ToUpper(hex.EncodeToString(mac.Sum(nil)))))
	}
	return metadata.AppendToOutgoingContext(ctx, pairs...)
}

func (c *Client) resource(name string) *v2.Resource {
	return &v2.Resource{ResourceNamespace: c.opt.Namespace, Name: name}
}

// outcome turns the answer of a call into an error.
func (c *Client) outcome(op string, s *v2.Status, err error) error {
	if err != nil {
		switch status.Code(err) {
		case codes.DeadlineExceeded:
			return fmt.Errorf("%s: no answer from %s in time: %w", op, c.opt.Endpoint, context.DeadlineExceeded)
		case codes.Canceled:
			return fmt.Errorf("%s: %w", op, context.Canceled)
		}
		if no := refusedStream(op, err); no != nil {
			return no
		}
		return &Unreachable{op, c.opt.Endpoint, err}
	}
	if s.GetCode() != v2.Code_OK {
		return &Refused{op, s.GetCode(), s.GetMessage()}
	}
	return nil
}

// refusedStream finds the refusal in the error that a telemetry stream was closed with: the protocol has no other place for it
// there, so the server writes "kind: detail" as the error's message.
func refusedStream(op string, err error) *Refused {
	if status.Code(err) == codes.Unavailable {
		return nil
	}
	text := status.Convert(err).Message()
	for _, k := range mq.Kinds() {
		if detail, ok := strings.CutPrefix(text, k.String()+": "); ok {
			return &Refused{op, v2.Code(k.Code()), detail}
		}
	}
	return nil
}

func randomHex(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails: the process ends first
	return hex.EncodeToString(b)
}
