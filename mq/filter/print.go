// SPDX-License-Identifier: Apache-2.0

package filter

import "strings"

// The levels of precedence, from the loosest. A node stands in parentheses
// where its level is below the one that its place demands.
const (
	levelOr = iota
	levelAnd
	levelEquality
	levelComparison
	levelUnary
	levelPrimary
)

func (o op) level() int {
	switch {
	case o == opOr:
		return levelOr
	case o == opAnd:
		return levelAnd
	case o >= opEqual && o <= opIsNotNull:
		return levelEquality
	case o >= opLess:
		return levelComparison
	case o == opNot || o == opNegate:
		return levelUnary
	default:
		return levelPrimary
	}
}

// print returns the canonical text of an SQL92 filter.
func (f *Filter) print() string {
	p := printer{filter: f}
	p.node(f.root, levelOr)
	return p.String()
}

type printer struct {
	strings.Builder
	filter *Filter
}

// node prints a node for a place that demands a level.
func (p *printer) node(i uint8, demanded int) {
	n := &p.filter.program[i]
	if n.op.level() < demanded {
		p.WriteByte('(')
		defer p.WriteByte(')')
	}
	switch n.op {
	case opNull, opTrue, opFalse:
		p.WriteString(n.op.word())
	case opText:
		p.quoted(n.text)
	case opNumber, opProperty:
		p.WriteString(n.text)
	case opNegate:
		// Two signs in a row would begin a comment.
		p.WriteByte('-')
		if p.filter.program[n.a].op == opNegate {
			p.WriteByte(' ')
		}
		p.node(n.a, levelUnary)
	case opNot:
		p.WriteString("NOT ")
		p.node(n.a, levelUnary)
	case opOr, opAnd:
		for k, child := range p.filter.children[n.from:n.to] {
			if k > 0 {
				p.WriteString(n.op.word())
			}
			p.node(child, n.op.level()+1)
		}
	default:
		p.comparison(n)
	}
}

// comparison prints the operators that have a left side.
func (p *printer) comparison(n *node) {
	level := n.op.level()
	p.node(n.a, level)
	p.WriteString(n.op.word())
	switch n.op {
	case opIsNull, opIsNotNull:
	case opBetween, opNotBetween:
		p.node(n.b, levelUnary)
		p.WriteString(" AND ")
		p.node(n.c, levelUnary)
	case opIn, opNotIn:
		for k, member := range p.filter.members[n.from:n.to] {
			if k > 0 {
				p.WriteString(", ")
			}
			p.quoted(member)
		}
		p.WriteByte(')')
	case opContains, opNotContains, opStartsWith, opNotStartsWith, opEndsWith, opNotEndsWith:
		p.quoted(n.text)
	default:
		p.node(n.b, level+1)
	}
}

// quoted prints a text in quotes.
func (p *printer) quoted(s string) {
	p.WriteByte('\'')
	p.WriteString(strings.ReplaceAll(s, "'", "''"))
	p.WriteByte('\'')
}

// word is how an operator or a constant is written, with the blanks that
// belong around it.
func (o op) word() string {
	words := [...]string{
		opNull: "NULL", opTrue: "TRUE", opFalse: "FALSE",
		opOr: " OR ", opAnd: " AND ",
		opEqual: " = ", opNotEqual: " <> ",
		opIsNull: " IS NULL", opIsNotNull: " IS NOT NULL",
		opLess: " < ", opLessEqual: " <= ", opGreater: " > ", opGreaterEqual: " >= ",
		opBetween: " BETWEEN ", opNotBetween: " NOT BETWEEN ",
		opIn: " IN (", opNotIn: " NOT IN (",
		opContains: " CONTAINS ", opNotContains: " NOT CONTAINS ",
		opStartsWith: " STARTSWITH ", opNotStartsWith: " NOT STARTSWITH ",
		opEndsWith: " ENDSWITH ", opNotEndsWith: " NOT ENDSWITH ",
	}
	return words[o]
}
