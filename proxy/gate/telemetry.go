// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"context"
	"errors"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"

	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/seal"
	"github.com/causeway-mq/causeway/proxy/session"
	"github.com/causeway-mq/causeway/proxy/trail"
)

// TelemetryStream is the client's long-lived stream. Send is called by one goroutine, Recv by another. Both end with an error
// once the stream's context is over; Recv ends with BadRequest when the client sent something that is no command.
type TelemetryStream interface {
	Recv() (*v2.TelemetryCommand, error)
	Send(*v2.TelemetryCommand) error
}

// outboxSize is how many commands may wait for a client; a check-back beyond that goes to another producer.
const outboxSize = 16

// Telemetry keeps one client's stream until the client, this proxy or a broken rule ends it. A status that is not nil says
// which rule; the client was told before, and the transport ends the stream with an error, so that clients which look at no
// status notice too.
//
// One goroutine reads, the caller's writes and decides. The reader cannot be interrupted while the stream is open, so it ends
// right after this returns; Door.Join waits for it.
func (d *Door) Telemetry(ctx context.Context, c Caller, stream TelemetryStream) *v2.Status {
	t := &telemetry{door: d, caller: &c, stream: stream, outbox: make(chan session.Command, outboxSize), closed: make(chan session.Closed, 1)}
	defer t.close()
	incoming := make(chan *v2.TelemetryCommand)
	ended := make(chan error, 1)
	over, cancel := context.WithCancel(ctx)
	defer cancel()
	d.readers.Go(func() {
		for {
			command, err := stream.Recv()
			if err != nil {
				ended <- err
				return
			}
			select {
			case incoming <- command:
			case <-over.Done():
				return
			}
		}
	})
	for {
		var err error
		select {
		case command := <-incoming:
			err = t.take(ctx, command)
		case command := <-t.outbox:
			err = t.tell(command)
		case last := <-t.closed:
			err = t.end(last)
		case err = <-ended:
			if mq.KindOf(err) != mq.BadRequest {
				return nil
			}
		case <-ctx.Done():
			return nil
		case <-d.leaving.Done():
			t.flush()
			return nil
		}
		switch {
		case errors.As(err, new(*sendFailure)):
			return nil
		case err != nil:
			status := d.status(&c, Telemetry, err)
			_ = stream.Send(&v2.TelemetryCommand{Status: status}) // the stream ends either way
			return status
		}
	}
}

// sendFailure says that the client is not there any more, or need not be told why.
type sendFailure struct{ error }

type telemetry struct {
	door   *Door
	caller *Caller
	stream TelemetryStream
	outbox chan session.Command
	closed chan session.Closed // the platform's last word; it finds room whatever waits in outbox
	open   *session.Stream     // nil until the first settings
}

func (t *telemetry) close() {
	if t.open != nil {
		t.open.Close()
	}
}

func (t *telemetry) deliver(c session.Command) bool {
	if last, ok := c.(session.Closed); ok {
		select {
		case t.closed <- last:
		default: // it has a last word already
		}
		return true
	}
	select {
	case t.outbox <- c:
		return true
	default:
		return false
	}
}

func (t *telemetry) send(c *v2.TelemetryCommand) error {
	if err := t.stream.Send(c); err != nil {
		return &sendFailure{err}
	}
	return nil
}

// take handles what the client sent: settings are answered at once, since clients wait for that without a bound; answers to
// questions that only a console asks are read and dropped.
func (t *telemetry) take(ctx context.Context, command *v2.TelemetryCommand) error {
	in := command.GetSettings()
	if in == nil {
		if t.open == nil {
			return mq.Refuse(mq.Conflict, "telemetry: settings come first")
		}
		return nil
	}
	t.caller.Snapshot = t.door.ports.Catalog() // a stream outlives many snapshots
	now, err := t.door.ports.Guard.Recheck(t.caller.Snapshot, t.caller.Principal)
	if err != nil {
		return err
	}
	t.caller.Principal = now
	agreed, err := t.door.agree(ctx, t.caller, in)
	if err != nil {
		return err
	}
	if err := t.join(agreed); err != nil {
		return err
	}
	return t.send(&v2.TelemetryCommand{Status: t.door.ok, Command: &v2.TelemetryCommand_Settings{Settings: agreed.reply}})
}

// join makes the client live with its first settings and holds later ones against them.
func (t *telemetry) join(a agreement) error {
	if t.open == nil {
		c := t.caller
		who := session.Client{
			ID: c.Session(), Key: c.Key, Kind: a.kind, Group: a.group,
			Language: printable(c.Headers.Language, 32), Version: printable(c.Headers.Version, 64), Remote: c.Remote.String(), From: c.From,
			Topics: a.wants,
		}
		open, err := t.door.ports.Sessions.Open(who, t.deliver)
		if err != nil {
			return err
		}
		t.open = open
		// From here on a change of the catalog finds the stream; one that came before it did is looked at now.
		if newest := t.door.ports.Catalog(); newest != c.Snapshot {
			if err := t.door.barred(newest, who); err != nil {
				return err
			}
		}
	}
	if was := t.open.Client(); was.Kind != a.kind || was.Group != a.group {
		return mq.Refuse(mq.Conflict, "telemetry: a client stays a %s of its group as long as its stream lives", was.Kind)
	}
	t.open.Settle(a.wants)
	if a.kind == session.Producer {
		t.open.Announce(a.topics)
	}
	return nil
}

// tell translates a command of the platform.
func (t *telemetry) tell(c session.Command) error {
	switch c := c.(type) {
	case session.CheckBack:
		t.caller.Snapshot = t.door.ports.Catalog()
		topic, ok := t.caller.Snapshot.PhysicalTopic(t.caller.Tenant, c.Check.Topic.Name)
		if !ok {
			return nil // the topic went meanwhile, and its transactions with it
		}
		if err := t.send(t.checkBack(topic.Name, c.Check)); err != nil {
			return err
		}
		t.door.noteVerdict(t.caller, topic, trail.Event{Kind: trail.Checked, ID: c.Check.Half.Message, Attempt: c.Check.Round})
		return nil
	case session.Reconnect:
		return t.send(&v2.TelemetryCommand{Status: t.door.ok, Command: &v2.TelemetryCommand_ReconnectEndpointsCommand{
			ReconnectEndpointsCommand: &v2.ReconnectEndpointsCommand{},
		}})
	}
	return nil
}

// flush sends what was handed over before the stream ends: the command to connect elsewhere is the last of it.
func (t *telemetry) flush() {
	for {
		select {
		case command := <-t.outbox:
			if t.tell(command) != nil {
				return
			}
		default:
			return
		}
	}
}

// end is why the platform ends the stream. Who may come again is told what was handed over before, and no reason.
func (t *telemetry) end(c session.Closed) error {
	if c.Why == nil {
		t.flush()
		return &sendFailure{errors.New("it is to come again")}
	}
	return c.Why
}

func (t *telemetry) checkBack(name mq.TopicName, check mq.Check) *v2.TelemetryCommand {
	topic := &v2.Resource{ResourceNamespace: t.caller.Headers.Namespace, Name: name.String()}
	id := t.door.ports.Seals.SealTransaction(seal.Transaction{Tenant: t.caller.Tenant, Topic: check.Topic.Name, Half: check.Half})
	return &v2.TelemetryCommand{
		Status: t.door.ok,
		Command: &v2.TelemetryCommand_RecoverOrphanedTransactionCommand{
			RecoverOrphanedTransactionCommand: &v2.RecoverOrphanedTransactionCommand{
				Message:       t.caller.messageOut(&check.Message, topic),
				TransactionId: id,
			},
		},
	}
}
