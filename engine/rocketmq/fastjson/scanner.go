// SPDX-License-Identifier: Apache-2.0

// Package fastjson reads JSON as RocketMQ's Java processes write it.
//
// Name servers and brokers print maps with a library that takes liberties: numeric keys stand without quotes, and a map whose keys
// are objects gets those objects as keys. Both are accepted here, as are bare words. Everything is bounded: depth by MaxDepth,
// nodes by MaxNodes, and input by its own length; nothing is ever read twice.
package fastjson

import (
	"errors"
	"fmt"
	"unicode/utf16"
	"unicode/utf8"
)

// MaxDepth bounds how deep objects and arrays may nest.
const MaxDepth = 64

// ErrSyntax is wrapped by every complaint about the text.
var ErrSyntax = errors.New("malformed JSON")

// Scanner walks over a text token by token without building anything. The first error sticks: after it every method gives
// zero values and Next gives false, so a caller looks at Err once, at the end.
type Scanner struct {
	data  []byte
	at    int
	depth int
	fresh bool // the last token opened an object or array, so no comma comes before the next one
	err   error
}

// NewScanner starts at the beginning of data, which must not change while the scanner or what it gave is in use.
func NewScanner(data []byte) Scanner { return Scanner{data: data} }

// Err is the first complaint, nil if there is none.
func (s *Scanner) Err() error { return s.err }

// Offset is how many bytes were read.
func (s *Scanner) Offset() int { return s.at }

func (s *Scanner) fail(what string) {
	if s.err == nil {
		s.err = fmt.Errorf("%w: %s at byte %d of %d", ErrSyntax, what, s.at, len(s.data))
		s.at = len(s.data)
	}
}

// Peek gives the first byte of the next token without taking it, 0 at the end.
func (s *Scanner) Peek() byte {
	for s.at < len(s.data) {
		switch c := s.data[s.at]; c {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return c
		}
	}
	return 0
}

// Enter takes the opening '{' or '['.
func (s *Scanner) Enter(open byte) {
	if s.Peek() != open || s.err != nil {
		s.fail("want " + string(rune(open)))
		return
	}
	if s.depth++; s.depth > MaxDepth {
		s.fail(fmt.Sprintf("nested deeper than %d", MaxDepth))
		return
	}
	s.at++
	s.fresh = true
}

// Next tells whether another element follows before the closing byte, which it takes when there is none. The comma between
// elements is taken as well.
func (s *Scanner) Next(closing byte) bool {
	c := s.Peek()
	fresh := s.fresh
	s.fresh = false
	switch {
	case s.err != nil:
		return false
	case c == closing:
		s.at++
		s.depth--
		return false
	case fresh:
		return true
	case c == ',':
		s.at++
		if s.Peek() == closing { // a comma before the end is forgiven
			s.at++
			s.depth--
			return false
		}
		return true
	}
	s.fail("want , or " + string(rune(closing)))
	return false
}

// Colon takes the ':' behind a key.
func (s *Scanner) Colon() {
	if s.Peek() != ':' {
		s.fail("want :")
		return
	}
	s.at++
}

// Key takes a member's name and its colon. A key that is an object fails: use Parse where those may come.
func (s *Scanner) Key() []byte {
	k, _ := s.Scalar()
	s.Colon()
	return k
}

// Scalar takes a string, number, or bare word; quoted says whether it stood in quotes. The bytes belong to the input unless an escape
// had to be resolved.
func (s *Scanner) Scalar() (text []byte, quoted bool) {
	switch c := s.Peek(); {
	case s.err != nil:
		return nil, false
	case c == '"' || c == '\'':
		return s.str(c), true
	default:
		return s.bare(), false
	}
}

// Int takes a scalar and gives it as a whole number, also when it stood in quotes. null is 0.
func (s *Scanner) Int() int64 {
	text, _ := s.Scalar()
	n, ok := parseInt(text)
	if !ok && string(text) != "null" {
		s.fail("want a whole number")
	}
	return n
}

