// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"strings"
	"unicode/utf8"
)

// tokenKind is what a token is, keywords apart from names.
type tokenKind uint8

const (
	tokenEnd tokenKind = iota
	tokenBad           // ends the input; the lexer's error says why
	tokenName
	tokenText    // 'quoted'
	tokenWhole   // 12, 12L
	tokenDecimal // 1.5, .5, 5., 5e10
	tokenEqual
	tokenNotEqual
	tokenLess
	tokenLessEqual
	tokenGreater
	tokenGreaterEqual
	tokenOpen
	tokenClose
	tokenComma
	tokenPlus
	tokenMinus
	tokenAnd
	tokenOr
	tokenNot
	tokenIs
	tokenNull
	tokenTrue
	tokenFalse
	tokenIn
	tokenBetween
	tokenContains
	tokenStartsWith
	tokenEndsWith
)

// token is a piece of the expression: source[at:end].
type token struct {
	kind    tokenKind
	at, end int
}

// lexer cuts an expression into tokens. It is small, so that a copy of it
// serves as a look ahead.
type lexer struct {
	source string
	at     int
	err    *Error
}

// next returns the next token, tokenEnd at the end and tokenBad for ever once
// something was no token.
func (l *lexer) next() token {
	if l.err == nil {
		l.skip()
	}
	if l.err != nil {
		return token{tokenBad, l.err.Offset, l.err.Offset}
	}
	start := l.at
	if start == len(l.source) {
		return token{tokenEnd, start, start}
	}
	var kind tokenKind
	switch c := l.source[start]; {
	case isNameStart(c):
		kind = l.word()
	case isDigit(c), c == '.' && isDigit(l.peek(1)):
		kind = l.number()
	case c == '\'':
		kind = l.text()
	default:
		kind = l.symbol()
	}
	if kind == tokenBad {
		return token{tokenBad, start, start}
	}
	return token{kind, start, l.at}
}

// peek returns the byte n places ahead, 0 past the end.
func (l *lexer) peek(n int) byte {
	if l.at+n < len(l.source) {
		return l.source[l.at+n]
	}
	return 0
}

// skip passes blanks and comments.
func (l *lexer) skip() {
	for l.at < len(l.source) {
		switch c := l.source[l.at]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f':
			l.at++
		case c == '-' && l.peek(1) == '-':
			if n := strings.IndexAny(l.source[l.at:], "\r\n"); n >= 0 {
				l.at += n
			} else {
				l.at = len(l.source)
			}
		case c == '/' && l.peek(1) == '*':
			n := strings.Index(l.source[l.at+2:], "*/")
			if n < 0 {
				l.err = &Error{Offset: l.at, Problem: "comment is not closed"}
				return
			}
			l.at += 2 + n + 2
		default:
			return
		}
	}
}

// word reads a keyword, in any case, or a name.
func (l *lexer) word() tokenKind {
	start := l.at
	for l.at < len(l.source) && (isNameStart(l.source[l.at]) || isDigit(l.source[l.at])) {
		l.at++
	}
	return keyword(l.source[start:l.at])
}

// keyword returns the kind of a word: tokenName unless it is reserved.
func keyword(word string) tokenKind {
	if len(word) > len("STARTSWITH") {
		return tokenName
	}
	switch strings.ToUpper(word) {
	case "AND":
		return tokenAnd
	case "OR":
		return tokenOr
	case "NOT":
		return tokenNot
	case "IS":
		return tokenIs
	case "NULL":
		return tokenNull
	case "TRUE":
		return tokenTrue
	case "FALSE":
		return tokenFalse
	case "IN":
		return tokenIn
	case "BETWEEN":
		return tokenBetween
	case "CONTAINS":
		return tokenContains
	case "STARTSWITH":
		return tokenStartsWith
	case "ENDSWITH":
		return tokenEndsWith
	default:
		return tokenName
	}
}

// number reads the longest number at hand. A whole number of more than one
// digit does not begin with 0: there "007" is three tokens, which no
// expression has in a row.
func (l *lexer) number() tokenKind {
	rest := l.source[l.at:]
	whole := digits(rest)
	n, decimal := whole, false
	if n < len(rest) && rest[n] == '.' {
		n, decimal = n+1+digits(rest[n+1:]), true
	}
	if e := exponent(rest[n:]); e > 0 {
		n, decimal = n+e, true
	}
	switch {
	case decimal:
	case rest[0] == '0':
		n = 1
	case n < len(rest) && (rest[n] == 'l' || rest[n] == 'L'):
		n++
	}
	l.at += n
	if decimal {
		return tokenDecimal
	}
	return tokenWhole
}

// digits returns how many digits a text begins with.
func digits(s string) int {
	n := 0
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	return n
}

// exponent returns the length of the exponent that a text begins with, 0 if
// it begins with none.
func exponent(s string) int {
	if s == "" || s[0] != 'e' && s[0] != 'E' {
		return 0
	}
	n := 1
	if n < len(s) && (s[n] == '+' || s[n] == '-') {
		n++
	}
	if d := digits(s[n:]); d > 0 {
		return n + d
	}
	return 0
}

// text reads a quoted text, in which two quotes stand for one.
func (l *lexer) text() tokenKind {
	start := l.at
	for l.at++; l.at < len(l.source); l.at++ {
		if l.source[l.at] != '\'' {
			continue
		}
		if l.peek(1) != '\'' {
			l.at++
			return tokenText
		}
		l.at++
	}
	l.err = &Error{Offset: start, Problem: "text is not closed: a quote is missing"}
	return tokenBad
}

// symbol reads an operator or a punctuation mark.
func (l *lexer) symbol() tokenKind {
	kind, n := tokenBad, 1
	switch l.source[l.at] {
	case '=':
		kind = tokenEqual
	case '!':
		if l.peek(1) == '=' {
			kind, n = tokenNotEqual, 2
		}
	case '<':
		switch l.peek(1) {
		case '=':
			kind, n = tokenLessEqual, 2
		case '>':
			kind, n = tokenNotEqual, 2
		default:
			kind = tokenLess
		}
	case '>':
		kind = tokenGreater
		if l.peek(1) == '=' {
			kind, n = tokenGreaterEqual, 2
		}
	case '(':
		kind = tokenOpen
	case ')':
		kind = tokenClose
	case ',':
		kind = tokenComma
	case '+':
		kind = tokenPlus
	case '-':
		kind = tokenMinus
	}
	if kind == tokenBad {
		_, width := utf8.DecodeRuneInString(l.source[l.at:])
		l.err = &Error{Offset: l.at, Problem: "unexpected character " + quote(l.source[l.at:l.at+width])}
		return tokenBad
	}
	l.at += n
	return kind
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isNameStart(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '$'
}
