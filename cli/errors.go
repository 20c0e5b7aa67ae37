// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"

	"github.com/causeway-mq/causeway/app"
	"github.com/causeway-mq/causeway/cli/v2client"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/internal/strictyaml"
	"github.com/causeway-mq/causeway/mq"
)

// The exit codes.
const (
	ExitOK        = 0
	ExitFailure   = 1
	ExitUsage     = 2
	ExitNotFound  = 3
	ExitDenied    = 4
	ExitConflict  = 5
	ExitTimeout   = 6
	ExitPartial   = 7 // some of it was done
	ExitThrottled = 8
	ExitConfig    = 78 // nothing was started
)

// failure is an error with its exit code, and what to do next.
type failure struct {
	code int
	err  error
	next string // may be ""
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func usage(format string, args ...any) error {
	return &failure{ExitUsage, fmt.Errorf(format, args...), "see --help"}
}

// refused is a problem that the API answered with.
type refused struct{ wire.Problem }

func (r *refused) Error() string { return r.Detail }

// report writes an error and gives the exit code.
func (c *call) report(err error) int {
	f := classify(err)
	text := f.err.Error()
	if !strings.HasPrefix(text, "causeway ") && !strings.HasPrefix(text, "causeway:") { // a command's path says it already
		text = "causeway: " + text
	}
	fmt.Fprintln(c.env.Err, text)
	var p *refused
	if errors.As(err, &p) {
		fmt.Fprintf(c.env.Err, "  %s, request %s\n", p.Kind, p.RequestID)
	}
	if f.next != "" {
		fmt.Fprintf(c.env.Err, "  %s\n", f.next)
	}
	return f.code
}

func classify(err error) *failure {
	var known *failure
	if errors.As(err, &known) {
		return known
	}
	var problem *refused
	if errors.As(err, &problem) {
		return &failure{codeOfStatus(problem.Status), err, nextOf(problem.Problem)}
	}
	var config app.ConfigError
	var lines strictyaml.Problems
	if errors.As(err, &config) && !errors.As(err, &lines) {
		return &failure{ExitConfig, err, "nothing was started"}
	}
	if errors.As(err, &lines) {
		return &failure{ExitConfig, err, "nothing was started; `causeway config print` shows every key with its default"}
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return &failure{ExitTimeout, err, ""}
	}
	var network net.Error
	if errors.As(err, &network) && network.Timeout() {
		return &failure{ExitTimeout, err, "the server did not answer in time"}
	}
	if f := classifyClient(err); f != nil {
		return f
	}
	var unreachable *url.Error
	if errors.As(err, &unreachable) {
		if next := wrongPort(unreachable.Err.Error()); next != "" {
			return &failure{ExitFailure, err, next}
		}
		return &failure{ExitFailure, err, "is it running? start it with `causeway up`, or name another one with --server"}
	}
	return &failure{codeOfKind(err), err, ""}
}

// ownCertificate says how to trust the certificate that a server made for itself.
const ownCertificate = "trust it with --tls-ca DATA/tls/cert.pem, DATA being the server's data directory"

// wrongPort says what a server most likely is that answers, but not as the API does; "" where nothing points to it.
func wrongPort(text string) string {
	switch {
	case strings.Contains(text, "HTTP response to HTTPS client"), strings.Contains(text, "first record does not look like a TLS handshake"):
		return "the API speaks plain HTTP: write http:// in --server"
	case strings.Contains(text, "malformed HTTP"), strings.Contains(text, "EOF"), strings.Contains(text, "connection reset"), strings.Contains(text, "x509:"):
		return "that looks like the clients' port; --server is the API's address, " + app.DefaultHTTP + " by default"
	}
	return ""
}

// classifyClient knows what the message client says.
func classifyClient(err error) *failure {
	var gone *v2client.Unreachable
	if errors.As(err, &gone) && strings.Contains(gone.Error(), "x509:") {
		return &failure{ExitFailure, err, "a certificate that `causeway up` made for itself: " + ownCertificate}
	}
	if errors.As(err, &gone) && strings.Contains(gone.Error(), "HTTP/1.1") {
		return &failure{ExitFailure, err, "that looks like the API's port; --endpoint is the clients' address, " + app.DefaultListen + " by default"}
	}
	if errors.As(err, &gone) {
		return &failure{ExitFailure, err, "is it running? start it with `causeway up`, or name another one with --endpoint; --tls speaks TLS"}
	}
	var no *v2client.Refused
	if !errors.As(err, &no) {
		return nil
	}
	f := &failure{ExitFailure, err, ""}
	switch no.Code {
	case v2.Code_TOPIC_NOT_FOUND:
		f.code, f.next = ExitNotFound, "`causeway topic create` makes a topic"
	case v2.Code_CONSUMER_GROUP_NOT_FOUND:
		f.code, f.next = ExitNotFound, "`causeway group create` makes a group"
	case v2.Code_NOT_FOUND:
		f.code, f.next = ExitNotFound, "if it is the tenant: only default takes unsigned callers, and a key belongs to one tenant; `causeway app create --tenant NAME` makes one"
	case v2.Code_MESSAGE_NOT_FOUND, v2.Code_OFFSET_NOT_FOUND:
		f.code = ExitNotFound
	case v2.Code_UNAUTHORIZED:
		f.code, f.next = ExitDenied, "give --access-key and --secret of a key that works: `causeway app key list` shows revoked ones, `causeway app create` makes a first one"
	case v2.Code_FORBIDDEN:
		f.code, f.next = ExitDenied, "the application lacks that right: see `causeway app list`"
	case v2.Code_MESSAGE_PROPERTY_CONFLICT_WITH_TYPE:
		f.code, f.next = ExitConflict, "`causeway topic describe` shows what the topic takes, which never changes; `causeway topic create NAME --type normal,delay` makes one that takes both"
	case v2.Code_PRECONDITION_FAILED:
		f.code = ExitConflict
	case v2.Code_PROXY_TIMEOUT, v2.Code_REQUEST_TIMEOUT:
		f.code = ExitTimeout
	case v2.Code_TOO_MANY_REQUESTS:
		f.code, f.next = ExitThrottled, "send slower, or make room: `causeway doctor` shows the disk"
	default:
		if no.Code > v2.Code_BAD_REQUEST-1 && no.Code < v2.Code_UNAUTHORIZED {
			f.code = ExitUsage
		}
	}
	return f
}

func codeOfStatus(status int) int {
	switch status {
	case http.StatusBadRequest:
		return ExitUsage
	case http.StatusNotFound:
		return ExitNotFound
	case http.StatusUnauthorized, http.StatusForbidden:
		return ExitDenied
	case http.StatusConflict, http.StatusPreconditionFailed:
		return ExitConflict
	case http.StatusGatewayTimeout:
		return ExitTimeout
	case http.StatusTooManyRequests, http.StatusInsufficientStorage:
		return ExitThrottled
	}
	return ExitFailure
}

func codeOfKind(err error) int {
	switch mq.KindOf(err) {
	case mq.NotFound, mq.TopicNotFound, mq.GroupNotFound, mq.MessageNotFound, mq.OffsetNotFound:
		return ExitNotFound
	case mq.Unauthorized, mq.Forbidden:
		return ExitDenied
	case mq.Conflict, mq.TypeConflict:
		return ExitConflict
	case mq.Timeout:
		return ExitTimeout
	case mq.TooManyRequests, mq.StorageFull:
		return ExitThrottled
	}
	return ExitFailure
}

// nextOf says what to do about a problem.
func nextOf(p wire.Problem) string {
	switch p.Reason {
	case "needs_confirmation":
		return "if you mean it, say --yes"
	case "already_exists":
		return "look at it with `describe`, or choose another name"
	case "leases_live":
		return "stop the consumers, or say --force, which takes the messages from them"
	case "too_many_keys":
		return "see `causeway app key list`, then `causeway app key revoke`"
	case "engine_not_reached":
		return "it is tried again by itself; `causeway doctor` shows how it goes"
	}
	switch p.Kind {
	case mq.TopicNotFound.String():
		return "`causeway topic list` shows the topics, `causeway topic create` makes one; is --tenant right?"
	case mq.GroupNotFound.String():
		return "`causeway group list` shows the groups, `causeway group create` makes one; is --tenant right?"
	case mq.Unauthorized.String():
		return "give the server's token with --token or CAUSEWAY_TOKEN"
	case mq.Internal.String():
		return "the server's log has the cause under that request id"
	}
	return ""
}
