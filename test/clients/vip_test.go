// SPDX-License-Identifier: Apache-2.0

package clients_test

import (
	"io"
	"net"
	"slices"
	"sync"
	"testing"
)

// vip is the one address that clients are given where several proxies serve: it hands connections to the proxies in turn, and to the next one where one does not
// take it, as a load balancer does.
func vip(t *testing.T, to ...string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for n := 0; ; n++ {
			in, err := l.Accept()
			if err != nil {
				return // the test is over
			}
			turn := n % len(to)
			all.Go(func() { relay(in, slices.Concat(to[turn:], to[:turn])) })
		}
	})
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

// relay carries a connection until either end is over.
func relay(in net.Conn, to []string) {
	defer in.Close()
	for _, address := range to {
		out, err := net.Dial("tcp", address)
		if err != nil {
			continue
		}
		defer out.Close()
		var back sync.WaitGroup
		back.Go(func() {
			_, _ = io.Copy(in, out) // either end may go at any time
			_ = in.Close()
		})
		_, _ = io.Copy(out, in)
		_ = out.Close()
		back.Wait()
		return
	}
}
