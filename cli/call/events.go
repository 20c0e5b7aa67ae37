// SPDX-License-Identifier: Apache-2.0

package call

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Event is one event of a stream.
type Event struct {
	ID   string          `json:"id"`
	Name string          `json:"event"`
	Data json.RawMessage `json:"data"`
}

// How a stream is followed.
const (
	silence   = 45 * time.Second // the server says something every fifteen seconds
	comeAgain = time.Second      // after a connection that broke; longer each time that it cannot be had
	latest    = 15 * time.Second
	maxEvent  = 64 << 20 // bytes
)

// ErrEnough is what see says that has seen enough.
var ErrEnough = errors.New("enough")

// broken is a stream that ended before its reader wanted it to.
type broken struct{ error }

// Follow shows the events of a stream to see until that gives an error, which is Follow's but for ErrEnough, or until ctx ends, which is how somebody ends it. A connection that breaks
// after it had been there is made anew, and the stream goes on behind the last event that came.
func (c *Call) Follow(ctx context.Context, path string, see func(Event) error) error {
	last, rest := "", comeAgain
	for been := false; ; {
		id, err := c.follow(ctx, path, last, see)
		if id != last {
			last, been, rest = id, true, comeAgain
		}
		var cut broken
		var refused *Refused
		switch {
		case errors.Is(err, ErrEnough), ctx.Err() != nil:
			return nil
		case !been:
			return err
		case errors.As(err, &refused) && refused.Status != http.StatusTooManyRequests && refused.Status < 500:
			return err
		case errors.As(err, &cut), refused != nil:
		default:
			return err // see's own
		}
		c.Hint("The stream broke off (%v); it goes on in %v", err, rest)
		select {
		case <-time.After(rest):
		case <-ctx.Done():
			return nil
		}
		rest = min(2*rest, latest)
	}
}

// follow reads one connection to its end, and gives the id of the last event.
func (c *Call) follow(ctx context.Context, path, last string, see func(Event) error) (string, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	quiet := time.AfterFunc(silence, cancel)
	defer quiet.Stop()
	req, err := c.request(ctx, http.MethodGet, path, nil)
	if err != nil {
		return last, err
	}
	req.Header.Set("Accept", "text/event-stream")
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	client := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true, Proxy: http.ProxyFromEnvironment},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		if last == "" {
			return last, err
		}
		return last, broken{err}
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
		if err != nil {
			return last, broken{err}
		}
		return last, problemIn(resp, raw)
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, maxEvent)
	var e Event
	for lines.Scan() {
		quiet.Reset(silence)
		field, value, _ := strings.Cut(lines.Text(), ": ")
		switch field {
		case "id":
			e.ID = value
		case "event":
			e.Name = value
		case "data":
			e.Data = json.RawMessage(value)
		case "":
			if e.Name == "" {
				continue // a comment, or the end of what is no event
			}
			last = e.ID
			if !json.Valid(e.Data) {
				return last, fmt.Errorf("%s does not answer like Causeway's API: an event %q", c.Server, e.Name)
			}
			if err := see(e); err != nil {
				return last, err
			}
			e = Event{}
		}
	}
	if err := lines.Err(); err != nil {
		return last, broken{err}
	}
	return last, broken{errors.New("the server ended it")}
}
