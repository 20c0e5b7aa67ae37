// SPDX-License-Identifier: Apache-2.0

package remoting

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

func echo(f *Frame) *Frame { return &Frame{Body: f.Body} }

func TestAnswersMayComeInAnyOrder(t *testing.T) {
	p := listen(t, nil)
	c := client(t, Options{})
	var ends []<-chan ending
	for i := range 10 {
		ends = append(ends, calling(c, t.Context(), p.address(), Request{Code: SendMessage, Body: []byte{byte(i)}}))
	}
	conn := soon(t, p.conns, "a connection")
	var asked []*Frame
	for range 10 {
		asked = append(asked, soon(t, conn.requests, "a request"))
	}
	for i := range asked {
		f := asked[len(asked)-1-i]
		conn.answer(f, Frame{Body: f.Body})
	}
	for i, end := range ends {
		e := soon(t, end, "an answer")
		if e.err != nil || len(e.frame.Body) != 1 || e.frame.Body[0] != byte(i) {
			t.Fatalf("call %d: %+v, %v", i, e.frame, e.err)
		}
		e.frame.Release()
	}
}

func TestManyCallersShareConnections(t *testing.T) {
	p := listen(t, echo)
	c := client(t, Options{Connections: 2})
	var callers sync.WaitGroup
	for i := range 32 {
		callers.Go(func() {
			for k := range 200 {
				body := fmt.Appendf(nil, "%d/%d", i, k)
				f, err := c.Call(t.Context(), p.address(), Request{Code: SendMessage, Body: body})
				if err != nil || string(f.Body) != string(body) {
					t.Errorf("%s: %v, %v", body, f, err)
					return
				}
				f.Release()
			}
		})
	}
	callers.Wait()
	if n := len(p.conns); n != 2 {
		t.Errorf("%d connections, want 2", n)
	}
}

// A call that gave up leaves its slot behind: what is answered late meets nobody, least of all the next call.
func TestALateAnswerNeverMeetsAStranger(t *testing.T) {
	p := listen(t, nil)
	time0 := clock.NewVirtual(time.Unix(1e9, 0))
	c := client(t, Options{Clock: time0})
	first := calling(c, t.Context(), p.address(), Request{Code: SendMessage, Body: []byte("first")})
	conn := soon(t, p.conns, "a connection")
	asked := soon(t, conn.requests, "the first request")
	time0.Advance(3 * time.Second)
	e := soon(t, first, "the first call's end")
	if mq.KindOf(e.err) != mq.Timeout || mq.Outcome(e.err) != mq.Unknown {
		t.Fatalf("a call without an answer ends with %v", e.err)
	}
	second := calling(c, t.Context(), p.address(), Request{Code: SendMessage, Body: []byte("second")})
	askedSecond := soon(t, conn.requests, "the second request")
	if asked.Opaque == askedSecond.Opaque {
		t.Fatal("both calls have one number")
	}
	conn.answer(asked, Frame{Body: []byte("for the first")})
	conn.answer(askedSecond, Frame{Body: []byte("for the second")})
	if e := soon(t, second, "the second call's end"); e.err != nil || string(e.frame.Body) != "for the second" {
		t.Fatalf("%v, %v", e.frame, e.err)
	}
	third := calling(c, t.Context(), p.address(), Request{Code: SendMessage})
	if f := soon(t, conn.requests, "the third request"); f.Opaque == asked.Opaque || f.Opaque == askedSecond.Opaque {
		t.Errorf("number %d is another call's", f.Opaque)
	} else if slot := f.Opaque & (maxInFlight - 1); slot != asked.Opaque && slot != askedSecond.Opaque {
		t.Errorf("slot %d is new although the others were answered", slot)
	} else {
		conn.answer(f, Frame{})
	}
	soon(t, third, "the third call's end")
}

