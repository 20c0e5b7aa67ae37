// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"errors"
	"fmt"
	"log/slog"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"

	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog"
)

// status is the one place where an error becomes an answer. The text is "reason: detail [request id]": a stable word for
// machines, what is wrong and the limit for people. Causes stay in the log, since they may name what is behind the door.
func (d *Door) status(c *Caller, verb Verb, err error) *v2.Status {
	if err == nil {
		return d.ok
	}
	kind := mq.KindOf(err)
	d.record(c, verb, kind, err)
	return &v2.Status{Code: v2.Code(kind.Code()), Message: answerText(kind, err, c.Headers.RequestID)}
}

func answerText(kind mq.Kind, err error, request string) string {
	text := kind.String()
	var e *mq.Error
	if errors.As(err, &e) && e.Detail != "" && kind != mq.Internal {
		text += ": " + e.Detail
	}
	if request != "" {
		text += " [" + request + "]"
	}
	return text
}

// errNotThere marks a topic that the catalog has and its cluster has not.
var errNotThere = errors.New("the operator has to make it there")

// there says which topic it is that a cluster does not have. The name that brokers know it by, and what they said, is the log's.
func there(t *catalog.Topic, err error) error {
	if mq.KindOf(err) != mq.TopicNotFound {
		return err
	}
	return mq.Refuse(mq.TopicNotFound, "topic %s is in the catalog but not on cluster %s", t.Name, t.Cluster).
		Because(fmt.Errorf("as %s: %w: %w", t.Topic.Name, errNotThere, err))
}

// cannot is why a topic has no queue for what a client wants to do with it.
func (d *Door) cannot(t *catalog.Topic, do string) error {
	if d.ports.Role != mq.BothRoles {
		return mq.Refuse(mq.Unavailable, "topic %q has no queue that can be %s now: this proxy's role is %s, and it knows no other proxy for that", t.Name, do, d.ports.Role)
	}
	return mq.Refuse(mq.Unavailable, "topic %q has no queue that can be %s now", t.Name, do)
}

// record writes one line per refusal. Empty polls are no refusal; what smells of an attack or of a defect is loud.
func (d *Door) record(c *Caller, verb Verb, kind mq.Kind, err error) {
	level := slog.LevelDebug
	switch kind {
	case mq.MessageNotFound:
		return
	case mq.Unauthorized, mq.Forbidden, mq.InvalidReceipt, mq.InvalidTransaction:
		level = slog.LevelInfo
	case mq.Internal:
		level = slog.LevelError
	case mq.Unavailable, mq.StorageFull:
		level = slog.LevelWarn
	case mq.TopicNotFound:
		if errors.Is(err, errNotThere) {
			level = slog.LevelWarn
		}
	}
	if !d.log.Enabled(d.leaving, level) {
		return
	}
	d.log.Log(d.leaving, level, "refused", "verb", string(verb), "reason", kind.String(), "err", err.Error(),
		"tenant", c.Tenant.String(), "key", c.Key, "client", c.Client.String(), "remote", c.Remote.String(), "request", c.Headers.RequestID)
}

// overall is the status of an answer with one status per entry: theirs where they agree, MULTIPLE_RESULTS otherwise.
func (d *Door) overall(entries int, of func(i int) *v2.Status) *v2.Status {
	first := of(0)
	for i := 1; i < entries; i++ {
		if of(i).Code != first.Code {
			return &v2.Status{Code: v2.Code_MULTIPLE_RESULTS, Message: "the entries differ: see the status of each"}
		}
	}
	return first
}
