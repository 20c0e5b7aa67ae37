// SPDX-License-Identifier: Apache-2.0

package call

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
	"github.com/causeway-mq/causeway/cli/serve"
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

// Failure is an error with its exit code, and what to do next.
type Failure struct {
	Code int
	Err  error
	Next string // may be ""
	// Silent is an outcome that has been told already.
	Silent bool
}

// Fail makes a failure.
func Fail(code int, err error, next string) *Failure {
	return &Failure{Code: code, Err: err, Next: next}
}

// Error is what went wrong.
func (f *Failure) Error() string { return f.Err.Error() }

// Unwrap is the error below.
func (f *Failure) Unwrap() error { return f.Err }

// Usage is a command line that cannot be.
func Usage(format string, args ...any) error {
	return Fail(ExitUsage, fmt.Errorf(format, args...), "see --help")
}

// Refused is a problem that the API answered with.
type Refused struct{ wire.Problem }

// Error is the server's word.
func (r *Refused) Error() string { return r.Detail }

// Unauthorized tells that a server knows nobody by what it was shown.
func Unauthorized(err error) bool {
	var refused *Refused
	return errors.As(err, &refused) && refused.Status == http.StatusUnauthorized
}

// Report writes an error and gives the exit code.
func (c *Call) Report(err error) int {
	f := Classify(err)
	if f.Silent {
		return f.Code
	}
	text := f.Err.Error()
	if !strings.HasPrefix(text, "causeway ") && !strings.HasPrefix(text, "causeway:") { // a command's path says it already
		text = "causeway: " + text
	}
	fmt.Fprintln(c.Env.Err, text)
	var p *Refused
	if errors.As(err, &p) {
		fmt.Fprintf(c.Env.Err, "  %s%s\n", p.Kind, where(p.Problem))
	}
	if f.Next != "" {
		fmt.Fprintf(c.Env.Err, "  %s\n", f.Next)
	}
	return f.Code
}

// where is the field that a problem is about, with its limit, and the request's id where the server gave one.
func where(p wire.Problem) string {
	text := ""
	if p.Field != "" {
		text += ", field " + p.Field
	}
	if p.Limit != "" {
		text += ", limit " + p.Limit
	}
	if p.RequestID != "" { // a proxy gives none
		text += ", request " + p.RequestID
	}
	return text
}

// Classify finds the exit code of an error, and what to do next.
func Classify(err error) *Failure {
	var known *Failure
	if errors.As(err, &known) {
		return known
	}
	var senseless *serve.Usage
	if errors.As(err, &senseless) {
		return Fail(ExitUsage, err, "see --help")
	}
	var problem *Refused
	if errors.As(err, &problem) {
		return Fail(codeOfStatus(problem.Status), err, nextOf(problem.Problem))
	}
	var config app.ConfigError
	var lines strictyaml.Problems
	if errors.As(err, &config) && !errors.As(err, &lines) {
		return Fail(ExitConfig, err, "nothing was started")
	}
	if errors.As(err, &lines) {
		return Fail(ExitConfig, err, "nothing was started; `causeway config print` shows every key of `causeway up` with its default, with --for control and --for proxy those of the others")
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return Fail(ExitTimeout, err, "")
	}
	var network net.Error
	if errors.As(err, &network) && network.Timeout() {
		return Fail(ExitTimeout, err, "the server did not answer in time")
	}
	if f := classifyClient(err); f != nil {
		return f
	}
	var unreachable *url.Error
	if errors.As(err, &unreachable) {
		if next := wrongPort(unreachable.Err.Error()); next != "" {
			return Fail(ExitFailure, err, next)
		}
		return Fail(ExitFailure, err, "is it running? start it with `causeway up`, or name another one with --server; that of `causeway proxy` is its HTTP port, such as http://"+app.DefaultProxyHTTP)
	}
	return Fail(codeOfKind(err), err, "")
}

// How to trust the certificate that a server made for itself. A proxy has no directory where it would stay.
const (
	OwnCertificate      = "trust it with --tls-ca DATA/tls/cert.pem, DATA being the server's data directory"
	ProxysCertificate   = "a proxy makes a new one with each start: give it one of yours with --tls-cert and --tls-key"
	startUp, startProxy = "start it with `causeway up`", "start it with `causeway proxy`"
)