// A caller whose own end comes at the same moment as its answer gives up a slot that is another call's by then; a peer that answers twice
// answers nobody the second time.
func TestALateEndOfACallLeavesTheNextCallOfItsSlotAlone(t *testing.T) {
	s := slots{most: 1}
	var old []ticket
	for i := range int64(1) << (31 - slotBits) {
		id, ok := s.take(call{from: 100 + i})
		if !ok || id < 0 {
			t.Fatalf("call %d: number %d, %v", i, id, ok)
		}
		if i < 100 {
			for _, o := range old {
				if _, ok := s.abandon(o); ok {
					t.Fatal("a call that was answered was given up")
				}
				if c, ok := s.answered(o.id); ok {
					t.Fatalf("a second answer to the call at %d went to the one at %d", o.from, c.from)
				}
			}
			old = append(old, ticket{id, 100 + i})
		}
		if c, ok := s.answered(id); !ok || c.from != 100+i {
			t.Fatalf("call %d lost its answer: %+v %v", i, c, ok)
		}
	}
	if id, ok := s.take(call{}); !ok || id != old[0].id || s.live != 1 {
		t.Errorf("after the last turn: number %d, %v, %d live", id, ok, s.live)
	}
}

// The same with many callers that give up around the time of their answers: whoever gets an answer gets its own, and everybody ends.
func TestCallersThatGiveUpNeverGetAStrangersAnswer(t *testing.T) {
	p := listen(t, echo)
	c := client(t, Options{})
	var callers sync.WaitGroup
	for i := range 16 {
		callers.Go(func() {
			for k := range 300 {
				body := fmt.Appendf(nil, "%d/%d", i, k)
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(k%30)*20*time.Microsecond)
				f, err := c.Call(ctx, p.address(), Request{Code: SendMessage, Body: body, Timeout: 30 * time.Second})
				cancel()
				if err != nil {
					continue
				}
				if string(f.Body) != string(body) {
					t.Errorf("%s got the answer to %s", body, f.Body)
				}
				f.Release()
			}
		})
	}
	ended := make(chan struct{})
	go func() { callers.Wait(); close(ended) }()
	soon(t, ended, "the end of every call")
}

func TestEachCallHasItsOwnDeadline(t *testing.T) {
	p := listen(t, nil)
	time0 := clock.NewVirtual(time.Unix(1e9, 0))
	c := client(t, Options{Clock: time0, KeepAlive: time.Hour})
	long := calling(c, t.Context(), p.address(), Request{Code: PopMessage, Timeout: 25 * time.Second})
	conn := soon(t, p.conns, "a connection")
	soon(t, conn.requests, "the long call")
	short := calling(c, t.Context(), p.address(), Request{Code: SendMessage, Timeout: time.Second})
	soon(t, conn.requests, "the short call")
	time0.Advance(time.Second)
	if e := soon(t, short, "the short call's end"); mq.KindOf(e.err) != mq.Timeout {
		t.Fatalf("short: %v", e.err)
	}
	time0.Advance(23 * time.Second)
	select {
	case e := <-long:
		t.Fatalf("the long call ended after 24 of 25 s: %v", e.err)
	default:
	}
	time0.Advance(time.Second)
	if e := soon(t, long, "the long call's end"); mq.KindOf(e.err) != mq.Timeout || mq.Outcome(e.err) != mq.Unknown {
		t.Fatalf("long: %v", e.err)
	}
}