// Skip takes any value.
func (s *Scanner) Skip() {
	switch s.Peek() {
	case '{':
		for s.Enter('{'); s.Next('}'); {
			s.Skip()
			s.Colon()
			s.Skip()
		}
	case '[':
		for s.Enter('['); s.Next(']'); {
			s.Skip()
		}
	default:
		s.Scalar()
	}
}

func isBare(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '-' || c == '+' || c == '.' || c == '_' || c == '$'
}

func (s *Scanner) bare() []byte {
	from := s.at
	for s.at < len(s.data) && isBare(s.data[s.at]) {
		s.at++
	}
	if from == s.at {
		s.fail("want a value")
		return nil
	}
	return s.data[from:s.at:s.at]
}

// str takes a quoted string; the usual one has no escape and is a part of the input.
func (s *Scanner) str(quote byte) []byte {
	s.at++
	from := s.at
	for i := from; i < len(s.data); i++ {
		switch s.data[i] {
		case quote:
			s.at = i + 1
			return s.data[from:i:i]
		case '\\':
			return s.escaped(from, i, quote)
		}
	}
	s.fail("string without end")
	return nil
}

// escaped goes on from the first backslash, which stands at i.
func (s *Scanner) escaped(from, i int, quote byte) []byte {
	out := append(make([]byte, 0, 2*(i-from)+16), s.data[from:i]...)
	for s.at = i; s.at < len(s.data); {
		c := s.data[s.at]
		s.at++
		switch c {
		case quote:
			return out
		case '\\':
			out = s.escape(out)
		default:
			out = append(out, c)
		}
	}
	s.fail("string without end")
	return nil
}

func (s *Scanner) escape(out []byte) []byte {
	if s.at >= len(s.data) {
		return out
	}
	c := s.data[s.at]
	s.at++
	switch c {
	case 'n':
		return append(out, '\n')
	case 'r':
		return append(out, '\r')
	case 't':
		return append(out, '\t')
	case 'b':
		return append(out, '\b')
	case 'f':
		return append(out, '\f')
	case 'v':
		return append(out, '\v')
	case 'x':
		return utf8.AppendRune(out, s.hex(2))
	case 'u':
		r := s.hex(4)
		if utf16.IsSurrogate(r) && s.at+1 < len(s.data) && s.data[s.at] == '\\' && s.data[s.at+1] == 'u' {
			mark := s.at
			s.at += 2
			if both := utf16.DecodeRune(r, s.hex(4)); both != utf8.RuneError {
				return utf8.AppendRune(out, both)
			}
			s.at = mark
		}
		return utf8.AppendRune(out, r)
	case '0', '1', '2', '3', '4', '5', '6', '7':
		return append(out, c-'0')
	default: // quotes, slashes, and whatever else was escaped without need
		return append(out, c)
	}
}

func (s *Scanner) hex(digits int) (r rune) {
	if s.err != nil || s.at+digits > len(s.data) {
		s.fail("escape without end")
		return utf8.RuneError
	}
	for _, c := range s.data[s.at : s.at+digits] {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c >= 'a' && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case c >= 'A' && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			s.fail("escape with a digit that is none")
			return utf8.RuneError
		}
	}
	s.at += digits
	return r
}

// parseInt reads a decimal number that fits an int64.
func parseInt(text []byte) (n int64, ok bool) {
	i, neg := 0, false
	if len(text) > 0 && text[0] == '-' {
		i, neg = 1, true
	}
	if i == len(text) || len(text) > 20 {
		return 0, false
	}
	var u uint64
	for ; i < len(text); i++ {
		c := text[i]
		if c < '0' || c > '9' || u > (1<<63)/10 {
			return 0, false
		}
		u = u*10 + uint64(c-'0')
	}
	switch {
	case neg && u <= 1<<63:
		return -int64(u), true
	case !neg && u < 1<<63:
		return int64(u), true
	}
	return 0, false
}
