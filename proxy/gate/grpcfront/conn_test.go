// SPDX-License-Identifier: Apache-2.0

package grpcfront_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/proxy/gate/grpcfront"
)

// certificate writes a self-signed pair and gives the two files.
func certificate(t testing.TB, dir, name string, until time.Time) (certFile, keyFile string) {
	t.Helper()
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: until.Add(-48 * time.Hour), NotAfter: until,
	}
	der := must(x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key))
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	write := func(file, kind string, b []byte) {
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(keyFile, "EC PRIVATE KEY", must(x509.MarshalECPrivateKey(key)))
	write(certFile, "CERTIFICATE", der)
	return certFile, keyFile
}

func certificates(t testing.TB) *grpcfront.Certificates {
	t.Helper()
	certFile, keyFile := certificate(t, t.TempDir(), "localhost", time.Now().Add(time.Hour))
	return must(grpcfront.LoadCertificates(certFile, keyFile, clock.System(), slog.New(slog.DiscardHandler)))
}

func trusting() *tls.Config { return &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}} }

// raw opens a plain connection that ends with the test.
func (w *world) raw() net.Conn {
	w.t.Helper()
	c, err := net.Dial("tcp", w.address)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		w.t.Fatal(err)
	}
	return c
}

// ended reads until the other side closes and gives what it said.
func ended(t *testing.T, c net.Conn, within time.Duration) []byte {
	t.Helper()
	began := time.Now()
	if err := c.SetReadDeadline(began.Add(10 * within)); err != nil {
		t.Fatal(err)
	}
	said, err := io.ReadAll(c)
	if os.IsTimeout(err) {
		t.Fatalf("still open after %v", 10*within)
	}
	if took := time.Since(began); took > within {
		t.Logf("closed after %v, the aim is %v", took, within)
	}
	return said
}

func TestRow1RandomBytesAreTurnedAway(t *testing.T) {
	w := newWorld(t, worldOptions{front: grpcfront.Options{Certificates: certificates(t)}})
	for _, garbage := range []string{"GET / HTTP/1.1\r\n\r\n", "\x00", "PRI * HTTP/1.0\r\n\r\n", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n", "\x16\x03\x01\x00\x05hello", "{}"} {
		c := w.raw()
		if _, err := c.Write([]byte(garbage)); err != nil {
			t.Fatal(err)
		}
		if said := ended(t, c, time.Second); len(said) > 64<<10 {
			t.Errorf("%q was answered with %d bytes", garbage, len(said))
		}
	}
	eventually(t, "they are counted", func() bool { return w.counts.turned("garbage") && w.counts.turned("handshake") })
}

func TestRow2OldTLSIsRefused(t *testing.T) {
	w := newWorld(t, worldOptions{front: grpcfront.Options{Certificates: certificates(t)}})
	old := trusting()
	old.MinVersion, old.MaxVersion = tls.VersionTLS11, tls.VersionTLS11
	err := tls.Client(w.raw(), old).Handshake()
	if err == nil || !strings.Contains(err.Error(), "protocol version") {
		t.Errorf("TLS 1.1: %v", err)
	}
}