func TestACallersOwnEndLeavesTheOutcomeUnknown(t *testing.T) {
	p := listen(t, nil)
	c := client(t, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	end := calling(c, ctx, p.address(), Request{Code: SendMessage})
	soon(t, soon(t, p.conns, "a connection").requests, "the request")
	cancel()
	if e := soon(t, end, "the end"); mq.Outcome(e.err) != mq.Unknown || mq.KindOf(e.err) != mq.Timeout {
		t.Errorf("%v", e.err)
	}
	if _, err := c.Call(ctx, p.address(), Request{Code: SendMessage}); mq.Outcome(err) != mq.Refused {
		t.Errorf("a call that begins after its caller's end: %v", err)
	}
}

func TestALostConnectionLeavesOutcomesUnknown(t *testing.T) {
	p := listen(t, nil)
	c := client(t, Options{})
	end := calling(c, t.Context(), p.address(), Request{Code: SendMessage})
	conn := soon(t, p.conns, "a connection")
	soon(t, conn.requests, "the request")
	conn.Close()
	if e := soon(t, end, "the end"); mq.Outcome(e.err) != mq.Unknown || mq.KindOf(e.err) != mq.Unavailable {
		t.Errorf("%v", e.err)
	}
}

// What waited behind a peer that takes nothing was never offered to the kernel: it is certain that it was not done.
func TestWhatWasNeverWrittenIsRefused(t *testing.T) {
	ours, theirs := net.Pipe()
	defer theirs.Close()
	c := client(t, Options{Dial: func(context.Context, string) (net.Conn, error) { return ours, nil }})
	first := calling(c, t.Context(), "pipe", Request{Code: SendMessage})
	if f := readFrame(theirs); f == nil {
		t.Fatal("the first request did not arrive")
	}
	second := calling(c, t.Context(), "pipe", Request{Code: SendMessage, Body: []byte("stuck in the write")})
	if _, err := theirs.Read(make([]byte, 1)); err != nil { // its write is under way: one byte of it was taken
		t.Fatal(err)
	}
	third := calling(c, t.Context(), "pipe", Request{Code: SendMessage, Body: []byte("behind it")})
	l, _ := c.link("pipe")
	eventually(t, "the third request waits behind the second", func() bool {
		conn := l.ready()
		conn.mu.Lock()
		defer conn.mu.Unlock()
		return len(conn.pending) > 0
	})
	theirs.Close()
	for name, end := range map[string]<-chan ending{"first": first, "second": second} {
		if e := soon(t, end, name); mq.Outcome(e.err) != mq.Unknown {
			t.Errorf("%s: %v", name, e.err)
		}
	}
	if e := soon(t, third, "third"); mq.Outcome(e.err) != mq.Refused || mq.KindOf(e.err) != mq.Unavailable {
		t.Errorf("third: %v", e.err)
	}
}

func TestGoAwayMovesToAnotherConnection(t *testing.T) {
	p := listen(t, nil)
	c := client(t, Options{})
	parked := calling(c, t.Context(), p.address(), Request{Code: PopMessage})
	old := soon(t, p.conns, "a connection")
	askedParked := soon(t, old.requests, "the parked call")
	moved := calling(c, t.Context(), p.address(), Request{Code: SendMessage, Body: []byte("again")})
	old.answer(soon(t, old.requests, "the call that is sent away"), Frame{Code: GoAway})
	fresh := soon(t, p.conns, "another connection")
	again := soon(t, fresh.requests, "the call, once more")
	if string(again.Body) != "again" {
		t.Fatalf("another call: %q", again.Body)
	}
	fresh.answer(again, Frame{})
	if e := soon(t, moved, "its end"); e.err != nil {
		t.Fatal(e.err)
	}
	old.answer(askedParked, Frame{Code: PollingTimeout})
	if e := soon(t, parked, "the parked call's end"); e.err != nil || e.frame.Code != PollingTimeout {
		t.Fatalf("%v, %v", e.frame, e.err)
	}
	if f, open := <-old.requests; open {
		t.Errorf("the old connection still gets requests: %+v", f)
	}
}

func TestASilentPeerIsAskedForASignOfLife(t *testing.T) {
	p := listen(t, nil)
	time0 := clock.NewVirtual(time.Unix(1e9, 0))
	c := client(t, Options{Clock: time0, ClientID: "me"})
	parked := calling(c, t.Context(), p.address(), Request{Code: PopMessage, Timeout: time.Hour})
	conn := soon(t, p.conns, "a connection")
	soon(t, conn.requests, "the parked call")
	time0.Advance(30 * time.Second)
	ping := soon(t, conn.requests, "a sign of life is asked for")
	if ping.Code != HeartBeat || !strings.Contains(string(ping.Body), `"clientID":"me"`) {
		t.Fatalf("%d %s", ping.Code, ping.Body)
	}
	conn.answer(ping, Frame{Code: NotSupported}) // any answer will do
	l, _ := c.link(p.address())
	eventually(t, "the answer was heard", func() bool { conn := l.ready(); return conn.heard.Load() == 1 })
	time0.Advance(30 * time.Second)
	time0.Advance(30 * time.Second)
	soon(t, conn.requests, "it is asked again after another silence")
	time0.Advance(3 * time.Second)
	if e := soon(t, parked, "the parked call's end"); mq.Outcome(e.err) != mq.Unknown || !strings.Contains(e.err.Error(), "sign of life") {
		t.Errorf("%v", e.err)
	}
}

func TestADeadAddressIsLeftAloneForAWhile(t *testing.T) {
	var dials atomic.Int64
	time0 := clock.NewVirtual(time.Unix(1e9, 0))
	c := client(t, Options{Clock: time0, Dial: func(context.Context, string) (net.Conn, error) {
		dials.Add(1)
		return nil, fmt.Errorf("nobody there")
	}})
	call := func() error {
		_, err := c.Call(t.Context(), "dead:1", Request{Code: SendMessage})
		if mq.Outcome(err) != mq.Refused || mq.KindOf(err) != mq.Unavailable {
			t.Fatalf("%v", err)
		}
		return err
	}
	first := call()
	if err := call(); err.Error() != first.Error() || dials.Load() != 1 {
		t.Fatalf("after %d dials: %v", dials.Load(), err)
	}
	for i, rest := range []time.Duration{125, 250, 500, 1000, 2000, 4000, 6250, 6250} { // the longest of each step, in ms
		time0.Advance(rest * time.Millisecond)
		call()
		if n := dials.Load(); n != int64(i+2) {
			t.Fatalf("%d dials after rest %d", n, i)
		}
		call()
	}
}

func TestOneDialServesAllWhoWait(t *testing.T) {
	p := listen(t, echo)
	var dials atomic.Int64
	gate := make(chan struct{})
	c := client(t, Options{Dial: func(ctx context.Context, address string) (net.Conn, error) {
		dials.Add(1)
		<-gate
		return dialTCP(ctx, address)
	}})
	impatient, cancel := context.WithCancel(t.Context())
	gone := calling(c, impatient, p.address(), Request{Code: SendMessage})
	var ends []<-chan ending
	for range 8 {
		ends = append(ends, calling(c, t.Context(), p.address(), Request{Code: SendMessage}))
	}
	eventually(t, "the dial is under way", func() bool { return dials.Load() == 1 })
	cancel()
	if e := soon(t, gone, "the impatient caller"); mq.Outcome(e.err) != mq.Refused {
		t.Errorf("a call that was never connected: %v", e.err)
	}
	close(gate)
	for _, end := range ends {
		if e := soon(t, end, "an answer"); e.err != nil {
			t.Error(e.err)
		}
	}
	if dials.Load() != 1 {
		t.Errorf("%d dials", dials.Load())
	}
}

func TestLimitsRefuse(t *testing.T) {
	p := listen(t, nil)
	c := client(t, Options{MaxInFlight: 8})
	for range 8 {
		c.Start(t.Context(), p.address(), Request{Code: PopMessage, Timeout: time.Hour}, func(f *Frame, _ error) { f.Release() })
	}
	conn := soon(t, p.conns, "a connection")
	for range 8 {
		soon(t, conn.requests, "a request")
	}
	if _, err := c.Call(t.Context(), p.address(), Request{Code: SendMessage}); mq.KindOf(err) != mq.TooManyRequests || mq.Outcome(err) != mq.Refused {
		t.Errorf("the ninth call: %v", err)
	} else if refusal := (&mq.Error{}); !errors.As(err, &refusal) || strings.Contains(refusal.Detail, p.address()) {
		t.Errorf("the caller is told %v", err)
	}
	big := client(t, Options{})
	if _, err := big.Call(t.Context(), p.address(), Request{Code: SendMessage, Body: make([]byte, MaxFrame)}); mq.KindOf(err) != mq.PayloadTooLarge {
		t.Errorf("a frame beyond the limit: %v", err)
	}
}

// A peer that never answers must not hold a connection's slots for ever.
func TestAConnectionWithTooManyMissingAnswersIsReplaced(t *testing.T) {
	p := listen(t, nil)
	time0 := clock.NewVirtual(time.Unix(1e9, 0))
	c := client(t, Options{Clock: time0, MaxInFlight: 8, KeepAlive: time.Hour})
	for range 3 {
		end := calling(c, t.Context(), p.address(), Request{Code: SendMessage})
		l, _ := c.link(p.address())
		eventually(t, "the call is under way", func() bool {
			conn := l.ready()
			if conn == nil {
				return false
			}
			conn.mu.Lock()
			defer conn.mu.Unlock()
			return conn.slots.live == 1
		})
		time0.Advance(3 * time.Second)
		soon(t, end, "its end")
	}
	soon(t, p.conns, "the first connection")
	end := calling(c, t.Context(), p.address(), Request{Code: SendMessage})
	fresh := soon(t, p.conns, "another connection")
	fresh.answer(soon(t, fresh.requests, "the call"), Frame{})
	if e := soon(t, end, "its end"); e.err != nil {
		t.Error(e.err)
	}
}

func TestBytesThatAreNoFrameEndTheConnection(t *testing.T) {
	for name, wire := range map[string][]byte{
		"too long":  binary.BigEndian.AppendUint32(nil, MaxFrame+1),
		"malformed": {0, 0, 0, 4, 9, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			p := listen(t, nil)
			c := client(t, Options{})
			end := calling(c, t.Context(), p.address(), Request{Code: SendMessage})
			conn := soon(t, p.conns, "a connection")
			soon(t, conn.requests, "the request")
			conn.Write(wire)
			if e := soon(t, end, "the end"); mq.Outcome(e.err) != mq.Unknown || !strings.Contains(e.err.Error(), ErrFrame.Error()) {
				t.Errorf("%v", e.err)
			}
		})
	}
}

