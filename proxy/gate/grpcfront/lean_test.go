// SPDX-License-Identifier: Apache-2.0

package grpcfront_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"golang.org/x/net/http2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/causeway-mq/causeway/proxy/gate/grpcfront"
)

const heartbeatPath = "/apache.rocketmq.v2.MessagingService/Heartbeat"

// outcome reads a stream to its end: its HTTP status, and its gRPC status or how it was reset.
func (h *rawHTTP2) outcome(stream uint32) (web, rpc, why string) {
	h.t.Helper()
	for {
		f, err := h.framer.ReadFrame()
		if err != nil {
			return web, "the connection ended", err.Error()
		}
		if f.Header().StreamID != stream {
			continue
		}
		switch f := f.(type) {
		case *http2.MetaHeadersFrame:
			for _, field := range f.Fields {
				switch field.Name {
				case ":status":
					web = field.Value
				case "grpc-status":
					rpc = field.Value
				case "grpc-message":
					why = field.Value
				}
			}
			if f.StreamEnded() {
				return web, rpc, why
			}
		case *http2.RSTStreamFrame:
			return web, "reset " + f.ErrCode.String(), why
		}
	}
}

func message(t *testing.T, m proto.Message) []byte {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(b))), b...)
}

func beat(t *testing.T) []byte {
	return message(t, &v2.HeartbeatRequest{ClientType: v2.ClientType_PRODUCER})
}

// What the lean transport says to calls that no gRPC library makes.
func TestTheLeanTransportAnswersOddCalls(t *testing.T) {
	w := newWorld(t, worldOptions{front: grpcfront.Options{Lean: true, MaxMessage: 1 << 20, Window: 1 << 20}})
	ask := func(h *rawHTTP2, stream uint32, end bool, parts ...[]byte) {
		for i, p := range parts {
			if err := h.framer.WriteData(stream, end && i == len(parts)-1, p); err != nil {
				t.Fatal(err)
			}
		}
	}
	whole := beat(t)
	compressed := append([]byte{1}, whole[1:]...)
	endless := binary.BigEndian.AppendUint32([]byte{0}, 1<<30)
	for name, c := range map[string]struct {
		path          string
		headers       []string
		parts         [][]byte
		bare          bool // the call ends with its headers
		web, rpc, why string
	}{
		"a call":                    {parts: [][]byte{whole}, web: "200", rpc: "0"},
		"byte by byte":              {parts: bytewise(whole), web: "200", rpc: "0"},
		"an empty message":          {parts: [][]byte{{0, 0, 0, 0, 0}}, web: "200", rpc: "0"},
		"its end by itself":         {parts: [][]byte{whole, {}}, web: "200", rpc: "0"},
		"a GET":                     {headers: []string{":method", "GET"}, parts: [][]byte{whole}, web: "405"},
		"no content type":           {headers: []string{"content-type", ""}, parts: [][]byte{whole}, web: "415"},
		"another content type":      {headers: []string{"content-type", "application/grpcweb"}, parts: [][]byte{whole}, web: "415"},
		"a content type with more":  {headers: []string{"content-type", "application/grpc+proto"}, parts: [][]byte{whole}, web: "200", rpc: "0"},
		"compressed, by its header": {headers: []string{"grpc-encoding", "gzip"}, parts: [][]byte{compressed}, web: "200", rpc: "12", why: "gzip"},
		"compressed, by itself":     {parts: [][]byte{compressed}, web: "200", rpc: "13", why: "compressed"},
		"a message that is too long": {
			parts: [][]byte{endless}, web: "200", rpc: "8", why: "1073741824 bytes; at most 2097152 are read",
		},
		"no message":         {bare: true, web: "200", rpc: "13", why: "without a request"},
		"no message, later":  {parts: [][]byte{{}}, web: "200", rpc: "13", why: "without a request"},
		"half a prefix":      {parts: [][]byte{{0, 0}}, web: "200", rpc: "13", why: "unexpected EOF"},
		"half a message":     {parts: [][]byte{whole[:len(whole)-1]}, web: "200", rpc: "13", why: "unexpected EOF"},
		"two messages":       {parts: [][]byte{whole, whole}, web: "200", rpc: "13", why: "more than one request"},
		"two in one piece":   {parts: [][]byte{append(append([]byte{}, whole...), whole...)}, web: "200", rpc: "13", why: "more than one request"},
		"a timeout of words": {headers: []string{"grpc-timeout", "soon"}, parts: [][]byte{whole}, web: "200", rpc: "13", why: "malformed grpc-timeout"},
		"a long timeout":     {headers: []string{"grpc-timeout", "99999999H"}, parts: [][]byte{whole}, web: "200", rpc: "0"},
		"a service's path":   {path: "/grpc.health.v1.Health/Nothing", parts: [][]byte{whole}, web: "200", rpc: "12", why: "unknown method Nothing for service grpc.health.v1.Health"},
		"a path of signs":    {path: "/\u00fc%/x", parts: [][]byte{whole}, web: "200", rpc: "12", why: "unknown service %C3%BC%25"},
		"a long path":        {path: "/" + strings.Repeat("\u00fc", 10<<10) + "/x", parts: [][]byte{whole}, web: "200", rpc: "12", why: "unknown service %C3%BC%C3%BC"},
		"telemetry, cut off": {path: "/apache.rocketmq.v2.MessagingService/Telemetry", parts: [][]byte{{0, 0}}, web: "200"},
	} {
		t.Run(name, func(t *testing.T) {
			h := w.http2()
			if err := h.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 20}); err != nil {
				t.Fatal(err)
			}
			if c.path == "" {
				c.path = heartbeatPath
			}
			h.headers(1, c.path, c.bare, c.headers...)
			ask(h, 1, true, c.parts...)
			web, rpc, why := h.outcome(1)
			if web != c.web || rpc != c.rpc && c.rpc != "" || !strings.Contains(why, c.why) {
				t.Errorf("HTTP %s, gRPC %s, %q; want %s, %s, %q", web, rpc, why, c.web, c.rpc, c.why)
			}
			h.headers(3, heartbeatPath, false) // the connection is of use
			ask(h, 3, true, whole)
			if _, rpc, why := h.outcome(3); rpc != "0" {
				t.Errorf("the next call: gRPC %s, %q", rpc, why)
			}
		})
	}
}