func TestRow3PlaintextToAPortThatWantsTLS(t *testing.T) {
	w := newWorld(t, worldOptions{front: grpcfront.Options{Certificates: certificates(t), TLSOnly: true}})
	c := w.raw()
	if _, err := io.WriteString(c, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	ended(t, c, time.Second)
	eventually(t, "it is counted", func() bool { return w.counts.turned("plaintext") })
}

func TestTLSAndPlaintextShareOnePort(t *testing.T) {
	w := newWorld(t, worldOptions{front: grpcfront.Options{Certificates: certificates(t)}})
	want(t, routeAs(w, w.as(), "orders"), v2.Code_OK)
	w.client = v2.NewMessagingServiceClient(w.dial(grpc.WithTransportCredentials(credentials.NewTLS(trusting()))))
	want(t, routeAs(w, w.as(), "orders"), v2.Code_OK)
	if w.counts.of(&w.counts.tls) != 1 || w.counts.of(&w.counts.open) != 2 {
		t.Errorf("%d of %d connections are counted as TLS", w.counts.of(&w.counts.tls), w.counts.of(&w.counts.open))
	}
	session := tls.Client(w.raw(), trusting())
	if err := session.Handshake(); err != nil {
		t.Fatal(err)
	}
	if s := session.ConnectionState(); s.NegotiatedProtocol != "h2" || s.Version != tls.VersionTLS13 {
		t.Errorf("negotiated %q with version %x", s.NegotiatedProtocol, s.Version)
	}
	other := trusting()
	other.NextProtos = []string{"spdy/3"}
	if err := tls.Client(w.raw(), other).Handshake(); err == nil {
		t.Error("a client of another protocol was let in")
	}
}

func TestTLSToAPortWithoutACertificate(t *testing.T) {
	w := newWorld(t, worldOptions{})
	if err := tls.Client(w.raw(), trusting()).Handshake(); err == nil {
		t.Error("TLS without a certificate")
	}
	eventually(t, "it is counted", func() bool { return w.counts.turned("no_tls") })
}

func TestCertificatesAreReplacedWithoutARestart(t *testing.T) {
	dir := t.TempDir()
	now := clock.NewVirtual(time.Now())
	certFile, keyFile := certificate(t, dir, "first", now.Now().Add(time.Hour))
	var log logged
	certs := must(grpcfront.LoadCertificates(certFile, keyFile, now, slog.New(slog.NewTextHandler(&log, nil))))
	w := newWorld(t, worldOptions{front: grpcfront.Options{Certificates: certs}})
	name := func() string {
		session := tls.Client(w.raw(), trusting())
		if err := session.Handshake(); err != nil {
			t.Fatal(err)
		}
		return session.ConnectionState().PeerCertificates[0].DNSNames[0]
	}
	if got := name(); got != "first" {
		t.Fatalf("serves %q", got)
	}
	certificate(t, dir, "second", now.Now().Add(2*time.Hour))
	now.Advance(10 * time.Second)
	if got := name(); got != "second" {
		t.Errorf("serves %q after the files were replaced", got)
	}
	for what, spoil := range map[string]func(){
		"unreadable": func() { _ = os.WriteFile(certFile, []byte("nothing"), 0o600) },
		"missing":    func() { _ = os.Remove(keyFile) },
		"expired":    func() { certificate(t, dir, "late", now.Now().Add(-time.Hour)) },
	} {
		spoil()
		now.Advance(10 * time.Second)
		if got := name(); got != "second" {
			t.Errorf("%s: serves %q", what, got)
		}
		if err := certs.Reload(); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	if !log.has("the old one stays") {
		t.Error("nothing was logged")
	}
	if _, err := grpcfront.LoadCertificates(certFile, keyFile, now, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a process starts with a certificate that it can't use")
	}
}

func TestRows4And5AreRefusedBeforeAnythingElse(t *testing.T) {
	w := newWorld(t, worldOptions{signed: true}) // nobody would be let in
	conn := w.dial()
	for _, method := range []string{"/apache.rocketmq.v2.MessagingService/Nothing", "/Nothing/SendMessage"} {
		err := conn.Invoke(w.as(), method, &v2.HeartbeatRequest{}, &v2.HeartbeatResponse{})
		if status.Code(err) != codes.Unimplemented {
			t.Errorf("%s: %v", method, err)
		}
	}
	h := w.http2()
	h.headers(1, "apache.rocketmq.v2.MessagingService/SendMessage", true)
	if got := h.status(1); got != "12" {
		t.Errorf("a path without a slash: grpc-status %q", got)
	}
}

// raw HTTP/2, for what no gRPC library does.
type rawHTTP2 struct {
	t      *testing.T
	conn   net.Conn
	framer *http2.Framer
	head   bytes.Buffer
	encode *hpack.Encoder
}

func (w *world) http2() *rawHTTP2 {
	w.t.Helper()
	h := &rawHTTP2{t: w.t.(*testing.T), conn: w.raw()}
	h.encode = hpack.NewEncoder(&h.head)
	if _, err := io.WriteString(h.conn, http2.ClientPreface); err != nil {
		w.t.Fatal(err)
	}
	h.framer = http2.NewFramer(h.conn, h.conn)
	h.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	if err := h.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1}); err != nil {
		w.t.Fatal(err)
	}
	return h
}