func TestPeersMayAskToo(t *testing.T) {
	p := listen(t, nil)
	asked := make(chan string, 2)
	c := client(t, Options{Handle: func(in Incoming) {
		asked <- fmt.Sprintf("%d %s from %s", in.Frame.Code, in.Frame.Body, in.Address)
		in.Reply(&Frame{Code: Success, Remark: "ran"})
	}})
	first := calling(c, t.Context(), p.address(), Request{Code: SendMessage})
	conn := soon(t, p.conns, "a connection")
	conn.answer(soon(t, conn.requests, "the request"), Frame{})
	soon(t, first, "its end")
	conn.send(Frame{Code: 307, Opaque: 5, Body: []byte("info")})
	if got := soon(t, asked, "the question"); got != "307 info from "+p.address() {
		t.Errorf("asked %q", got)
	}
	if f := soon(t, conn.requests, "the answer"); !f.IsResponse() || f.Opaque != 5 || f.Remark != "ran" {
		t.Errorf("answered %+v", f)
	}
	conn.send(Frame{Code: CheckTransaction, Flag: flagOneWay, Opaque: 6})
	soon(t, asked, "the one-way question")
	last := calling(c, t.Context(), p.address(), Request{Code: SendMessage})
	if f := soon(t, conn.requests, "the next request"); f.IsResponse() {
		t.Error("a one-way question was answered")
	} else {
		conn.answer(f, Frame{})
	}
	soon(t, last, "its end")
}

