// SPDX-License-Identifier: Apache-2.0

package mq

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Result says what is known about a verb after it came back.
type Result uint8

// The three results. A caller may repeat a Refused verb as a new one; an Unknown one may have happened.
const (
	Done    Result = iota // it happened
	Refused               // it certainly did not happen
	Unknown               // it may have happened: a timeout, a lost reply, a failed sync
)

// Error is the one error type that crosses rooms.
type Error struct {
	Kind    Kind
	Detail  string // for people at the door: what is wrong, where, and the limit; no secret, no foreign name, no words of a broker
	Op      string // the verb that failed, outermost first, for example "send: append"
	unknown bool
	cause   error
}

// Error renders "op: detail", or the kind's name where there is no detail.
func (e *Error) Error() string {
	text := e.Detail
	if text == "" {
		text = e.Kind.String()
	}
	if e.Op != "" {
		text = e.Op + ": " + text
	}
	if e.cause != nil {
		text += ": " + e.cause.Error()
	}
	return text
}

// Unwrap gives the cause, if one was kept.
func (e *Error) Unwrap() error { return e.cause }

// Refuse builds a refusal: the verb certainly did not happen.
func Refuse(k Kind, format string, args ...any) *Error {
	return &Error{Kind: k, Detail: fmt.Sprintf(format, args...)}
}

// Doubt builds an unknown outcome: the verb may have happened. cause may be nil.
func Doubt(k Kind, cause error, format string, args ...any) *Error {
	return &Error{Kind: k, Detail: fmt.Sprintf(format, args...), unknown: true, cause: cause}
}

// Because keeps why it came to the error, for logs: the cause is rendered, and a caller at the door never sees it.
func (e *Error) Because(cause error) *Error {
	with := *e
	with.cause = cause
	return &with
}

// Said is what may be told of err to whoever asked for what failed: all of it but causes, which may name what is behind the door. It is "" for nil.
func Said(err error) string {
	if err == nil {
		return ""
	}
	return withoutCauses(err.Error(), err)
}

func withoutCauses(text string, err error) string {
	if e, ok := err.(*Error); ok && e.cause != nil { //nolint:errorlint // each link of the chain is looked at
		text = strings.ReplaceAll(text, ": "+e.cause.Error(), "")
	}
	switch e := err.(type) { //nolint:errorlint // the same
	case interface{ Unwrap() error }:
		if next := e.Unwrap(); next != nil {
			text = withoutCauses(text, next)
		}
	case interface{ Unwrap() []error }:
		for _, next := range e.Unwrap() {
			text = withoutCauses(text, next)
		}
	}
	return text
}

// During puts the operation's name before what err already says and keeps Kind and Result. A nil err stays nil.
func During(op string, err error) error {
	if err == nil {
		return nil
	}
	var e *Error
	if !errors.As(err, &e) {
		return &Error{Kind: KindOf(err), Op: op, unknown: true, cause: err}
	}
	with := *e
	if e.Op == "" {
		with.Op = op
	} else {
		with.Op = op + ": " + e.Op
	}
	return &with
}

// KindOf gives the kind of any error: its own, Timeout for an ended context, Internal for a stranger, 0 for nil.
func KindOf(err error) Kind {
	if err == nil {
		return 0
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return Timeout
	}
	return Internal
}

// Outcome says whether a verb that returned err happened. A stranger's error counts as Unknown: only an explicit refusal
// may be booked as a failure.
func Outcome(err error) Result {
	if err == nil {
		return Done
	}
	var e *Error
	if errors.As(err, &e) && !e.unknown {
		return Refused
	}
	return Unknown
}
