// SPDX-License-Identifier: Apache-2.0

// Package herald tells control planes what a proxy counted, who is connected to it, and which catalog it has.
//
// Every control plane that the proxy knows of is told by itself, since each keeps figures of its own. Traffic waits for nothing of this: one that does not answer is told
// the same and more the next time, because counters only grow.
package herald

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog/wire"
	"github.com/causeway-mq/causeway/proxy/roll"
	"github.com/causeway-mq/causeway/proxy/tally"
)

const (
	// Every is the time between two reports.
	Every = 10 * time.Second
	// telling bounds one report.
	telling = 8 * time.Second
)

// Options is who tells whom. Client is http.DefaultTransport where it is nil.
type Options struct {
	URLs       []string // of control planes, without the path
	Token      string
	Name, Zone string // of this proxy
	Client     http.RoundTripper
	Tally      *tally.Tally
	Roll       *roll.Roll        // nil: nobody is told who is connected
	Catalog    func() url.Values // what the proxy says of the catalog that it has; nil where it follows no control plane
	Clock      clock.Clock
	Log        *slog.Logger
}

// Herald tells. Run must be running.
type Herald struct {
	opt   Options
	ports []*port
}

// port is one control plane.
type port struct {
	base   url.URL // without the path of reports
	host   string
	mu     sync.Mutex // one report at a time
	counts uint64     // the last report of counters that it took
	seats  uint64     // the last report of clients that it took
	quiet  bool       // it was said that it cannot be told
}

// New makes a herald; a URL that is none is refused.
func New(opt Options) (*Herald, error) {
	if opt.Client == nil {
		opt.Client = http.DefaultTransport
	}
	h := &Herald{opt: opt}
	for _, text := range opt.URLs {
		u, err := url.Parse(text)
		if err != nil || u.Host == "" {
			return nil, mq.Refuse(mq.BadRequest, "control plane %q: http://HOST:PORT or https://HOST:PORT", text)
		}
		u.RawQuery, u.Fragment = "", ""
		h.ports = append(h.ports, &port{base: *u, host: u.Host})
	}
	return h, nil
}

// Run tells until ctx ends.
func (h *Herald) Run(ctx context.Context) error {
	var telling sync.WaitGroup
	for _, p := range h.ports {
		telling.Go(func() { h.follow(ctx, p) })
	}
	telling.Wait()
	return ctx.Err()
}

func (h *Herald) follow(ctx context.Context, p *port) {
	tick := h.opt.Clock.NewTimer(Every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C():
			h.tell(ctx, p)
			tick.Reset(Every)
		case <-ctx.Done():
			return
		}
	}
}

// Last tells everybody once more, for a proxy that stops: nobody is connected to it any more.
func (h *Herald) Last(ctx context.Context) {
	if h.opt.Roll != nil {
		h.opt.Roll.Leave()
	}
	var all sync.WaitGroup
	for _, p := range h.ports {
		all.Go(func() { h.tell(ctx, p) })
	}
	all.Wait()
}

// tell says where the counters stand and who is here. Trouble is logged once, until it is over.
func (h *Herald) tell(ctx context.Context, p *port) {
	ctx, cancel := context.WithTimeout(ctx, telling)
	defer cancel()
	p.mu.Lock()
	defer p.mu.Unlock()
	err := h.deliver(ctx, p, tally.Path, &p.counts, h.counters)
	if err == nil && h.opt.Roll != nil {
		if err = h.deliver(ctx, p, roll.Path, &p.seats, h.clients); errors.Is(err, errUnwanted) {
			err = nil // an older control plane
		}
	}
	switch {
	case err != nil && ctx.Err() != nil && context.Cause(ctx) == context.Canceled:
	case err != nil && !p.quiet:
		p.quiet = true
		h.opt.Log.Warn("the control plane cannot be told what was counted and who is connected; it is told later", "control", p.host, "error", err)
	case err == nil && p.quiet:
		p.quiet = false
		h.opt.Log.Info("the control plane is told again what was counted and who is connected", "control", p.host)
	}
}

// draft writes a report that adds to another one, 0 for the whole, and gives its number.
type draft func(after uint64) (packed []byte, number uint64, err error)

func (h *Herald) counters(after uint64) ([]byte, uint64, error) {
	r := h.opt.Tally.Report(after)
	r.Proxy, r.Zone = h.opt.Name, h.opt.Zone
	packed, err := r.Encode()
	return packed, r.Number, err
}

func (h *Herald) clients(after uint64) ([]byte, uint64, error) {
	r := h.opt.Roll.Report(after)
	r.Proxy, r.Zone = h.opt.Name, h.opt.Zone
	packed, err := r.Encode()
	return packed, r.Number, err
}

// deliver sends what is newer than a report, or the whole to a control plane that has started anew.
func (h *Herald) deliver(ctx context.Context, p *port, to string, after *uint64, write draft) error {
	for {
		packed, number, err := write(*after)
		if err != nil {
			return err
		}
		whole, err := h.post(ctx, p, to, packed)
		switch {
		case err == nil && !whole:
			*after = number
			return nil
		case err == nil && *after != 0:
			*after = 0
		case err == nil:
			return errors.New("it wants the whole of what was whole")
		default:
			return err
		}
	}
}

// errUnwanted says that a control plane takes no such reports.
var errUnwanted = errors.New("it takes no such reports")

// post sends a report. whole says that the control plane needs one that adds to nothing.
func (h *Herald) post(ctx context.Context, p *port, to string, packed []byte) (whole bool, err error) {
	at := p.base
	at.Path = path.Join("/", at.Path, to)
	if h.opt.Catalog != nil {
		at.RawQuery = h.opt.Catalog().Encode()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, at.String(), bytes.NewReader(packed))
	if err != nil {
		return false, err
	}
	req.Header.Set("Authorization", "Bearer "+h.opt.Token)
	req.Header.Set("Content-Type", "application/gzip")
	req.Header.Set(wire.ProxyHeader, h.opt.Name)
	answer, err := h.opt.Client.RoundTrip(req)
	if err != nil {
		return false, err
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10)) // the connection serves again
	switch answer.StatusCode {
	case http.StatusNoContent:
		return false, nil
	case http.StatusConflict:
		return true, nil
	case http.StatusNotFound, http.StatusNotImplemented:
		return false, fmt.Errorf("%w: %s", errUnwanted, answer.Status)
	}
	return false, fmt.Errorf("it answers %s", answer.Status)
}
