// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// The parser descends by precedence: OR, AND, equality (= <> IS), comparison
// (< <= > >= BETWEEN IN CONTAINS ...), unary (NOT + -), primary. Invariants:
//
//   - Every way around the circle of functions passes descend, so the stack
//     never holds more than MaxDepth rounds of it. Go cannot recover from a
//     stack overflow, so this is what stands between a hostile expression and
//     the process.
//   - The first failure is kept and ends the input: from then on every token
//     is tokenEnd, every loop ends, and what is returned is a valid index
//     that nobody uses.
//   - Chains of AND and of OR are one node however they were bracketed, since
//     both are associative in three-valued logic and keep their order.
type parser struct {
	lexer  lexer
	token  token // the one to be read next
	filter *Filter
	depth  int
	err    *Error
}

// compileSQL reads an SQL92 expression whose length was checked.
func compileSQL(expression string) (*Filter, error) {
	f, err := parse(expression)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func parse(expression string) (*Filter, *Error) {
	p := parser{lexer: lexer{source: expression}, filter: &Filter{sql: true}}
	p.advance()
	if p.token.kind == tokenEnd && p.err == nil {
		p.fail(0, "expression is empty")
	}
	root := p.or()
	p.condition(root, 0)
	if p.token.kind != tokenEnd {
		p.fail(p.token.at, "unexpected "+p.found())
	}
	if p.err != nil {
		return nil, p.err
	}
	p.filter.root = root
	p.filter.text = p.filter.print()
	return p.filter, nil
}

// advance reads the next token.
func (p *parser) advance() {
	p.token = p.lexer.next()
	if p.lexer.err != nil {
		p.fail(p.lexer.err.Offset, p.lexer.err.Problem)
	}
}

// fail keeps the first failure, ends the input and returns a valid index.
func (p *parser) fail(at int, problem string) uint8 {
	return p.refuse(&Error{Offset: at, Problem: problem})
}

func (p *parser) refuse(err *Error) uint8 {
	if p.err == nil {
		p.err = err
	}
	end := len(p.lexer.source)
	p.lexer.at, p.token = end, token{tokenEnd, end, end}
	if len(p.filter.program) == 0 {
		p.filter.program = append(p.filter.program, node{op: opNull})
	}
	return 0
}

// found names the present token in an error.
func (p *parser) found() string {
	if p.token.kind == tokenEnd {
		return "end of expression"
	}
	return quote(p.lexer.source[p.token.at:p.token.end])
}

// quote shows at most a few bytes of the expression.
func quote(s string) string {
	const most = 32
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "..."
	}
	return strconv.Quote(s)
}

// accept passes the present token if it is of the kind.
func (p *parser) accept(kind tokenKind) bool {
	if p.token.kind != kind || p.err != nil {
		return false
	}
	p.advance()
	return true
}

// expect passes the present token, which must be of the kind.
func (p *parser) expect(kind tokenKind, name string) {
	if !p.accept(kind) {
		p.fail(p.token.at, "expected "+name+", found "+p.found())
	}
}

// add appends a node.
func (p *parser) add(n node, at int) uint8 {
	if len(p.filter.program) >= MaxNodes {
		return p.refuse(&Error{Offset: at, Problem: "expression has too many parts", Limit: MaxNodes, Unit: "parts"})
	}
	p.filter.program = append(p.filter.program, n)
	return uint8(len(p.filter.program) - 1)
}

// descend runs a parsing function one level deeper.
func (p *parser) descend(at int, read func(*parser) uint8) uint8 {
	if p.depth == MaxDepth {
		return p.refuse(&Error{Offset: at, Problem: "expression is nested too deeply", Limit: MaxDepth, Unit: "levels"})
	}
	p.depth++
	defer func() { p.depth-- }()
	return read(p)
}

func (p *parser) or() uint8  { return p.chain(opOr, tokenOr, (*parser).and) }
func (p *parser) and() uint8 { return p.chain(opAnd, tokenAnd, (*parser).equality) }

// chain reads operands joined by AND or by OR.
func (p *parser) chain(joined op, by tokenKind, read func(*parser) uint8) uint8 {
	at := p.token.at
	first := read(p)
	if p.token.kind != by {
		return first
	}
	operands := p.flatten(nil, joined, first, at)
	for {
		if !p.accept(by) {
			break
		}
		start := p.token.at
		operands = p.flatten(operands, joined, read(p), start)
	}
	f := p.filter
	n := node{op: joined, from: uint16(len(f.children)), to: uint16(len(f.children) + len(operands))}
	f.children = append(f.children, operands...)
	return p.add(n, at)
}

