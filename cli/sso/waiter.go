// SPDX-License-Identifier: Apache-2.0

package sso

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync/atomic"

	"github.com/causeway-mq/causeway/cli/call"
	"github.com/causeway-mq/causeway/control/wire"
)

// maxCode bounds a code, in bytes.
const maxCode = 4 << 10

// answer is what the browser brought.
type answer struct {
	code string
	err  error
}

// waiter takes one answer from a browser. Any page and any program of the machine can come to its port, so what does not have the state changes nothing.
type waiter struct {
	state, host string
	taken       atomic.Bool
	answers     chan answer // of one place, which is free for whoever has taken
}

// ServeHTTP answers the browser.
func (w *waiter) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	h := out.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	status, said := w.take(r)
	out.WriteHeader(status)
	fmt.Fprintf(out, "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Causeway</title></head><body><p>%s</p></body></html>\n", said)
}

// take judges what came, and hands on what is the answer.
func (w *waiter) take(r *http.Request) (status int, said string) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	switch {
	case r.Host != w.host: // a name that somebody bent to this machine
		return http.StatusForbidden, "This is no host of a login."
	case r.URL.Path != wire.TerminalPath || r.Method != http.MethodGet:
		return http.StatusNotFound, "Nothing is here."
	case err != nil || len(q["state"]) != 1 || subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(w.state)) != 1:
		return http.StatusBadRequest, "This belongs to another login than the one that waits here."
	}
	code, failed := q.Get("code"), q.Get("error")
	switch {
	case len(q["code"])+len(q["error"]) != 1, code == "" && failed == "", len(code) > maxCode:
		return http.StatusBadRequest, "This is no answer to a login."
	case !w.taken.CompareAndSwap(false, true):
		return http.StatusGone, "This login is over."
	case failed != "":
		w.answers <- answer{err: refusal(failed)}
		return http.StatusOK, "You are not logged in: the terminal says why. This page can be closed."
	}
	w.answers <- answer{code: code}
	return http.StatusOK, "Go on at the terminal, which says how it went. This page can be closed."
}

// refusal is why the control plane sent the browser back without a code, in words of ours.
func refusal(reason string) error {
	switch reason {
	case "provider_refused":
		return call.Fail(call.ExitDenied, errors.New("the identity provider refused the login"), "begin anew, or ask who runs the identity provider")
	case "no_member", "other_subject":
		return call.Fail(call.ExitDenied, errors.New("the identity provider knows you, and you are no member here"), "an admin of the tenant makes members: causeway member create")
	case "provider_away":
		return call.Fail(call.ExitFailure, errors.New("the identity provider does not answer the control plane"), "try again later, or log in with a token: causeway login")
	}
	return call.Fail(call.ExitFailure, errors.New("the login failed at the control plane, whose log says why"), "begin anew")
}
