// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
)

// tap records what passes over connections. save writes the newest answer to each request, and the request, as small files: the
// fixtures of the parsers.
type tap struct {
	mu    sync.Mutex
	conns []*tapped
}

type tapped struct {
	net.Conn
	mu        sync.Mutex
	out, back bytes.Buffer
}

func (t *tap) dial(ctx context.Context, address string) (net.Conn, error) {
	var d net.Dialer
	nc, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	c := &tapped{Conn: nc}
	t.mu.Lock()
	t.conns = append(t.conns, c)
	t.mu.Unlock()
	return c, nil
}

func (c *tapped) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.mu.Lock()
	c.out.Write(b[:n])
	c.mu.Unlock()
	return n, err
}

func (c *tapped) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.mu.Lock()
	c.back.Write(b[:n])
	c.mu.Unlock()
	return n, err
}

// frames cuts a recording.
func frames(t *testing.T, b []byte) (all [][]byte) {
	for len(b) >= 4 {
		n := int(binary.BigEndian.Uint32(b)) + 4
		if n > len(b) {
			break
		}
		all, b = append(all, b[:n]), b[n:]
	}
	return all
}

// save keeps one exchange per request code and format, none larger than most bytes.
func (t *tap) save(test *testing.T, dir string, most int) {
	test.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		test.Fatal(err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range t.conns {
		c.mu.Lock()
		asked := map[int32][]remoting.Code{} // a number is used again only after its answer came, so both sides keep its order
		for _, wire := range frames(test, c.out.Bytes()) {
			var f remoting.Frame
			if err := remoting.ParseFrame(wire[4:], &f); err != nil {
				test.Fatal(err)
			}
			if !f.IsResponse() {
				asked[f.Opaque] = append(asked[f.Opaque], f.Code)
			}
		}
		for _, wire := range frames(test, c.back.Bytes()) {
			var f remoting.Frame
			if err := remoting.ParseFrame(wire[4:], &f); err != nil {
				test.Fatal(err)
			}
			name := fmt.Sprintf("request-%d", f.Code)
			if f.IsResponse() {
				name = fmt.Sprintf("answer-%d-%d", asked[f.Opaque][0], f.Code)
				asked[f.Opaque] = asked[f.Opaque][1:]
			}
			if len(wire) > most {
				continue
			}
			if f.JSON {
				name += "-json"
			}
			if err := os.WriteFile(filepath.Join(dir, name), wire, 0o644); err != nil {
				test.Fatal(err)
			}
		}
		c.mu.Unlock()
	}
}
