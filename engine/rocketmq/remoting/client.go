// SPDX-License-Identifier: Apache-2.0

package remoting

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/fastjson"
	"github.com/causeway-mq/causeway/mq"
)

// leaving says that the connection takes no new calls: nothing was done, and another connection may take it.
type leaving struct{ refusal *mq.Error }

func errLeaving(address string) error {
	return leaving{unsent(mq.Unavailable, address, "the connection was about to end")}
}

func (e leaving) Error() string { return e.refusal.Error() }

// Unwrap gives the refusal.
func (e leaving) Unwrap() error { return e.refusal }

// leavingTries bounds how often one call is sent anew because its connection was leaving.
const leavingTries = 3

// Client calls brokers and name servers by address. All methods are safe for concurrent use.
type Client struct {
	opts    Options
	frames  frames
	waiters sync.Pool // of *waiter
	ctx     context.Context
	cancel  context.CancelFunc
	joined  sync.WaitGroup // dials, and asynchronous calls that wait for one

	mu     sync.Mutex // guards links, closed
	links  map[string]*link
	closed bool
}

// New makes a client; it connects when it is first asked to.
func New(o Options) *Client {
	ctx, cancel := context.WithCancel(context.Background())
	return &Client{opts: o.withDefaults(), links: map[string]*link{}, ctx: ctx, cancel: cancel}
}

// Close ends every connection and call, and waits until all is over. It is idempotent.
func (c *Client) Close() {
	c.mu.Lock()
	c.closed = true
	links := c.links
	c.links = map[string]*link{}
	c.mu.Unlock()
	c.cancel()
	for _, l := range links {
		l.close()
	}
	c.joined.Wait()
}

// Forget ends the connections to an address that nobody will call any more. It waits for them.
func (c *Client) Forget(address string) {
	c.mu.Lock()
	l := c.links[address]
	delete(c.links, address)
	c.mu.Unlock()
	if l != nil {
		l.close()
	}
}

func (c *Client) link(address string) (*link, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, mq.Refuse(mq.Unavailable, "the client is closed")
	}
	l := c.links[address]
	if l == nil {
		l = newLink(c, address)
		c.links[address] = l
	}
	return l, nil
}

// Call sends a request and waits for its answer, whatever its code: look at Frame.Err, then Release it. The wait ends with ctx or
// after the request's Timeout by the client's clock; then the outcome is unknown. An error says by mq.Outcome
// what is known.
func (c *Client) Call(ctx context.Context, address string, r Request) (*Frame, error) {
	l, err := c.link(address)
	if err != nil {
		return nil, err
	}
	for range leavingTries - 1 {
		f, err := c.callOnce(ctx, l, &r)
		if again := (leaving{}); !errors.As(err, &again) {
			return f, err
		}
	}
	return c.callOnce(ctx, l, &r)
}

func (c *Client) callOnce(ctx context.Context, l *link, r *Request) (*Frame, error) {
	conn, err := l.conn(ctx)
	if err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, unsent(mq.Timeout, l.address, "the caller's time was over before request %d was sent", r.Code)
	}
	w := c.waiter()
	t, err := conn.begin(r, c.deadline(r), w.reply)
	if err != nil || r.OneWay {
		c.waiters.Put(w)
		if err != nil {
			l.drop(conn)
		}
		return nil, err
	}
	select {
	case end := <-w.end:
		c.waiters.Put(w)
		return end.frame, end.err
	case <-ctx.Done():
	}
	if conn.giveUp(t) {
		c.waiters.Put(w) // its reply will never be called
		return nil, unanswered(mq.Timeout, l.address, "no answer to request %d in the caller's time: %w", r.Code, ctx.Err())
	}
	end := <-w.end // under way already
	c.waiters.Put(w)
	return end.frame, end.err
}

// Start sends a request and calls reply once with its end, on a goroutine of the connection: reply must not wait. ctx bounds the
// connecting only; after that the request's Timeout rules. A one-way request has no reply but a refusal.
func (c *Client) Start(ctx context.Context, address string, r Request, reply Reply) {
	l, err := c.link(address)
	if err != nil {
		reply(nil, err)
		return
	}
	if conn := l.ready(); conn != nil {
		if _, err := conn.begin(&r, c.deadline(&r), reply); err != nil {
			l.drop(conn)
			reply(nil, err)
		}
		return
	}
	r.Body = append([]byte(nil), r.Body...)
	c.joined.Go(func() {
		conn, err := l.conn(ctx)
		if err == nil {
			_, err = conn.begin(&r, c.deadline(&r), reply)
		}
		if err != nil {
			reply(nil, err)
		}
	})
}

func (c *Client) deadline(r *Request) time.Time {
	d := r.Timeout
	if d <= 0 {
		d = c.opts.CallTimeout
	}
	return c.opts.Clock.Now().Add(d * time.Duration(c.opts.Patience))
}

// waiter is where a synchronous call waits.
type waiter struct {
	end   chan ending
	reply Reply // bound once, so that a call allocates none
}

type ending struct {
	frame *Frame
	err   error
}

func (c *Client) waiter() *waiter {
	if w, ok := c.waiters.Get().(*waiter); ok {
		return w
	}
	w := &waiter{end: make(chan ending, 1)}
	w.reply = func(f *Frame, err error) { w.end <- ending{f, err} }
	return w
}

// heartbeat is the cheapest request that every broker answers; a name server refuses it, which is a sign of life as well.
func heartbeat(client string) Request {
	body := fastjson.AppendString([]byte(`{"clientID":`), client)
	return Request{Code: HeartBeat, Body: append(body, `,"producerDataSet":[],"consumerDataSet":[]}`...)}
}

func dialTCP(ctx context.Context, address string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "tcp", address)
}

// dial connects and, where asked, shakes hands.
func (c *Client) dial(address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(c.ctx, c.opts.DialTimeout)
	defer cancel()
	nc, err := c.opts.Dial(ctx, address)
	if err != nil || c.opts.TLS == nil {
		return nc, err
	}
	conf := c.opts.TLS
	if conf.ServerName == "" {
		conf = conf.Clone()
		if conf.ServerName, _, err = net.SplitHostPort(address); err != nil {
			conf.ServerName = address
		}
	}
	secure := tls.Client(nc, conf)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = nc.Close() // the handshake's error says it all
		return nil, err
	}
	return secure, nil
}
