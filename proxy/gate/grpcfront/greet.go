// SPDX-License-Identifier: Apache-2.0

package grpcfront

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"

	proxyproto "github.com/pires/go-proxyproto"
	"google.golang.org/grpc/credentials"

	"github.com/causeway-mq/causeway/internal/h2"
)

// The story of a new connection: a load balancer that is believed may say first for whom it speaks. Then the first bytes tell
// TLS from HTTP/2 in the clear; anything else is ended at once. grpc runs this on the connection's own goroutine and bounds
// it by its connection timeout, so a silent stranger holds nothing but its place.

const (
	tlsRecord  = 0x16 // the first byte of a TLS handshake
	greetBytes = 4096 // the longest PROXY header that is read
)

var (
	errGarbage   = errors.New("the first bytes are neither TLS nor HTTP/2")
	errPlaintext = errors.New("plaintext on a port that wants TLS")
	errNoTLS     = errors.New("TLS on a port without a certificate")
	errFull      = errors.New("no room for another connection")
)

// greeter is grpc's view of the above: what grpc calls credentials.
type greeter struct{ front *Front }

// known is what grpc keeps with each connection.
type known struct{ conn *conn }

// AuthType names the kind of connection.
func (k known) AuthType() string {
	if k.conn.tls {
		return "tls"
	}
	return "insecure"
}

// ServerHandshake greets one connection.
func (g greeter) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	c, err := g.front.open(raw)
	if err != nil {
		return nil, nil, err
	}
	return c, known{c}, nil
}

// open greets one connection and counts what becomes of it.
func (f *Front) open(raw net.Conn) (*conn, error) {
	c, err := f.greet(raw)
	if err != nil {
		if !errors.Is(err, io.EOF) {
			f.options.Observer.Turned(reasonOf(err))
		}
		return nil, err
	}
	f.options.Observer.Opened(c.tls)
	return c, nil
}

func reasonOf(err error) string {
	switch {
	case errors.Is(err, errGarbage):
		return "garbage"
	case errors.Is(err, errPlaintext):
		return "plaintext"
	case errors.Is(err, errNoTLS):
		return "no_tls"
	case errors.Is(err, errFull):
		return "full"
	}
	return "handshake"
}

func (f *Front) greet(raw net.Conn) (*conn, error) {
	remote := addrOf(raw.RemoteAddr())
	in := bufio.NewReaderSize(raw, greetBytes)
	if f.believed(remote.Addr()) {
		said, err := readProxyHeader(in)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errGarbage, err)
		}
		if said.IsValid() {
			remote = said
		}
	}
	secure, err := looksSecure(in)
	if err != nil {
		return nil, err
	}
	early, err := in.Peek(in.Buffered())
	if err != nil {
		return nil, err
	}
	early = bytes.Clone(early) // the reader's buffer is not kept for the life of the connection
	switch {
	case secure && f.options.Certificates == nil:
		return nil, errNoTLS
	case !secure && f.options.TLSOnly:
		return nil, errPlaintext
	}
	return f.admit(raw, early, remote, secure)
}

// admit takes a place for the connection and finishes TLS.
func (f *Front) admit(raw net.Conn, early []byte, remote netip.AddrPort, secure bool) (*conn, error) {
	if !f.strangers.entered(remote.Addr()) {
		return nil, errFull
	}
	if f.connections.Add(1) > int64(f.options.Connections) {
		f.connections.Add(-1)
		f.strangers.left(remote.Addr())
		return nil, errFull
	}
	c := f.newConn(raw, early, remote)
	if secure {
		// TLS reads through its own view of the socket: conn counts what is inside.
		session := tls.Server(&unread{raw, early}, f.tls)
		if err := session.HandshakeContext(context.Background()); err != nil {
			f.connections.Add(-1)
			f.strangers.left(remote.Addr())
			return nil, err
		}
		c = f.newConn(session, nil, remote)
		c.tls = true
	}
	c.linger = f.options.Clock.AfterFunc(f.options.StrangerTime, func() {
		if !c.known.Load() {
			c.turn("stranger_time", "nobody has named himself in time")
		}
	})
	return c, nil
}

// unread is a connection of which some bytes were read already.
type unread struct {
	net.Conn
	early []byte
}

// Read gives out the early bytes first.
func (u *unread) Read(p []byte) (int, error) {
	if len(u.early) > 0 {
		n := copy(p, u.early)
		u.early = u.early[n:]
		return n, nil
	}
	return u.Conn.Read(p)
}

// looksSecure decides by as few bytes as the difference takes: TLS by the first, HTTP/2 by its whole greeting.
func looksSecure(in *bufio.Reader) (bool, error) {
	want := h2.Preface
	for n := 1; n <= len(want); n++ {
		got, err := in.Peek(n)
		if err != nil {
			return false, err
		}
		if n == 1 && got[0] == tlsRecord {
			return true, nil
		}
		if got[n-1] != want[n-1] {
			return false, errGarbage
		}
	}
	return false, nil
}

func (f *Front) believed(a netip.Addr) bool {
	a = a.Unmap()
	for _, p := range f.options.ProxyFrom {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// readProxyHeader reads a PROXY header, if there is one, and gives the address in it. A load balancer's own health check names
// none.
func readProxyHeader(in *bufio.Reader) (netip.AddrPort, error) {
	h, err := proxyproto.Read(in)
	switch {
	case errors.Is(err, proxyproto.ErrNoProxyProtocol):
		return netip.AddrPort{}, nil
	case err != nil:
		return netip.AddrPort{}, err
	case h.Command.IsLocal():
		return netip.AddrPort{}, nil
	}
	return addrOf(h.SourceAddr), nil
}

func addrOf(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok {
		ap := t.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	return netip.AddrPort{}
}

// Clone, ClientHandshake, Info and OverrideServerName make a greeter what grpc calls transport credentials.
func (g greeter) Clone() credentials.TransportCredentials { return g }

// ClientHandshake is for clients, which this is not.
func (g greeter) ClientHandshake(context.Context, string, net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, errors.New("a server's credentials can't call")
}

// Info describes the port.
func (g greeter) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "tls"}
}

// OverrideServerName is for clients.
func (g greeter) OverrideServerName(string) error { return nil }