func TestOneWayCallsWaitForNothing(t *testing.T) {
	p := listen(t, nil)
	c := client(t, Options{Credentials: Credentials{AccessKey: "k", Secret: "s"}})
	if f, err := c.Call(t.Context(), p.address(), Request{Code: EndTransaction, OneWay: true}); f != nil || err != nil {
		t.Fatalf("%v, %v", f, err)
	}
	f := soon(t, soon(t, p.conns, "a connection").requests, "the request")
	if !f.IsOneWay() || !(&Credentials{AccessKey: "k", Secret: "s"}).Verify(f) {
		t.Errorf("%+v", f)
	}
}

func TestCloseEndsEverything(t *testing.T) {
	p := listen(t, nil)
	c := New(Options{})
	end := calling(c, t.Context(), p.address(), Request{Code: PopMessage})
	soon(t, soon(t, p.conns, "a connection").requests, "the request")
	c.Close()
	c.Close()
	if e := soon(t, end, "the end"); mq.Outcome(e.err) != mq.Unknown {
		t.Errorf("%v", e.err)
	}
	if _, err := c.Call(t.Context(), p.address(), Request{}); mq.Outcome(err) != mq.Refused {
		t.Errorf("after the end: %v", err)
	}
}

func TestForgottenAddressesAreDialedAnew(t *testing.T) {
	p := listen(t, echo)
	c := client(t, Options{})
	for range 2 {
		if _, err := c.Call(t.Context(), p.address(), Request{Code: SendMessage}); err != nil {
			t.Fatal(err)
		}
		c.Forget(p.address())
	}
	if len(p.conns) != 2 {
		t.Errorf("%d connections", len(p.conns))
	}
}

