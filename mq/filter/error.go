// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"errors"
	"strconv"
	"unicode/utf8"

	"github.com/causeway-mq/causeway/mq"
)

// Error says why an expression was refused. It never quotes more of the
// expression than one token, so it may be shown and logged.
type Error struct {
	Offset  int    // where, in bytes from the start of the expression
	Problem string // what is wrong there
	Limit   int    // the limit that was exceeded; 0 if it was none
	Unit    string // what the limit counts; empty without one
}

// Error gives all of it in one line.
func (e *Error) Error() string {
	s := "filter expression: " + e.Problem + " at offset " + strconv.Itoa(e.Offset)
	if e.Limit > 0 {
		s += ", limit " + strconv.Itoa(e.Limit) + " " + e.Unit
	}
	return s
}

// Unwrap gives the refusal that the door translates, so that mq.KindOf finds
// mq.IllegalFilter.
func (e *Error) Unwrap() error { return mq.Refuse(mq.IllegalFilter, "%s", e.Error()) }

// The reasons for which an evaluation ends early. They depend on the message
// as much as on the expression, so they are no *Error.
var (
	// ErrNotComparable means that a property could not be read as the kind of
	// value that it stands beside, such as "abc" beside a number.
	ErrNotComparable = errors.New("filter evaluation: values are not comparable")
	// ErrSteps means that the evaluation would have cost more than MaxSteps.
	ErrSteps = errors.New("filter evaluation: too many steps, limit " + strconv.Itoa(MaxSteps))
)

// firstInvalid returns the offset of the first byte that is not UTF-8.
func firstInvalid(s string) (int, bool) {
	for i, r := range s {
		if r == utf8.RuneError {
			if _, width := utf8.DecodeRuneInString(s[i:]); width == 1 {
				return i, true
			}
		}
	}
	return 0, false
}
