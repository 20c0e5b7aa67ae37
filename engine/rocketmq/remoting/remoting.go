// SPDX-License-Identifier: Apache-2.0

// Package remoting is the client side of RocketMQ's TCP protocol.
//
// The simple story: a Client keeps a few connections to each address. A call is encoded into its connection's buffer, and
// whoever finds the connection idle writes the whole buffer; what arrives meanwhile goes out with the next write. One goroutine
// per connection reads answers and hands each to the call that waits in the slot which the frame's opaque number names.
//
// What must hold:
//   - No caller ever waits for a socket. A caller's write is a non-blocking attempt; what the kernel does not take is left to the
//     connection's flusher. A caller waits for its answer, and never longer than its deadline.
//   - Every call ends once: answered, refused or unknown. It is refused while not one byte of it can have reached the kernel, or
//     when the broker says that it did nothing (Frame.Err); everything else that is no answer is unknown.
//   - A slot is given out again only after its answer came. A call that gave up leaves its slot behind, so a late answer can never
//     meet a stranger. A connection with too many of those is replaced.
//   - Bodies are copied into the buffer before Call returns. Large bodies by reference were rejected: a caller that gives up
//     would have to wait for the writer, or leave it a body that the caller reuses.
//   - No timer delays a write. Timers exist for deadlines (one per connection, set for the earliest), keep-alive and dial back-off.
//
// Lock order: Client.mu, then link.mu, then Conn.mu; no callback runs under any of them but the encoding of a header.
package remoting

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/causeway-mq/causeway/internal/clock"
)

// Dialer opens connections. It must end when ctx does.
type Dialer func(ctx context.Context, address string) (net.Conn, error)

// Incoming is a request that the other side sent to us, for example a transaction check.
type Incoming struct {
	Address string // of the peer, as it was dialed
	Frame   *Frame // valid until the handler returns
	// Reply answers, unless the request is one-way. It may be called later and from any goroutine, once, and does not wait.
	Reply func(*Frame)
}

// Options configure a Client. The zero value is usable.
type Options struct {
	Clock       clock.Clock       // default: the system's
	Dial        Dialer            // default: TCP
	TLS         *tls.Config       // nil: plaintext. ServerName is taken from the address where it is empty
	Credentials Credentials       // sign every request
	ClientID    string            // what heartbeats that keep a connection alive call us
	Handle      func(in Incoming) // requests of peers; runs on the connection's reader, so it must not wait. nil: refuse them

	Connections int           // per address, default 1
	CallTimeout time.Duration // of a call that names none, default 3 s
	DialTimeout time.Duration // TLS handshake included, default 3 s
	KeepAlive   time.Duration // a connection that is silent for so long is asked for a sign of life; default 30 s
	WriteStall  time.Duration // a peer that takes nothing for so long is given up; default 5 s
	BackoffMin  time.Duration // rest after a failed dial, doubled each time, default 100 ms
	BackoffMax  time.Duration // default 1 s: a broker that comes back is not kept waiting longer
	Patience    int           // factor on the timeout of every call, default 1: a virtual clock runs ahead of the machine that answers
	MaxInFlight int           // calls per connection, answered late or never ones included; default 16384, 65536 at most
	MaxPending  int           // bytes per connection that wait to be written, default 32 MiB
}

func (o Options) withDefaults() Options {
	if o.Clock == nil {
		o.Clock = clock.System()
	}
	if o.Dial == nil {
		o.Dial = dialTCP
	}
	if o.ClientID == "" {
		o.ClientID = "causeway"
	}
	if o.Handle == nil {
		o.Handle = refuseIncoming
	}
	for _, d := range []struct {
		at        *time.Duration
		otherwise time.Duration
	}{
		{&o.CallTimeout, 3 * time.Second}, {&o.DialTimeout, 3 * time.Second}, {&o.KeepAlive, 30 * time.Second},
		{&o.WriteStall, 5 * time.Second}, {&o.BackoffMin, 100 * time.Millisecond}, {&o.BackoffMax, time.Second},
	} {
		if *d.at <= 0 {
			*d.at = d.otherwise
		}
	}
	if o.Connections <= 0 {
		o.Connections = 1
	}
	if o.Patience <= 0 {
		o.Patience = 1
	}
	if o.MaxInFlight <= 0 {
		o.MaxInFlight = 16384
	}
	if o.MaxPending <= 0 {
		o.MaxPending = 32 << 20
	}
	return o
}

func refuseIncoming(in Incoming) {
	if !in.Frame.IsOneWay() {
		in.Reply(&Frame{Code: NotSupported, Remark: "this client takes no requests"})
	}
}

// Request is one call.
type Request struct {
	Code    Code
	Header  Header // nil: none
	Body    []byte // only read, and only until the call's method returned
	Timeout time.Duration
	OneWay  bool // no answer comes: the call is done when it is written, which proves nothing
	JSON    bool // a JSON header also where the binary one would do
}

// Reply is how an asynchronous call ends: with an answer or an error. The frame is the callee's until it calls Release.
type Reply func(*Frame, error)