func TestLargeBodiesPassWhole(t *testing.T) {
	p := listen(t, echo)
	c := client(t, Options{})
	body := make([]byte, 5<<20)
	for i := range body {
		body[i] = byte(i >> 8)
	}
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() {
			f, err := c.Call(t.Context(), p.address(), Request{Code: SendMessage, Body: body, Timeout: time.Minute})
			if err != nil || string(f.Body) != string(body) {
				t.Errorf("%v", err)
			}
		})
	}
	callers.Wait()
}

func TestTLS(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	p := listen(t, echo)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}})
	if err != nil {
		t.Fatal(err)
	}
	var joined sync.WaitGroup
	joined.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			p.serve(nc, echo)
		}
	})
	defer joined.Wait()
	defer l.Close()
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	c := client(t, Options{TLS: &tls.Config{RootCAs: roots}})
	f, err := c.Call(t.Context(), l.Addr().String(), Request{Code: SendMessage, Body: []byte("secret")})
	if err != nil || string(f.Body) != "secret" {
		t.Fatalf("%v, %v", f, err)
	}
	strangers := client(t, Options{TLS: &tls.Config{RootCAs: x509.NewCertPool()}})
	if _, err := strangers.Call(t.Context(), l.Addr().String(), Request{Code: SendMessage}); mq.Outcome(err) != mq.Refused || mq.KindOf(err) != mq.Unavailable {
		t.Errorf("an unknown certificate: %v", err)
	}
}

func BenchmarkCall(b *testing.B) {
	for _, inFlight := range []int{1, 16, 128} {
		for _, json := range []bool{false, true} {
			b.Run(fmt.Sprintf("in-flight=%d/json=%v", inFlight, json), func(b *testing.B) {
				answer := Frame{}
				answer.Fields.Add("msgId", "7F00000100002A9F0000000000000600")
				answer.Fields.Add("queueId", "3")
				answer.Fields.Add("queueOffset", "123456")
				p := listen(b, func(*Frame) *Frame { a := answer; return &a })
				c := client(b, Options{})
				h := &sendLike{frame: benchmarkFrame(json)}
				body := make([]byte, 1024)
				b.ReportAllocs()
				b.ResetTimer()
				var callers sync.WaitGroup
				var left atomic.Int64
				left.Store(int64(b.N))
				for range inFlight {
					callers.Go(func() {
						for left.Add(-1) >= 0 {
							f, err := c.Call(context.Background(), p.address(), Request{Code: SendMessage, Header: h, Body: body, JSON: json})
							if err != nil {
								b.Error(err)
								return
							}
							f.Release()
						}
					})
				}
				callers.Wait()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "frames/s")
			})
		}
	}
}

type sendLike struct{ frame *Frame }

func (h *sendLike) Walk(w *Walker) { w.fields.b = append(w.fields.b, h.frame.Fields.b...) }
