// SPDX-License-Identifier: Apache-2.0

package door

import (
	"net/http"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

// Refusal is an error of the interface itself, before any use case.
type Refusal struct {
	Status int
	Kind   string
	Reason string
	Detail string
	Field  string
	Limit  string
	After  time.Duration // when to come again, with 429; 0 = no idea
}

// Error is what the caller is told.
func (r *Refusal) Error() string { return r.Detail }

// Bad refuses a field of a request.
func Bad(reason, field, detail string) *Refusal {
	return &Refusal{Status: http.StatusBadRequest, Kind: mq.BadRequest.String(), Reason: reason, Field: field, Detail: detail}
}

// InField says which field of the request an error is about.
type InField struct {
	Field string
	Err   error
}

// Error is that of the error itself.
func (e *InField) Error() string { return e.Err.Error() }

// Unwrap gives the error itself.
func (e *InField) Unwrap() error { return e.Err }

// In says which field an error is about; nil stays nil.
func In(field string, err error) error {
	if err == nil {
		return nil
	}
	return &InField{field, err}
}
