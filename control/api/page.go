// SPDX-License-Identifier: Apache-2.0

package api

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"sort"
	"strconv"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/wire"
)

// Sizes of a piece of a listing.
const (
	DefaultPage = 100
	MaxPage     = 1000
)

// cursors makes and checks the cursors of listings. A cursor is the last name of a piece, sealed together with the path it
// belongs to, so that a changed or a foreign one is noticed. The key is the process's own: a cursor does not outlive it.
type cursors struct{ key [32]byte }

func newCursors() cursors {
	var c cursors
	_, _ = rand.Read(c.key[:]) // never fails: the process ends first
	return c
}

const cursorSeal = 12 // bytes

func (c cursors) seal(path, last string) string {
	return base64.RawURLEncoding.EncodeToString(append(c.sum(path, last), last...))
}

func (c cursors) sum(path, last string) []byte {
	mac := hmac.New(sha256.New, c.key[:])
	fmt.Fprintf(mac, "%d:%s%s", len(path), path, last)
	return mac.Sum(nil)[:cursorSeal]
}

func (c cursors) open(path, cursor string) (string, error) {
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil && len(raw) > cursorSeal {
		last := string(raw[cursorSeal:])
		if hmac.Equal(raw[:cursorSeal], c.sum(path, last)) {
			return last, nil
		}
	}
	return "", bad(string(control.BadCursor), "cursor", "cursor: not one of this listing; begin again without")
}

func limitOf(q url.Values, most, usual int) (int, error) {
	text := q.Get("limit")
	if !q.Has("limit") {
		return usual, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, &refusal{status: http.StatusBadRequest, kind: "bad_request", reason: string(control.OutOfRange), field: "limit", limit: fmt.Sprintf("1..%d", most),
			detail: fmt.Sprintf("limit: from 1 to %d are possible", most)}
	}
	return n, nil
}

// listing cuts the piece that a request asks for out of records that are sorted by name.
func listing[R, W any](s *server, r *http.Request, all []R, l lister[R, W]) (answer, error) {
	q, err := parameters(r, "limit", "cursor")
	if err != nil {
		return answer{}, err
	}
	limit, err := limitOf(q, MaxPage, DefaultPage)
	if err != nil {
		return answer{}, err
	}
	from := 0
	if q.Has("cursor") {
		last, err := s.cursors.open(r.URL.Path, q.Get("cursor"))
		if err != nil {
			return answer{}, err
		}
		from = sort.Search(len(all), func(i int) bool { return l.name(all[i]) > last })
	}
	to := min(from+limit, len(all))
	page := wire.Page[W]{Items: make([]W, 0, to-from)}
	for _, one := range all[from:to] {
		page.Items = append(page.Items, l.show(one))
	}
	if to < len(all) {
		page.Next = s.cursors.seal(r.URL.Path, l.name(all[to-1]))
	}
	return ok(page)
}

// lister says how a noun is listed: by which name, shown how.
type lister[R, W any] struct {
	name func(R) string
	show func(R) W
}
