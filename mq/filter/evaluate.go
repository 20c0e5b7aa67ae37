// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"slices"
	"strings"
)

// truth is what a condition is found to be.
type truth uint8

const (
	unknown truth = iota
	no
	yes
)

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

// not leaves the unknown unknown.
func (t truth) not() truth {
	switch t {
	case yes:
		return no
	case no:
		return yes
	default:
		return unknown
	}
}

// evaluation is one run of a compiled expression over one message. It lives on
// the stack of Match. Once err is set, everything is unknown and the run ends.
type evaluation struct {
	filter     *Filter
	properties Properties
	steps      int // left
	err        error
}

// spend counts a step and what so many bytes of text cost; false ends the run.
func (e *evaluation) spend(bytes int) bool {
	const bytesPerStep = 64
	e.steps -= 1 + bytes/bytesPerStep
	if e.steps < 0 && e.err == nil {
		e.err = ErrSteps
	}
	return e.err == nil
}

// truth evaluates a condition.
func (e *evaluation) truth(i uint8) truth {
	if !e.spend(0) {
		return unknown
	}
	n := &e.filter.program[i]
	switch n.op {
	case opTrue:
		return yes
	case opFalse:
		return no
	case opProperty:
		// Properties are texts, and a text is never true.
		if _, ok := e.properties.Property(n.text); ok {
			return no
		}
		return unknown
	case opNot:
		return e.truth(n.a).not()
	case opOr:
		return e.chain(n, yes)
	case opAnd:
		return e.chain(n, no)
	case opEqual:
		return e.equal(n)
	case opNotEqual:
		return e.equal(n).not()
	case opIsNull, opIsNotNull:
		null := e.operand(n.a).kind == isNull
		return truthOf(null == (n.op == opIsNull))
	case opBetween, opNotBetween:
		return e.between(n)
	case opLess, opLessEqual, opGreater, opGreaterEqual:
		return e.ordered(e.operand(n.a), n.op, n.b)
	case opIn, opNotIn:
		return e.in(n)
	case opNull, opText, opNumber, opNegate:
		return unknown
	default:
		return e.search(n)
	}
}

// chain evaluates AND and OR: the deciding truth ends it, one unknown makes
// the rest unknown.
func (e *evaluation) chain(n *node, deciding truth) truth {
	result := deciding.not()
	for _, child := range e.filter.children[n.from:n.to] {
		switch t := e.truth(child); {
		case e.err != nil:
			return unknown
		case t == deciding:
			return deciding
		case t == unknown:
			result = unknown
		}
	}
	return result
}

// operand evaluates a node to a value.
func (e *evaluation) operand(i uint8) value {
	n := &e.filter.program[i]
	switch n.op {
	case opProperty:
		text, ok := e.properties.Property(n.text)
		if !ok || !e.spend(len(text)) {
			return value{}
		}
		return value{kind: isText, text: text}
	case opText, opNumber:
		if !e.spend(0) {
			return value{}
		}
		return n.value
	case opNegate:
		if !e.spend(0) {
			return value{}
		}
		return e.operand(n.a).negate()
	default:
		switch e.truth(i) {
		case yes:
			return value{kind: isBool, whole: 1}
		case no:
			return value{kind: isBool}
		default:
			return value{}
		}
	}
}

// equal evaluates =. The asymmetry of NULL is RocketMQ's: a missing property
// on the right alone is a plain no.
func (e *evaluation) equal(n *node) truth {
	a, b := e.operand(n.a), e.operand(n.b)
	switch {
	case e.err != nil:
		return unknown
	case a.kind == isNull && b.kind == isNull:
		return yes
	case a.kind == isNull:
		return unknown
	case b.kind == isNull:
		return no
	}
	order, ok := compare(a, b)
	if !ok {
		e.err = ErrNotComparable
		return unknown
	}
	return truthOf(order == 0)
}

// ordered evaluates <, <=, > and >= for a left side that is known already.
func (e *evaluation) ordered(a value, by op, right uint8) truth {
	if a.kind == isNull || e.err != nil {
		return unknown
	}
	b := e.operand(right)
	if b.kind == isNull || e.err != nil {
		return unknown
	}
	order, ok := 0, false
	if a.kind == isText && b.kind == isText {
		// Texts have no order, the numbers that they spell have one.
		if a, ok = a.as(isDecimal); ok {
			if b, ok = b.as(isDecimal); ok {
				order = compareDecimal(a.decimal, b.decimal)
			}
		}
	} else {
		order, ok = compare(a, b)
	}
	if !ok {
		e.err = ErrNotComparable
		return unknown
	}
	switch by {
	case opLess:
		return truthOf(order < 0)
	case opLessEqual:
		return truthOf(order <= 0)
	case opGreater:
		return truthOf(order > 0)
	default:
		return truthOf(order >= 0)
	}
}

// between is >= AND <=, its negation < OR >; the second bound is not looked
// at where the first decides.
func (e *evaluation) between(n *node) truth {
	low, high, deciding := opGreaterEqual, opLessEqual, no
	if n.op == opNotBetween {
		low, high, deciding = opLess, opGreater, yes
	}
	a := e.operand(n.a)
	first := e.ordered(a, low, n.b)
	if first == deciding || e.err != nil {
		return first
	}
	second := e.ordered(a, high, n.c)
	if second == deciding || first != unknown {
		return second
	}
	return unknown
}

// in looks a property up in a sorted list.
func (e *evaluation) in(n *node) truth {
	v := e.operand(n.a)
	if v.kind == isNull || e.err != nil {
		return unknown
	}
	_, found := slices.BinarySearch(e.filter.members[n.from:n.to], v.text)
	return truthOf(found == (n.op == opIn))
}

// search looks for a text in another one. Plain and negated, it fails for
// what is missing, no text or looked for with an empty text.
func (e *evaluation) search(n *node) truth {
	v := e.operand(n.a)
	switch {
	case e.err != nil:
		return unknown
	case v.kind != isText || n.text == "":
		return no
	}
	switch n.op {
	case opContains:
		return truthOf(strings.Contains(v.text, n.text))
	case opNotContains:
		return truthOf(!strings.Contains(v.text, n.text))
	case opStartsWith:
		return truthOf(strings.HasPrefix(v.text, n.text))
	case opNotStartsWith:
		return truthOf(!strings.HasPrefix(v.text, n.text))
	case opEndsWith:
		return truthOf(strings.HasSuffix(v.text, n.text))
	default:
		return truthOf(!strings.HasSuffix(v.text, n.text))
	}
}
