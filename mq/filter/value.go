// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"math"
	"strconv"
	"strings"
)

// valueKind is what an operand turned out to be.
type valueKind uint8

const (
	isNull valueKind = iota
	isBool
	isText
	isInt  // whole, 32 bits
	isLong // whole, 64 bits
	isDecimal
)

// value is an operand's value; kind says which field holds it. The zero value
// is NULL.
type value struct {
	kind    valueKind
	whole   int64 // also 0 and 1 of a boolean
	decimal float64
	text    string
}

// negate returns what a minus sign makes of a value: NULL unless it is a
// number.
func (v value) negate() value {
	switch v.kind {
	case isInt, isLong:
		v.whole = -v.whole
		return v
	case isDecimal:
		v.decimal = -v.decimal
		return v
	default:
		return value{}
	}
}

// compare orders two values that are not NULL: negative, zero or positive.
// Values of different kinds are made alike, as RocketMQ does it, which knows
// several pairs in one order only; ok is false where it can't. A boolean is
// never equal to a number.
func compare(a, b value) (order int, ok bool) {
	if a.kind == isText || b.kind == isText {
		return compareText(a, b)
	}
	switch {
	case a.kind == isBool && b.kind == isBool:
		return compareWhole(a.whole, b.whole), true
	case a.kind == isBool || b.kind == isBool:
		return -1, true
	case a.kind == isDecimal && b.kind == isDecimal:
		return compareDecimal(a.decimal, b.decimal), true
	case a.kind == isDecimal:
		return 0, false
	case b.kind == isDecimal:
		return compareDecimal(float64(a.whole), b.decimal), true
	default:
		return compareWhole(a.whole, b.whole), true
	}
}

// compareText compares values of which one at least is a text: the text is
// read as the other's kind.
func compareText(a, b value) (order int, ok bool) {
	switch {
	case a.kind == isText && b.kind == isText:
		return strings.Compare(a.text, b.text), true
	case a.kind == isText:
		read, ok := a.as(b.kind)
		if !ok {
			return 0, false
		}
		return compare(read, b)
	case a.kind == isBool:
		return 0, false
	default:
		read, ok := b.as(a.kind)
		if !ok {
			return 0, false
		}
		return compare(a, read)
	}
}

// as reads a text as another kind of value.
func (v value) as(kind valueKind) (value, bool) {
	switch kind {
	case isBool:
		read := value{kind: isBool}
		if strings.EqualFold(v.text, "true") {
			read.whole = 1
		}
		return read, true
	case isInt:
		n, ok := readWhole(v.text, math.MaxInt32)
		return value{kind: isInt, whole: n}, ok
	case isLong:
		n, ok := readWhole(v.text, math.MaxInt64)
		return value{kind: isLong, whole: n}, ok
	default:
		d, ok := readDecimal(v.text)
		return value{kind: isDecimal, decimal: d}, ok
	}
}

func compareWhole(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	default:
		return 0
	}
}

// compareDecimal is a total order: -0 is below 0, and NaN, equal to itself,
// above all.
func compareDecimal(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	default:
		return compareWhole(orderBits(a), orderBits(b))
	}
}

// orderBits breaks the ties that < leaves: equal numbers, zeros and NaNs.
func orderBits(f float64) int64 {
	if f != f {
		return math.MaxInt64
	}
	return int64(math.Float64bits(f))
}

// readWhole reads an optional sign and digits, nothing else, and refuses what
// lies outside -most-1 to most.
func readWhole(s string, most uint64) (int64, bool) {
	negative := false
	if s != "" && (s[0] == '-' || s[0] == '+') {
		negative, s = s[0] == '-', s[1:]
	}
	if s == "" {
		return 0, false
	}
	if negative {
		most++
	}
	var n uint64
	for i := 0; i < len(s); i++ {
		d := uint64(s[i] - '0')
		if !isDigit(s[i]) || n > (most-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	if negative {
		return -int64(n), true
	}
	return int64(n), true
}

// readDecimal reads a decimal number in the notation of Java, which differs
// from Go's: blanks around it, a type suffix, "NaN" and "Infinity" in this
// spelling only, and no underscores. The form is checked here, so that
// nothing is allocated for a value that is none.
func readDecimal(s string) (float64, bool) {
	for s != "" && s[0] <= ' ' {
		s = s[1:]
	}
	for s != "" && s[len(s)-1] <= ' ' {
		s = s[:len(s)-1]
	}
	unsigned := s
	if s != "" && (s[0] == '-' || s[0] == '+') {
		unsigned = s[1:]
	}
	switch unsigned {
	case "NaN":
		return math.NaN(), true
	case "Infinity":
		if s[0] == '-' {
			return math.Inf(-1), true
		}
		return math.Inf(1), true
	}
	n := numberLength(unsigned)
	if n == 0 {
		return 0, false
	}
	if rest := unsigned[n:]; rest != "" && !(len(rest) == 1 && strings.Contains("fFdD", rest)) {
		return 0, false
	}
	// The only failure left is a range: infinite, as in Java.
	d, _ := strconv.ParseFloat(s[:len(s)-len(unsigned)+n], 64)
	return d, true
}

// numberLength returns the length of the number that a text begins with, 0 if
// it begins with none.
func numberLength(s string) int {
	if len(s) > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X') {
		return hexLength(s)
	}
	n := digits(s)
	some := n > 0
	if n < len(s) && s[n] == '.' {
		fraction := digits(s[n+1:])
		some = some || fraction > 0
		n += 1 + fraction
	}
	if !some {
		return 0
	}
	return n + exponent(s[n:])
}

// hexLength is numberLength for a hexadecimal number, whose binary exponent
// is required.
func hexLength(s string) int {
	n, some := 2, false
	for seen := false; n < len(s); n++ {
		c := s[n]
		hex := isDigit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
		if !hex && (c != '.' || seen) {
			break
		}
		some, seen = some || hex, seen || c == '.'
	}
	if !some || n == len(s) || s[n] != 'p' && s[n] != 'P' {
		return 0
	}
	n++
	if n < len(s) && (s[n] == '+' || s[n] == '-') {
		n++
	}
	d := digits(s[n:])
	if d == 0 {
		return 0
	}
	return n + d
}
