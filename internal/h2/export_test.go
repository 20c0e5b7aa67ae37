// SPDX-License-Identifier: Apache-2.0

package h2

import (
	"net"
	"testing"
)

// Pair is both ends of a connection over a real socket.
func Pair(t *testing.T) (client, server *net.TCPConn) {
	t.Helper()
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dialed, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dialed.Close() })
	if server, err = l.AcceptTCP(); err != nil {
		t.Fatal(err)
	}
	return dialed.(*net.TCPConn), server
}

// Fresh is a pool that keeps nothing.
type Fresh struct{}

// Get gives a new buffer.
func (Fresh) Get(n int) *[]byte { b := make([]byte, n); return &b }

// Put drops one.
func (Fresh) Put(*[]byte) {}
