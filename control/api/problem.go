// SPDX-License-Identifier: Apache-2.0

package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/api/door"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/mq"
)

// problem renders err and gives the status.
func (s *server) problem(w http.ResponseWriter, r *http.Request, err error) int {
	p := problemOf(err)
	p.RequestID = idOf(r)
	p.Type, p.Title = "about:blank", http.StatusText(p.Status)
	if p.Status >= http.StatusInternalServerError {
		s.opt.Log.Error("api: failed", "request", p.RequestID, "method", r.Method, "path", r.URL.Path, "status", p.Status, "error", err)
	}
	w.Header().Set("Content-Type", wire.ProblemType)
	switch p.Status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="causeway"`)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", strconv.Itoa(retryAfter(err)))
	}
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // a caller who is gone needs no problem
	return p.Status
}

// retryAfter is when to come again, in seconds.
func retryAfter(err error) int {
	var own *door.Refusal
	if errors.As(err, &own) && own.After > 0 {
		return int((own.After + time.Second - 1) / time.Second)
	}
	return 5
}

func problemOf(err error) wire.Problem {
	var own *door.Refusal
	if errors.As(err, &own) {
		return wire.Problem{Status: own.Status, Kind: own.Kind, Reason: own.Reason, Detail: own.Detail, Field: own.Field, Limit: own.Limit}
	}
	kind := mq.KindOf(err)
	p := wire.Problem{Status: statusOf(kind), Kind: kind.String(), Detail: detailOf(err, kind)}
	var named *door.InField
	if errors.As(err, &named) {
		p.Field = named.Field
	}
	var finer *control.Refusal
	if errors.As(err, &finer) {
		p.Reason, p.Limit = string(finer.Reason), finer.Limit
		if finer.Field != "" {
			p.Field = finer.Field
		}
		switch finer.Reason {
		case control.Quota:
			p.Status = http.StatusUnprocessableEntity
		case control.Stale:
			p.Status = http.StatusPreconditionFailed
		}
	}
	return p
}

// detailOf keeps causes of the depths (paths, drivers' words) out of answers: they are in the log under the request id.
func detailOf(err error, k mq.Kind) string {
	if k == mq.Internal {
		return "an internal error: the server's log has it under the request id"
	}
	var e *mq.Error
	if mq.Outcome(err) == mq.Unknown && errors.As(err, &e) {
		return strings.TrimSpace(e.Detail)
	}
	return mq.Said(err)
}

// statusOf is the HTTP status of a kind. Kinds that are not named are about a request's content.
func statusOf(k mq.Kind) int {
	switch k {
	case mq.Unauthorized:
		return http.StatusUnauthorized
	case mq.Forbidden:
		return http.StatusForbidden
	case mq.NotFound, mq.TopicNotFound, mq.GroupNotFound, mq.MessageNotFound, mq.OffsetNotFound:
		return http.StatusNotFound
	case mq.PayloadTooLarge, mq.BodyTooLarge:
		return http.StatusRequestEntityTooLarge
	case mq.Conflict:
		return http.StatusConflict
	case mq.TooManyRequests:
		return http.StatusTooManyRequests
	case mq.StorageFull:
		return http.StatusInsufficientStorage
	case mq.Internal:
		return http.StatusInternalServerError
	case mq.Unavailable:
		return http.StatusServiceUnavailable
	case mq.Timeout:
		return http.StatusGatewayTimeout
	case mq.Unsupported:
		return http.StatusNotImplemented
	}
	return http.StatusBadRequest
}
