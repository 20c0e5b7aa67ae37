// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"context"
	"time"

	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/access"
	"github.com/causeway-mq/causeway/proxy/catalog"
	"github.com/causeway-mq/causeway/proxy/consume"
	"github.com/causeway-mq/causeway/proxy/route"
	"github.com/causeway-mq/causeway/proxy/seal"
	"github.com/causeway-mq/causeway/proxy/session"
)

// Producing is what the door asks of proxy/produce.
type Producing interface {
	// Send answers per message, in order. Bodies are only read, and only until it returns.
	Send(ctx context.Context, from session.ID, topic mq.Topic, batch []mq.Message) []mq.Sent
	Settle(ctx context.Context, topic mq.Topic, half mq.Half, verdict mq.Verdict, by mq.SettledBy) error
	Recall(ctx context.Context, topic mq.Topic, scheduled mq.Scheduled) error
}

// Consuming is what the door asks of proxy/consume for groups that lease.
type Consuming interface {
	// Receive waits up to req.Poll for the first message; none is an empty slice. When ctx ends it keeps nothing.
	Receive(ctx context.Context, req consume.Request) ([]mq.Delivery, error)
	// GiveBack frees what could not be handed to the client.
	GiveBack(granted []mq.Delivery)
	Ack(ctx context.Context, leases []mq.Lease) []error
	Change(ctx context.Context, lease mq.Lease, d time.Duration) (mq.Lease, error)
	DeadLetter(ctx context.Context, leases []mq.Lease, why string) []error
}

// Pulling is what the door asks of proxy/consume for groups that read by offset.
type Pulling interface {
	Pull(ctx context.Context, req consume.PullRequest) (mq.Read, error)
	Positions(c mq.Cluster) (consume.Positioner, error)
}

// Routing is what the door asks of proxy/route.
type Routing interface {
	Plan(ctx context.Context, q route.Question) ([]route.Entry, error)
	Assign(ctx context.Context, q route.Question, ordered bool) ([]route.Entry, error)
	Topology(c mq.Cluster) (route.Topology, error)
}

// Sessions is what the door asks of proxy/session.
type Sessions interface {
	Open(c session.Client, deliver func(session.Command) bool) (*session.Stream, error)
	Seen(id session.ID)
	// Kind tells what a client with a stream here is.
	Kind(id session.ID) (session.Kind, bool)
	Gone(id session.ID)
	Tell(c session.Command, pick func(session.Client) bool) int
}

// Guard is what the door asks of proxy/access.
type Guard interface {
	// Identify finds out who calls: Unauthorized when the signature does not hold, NotFound for a foreign namespace.
	Identify(snap *catalog.Snapshot, call access.Call) (access.Principal, error)
	// Recheck judges a caller whose stream is open by a newer snapshot.
	Recheck(snap *catalog.Snapshot, p access.Principal) (access.Principal, error)
}

// Seals makes the handles that clients carry around and reads those that come back. Whatever is wrong with one, reading it
// refuses with InvalidReceipt, of a transaction with InvalidTransaction.
type Seals interface {
	SealReceipt(seal.Receipt) string
	OpenReceipt(text string) (seal.Receipt, error)
	SealTransaction(seal.Transaction) string
	OpenTransaction(text string) (seal.Transaction, error)
	SealRecall(seal.Recall) string
	OpenRecall(text string) (seal.Recall, error)
}

// Observer counts what passes the door. Its methods are called on the hot path from many goroutines and must not block.
type Observer interface {
	// Called reports one answered call.
	Called(verb Verb, kind mq.Kind, took time.Duration)
	// Stored reports messages that were accepted, Delivered messages that were handed out.
	Stored(t *catalog.Topic, messages, bytes int)
	Delivered(g *catalog.Group, t *catalog.Topic, messages, bytes int)
	// Differed reports a member of a group whose filter differs from what another member said.
	Differed(g *catalog.Group, t *catalog.Topic)
	// Panicked reports a defect that one call ran into.
	Panicked(verb Verb)
}

// Unobserved is the Observer that looks away.
type Unobserved struct{}

// Called does nothing.
func (Unobserved) Called(Verb, mq.Kind, time.Duration) {}

// Stored does nothing.
func (Unobserved) Stored(*catalog.Topic, int, int) {}

// Delivered does nothing.
func (Unobserved) Delivered(*catalog.Group, *catalog.Topic, int, int) {}

// Differed does nothing.
func (Unobserved) Differed(*catalog.Group, *catalog.Topic) {}

// Panicked does nothing.
func (Unobserved) Panicked(Verb) {}