// flatten appends an operand of a chain, or the operands of a bracketed chain
// of the same kind.
func (p *parser) flatten(operands []uint8, joined op, operand uint8, at int) []uint8 {
	p.condition(operand, at)
	if n := p.filter.program[operand]; n.op == joined {
		return append(operands, p.filter.children[n.from:n.to]...)
	}
	return append(operands, operand)
}

// equality reads =, <> and IS, from left to right.
func (p *parser) equality() uint8 {
	left := p.comparison()
	for {
		at := p.token.at
		var made node
		switch {
		case p.accept(tokenEqual):
			made = node{op: opEqual, a: left, b: p.comparison()}
			p.equatable(made, at)
		case p.accept(tokenNotEqual):
			made = node{op: opNotEqual, a: left, b: p.comparison()}
			p.equatable(made, at)
		case p.accept(tokenIs):
			made = node{op: opIsNull, a: left}
			if p.accept(tokenNot) {
				made.op = opIsNotNull
			}
			p.expect(tokenNull, "NULL")
		default:
			return left
		}
		left = p.add(made, at)
	}
}

// comparison reads everything that binds like <, from left to right.
func (p *parser) comparison() uint8 {
	left := p.unary()
	for {
		at, not := p.token.at, false
		if p.token.kind == tokenNot {
			ahead := p.lexer
			switch ahead.next().kind {
			case tokenBetween, tokenIn, tokenContains, tokenStartsWith, tokenEndsWith:
				p.advance()
				not = true
			default:
				return left
			}
		}
		made, more := p.compared(left, at, not)
		if !more {
			return left
		}
		left = p.add(made, at)
	}
}

// compared reads one comparison with what stands left of it; more is false
// if there is none.
func (p *parser) compared(left uint8, at int, not bool) (made node, more bool) {
	made = node{a: left}
	switch {
	case p.accept(tokenLess):
		made.op = opLess
	case p.accept(tokenLessEqual):
		made.op = opLessEqual
	case p.accept(tokenGreater):
		made.op = opGreater
	case p.accept(tokenGreaterEqual):
		made.op = opGreaterEqual
	case p.accept(tokenBetween):
		return p.between(made, at, not), true
	case p.accept(tokenIn):
		return p.in(made, at, not), true
	case p.accept(tokenContains):
		return p.search(made, opContains, not), true
	case p.accept(tokenStartsWith):
		return p.search(made, opStartsWith, not), true
	case p.accept(tokenEndsWith):
		return p.search(made, opEndsWith, not), true
	default:
		return made, false
	}
	p.orderable(left, at)
	right := p.token.at
	made.b = p.unary()
	p.orderable(made.b, right)
	return made, true
}

// between reads the two bounds of BETWEEN.
func (p *parser) between(made node, at int, not bool) node {
	p.orderable(made.a, at)
	low := p.token.at
	made.b = p.unary()
	p.orderable(made.b, low)
	p.expect(tokenAnd, "AND")
	high := p.token.at
	made.c = p.unary()
	p.orderable(made.c, high)
	if not {
		made.op = opNotBetween
		return made
	}
	made.op = opBetween
	a, b := p.filter.program[made.b], p.filter.program[made.c]
	if !a.op.constant() || !b.op.constant() {
		return made
	}
	// RocketMQ compares the upper bound with the lower one when it compiles,
	// and can't do so for a decimal with a whole number.
	switch order, ok := compare(b.value, a.value); {
	case !ok:
		p.fail(high, "BETWEEN a whole and a decimal number: write both as decimals")
	case order < 0:
		p.fail(high, "the upper bound of BETWEEN is below the lower one")
	}
	return made
}

// in reads the list of IN.
func (p *parser) in(made node, at int, not bool) node {
	if p.filter.program[made.a].op != opProperty {
		p.fail(at, "IN needs a property on its left")
	}
	made.op = opIn
	if not {
		made.op = opNotIn
	}
	var members []string
	p.expect(tokenOpen, `"("`)
	for {
		at, text := p.token.at, p.text()
		if len(members) == MaxIn {
			p.refuse(&Error{Offset: at, Problem: "IN list is too long", Limit: MaxIn, Unit: "texts"})
		}
		members = append(members, text)
		if !p.accept(tokenComma) {
			break
		}
	}
	p.expect(tokenClose, `"," or ")"`)
	slices.Sort(members)
	members = slices.Compact(members)
	f := p.filter
	made.from, made.to = uint16(len(f.members)), uint16(len(f.members)+len(members))
	f.members = append(f.members, members...)
	return made
}

