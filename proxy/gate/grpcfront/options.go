// SPDX-License-Identifier: Apache-2.0

package grpcfront

import (
	"net/netip"
	"time"

	"github.com/causeway-mq/causeway/internal/clock"
)

// Options shapes a Front. The zero value of each field means its default.
type Options struct {
	// Certificates makes the port speak TLS, beside plaintext unless TLSOnly is set. nil means plaintext alone.
	Certificates *Certificates
	TLSOnly      bool
	// ProxyFrom lists the addresses of load balancers whose PROXY protocol header (v1 or v2) is believed. A header from
	// anywhere else is no HTTP/2 and ends the connection.
	ProxyFrom []netip.Prefix

	MaxMessage  int    // bytes of one request, 4.5 MiB
	MaxStreams  uint32 // open calls of one connection, 1024: a Java client puts its parked polls and its acks on one
	MaxResets   int    // streams that one connection may cancel within a second, 200
	Connections int    // 10,000
	// Strangers are connections on which nobody has named himself yet: 1,000 in all, 20 from one address. The loopback
	// interface and load balancers are exempt from the latter.
	Strangers           int
	StrangersPerAddress int
	StrangerTime        time.Duration // 5 s
	SlowReader          time.Duration // how long a client may leave one message unread, 15 s

	Workers     uint32 // goroutines that wait for calls, 64; more calls make more
	ReadBuffer  int    // bytes per connection, 64 KiB
	WriteBuffer int    // bytes per connection, 64 KiB
	// Window is how many bytes a client may send ahead, per stream and per connection, 1 MiB. A fixed one, since to estimate it grpc sends a
	// ping with nearly every request of a quiet connection, and reads its answer.
	Window int32

	// Lean carries calls over internal/h2 in place of grpc-go's transport, for less CPU.
	Lean bool

	Clock    clock.Clock
	Observer Observer
}

// Observer counts connections. Its methods must not block.
type Observer interface {
	// Opened and Closed report connections that came as far as HTTP/2.
	Opened(tls bool)
	Closed()
	// Turned reports a connection that was ended by a rule: a word such as "garbage", "plaintext", "resets".
	Turned(why string)
}

// Unobserved is the Observer that looks away.
type Unobserved struct{}

// Opened does nothing.
func (Unobserved) Opened(bool) {}

// Closed does nothing.
func (Unobserved) Closed() {}

// Turned does nothing.
func (Unobserved) Turned(string) {}

func (o Options) withDefaults() Options {
	set(&o.MaxMessage, 4<<20+512<<10)
	set(&o.MaxStreams, 1024)
	set(&o.MaxResets, 200)
	set(&o.Connections, 10_000)
	set(&o.Strangers, 1000)
	set(&o.StrangersPerAddress, 20)
	set(&o.StrangerTime, 5*time.Second)
	set(&o.SlowReader, 15*time.Second)
	set(&o.Workers, 64)
	set(&o.ReadBuffer, 64<<10)
	set(&o.WriteBuffer, 64<<10)
	set(&o.Window, 1<<20)
	if o.Clock == nil {
		o.Clock = clock.System()
	}
	if o.Observer == nil {
		o.Observer = Unobserved{}
	}
	return o
}

func set[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
