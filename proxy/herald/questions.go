// SPDX-License-Identifier: Apache-2.0

package herald

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
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
	"github.com/causeway-mq/causeway/proxy/errand"
	"github.com/causeway-mq/causeway/proxy/session"
	"github.com/causeway-mq/causeway/proxy/trail"
)

// What a proxy remembers of messages is told to who asks, and a client that somebody wants disconnected is. A control plane cannot call a proxy, so the proxy waits at each of them
// for errands and tells what came of them.

const (
	// waiting bounds one wait for questions, what a control plane waits included.
	waiting = 40 * time.Second
	// answering bounds one answer on its way.
	answering = 5 * time.Second
	// firstRest is the pause after a control plane that could not be asked; it doubles. longRest is the longest one, and that after one which asks nothing at all.
	firstRest = 500 * time.Millisecond
	longRest  = 30 * time.Second
	// briskly is how long a wait that brings nothing takes at least, should somebody between answer at once.
	briskly = time.Second
)

// WitnessOptions is who answers whom. Client is http.DefaultTransport where it is nil.
type WitnessOptions struct {
	URLs       []string // of control planes, without the path
	Token      string
	Name, Zone string // of this proxy
	Client     http.RoundTripper
	Trail      *trail.Trail // nil: the answer is that nothing is remembered
	// Disconnect parts with clients, see session.Registry; nil: nobody is connected here.
	Disconnect func(session.Whom) (streams int, known bool)
	Clock      clock.Clock
	Log        *slog.Logger
}

// Witness sees to errands of control planes. Run must be running.
type Witness struct {
	opt   WitnessOptions
	run   string // tells this process from the next of its name
	roots []*url.URL
}

// NewWitness makes a witness; a URL that is none is refused.
func NewWitness(opt WitnessOptions) (*Witness, error) {
	if opt.Client == nil {
		opt.Client = http.DefaultTransport
	}
	w := &Witness{opt: opt, run: rand.Text()}
	for _, text := range opt.URLs {
		u, err := url.Parse(text)
		if err != nil || u.Host == "" {
			return nil, mq.Refuse(mq.BadRequest, "control plane %q: http://HOST:PORT or https://HOST:PORT", text)
		}
		w.roots = append(w.roots, u)
	}
	return w, nil
}

// Run answers every control plane until ctx ends.
func (w *Witness) Run(ctx context.Context) error {
	var all sync.WaitGroup
	for _, root := range w.roots {
		all.Go(func() { w.attend(ctx, root) })
	}
	all.Wait()
	return ctx.Err()
}

// attend waits for questions of one control plane until ctx ends. Trouble is logged once, until it is over.
func (w *Witness) attend(ctx context.Context, root *url.URL) {
	rest, quiet := firstRest, false
	for ctx.Err() == nil {
		began := w.opt.Clock.Now()
		asked, err := w.hear(ctx, root)
		if err == nil {
			err = w.seeTo(ctx, root, asked)
		}
		switch {
		case ctx.Err() != nil:
		case err != nil:
			if !quiet {
				quiet = true
				w.opt.Log.Warn("the control plane's errands are not seen to for now", "control", root.Host, "error", err)
			}
			if errors.Is(err, errDeaf) {
				rest = longRest
			}
			w.rest(ctx, rest)
			rest = min(2*rest, longRest)
		default:
			if quiet {
				quiet = false
				w.opt.Log.Info("the control plane's errands are seen to again", "control", root.Host)
			}
			rest = firstRest
			if asked.Len() == 0 {
				w.rest(ctx, briskly-w.opt.Clock.Now().Sub(began))
			}
		}
	}
}

var errDeaf = errors.New("it asks no questions")

func (w *Witness) rest(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := w.opt.Clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C():
	case <-ctx.Done():
	}
}

// hear waits for errands.
func (w *Witness) hear(ctx context.Context, root *url.URL) (none errand.Errands, err error) {
	ctx, cancel := context.WithTimeout(ctx, waiting)
	defer cancel()
	answer, err := w.send(ctx, http.MethodGet, w.at(root, errand.QuestionsPath), nil)
	if err != nil {
		return none, err
	}
	defer answer.Body.Close()
	switch answer.StatusCode {
	case http.StatusOK:
		return errand.Decode(answer.Body)
	case http.StatusNoContent:
		return none, nil
	case http.StatusNotFound, http.StatusNotImplemented, http.StatusMethodNotAllowed:
		return none, errDeaf // an older one
	}
	return none, fmt.Errorf("it answers %s", answer.Status)
}

// seeTo does what is asked, and tells what came of it.
func (w *Witness) seeTo(ctx context.Context, root *url.URL, asked errand.Errands) error {
	for _, p := range asked.Partings { // first: answers about messages may be long
		out := errand.Parted{Number: p.Number, Zone: w.opt.Zone}
		if w.opt.Disconnect != nil {
			out.Streams, out.Known = w.opt.Disconnect(p.Whom)
			w.opt.Log.Info("the control plane had clients disconnected", "control", root.Host, "tenant", p.Tenant.String(), "client", p.Client.String(), "streams", out.Streams)
		}
		body, err := json.Marshal(out)
		if err == nil {
			err = w.tell(ctx, w.at(root, errand.PartingsPath), body)
		}
		if err != nil {
			return err
		}
	}
	for _, q := range asked.Questions {
		a := w.opt.Trail.Ask(q)
		a.Proxy, a.Zone = w.opt.Name, w.opt.Zone
		body, err := a.Encode()
		if err == nil {
			err = w.tell(ctx, w.at(root, errand.AnswersPath), body)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// tell brings what came of one errand.
func (w *Witness) tell(ctx context.Context, to string, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, answering)
	defer cancel()
	answer, err := w.send(ctx, http.MethodPost, to, body)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10)) // the connection serves again
	if answer.StatusCode != http.StatusNoContent {
		return fmt.Errorf("it answers %s", answer.Status)
	}
	return nil
}

// at is where a control plane is called, by this process.
func (w *Witness) at(root *url.URL, what string) string {
	u := *root
	u.Path, u.RawQuery, u.Fragment = path.Join("/", u.Path, what), url.Values{errand.RunParameter: {w.run}}.Encode(), ""
	return u.String()
}

func (w *Witness) send(ctx context.Context, method, to string, body []byte) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, to, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+w.opt.Token)
	r.Header.Set(wire.ProxyHeader, w.opt.Name)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return w.opt.Client.RoundTrip(r) // no redirect is followed: the token goes nowhere else
}