func bytewise(b []byte) (parts [][]byte) {
	for i := range b {
		parts = append(parts, b[i:i+1])
	}
	return parts
}

func TestTheLeanTransportRefusesWhatIsCompressed(t *testing.T) {
	w := newWorld(t, worldOptions{front: grpcfront.Options{Lean: true}})
	_, err := w.client.Heartbeat(w.as(), &v2.HeartbeatRequest{}, grpc.UseCompressor(gzip.Name))
	if status.Code(err) != codes.Unimplemented {
		t.Errorf("%v", err)
	}
	if _, err := w.client.Heartbeat(w.as(), &v2.HeartbeatRequest{}); err != nil {
		t.Error(err)
	}
}

// Sizes around a frame, a window and the limit of a message; each comes back as it was sent.
func TestTheLeanTransportCarriesEverySize(t *testing.T) {
	w := newWorld(t, worldOptions{front: grpcfront.Options{Lean: true, Window: 64 << 10}})
	for _, size := range []int{1, 16<<10 - 300, 16 << 10, 64<<10 - 200, 64 << 10, 200 << 10, 1 << 20, 4<<20 - 1000} {
		m := normal("orders", "")
		m.Body = make([]byte, size)
		for i := range m.Body {
			m.Body[i] = byte(i % 251)
		}
		sent := w.send(w.as(), m)
		if sent.Status.Code != v2.Code_OK {
			t.Fatalf("%d bytes: %v", size, sent.Status)
		}
		got, messages := w.receive(w.as(), simpleReceive("billing", "orders"))
		want(t, got, v2.Code_OK)
		if len(messages) != 1 || string(messages[0].Body) != string(m.Body) {
			t.Fatalf("%d bytes did not come back", size)
		}
	}
}

// Many callers on few connections, some of whom give up: everybody gets his own answer.
func TestTheLeanTransportServesACrowd(t *testing.T) {
	w := newWorld(t, worldOptions{front: grpcfront.Options{Lean: true, Workers: 4}})
	clients := []v2.MessagingServiceClient{w.client, v2.NewMessagingServiceClient(w.dial())}
	var crowd sync.WaitGroup
	for i := range 40 {
		crowd.Go(func() {
			for n := range 25 {
				ctx, cancel := context.WithTimeout(w.as(), 20*time.Second)
				if (i+n)%7 == 0 { // it gives up before or while it is answered
					go cancel()
				}
				name := fmt.Sprintf("nobody-%d-%d", i, n)
				out, err := clients[i%2].QueryRoute(ctx, &v2.QueryRouteRequest{Topic: res(name), Endpoints: endpoints()})
				gaveUp := (i+n)%7 == 0 && status.Code(err) == codes.Canceled
				if err != nil && !gaveUp {
					t.Errorf("%v", err)
				}
				if err == nil && !strings.Contains(out.Status.Message, name) {
					t.Errorf("asked for %s, answered %v", name, out.Status)
				}
				cancel()
			}
		})
	}
	crowd.Wait()
}