func (h *rawHTTP2) block(path string, more ...string) []byte {
	h.head.Reset()
	fields := []string{":method", "POST", ":scheme", "http", ":path", path, ":authority", "door", "content-type", "application/grpc", "te", "trailers", "x-mq-client-id", "raw"}
	for i := 0; i < len(more); i += 2 { // one that is there already is replaced
		if at := slices.Index(fields, more[i]); at >= 0 {
			fields[at+1] = more[i+1]
		} else {
			fields = append(fields, more[i], more[i+1])
		}
	}
	for i := 0; i < len(fields); i += 2 {
		if err := h.encode.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]}); err != nil {
			h.t.Fatal(err)
		}
	}
	return bytes.Clone(h.head.Bytes())
}

func (h *rawHTTP2) headers(stream uint32, path string, end bool, more ...string) {
	h.t.Helper()
	block := h.block(path, more...)
	first := block[:min(len(block), 16<<10)]
	err := h.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: first, EndHeaders: len(first) == len(block), EndStream: end})
	for block = block[len(first):]; err == nil && len(block) > 0; {
		part := block[:min(len(block), 16<<10)]
		block = block[len(part):]
		err = h.framer.WriteContinuation(stream, len(block) == 0, part)
	}
	if err != nil {
		h.t.Log("the other side hung up meanwhile:", err)
	}
}

// status reads until a stream ends and gives its gRPC status.
func (h *rawHTTP2) status(stream uint32) string {
	h.t.Helper()
	for {
		f, err := h.framer.ReadFrame()
		if os.IsTimeout(err) {
			h.t.Fatal(err)
		}
		if err != nil {
			return "reset of the whole connection"
		}
		switch f := f.(type) {
		case *http2.MetaHeadersFrame:
			for _, field := range f.Fields {
				if f.StreamID == stream && field.Name == "grpc-status" {
					return field.Value
				}
			}
		case *http2.RSTStreamFrame:
			if f.StreamID == stream {
				return "reset " + f.ErrCode.String()
			}
		}
	}
}

// goAway reads until the connection ends and gives what the last GOAWAY said.
func (h *rawHTTP2) goAway() string {
	why := "closed without a word"
	for {
		f, err := h.framer.ReadFrame()
		if err != nil {
			if os.IsTimeout(err) {
				h.t.Fatal("the connection stays open")
			}
			return why
		}
		if g, ok := f.(*http2.GoAwayFrame); ok {
			why = string(g.DebugData())
		}
	}
}

func TestRow66StreamsBeyondTheLimitAreRefused(t *testing.T) {
	w := newWorld(t, worldOptions{front: grpcfront.Options{MaxStreams: 3}})
	h := w.http2()
	for i := range uint32(3) {
		h.headers(2*i+1, "/apache.rocketmq.v2.MessagingService/Telemetry", false)
	}
	h.headers(7, "/apache.rocketmq.v2.MessagingService/Telemetry", false)
	if got := h.status(7); got != "reset REFUSED_STREAM" {
		t.Errorf("the fourth of three streams: %s", got)
	}
}

func TestRow67AFloodOfResetsEndsTheConnection(t *testing.T) {
	w := newWorld(t, worldOptions{})
	h := w.http2()
	go func() { // until the other side has enough of it
		for i := range uint32(20_000) {
			block := []byte{}
			if i == 0 {
				block = h.block("/apache.rocketmq.v2.MessagingService/Telemetry")
			}
			err := h.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 2*i + 1, BlockFragment: block, EndHeaders: true})
			if err == nil {
				err = h.framer.WriteRSTStream(2*i+1, http2.ErrCodeCancel)
			}
			if err != nil {
				return
			}
		}
	}()
	if why := h.goAway(); !strings.Contains(why, "resets") {
		t.Logf("the GOAWAY got lost with the connection: %s", why) // a reset of TCP may overtake it
	}
	eventually(t, "it is counted", func() bool { return w.counts.turned("resets") })
	want(t, routeAs(w, w.as(), "orders"), v2.Code_OK)
}

