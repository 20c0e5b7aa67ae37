// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog"
	"github.com/causeway-mq/causeway/proxy/session"
	"github.com/causeway-mq/causeway/proxy/trail"
)

// Verb is the name of one RPC.
type Verb string

// The verbs, named as in apache.rocketmq.v2.
const (
	QueryRoute              Verb = "QueryRoute"
	Heartbeat               Verb = "Heartbeat"
	SendMessage             Verb = "SendMessage"
	QueryAssignment         Verb = "QueryAssignment"
	ReceiveMessage          Verb = "ReceiveMessage"
	AckMessage              Verb = "AckMessage"
	ForwardToDeadLetters    Verb = "ForwardMessageToDeadLetterQueue"
	PullMessage             Verb = "PullMessage"
	UpdateOffset            Verb = "UpdateOffset"
	GetOffset               Verb = "GetOffset"
	QueryOffset             Verb = "QueryOffset"
	EndTransaction          Verb = "EndTransaction"
	Telemetry               Verb = "Telemetry"
	NotifyClientTermination Verb = "NotifyClientTermination"
	ChangeInvisibleDuration Verb = "ChangeInvisibleDuration"
	RecallMessage           Verb = "RecallMessage"
	SyncLiteSubscription    Verb = "SyncLiteSubscription"
)

// Ports is everything around the door. All fields but Lookup, Role, Observer, Trail and Log are required.
type Ports struct {
	Guard    Guard
	Seals    Seals
	Catalog  func() *catalog.Snapshot // never nil
	Lookup   catalog.Lookup           // nil: what the snapshot lacks does not exist
	Role     mq.Role
	Sessions Sessions
	Produce  Producing
	Consume  Consuming
	Pull     Pulling
	Routes   Routing
	Clock    clock.Clock
	Observer Observer
	Trail    *trail.Trail // nil: nothing is remembered
	Log      *slog.Logger
}

// Door answers calls. It keeps nothing between them but open streams, which the session registry knows.
type Door struct {
	ports    Ports
	ok       *v2.Status // shared by all good answers, never changed
	leaving  context.Context
	leave    context.CancelFunc
	observer Observer
	log      *slog.Logger
	skews    *skews
	polls    *polls
	kinds    map[v2.Code]mq.Kind // never changed
	readers  sync.WaitGroup      // of telemetry streams
	judged   atomic.Uint64       // the catalog's version by which everybody who is here was judged
}

// New makes a door.
func New(p Ports) *Door {
	d := &Door{ports: p, observer: p.Observer, log: p.Log, skews: newSkews(), polls: newPolls(), kinds: kindsByCode()}
	if d.observer == nil {
		d.observer = Unobserved{}
	}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	d.ok = &v2.Status{Code: v2.Code_OK, Message: "OK"}
	d.leaving, d.leave = context.WithCancel(context.Background())
	return d
}

// Reconnect asks every connected client to connect anew, elsewhere or here. It returns how many took the command.
func (d *Door) Reconnect() int { return d.ports.Sessions.Tell(session.Reconnect{}, nil) }

// CloseStreams ends every telemetry stream, so that their connections can end. It may be called twice.
func (d *Door) CloseStreams() { d.leave() }

// Join waits until the last goroutine of a stream has ended. The transport calls it after it closed every stream.
func (d *Door) Join() { d.readers.Wait() }

// Observer is the door's observer, for the transport in front of it.
func (d *Door) Observer() Observer { return d.observer }

// Log is the door's log, for the transport in front of it.
func (d *Door) Log() *slog.Logger { return d.log }

// Answered reports a finished call; the transport calls it once for each.
func (d *Door) Answered(verb Verb, code v2.Code, took time.Duration) {
	d.observer.Called(verb, d.kinds[code], took)
}

// kindsByCode turns a status back into a kind for the observer. Kinds that share a code count as the first of them.
func kindsByCode() map[v2.Code]mq.Kind {
	kinds := make(map[v2.Code]mq.Kind)
	for _, k := range mq.Kinds() {
		if _, taken := kinds[v2.Code(k.Code())]; !taken {
			kinds[v2.Code(k.Code())] = k
		}
	}
	return kinds
}