// Topics and groups of a cluster that stands behind `causeway proxy` are made by its own tool.
const (
	topicOnBrokers = "behind `causeway proxy` topics are made on the brokers: mqadmin updateTopic -n NAMESERVER -c DefaultCluster -t NAME -a +message.type=NORMAL"
	groupOnBrokers = "behind `causeway proxy` groups are made on the brokers: mqadmin updateSubGroup -n NAMESERVER -c DefaultCluster -g NAME"
)

// Start says how a server is started.
func Start(proxy bool) string {
	if proxy {
		return startProxy
	}
	return startUp
}

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
func classifyClient(err error) *Failure {
	var gone *v2client.Unreachable
	if errors.As(err, &gone) && strings.Contains(gone.Error(), "x509:") {
		return Fail(ExitFailure, err, "a certificate that `causeway up` made for itself: "+OwnCertificate+"; "+ProxysCertificate)
	}
	if errors.As(err, &gone) && strings.Contains(gone.Error(), "HTTP/1.1") {
		return Fail(ExitFailure, err, "that looks like the API's port; --endpoint is the clients' address, "+app.DefaultListen+" by default")
	}
	if errors.As(err, &gone) {
		return Fail(ExitFailure, err, "is it running? start it with `causeway up` or `causeway proxy`, or name another one with --endpoint; --tls speaks TLS")
	}
	var no *v2client.Refused
	if !errors.As(err, &no) {
		return nil
	}
	f := Fail(ExitFailure, err, "")
	switch no.Code {
	case v2.Code_TOPIC_NOT_FOUND:
		f.Code, f.Next = ExitNotFound, "`causeway topic create` makes a topic; "+topicOnBrokers
	case v2.Code_CONSUMER_GROUP_NOT_FOUND:
		f.Code, f.Next = ExitNotFound, "`causeway group create` makes a group; "+groupOnBrokers
	case v2.Code_NOT_FOUND:
		f.Code, f.Next = ExitNotFound, "if it is the tenant: only default takes unsigned callers, and a key belongs to one tenant; `causeway app create --tenant NAME` makes one; behind `causeway proxy` the catalog file names both"
	case v2.Code_MESSAGE_NOT_FOUND, v2.Code_OFFSET_NOT_FOUND:
		f.Code = ExitNotFound
	case v2.Code_UNAUTHORIZED:
		f.Code, f.Next = ExitDenied, "give --access-key and --secret of a key that works: `causeway app key list` shows revoked ones, `causeway app create` makes a first one; behind `causeway proxy` keys stand in the catalog file, or are the cluster's users (mqadmin createUser)"
	case v2.Code_FORBIDDEN:
		f.Code, f.Next = ExitDenied, "the application lacks that right: see `causeway app list`; behind `causeway proxy` rights stand in the catalog file, or are the cluster's rules (mqadmin listAcl)"
	case v2.Code_MESSAGE_PROPERTY_CONFLICT_WITH_TYPE:
		f.Code, f.Next = ExitConflict, "`causeway topic describe` shows what the topic takes, which never changes; `causeway topic create NAME --type normal,delay` makes one that takes both. Behind `causeway proxy`: mqadmin updateTopic -n NAMESERVER -c DefaultCluster -t NAME -a +message.type=DELAY (or FIFO, TRANSACTION)"
	case v2.Code_PRECONDITION_FAILED:
		f.Code = ExitConflict
	case v2.Code_PROXY_TIMEOUT, v2.Code_REQUEST_TIMEOUT:
		f.Code = ExitTimeout
	case v2.Code_TOO_MANY_REQUESTS:
		f.Code, f.Next = ExitThrottled, "send slower, or make room: `causeway doctor` shows the disk"
	default:
		if no.Code > v2.Code_BAD_REQUEST-1 && no.Code < v2.Code_UNAUTHORIZED {
			f.Code = ExitUsage
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
	case http.StatusTooManyRequests, http.StatusInsufficientStorage, http.StatusUnprocessableEntity: // the last one is a quota that is used up
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
	case "quota_exceeded":
		return "`causeway quota` shows what limits there are, where each comes from and what is used"
	case "already_exists":
		return "look at it with `describe`, or choose another name"
	case "leases_live":
		return "stop the consumers, or say --force, which takes the messages from them"
	case "too_many_keys":
		return "see `causeway app key list`, then `causeway app key revoke`"
	case "engine_not_reached":
		return "it is tried again by itself; `causeway doctor` shows how it goes"
	case "unknown_credential":
		return "leave out --token (and CAUSEWAY_TOKEN, and the context's), or give one that this server made: `causeway token create`"
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