// search reads the text that CONTAINS and its like look for.
func (p *parser) search(made node, with op, not bool) node {
	made.op = with
	if not {
		made.op = with.negated()
	}
	made.text = p.text()
	return made
}

// text passes a text, which must come next, and returns its meaning.
func (p *parser) text() string {
	t := p.token
	p.expect(tokenText, "a text in single quotes")
	if p.err != nil {
		return ""
	}
	return strings.ReplaceAll(p.lexer.source[t.at+1:t.end-1], "''", "'")
}

// unary reads NOT and signs.
func (p *parser) unary() uint8 {
	at := p.token.at
	switch {
	case p.accept(tokenPlus):
		return p.descend(at, (*parser).unary)
	case p.accept(tokenMinus):
		return p.add(node{op: opNegate, a: p.descend(at, (*parser).unary)}, at)
	case p.accept(tokenNot):
		start := p.token.at
		operand := p.descend(at, (*parser).unary)
		p.condition(operand, start)
		return p.add(node{op: opNot, a: operand}, at)
	default:
		return p.primary()
	}
}

// primary reads a literal, a property or what stands in parentheses.
func (p *parser) primary() uint8 {
	t := p.token
	source := p.lexer.source[t.at:t.end]
	switch t.kind {
	case tokenOpen:
		p.advance()
		inner := p.descend(t.at, (*parser).or)
		p.expect(tokenClose, `")"`)
		return inner
	case tokenName:
		p.advance()
		return p.add(node{op: opProperty, text: source}, t.at)
	case tokenText:
		text := p.text()
		return p.add(node{op: opText, text: text, value: value{kind: isText, text: text}}, t.at)
	case tokenWhole:
		p.advance()
		return p.whole(source, t.at)
	case tokenDecimal:
		p.advance()
		return p.decimal(source, t.at)
	case tokenTrue:
		p.advance()
		return p.add(node{op: opTrue}, t.at)
	case tokenFalse:
		p.advance()
		return p.add(node{op: opFalse}, t.at)
	case tokenNull:
		p.advance()
		return p.add(node{op: opNull}, t.at)
	default:
		return p.fail(t.at, "expected a property or a value, found "+p.found())
	}
}

// whole makes the node of a whole number: of 32 bits if it fits, else of 64.
func (p *parser) whole(source string, at int) uint8 {
	source = strings.TrimRight(source, "lL")
	n, err := strconv.ParseInt(source, 10, 64)
	if err != nil {
		return p.refuse(&Error{Offset: at, Problem: "whole number is too large", Limit: 64, Unit: "bits"})
	}
	v := value{kind: isInt, whole: n}
	if n > math.MaxInt32 {
		v.kind = isLong
	}
	return p.add(node{op: opNumber, text: source, value: v}, at)
}

// decimal makes the node of a decimal number. Zero is refused as RocketMQ
// refuses it: its bound is the smallest number above zero.
func (p *parser) decimal(source string, at int) uint8 {
	d, err := strconv.ParseFloat(source, 64)
	switch {
	case err != nil:
		return p.refuse(&Error{Offset: at, Problem: "decimal number is too large", Limit: 64, Unit: "bits"})
	case d == 0:
		return p.fail(at, "decimal number is zero or too small: write 0 for zero")
	}
	return p.add(node{op: opNumber, text: source, value: value{kind: isDecimal, decimal: d}}, at)
}

// condition checks that a node is something that holds or does not.
func (p *parser) condition(i uint8, at int) {
	if n := p.filter.program[i]; !n.op.condition() && n.op != opProperty {
		p.fail(at, "expected a condition, found a value")
	}
}

// orderable checks that a node is something that has an order.
func (p *parser) orderable(i uint8, at int) {
	n := p.filter.program[i]
	switch {
	case n.op.condition():
		p.fail(at, "a condition has no order: only numbers and properties compare with <, <=, >, >= and BETWEEN")
	case n.op == opText:
		p.fail(at, "a text has no order: only numbers and properties compare with <, <=, >, >= and BETWEEN")
	}
}

// equatable checks the two sides of = and <>.
func (p *parser) equatable(n node, at int) {
	left, right := p.filter.program[n.a].op, p.filter.program[n.b].op
	switch {
	case left == opNull || right == opNull:
		p.fail(at, "NULL equals nothing: write IS NULL or IS NOT NULL")
	case (left == opTrue || left == opFalse) && (right == opText || right == opNumber):
		p.fail(at, "a boolean equals neither a number nor a text")
	}
}
