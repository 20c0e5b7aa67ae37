// SPDX-License-Identifier: Apache-2.0

package filter

// op is what a node of a compiled expression does.
type op uint8

const (
	opNull op = iota
	opTrue
	opFalse
	opText
	opNumber
	opProperty
	opNegate
	opNot
	opOr
	opAnd
	opEqual
	opNotEqual
	opIsNull
	opIsNotNull
	opLess
	opLessEqual
	opGreater
	opGreaterEqual
	opBetween
	opNotBetween
	opIn
	opNotIn
	opContains
	opNotContains
	opStartsWith
	opNotStartsWith
	opEndsWith
	opNotEndsWith
)

// node is one operator, literal or property.
type node struct {
	op       op
	a, b, c  uint8  // operands: indexes into the program
	from, to uint16 // of an AND, an OR: its range of children; of an IN: of members
	text     string // a property's name, a text's meaning, a number as written
	value    value  // of a literal that is no condition
}

// condition reports whether a node holds, does not hold or is unknown, rather
// than having a value.
func (o op) condition() bool { return o <= opFalse || o >= opNot }

// constant reports whether a node is a literal.
func (o op) constant() bool { return o <= opNumber }

// negated returns the NOT of a search for text.
func (o op) negated() op {
	switch o {
	case opContains:
		return opNotContains
	case opStartsWith:
		return opNotStartsWith
	default:
		return opNotEndsWith
	}
}