func TestRow68AFloodOfContinuationsEndsTheConnection(t *testing.T) {
	w := newWorld(t, worldOptions{})
	h := w.http2()
	if err := h.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: h.block("/x/y")}); err != nil {
		t.Fatal(err)
	}
	for range 10_000 {
		if h.framer.WriteContinuation(1, false, []byte{}) != nil {
			break
		}
	}
	h.goAway()
	eventually(t, "it is counted", func() bool { return w.counts.turned("continuations") })
}

func TestRow69AReaderThatDoesNotReadLosesItsConnection(t *testing.T) {
	w := newWorld(t, worldOptions{front: grpcfront.Options{SlowReader: 300 * time.Millisecond}})
	big := normal("orders", "")
	big.Body = make([]byte, 1<<20)
	want(t, w.send(w.as(), big).Status, v2.Code_OK)
	h := w.http2() // its window is one byte
	h.headers(1, "/apache.rocketmq.v2.MessagingService/ReceiveMessage", false)
	req := simpleReceive("billing", "orders")
	h.message(1, req)
	if why := h.goAway(); !strings.Contains(why, "unread") {
		t.Errorf("the reason given is %q", why)
	}
	if !w.counts.turned("slow_reader") {
		t.Error("it is not counted")
	}
	eventually(t, "its message goes to another", func() bool {
		_, again := w.receive(w.as(), req)
		return len(again) == 1
	})
}

func TestRows70And71TooManyHeaders(t *testing.T) {
	w := newWorld(t, worldOptions{})
	for name, pairs := range map[string][]string{
		"20 KiB in one":  {"x-filler", strings.Repeat("f", 20<<10)},
		"a long subject": {"x-mq-namespace", strings.Repeat("n", 17<<10)},
	} {
		t.Run(name, func(t *testing.T) {
			want(t, routeAs(w, w.as(pairs...), "orders"), v2.Code_REQUEST_HEADER_FIELDS_TOO_LARGE)
		})
	}
	var many []string
	for i := range 300 {
		many = append(many, fmt.Sprint("x-", i), "v")
	}
	want(t, routeAs(w, w.as(many...), "orders"), v2.Code_REQUEST_HEADER_FIELDS_TOO_LARGE, "256")
	// Far beyond the limit grpc resets the stream by itself, and the connection is of use for others.
	h := w.http2()
	var most []string
	for i := range 10_000 {
		most = append(most, fmt.Sprint("x-", i), "v")
	}
	h.headers(1, "/apache.rocketmq.v2.MessagingService/QueryRoute", true, most...)
	if got := h.status(1); !strings.HasPrefix(got, "reset") {
		t.Errorf("10,000 headers: %s", got)
	}
	megabyte := w.http2()
	megabyte.headers(1, "/apache.rocketmq.v2.MessagingService/QueryRoute", true, "x-filler", strings.Repeat("\x7e\x01", 64<<10))
	if got := megabyte.status(1); !strings.HasPrefix(got, "reset") {
		t.Errorf("a long header: %s", got)
	}
}

