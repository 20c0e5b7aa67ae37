// SPDX-License-Identifier: Apache-2.0

package door

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"sort"
	"strconv"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/shelf"
	"github.com/causeway-mq/causeway/control/wire"
)

// Sizes of a piece of a listing.
const (
	DefaultPage = 100
	MaxPage     = 1000
)

// Cursors makes and checks the cursors of listings. A cursor is the last name of a piece, sealed together with the path it
// belongs to, so that a changed or a foreign one is noticed. The planes over a store share the key: a listing goes on at any of them.
type Cursors struct{ secret *shelf.Secret }

// NewCursors makes cursors under a key.
func NewCursors(secret *shelf.Secret) Cursors { return Cursors{secret} }

const cursorSeal = 12 // bytes

// Seal makes the cursor behind which a listing goes on.
func (c Cursors) Seal(ctx context.Context, path, last string) (string, error) {
	sum, err := c.sum(ctx, path, last)
	return base64.RawURLEncoding.EncodeToString(append(sum, last...)), err
}

func (c Cursors) sum(ctx context.Context, path, last string) ([]byte, error) {
	key, err := c.secret.Key(ctx)
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%d:%s%s", len(path), path, last)
	return mac.Sum(nil)[:cursorSeal], nil
}

// Open reads a cursor of the listing at path.
func (c Cursors) Open(ctx context.Context, path, cursor string) (string, error) {
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil && len(raw) > cursorSeal {
		last := string(raw[cursorSeal:])
		sum, err := c.sum(ctx, path, last)
		if err != nil {
			return "", err
		}
		if hmac.Equal(raw[:cursorSeal], sum) {
			return last, nil
		}
	}
	return "", Bad(string(control.BadCursor), "cursor", "cursor: not one of this listing; begin again without")
}

// Limit is how many the request asks for at most.
func (r *Request) Limit(most, usual int) (int, error) {
	q := r.URL.Query()
	text := q.Get("limit")
	if !q.Has("limit") {
		return usual, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, &Refusal{Status: http.StatusBadRequest, Kind: "bad_request", Reason: string(control.OutOfRange), Field: "limit", Limit: fmt.Sprintf("1..%d", most),
			Detail: fmt.Sprintf("limit: from 1 to %d are possible", most)}
	}
	return n, nil
}

// Listing cuts the piece that a request asks for out of records that are sorted by name, and shows each.
func Listing[R, W any](r *Request, all []R, name func(R) string, show func(R) W) (Answer, error) {
	q := r.URL.Query()
	limit, err := r.Limit(MaxPage, DefaultPage)
	if err != nil {
		return Answer{}, err
	}
	from := 0
	if q.Has("cursor") {
		last, err := r.Cursors.Open(r.Context(), r.URL.Path, q.Get("cursor"))
		if err != nil {
			return Answer{}, err
		}
		from = sort.Search(len(all), func(i int) bool { return name(all[i]) > last })
	}
	to := min(from+limit, len(all))
	page := wire.Page[W]{Items: make([]W, 0, to-from)}
	for _, one := range all[from:to] {
		page.Items = append(page.Items, show(one))
	}
	if to < len(all) {
		if page.Next, err = r.Cursors.Seal(r.Context(), r.URL.Path, name(all[to-1])); err != nil {
			return Answer{}, err
		}
	}
	return OK(page)
}
