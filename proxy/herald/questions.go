// SPDX-License-Identifier: Apache-2.0

package herald

import (
	"bytes"
	"context"
	"crypto/rand"
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
	"github.com/causeway-mq/causeway/proxy/trail"
)

// What a proxy remembers of messages is told to who asks. A control plane cannot call a proxy, so the proxy waits at each of them for questions and brings the answers.

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
	Clock      clock.Clock
	Log        *slog.Logger
}

// Witness answers questions about messages. Run must be running.
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
		for _, q := range asked {
			if err = w.tell(ctx, root, q); err != nil {
				break
			}
		}
		switch {
		case ctx.Err() != nil:
		case err != nil:
			if !quiet {
				quiet = true
				w.opt.Log.Warn("the control plane's questions about messages are not answered for now", "control", root.Host, "error", err)
			}
			if errors.Is(err, errDeaf) {
				rest = longRest
			}
			w.rest(ctx, rest)
			rest = min(2*rest, longRest)
		default:
			if quiet {
				quiet = false
				w.opt.Log.Info("the control plane's questions about messages are answered again", "control", root.Host)
			}
			rest = firstRest
			if len(asked) == 0 {
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

// hear waits for questions.
func (w *Witness) hear(ctx context.Context, root *url.URL) ([]trail.Question, error) {
	ctx, cancel := context.WithTimeout(ctx, waiting)
	defer cancel()
	u := *root
	u.Path, u.RawQuery, u.Fragment = path.Join("/", u.Path, trail.QuestionsPath), url.Values{trail.RunParameter: {w.run}}.Encode(), ""
	answer, err := w.send(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	switch answer.StatusCode {
	case http.StatusOK:
		return trail.DecodeQuestions(answer.Body)
	case http.StatusNoContent:
		return nil, nil
	case http.StatusNotFound, http.StatusNotImplemented, http.StatusMethodNotAllowed:
		return nil, errDeaf // an older one
	}
	return nil, fmt.Errorf("it answers %s", answer.Status)
}

// tell answers one question.
func (w *Witness) tell(ctx context.Context, root *url.URL, q trail.Question) error {
	ctx, cancel := context.WithTimeout(ctx, answering)
	defer cancel()
	a := w.opt.Trail.Ask(q)
	a.Proxy, a.Zone = w.opt.Name, w.opt.Zone
	body, err := a.Encode()
	if err != nil {
		return err
	}
	u := *root
	u.Path, u.RawQuery, u.Fragment = path.Join("/", u.Path, trail.AnswersPath), url.Values{trail.RunParameter: {w.run}}.Encode(), ""
	answer, err := w.send(ctx, http.MethodPost, u.String(), body)
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