func TestRow72WhatIsNoMessageIsABadRequest(t *testing.T) {
	w := newWorld(t, worldOptions{})
	conn := w.dial(grpc.WithDefaultCallOptions(grpc.ForceCodec(rawCodec{})))
	deep := bytes.Repeat([]byte{0x0a, 0x7f}, 30_000)
	for name, b := range map[string][]byte{
		"bad UTF-8":     {0x0a, 0x04, 0x12, 0x02, 0xff, 0xfe},
		"a huge varint": {0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01},
		"deep nesting":  deep,
		"cut off":       {0x0a, 0x7f, 0x01},
	} {
		for _, method := range []string{"SendMessage", "QueryRoute", "Heartbeat", "AckMessage", "ReceiveMessage"} {
			var out []byte
			if err := conn.Invoke(w.as(), "/apache.rocketmq.v2.MessagingService/"+method, b, &out); err != nil {
				t.Errorf("%s as %s: %v", name, method, err)
				continue
			}
			if !bytes.Contains(out, []byte("bad_request")) {
				t.Errorf("%s as %s: %q", name, method, out)
			}
		}
	}
	stream, err := conn.NewStream(w.as(), &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, "/apache.rocketmq.v2.MessagingService/Telemetry")
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.SendMsg([]byte{0x12, 0x7f}); err != nil {
		t.Fatal(err)
	}
	var out []byte
	if err := stream.RecvMsg(&out); err != nil || !bytes.Contains(out, []byte("bad_request")) {
		t.Errorf("telemetry: %q, %v", out, err)
	}
	if n := w.counts.of(&w.counts.panicked); n != 0 {
		t.Errorf("%d panics", n)
	}
}

type rawCodec struct{}

func (rawCodec) Marshal(v any) ([]byte, error) { return v.([]byte), nil }
func (rawCodec) Name() string                  { return "proto" }
func (rawCodec) Unmarshal(b []byte, v any) error {
	*v.(*[]byte) = bytes.Clone(b)
	return nil
}

func TestStrangersGetLittleTimeAndFewBytes(t *testing.T) {
	w := newWorld(t, worldOptions{signed: true, front: grpcfront.Options{StrangerTime: 500 * time.Millisecond}})
	idle := w.http2()
	idle.goAway()
	eventually(t, "the idle one is counted", func() bool { return w.counts.turned("stranger_time") })
	loud := w.http2()
	loud.headers(1, "/apache.rocketmq.v2.MessagingService/Telemetry", false)
	for range 40 {
		if loud.framer.WriteRawFrame(0xee, 0, 0, make([]byte, 8<<10)) != nil { // frames of an unknown type are skipped
			break
		}
	}
	loud.goAway()
	eventually(t, "the loud one is counted", func() bool { return w.counts.turned("stranger_bytes") || w.counts.turned("stranger_time") })
	// A client is no stranger from its first call on, and may then be silent.
	want(t, routeAs(w, w.owner("bank"), "orders"), v2.Code_OK)
	stream, reply := w.agree(w.owner("bank"), producerSettings())
	want(t, reply.Status, v2.Code_OK)
	over := time.NewTimer(1500 * time.Millisecond)
	defer over.Stop()
	<-over.C
	if err := stream.Send(producerSettings()); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Errorf("a client that was silent was cut: %v", err)
	}
}

func TestOneAddressHasFewPlacesForStrangers(t *testing.T) {
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	w := newWorld(t, worldOptions{front: grpcfront.Options{StrangersPerAddress: 2, ProxyFrom: loopback}})
	open := 0
	for range 4 {
		c := w.raw()
		if _, err := io.WriteString(c, "PROXY TCP4 192.0.2.7 10.0.0.1 1234 8081\r\n"+http2.ClientPreface); err != nil {
			t.Fatal(err)
		}
		if err := http2.NewFramer(c, c).WriteSettings(); err != nil {
			t.Fatal(err)
		}
		if f, err := http2.NewFramer(c, c).ReadFrame(); err == nil && f.Header().Type == http2.FrameSettings {
			open++
		}
	}
	if open != 2 || !w.counts.turned("full") {
		t.Errorf("%d of 4 strangers from one address got in", open)
	}
	want(t, routeAs(w, w.as(), "orders"), v2.Code_OK) // the loopback interface is exempt
}

