// SPDX-License-Identifier: Apache-2.0

package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/causeway-mq/causeway/control/api/door"
	"github.com/causeway-mq/causeway/control/shelf"
	"github.com/causeway-mq/causeway/mq"
)

// A POST with an Idempotency-Key is done once: who sends it again gets the answer of the first time, from any control plane over the store. What was refused or failed is not
// kept: it is tried again.
//
// Before anything is done the request is put on the shelf as begun, which one of all planes can do; its answer takes that place. So two planes never do the same request at the
// same time: the second one answers 409, and the caller comes again. What nobody can promise is what became of a request whose plane died in the middle: its place is free after
// begunFor, and the request is done again, where a name that is taken tells that the first one had come through.

// Bounds of what is kept.
const (
	keptFor    = 24 * time.Hour
	begunFor   = 3 * time.Minute // twice as long as a request may take
	maxKept    = 10_000          // answers of one caller
	trimEvery  = 64              // requests, between two looks at how many there are
	maxOnceKey = 255             // bytes of a key
)

// onceHeader names the request; replayedHeader stands in an answer that was given before.
const (
	onceHeader     = "Idempotency-Key"
	replayedHeader = "Idempotency-Replayed"
)

// onceItem is the kind of what lies on the shelf.
const onceItem shelf.Kind = "answer"

// once remembers answers.
type once struct {
	shelf *shelf.Shelf
	asked atomic.Int64

	mu    sync.Mutex               // guards turns; never held across a wait
	turns map[string]chan struct{} // requests under way here, each closed when it is through
}

// deed is a request as it lies on the shelf.
type deed struct {
	Print  string          `json:"print"` // of the request
	Status int             `json:"status,omitempty"`
	Body   json.RawMessage `json:"body,omitempty"`
}

func newOnce(s *shelf.Shelf) *once { return &once{shelf: s, turns: map[string]chan struct{}{}} }

// do answers a request, by doing it or with what was answered before.
func (o *once) do(r *door.Request, do door.Handler) (door.Answer, error) {
	key := r.Header.Get(onceHeader)
	if len(key) > maxOnceKey {
		return door.Answer{}, door.Bad("out_of_range", onceHeader, fmt.Sprintf("%s: %d bytes at most", onceHeader, maxOnceKey))
	}
	raw, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(raw), failing{err})) // decode tells what is wrong with it
	caller := string(r.Caller.Actor.Kind) + " " + r.Caller.Actor.Name
	sum := sha256.Sum256(append([]byte(r.URL.RawQuery+"\n"), raw...))
	item := shelf.Item{Kind: onceItem, Key: shelf.Key(caller, placeOf(r), r.URL.Path, key), Owner: caller}
	if err := o.take(r.Context(), item.Key); err != nil {
		return door.Answer{}, err
	}
	defer o.give(item.Key)
	return o.first(r, item, hex.EncodeToString(sum[:]), do)
}

// placeOf tells the caller's tenant from one that had its name before: nobody gets what that one was answered.
func placeOf(r *door.Request) string {
	at, err := r.Plane.Tenant(r.Caller.Tenant)
	if err != nil { // of the installation
		return ""
	}
	return at.Created.Format(time.RFC3339Nano)
}

// failing reads as an error, or as the end where there is none.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) {
	if f.err == nil {
		return 0, io.EOF
	}
	return 0, f.err
}

// take waits until no other request of a key is under way at this plane.
func (o *once) take(ctx context.Context, key string) error {
	for {
		o.mu.Lock()
		other, busy := o.turns[key]
		if !busy {
			o.turns[key] = make(chan struct{})
		}
		o.mu.Unlock()
		if !busy {
			return nil
		}
		select {
		case <-other:
		case <-ctx.Done():
			return mq.Refuse(mq.Timeout, "the caller went away before the first request was through")
		}
	}
}

func (o *once) give(key string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	close(o.turns[key])
	delete(o.turns, key)
}

// first does a request that no plane has begun, and keeps its answer; else it gives what there is. After a failure, and a panic, which goes its way, the place is free again.
func (o *once) first(r *door.Request, item shelf.Item, print string, do door.Handler) (a door.Answer, err error) {
	if o.asked.Add(1)%trimEvery == 0 {
		if err := o.shelf.Trim(r.Context(), shelf.Owned{Kind: item.Kind, Owner: item.Owner}, maxKept-1); err != nil {
			return a, err
		}
	}
	begun := deed{Print: print}
	item.Body, item.Ends = begun.text(), o.shelf.Now().Add(begunFor)
	mine, err := o.shelf.Keep(r.Context(), item)
	if err != nil {
		return a, err
	}
	if !mine {
		return o.again(r, item.Key, print)
	}
	done := false
	defer func() {
		if !done {
			_ = o.shelf.Drop(r.Context(), item.Kind, item.Key) // else it is free when its time is over
		}
	}()
	if a, err = do(r); err != nil || a.Status >= http.StatusMultipleChoices {
		return a, err
	}
	body, err := json.Marshal(a.Body)
	if err != nil {
		return a, err
	}
	done = true
	item.Body, item.Ends = deed{print, a.Status, body}.text(), o.shelf.Now().Add(keptFor)
	_, _ = o.shelf.Change(r.Context(), item) // the deed is done, which counts for more than that it cannot be said again
	return a, nil
}

// again answers a request that was begun before.
func (o *once) again(r *door.Request, key, print string) (door.Answer, error) {
	item, there, err := o.shelf.Find(r.Context(), onceItem, key)
	if err != nil {
		return door.Answer{}, err
	}
	var d deed
	if there {
		if err := json.Unmarshal([]byte(item.Body), &d); err != nil {
			return door.Answer{}, mq.Refuse(mq.Internal, "an answer cannot be read: %v", err)
		}
	}
	switch {
	case there && d.Print != print:
		return door.Answer{}, &door.Refusal{Status: http.StatusConflict, Kind: mq.Conflict.String(), Reason: "idempotency_key_reused", Field: onceHeader,
			Detail: onceHeader + ": stood over another request before"}
	case d.Status == 0: // begun; or it failed between the two looks
		return door.Answer{}, &door.Refusal{Status: http.StatusConflict, Kind: mq.Conflict.String(), Reason: "request_under_way", Field: onceHeader,
			Detail: onceHeader + ": the first request is under way at another control plane: ask again in a moment"}
	}
	return door.Answer{Status: d.Status, Body: d.Body, Replayed: true}, nil
}

// text is how a deed lies on the shelf.
func (d deed) text() string {
	raw, _ := json.Marshal(d) // plain values, and JSON that was marshaled before
	return string(raw)
}
