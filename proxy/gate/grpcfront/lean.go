// SPDX-License-Identifier: Apache-2.0

package grpcfront

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"github.com/causeway-mq/causeway/internal/h2"
)

// server is what carries calls: grpc-go's, or lean.
type server interface {
	grpc.ServiceRegistrar
	GetServiceInfo() map[string]grpc.ServiceInfo
	Serve(l net.Listener) error
	GracefulStop()
	Stop()
}

// lean serves the same services over internal/h2. A call of one request waits for it without a goroutine, is answered by a worker from one object
// that holds its headers, message and context, and its whole answer is one append to its connection's buffer.
type lean struct {
	front   *Front
	codec   codec
	methods map[string]*method // by path
	info    map[string]grpc.ServiceInfo
	answers answers
	work    chan *call
	idle    atomic.Int64 // workers that wait for a call
	quit    chan struct{}
	begun   sync.WaitGroup // connections that are served, and calls that are answered: the latter begin only under the former

	mu        sync.Mutex // guards all below
	listeners map[net.Listener]bool
	conns     map[*h2.Conn]bool
	greeting  map[net.Conn]bool // connections that are no HTTP/2 yet
	leaving   bool
}

// method is one RPC with what answers it.
type method struct {
	impl   any
	unary  *grpc.MethodDesc // or
	stream *grpc.StreamDesc
}

// talks tells a method to which a client may send more than one message.
func (m *method) talks() bool { return m != nil && m.stream != nil && m.stream.ClientStreams }

func newLean(f *Front) *lean {
	return &lean{
		front: f, codec: newCodec(f.options.MaxMessage, newPool()), methods: map[string]*method{}, info: map[string]grpc.ServiceInfo{}, answers: newAnswers(),
		work: make(chan *call), quit: make(chan struct{}),
		listeners: map[net.Listener]bool{}, conns: map[*h2.Conn]bool{}, greeting: map[net.Conn]bool{},
	}
}

// RegisterService adds a service, before Serve.
func (l *lean) RegisterService(d *grpc.ServiceDesc, impl any) {
	info := grpc.ServiceInfo{Metadata: d.Metadata}
	for i := range d.Methods {
		m := &d.Methods[i]
		l.methods["/"+d.ServiceName+"/"+m.MethodName] = &method{impl: impl, unary: m}
		info.Methods = append(info.Methods, grpc.MethodInfo{Name: m.MethodName})
	}
	for i := range d.Streams {
		s := &d.Streams[i]
		l.methods["/"+d.ServiceName+"/"+s.StreamName] = &method{impl: impl, stream: s}
		info.Methods = append(info.Methods, grpc.MethodInfo{Name: s.StreamName, IsClientStream: s.ClientStreams, IsServerStream: s.ServerStreams})
	}
	l.info[d.ServiceName] = info
}

// GetServiceInfo tells what was registered, for reflection.
func (l *lean) GetServiceInfo() map[string]grpc.ServiceInfo { return l.info }

const (
	acceptRest  = 5 * time.Millisecond // after a failed accept, doubled up to
	acceptRests = time.Second
	drainBound  = 5 * time.Second // for a client's sign that it has read that it should go
)

// Serve answers calls on a listener until Stop or GracefulStop, and then returns nil.
func (l *lean) Serve(on net.Listener) error {
	l.mu.Lock()
	if l.leaving {
		l.mu.Unlock()
		_ = on.Close()
		return nil
	}
	l.listeners[on] = true
	l.mu.Unlock()
	defer on.Close()
	for rest := acceptRest; ; {
		raw, err := on.Accept()
		if err == nil {
			rest = acceptRest
			l.greet(raw)
			continue
		}
		select {
		case <-l.quit:
			return nil
		default:
		}
		if errors.Is(err, net.ErrClosed) {
			return err
		}
		l.front.log.Warn("no connection could be taken", "err", err, "again_in", rest) // such as too many open files
		timer := time.NewTimer(rest)
		select {
		case <-timer.C:
		case <-l.quit:
			timer.Stop()
			return nil
		}
		rest = min(2*rest, acceptRests)
	}
}

// greet serves a connection on a goroutine of its own.
func (l *lean) greet(raw net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.leaving {
		_ = raw.Close()
		return
	}
	l.greeting[raw] = true
	l.begun.Go(func() { l.serve(raw) })
}

func (l *lean) serve(raw net.Conn) {
	_ = raw.SetDeadline(time.Now().Add(l.front.options.StrangerTime))
	nc, err := l.front.open(raw)
	if err == nil {
		err = raw.SetDeadline(time.Time{})
	}
	l.mu.Lock()
	delete(l.greeting, raw)
	if err != nil || l.leaving {
		l.mu.Unlock()
		if nc != nil {
			_ = nc.Close()
		}
		_ = raw.Close()
		return
	}
	o := l.front.options
	nc.parsed = true
	c := h2.New(nc, h2.Options{
		MaxStreams: o.MaxStreams, MaxHeaderList: headerSlack, Window: int(o.Window), ReadBuffer: o.ReadBuffer,
		AliveEvery: aliveEvery, AliveBound: aliveBound, PingEvery: pingEvery, DrainBound: drainBound, Buffers: l.codec.pool, Seen: nc.frame,
	}, l)
	l.conns[c] = true
	l.mu.Unlock()
	if err := c.Serve(); err != nil {
		l.front.log.Debug("a connection ended", "remote", nc.RemoteAddr().String(), "err", err)
	}
	l.mu.Lock()
	delete(l.conns, c)
	l.mu.Unlock()
}

// Open makes the call of a new stream.
func (l *lean) Open(c *h2.Conn) h2.Call {
	k := &call{lean: l}
	k.arrived.conn, _ = c.NetConn().(*conn)
	return k
}

// start has a worker answer a call.
func (l *lean) start(c *call) {
	l.begun.Add(1)
	select {
	case l.work <- c:
	default:
		go l.worker(c)
	}
}

// worker answers a call, and stays for others as long as there are not too many that wait.
func (l *lean) worker(c *call) {
	for {
		c.answer()
		l.begun.Done()
		if l.idle.Add(1) > int64(l.front.options.Workers) {
			l.idle.Add(-1)
			return
		}
		select {
		case c = <-l.work:
			l.idle.Add(-1)
		case <-l.quit:
			return
		}
	}
}

// leave takes nothing new and gives the connections that there are, and those that are not one yet.
func (l *lean) leave() (conns []*h2.Conn, greeting []net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.leaving {
		l.leaving = true
		close(l.quit)
	}
	for on := range l.listeners {
		_ = on.Close()
	}
	clear(l.listeners)
	for c := range l.conns {
		conns = append(conns, c)
	}
	for c := range l.greeting {
		greeting = append(greeting, c)
	}
	return conns, greeting
}

// GracefulStop returns when all calls are answered and all connections closed.
func (l *lean) GracefulStop() { l.end((*h2.Conn).Drain) }

// Stop cuts every connection and returns when the calls that were under way have noticed.
func (l *lean) Stop() { l.end((*h2.Conn).Close) }

func (l *lean) end(each func(*h2.Conn)) {
	conns, greeting := l.leave()
	for _, c := range conns {
		each(c)
	}
	for _, c := range greeting {
		_ = c.Close()
	}
	l.begun.Wait()
}