func TestTheProxyProtocolIsBelievedWhereConfigured(t *testing.T) {
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	w := newWorld(t, worldOptions{front: grpcfront.Options{ProxyFrom: loopback, Certificates: certificates(t)}})
	v2Header := append([]byte("\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c"), 192, 0, 2, 7, 10, 0, 0, 1, 4, 210, 31, 145)
	for name, header := range map[string]string{
		"version 1": "PROXY TCP4 192.0.2.7 10.0.0.1 1234 8081\r\n",
		"version 2": string(v2Header),
	} {
		for _, secure := range []bool{false, true} {
			t.Run(fmt.Sprint(name, secure), func(t *testing.T) {
				dial := func(ctx context.Context, addr string) (net.Conn, error) {
					c, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
					if err == nil {
						_, err = io.WriteString(c, header)
					}
					return c, err
				}
				o := []grpc.DialOption{grpc.WithContextDialer(dial)}
				if secure {
					o = append(o, grpc.WithTransportCredentials(credentials.NewTLS(trusting())))
				}
				client := v2.NewMessagingServiceClient(w.dial(o...))
				// The caller is not on this machine, so it must sign.
				out, err := client.QueryRoute(w.as(), &v2.QueryRouteRequest{Topic: res("orders"), Endpoints: endpoints()})
				if err != nil {
					t.Fatal(err)
				}
				want(t, out.Status, v2.Code_UNAUTHORIZED)
				if out, err = client.QueryRoute(w.owner("bank"), &v2.QueryRouteRequest{Topic: res("orders"), Endpoints: endpoints()}); err != nil {
					t.Fatal(err)
				}
				want(t, out.Status, v2.Code_OK)
				if !w.log.has("remote=192.0.2.7:1234") {
					t.Error("the log does not know the client's address")
				}
			})
		}
	}
	want(t, routeAs(w, w.as(), "orders"), v2.Code_OK) // without a header it is the loopback interface
	health := w.raw()                                 // a load balancer's own check
	if _, err := health.Write([]byte("PROXY UNKNOWN\r\n")); err != nil {
		t.Fatal(err)
	}
}

func TestHealthAndReflection(t *testing.T) {
	w := newWorld(t, worldOptions{signed: true})
	conn := w.dial()
	for _, service := range []string{"", "apache.rocketmq.v2.MessagingService"} {
		out, err := healthpb.NewHealthClient(conn).Check(w.as(), &healthpb.HealthCheckRequest{Service: service})
		if err != nil || out.Status != healthpb.HealthCheckResponse_SERVING {
			t.Errorf("%q: %v, %v", service, out, err)
		}
	}
	stream, err := reflectionpb.NewServerReflectionClient(conn).ServerReflectionInfo(w.as())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&reflectionpb.ServerReflectionRequest{MessageRequest: &reflectionpb.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: "apache.rocketmq.v2.MessagingService"}}); err != nil {
		t.Fatal(err)
	}
	answer, err := stream.Recv()
	if err != nil || len(answer.GetFileDescriptorResponse().GetFileDescriptorProto()) == 0 {
		t.Errorf("reflection: %v, %v", answer, err)
	}
}

func TestAPollLeavesRoomForAcks(t *testing.T) {
	w := newWorld(t, worldOptions{})
	handle := w.handle(w.as(), time.Minute, false)
	const polls = 200 // more than there are workers
	parked := w.engine.count("arm")
	ctx, cancel := context.WithCancel(w.as())
	defer cancel()
	for range polls {
		req := simpleReceive("other", "later")
		req.LongPollingTimeout = durationpb.New(9 * time.Second)
		if _, err := w.client.ReceiveMessage(ctx, req); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the polls are parked", func() bool { return w.engine.count("arm") >= parked+polls })
	want(t, w.ack(w.as(), "billing", "orders", handle).Status, v2.Code_OK)
}

func (h *rawHTTP2) message(stream uint32, m *v2.ReceiveMessageRequest) {
	h.t.Helper()
	b := must(proto.Marshal(m))
	frame := append([]byte{0, byte(len(b) >> 24), byte(len(b) >> 16), byte(len(b) >> 8), byte(len(b))}, b...)
	if err := h.framer.WriteData(stream, true, frame); err != nil {
		h.t.Fatal(err)
	}
}
