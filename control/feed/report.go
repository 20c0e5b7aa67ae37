// SPDX-License-Identifier: Apache-2.0

package feed

import (
	"errors"
	"net/http"

	"github.com/causeway-mq/causeway/proxy/roll"
	"github.com/causeway-mq/causeway/proxy/tally"
)

// report takes what a proxy counted. A report that adds to one that was never heard here is answered with a conflict: the proxy then sends the whole.
func (f *Feed) report(w http.ResponseWriter, r *http.Request) {
	if f.opt.Reports == nil {
		say(w, http.StatusNotImplemented, "this control plane keeps no figures")
		return
	}
	told, err := tally.Decode(http.MaxBytesReader(w, r.Body, tally.MaxPacked))
	heard(w, err, func() bool { f.aside(r); return f.opt.Reports(told) })
}

// clients takes who is connected to a proxy, as report does.
func (f *Feed) clients(w http.ResponseWriter, r *http.Request) {
	if f.opt.Rolls == nil {
		say(w, http.StatusNotImplemented, "this control plane keeps no list of clients")
		return
	}
	told, err := roll.Decode(http.MaxBytesReader(w, r.Body, roll.MaxPacked))
	heard(w, err, func() bool { return f.opt.Rolls(told) })
}

// heard answers a report that could be read, or could not.
func heard(w http.ResponseWriter, err error, take func() bool) {
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		say(w, http.StatusRequestEntityTooLarge, err.Error())
	case err != nil:
		say(w, http.StatusBadRequest, "report: "+err.Error())
	case !take():
		say(w, http.StatusConflict, "the whole report is needed: the one that this adds to was never heard here")
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}
