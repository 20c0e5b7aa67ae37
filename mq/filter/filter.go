// SPDX-License-Identifier: Apache-2.0

// Package filter decides which messages a subscription wants.
//
// A subscription names its messages in one of two languages. A tag expression
// lists tags ("paid || refunded", "*" for all). An SQL92 expression is a
// condition over message properties ("region = 'eu' AND amount > 100").
//
// The SQL92 meaning is RocketMQ's, oddities included, so that an expression
// selects the same messages on every engine:
//
//   - Properties are strings. Beside a whole number they must read as a whole
//     number of 32 bits (64 bits if the literal needs them), beside a decimal
//     one as a decimal. One that does not read so is not comparable, which
//     ends the evaluation: the message is not wanted, whatever stands behind
//     an OR. "10.5" is therefore not comparable with 3, but is with 3.0.
//   - Order (<, <=, >, >=, BETWEEN) is for numbers. Two properties compare as
//     decimals. Boolean literals and string literals are refused there.
//   - A missing property is NULL and a comparison with NULL is unknown, with
//     two exceptions of equality: NULL on the right alone is false, and NULL
//     on both sides is true.
//   - CONTAINS, STARTSWITH and ENDSWITH, plain or with NOT, are false for a
//     missing property and for an empty text. There is no LIKE.
//   - NOT, + and - bind tighter than any comparison: NOT a = 1 reads as
//     (NOT a) = 1. Write NOT (a = 1).
//   - A bare property is a condition that never holds: false, or unknown if
//     it is missing.
//
// Three things differ on purpose, all of them in what is accepted: text after
// a complete expression is refused rather than ignored, != is another
// spelling of <>, and a line comment may end the expression.
package filter

import (
	"slices"
	"strings"
	"unicode"

	"github.com/causeway-mq/causeway/mq"
)

// The limits of one expression. What exceeds them is refused when the filter
// is compiled, except MaxSteps, which bounds each evaluation.
const (
	MaxLength = 2048   // bytes of an expression
	MaxDepth  = 16     // nested parentheses, NOTs and signs
	MaxNodes  = 128    // literals, properties and operators; also tags
	MaxIn     = 64     // literals in one IN list
	MaxSteps  = 10_000 // steps of one evaluation, see Filter.Match
)

// Names under which Match asks for what a message holds outside its user
// properties.
const (
	PropertyTags = "TAGS" // the message's tag
	PropertyKeys = "KEYS" // the message's keys, joined by one space
)

// Properties is what an evaluation asks about one message. Property returns
// the value of a user property, of PropertyTags or of PropertyKeys, and
// whether the message has it; names are case-sensitive. It is called on the
// evaluating goroutine only, possibly several times for one name.
type Properties interface {
	Property(name string) (value string, ok bool)
}

// PropertyFunc lets a function serve as Properties.
type PropertyFunc func(name string) (string, bool)

// Property calls f.
func (f PropertyFunc) Property(name string) (string, bool) { return f(name) }

// Message makes a message answer as Properties. It allocates only where KEYS
// is asked of a message with several keys. The message must not change before
// the evaluation is over.
func Message(m *mq.Message) Properties { return (*message)(m) }

type message mq.Message

// Property finds the tag, the keys or a user property.
func (m *message) Property(name string) (string, bool) {
	switch name {
	case PropertyTags:
		tag := m.Tag.String()
		return tag, tag != ""
	case PropertyKeys:
		if len(m.Keys) == 1 {
			return m.Keys[0].String(), true
		}
		return (*mq.Message)(m).JoinedKeys(), len(m.Keys) > 0
	default:
		return (*mq.Message)(m).Property(name)
	}
}

// Filter is a compiled expression. It is immutable, so any number of
// goroutines may share one. The zero value wants every message.
type Filter struct {
	sql      bool
	text     string // canonical
	source   string // as it came, if the canonical text is too long to compile
	tags     []string
	hashes   []uint32 // of tags, same order
	program  []node   // SQL92: the nodes; the rest belongs to them
	root     uint8    // where the evaluation begins
	members  []string // of all IN lists, each list sorted
	children []uint8  // of all AND and OR nodes: indexes into program
}

// Compile reads a consumer's filter. A refusal is always an *Error, which
// names the place, what is wrong and the limit if one was exceeded; its kind
// is mq.IllegalFilter.
func Compile(written mq.Filter) (*Filter, error) {
	expression := written.Expression
	if len(expression) > MaxLength {
		return nil, &Error{Offset: MaxLength, Problem: "expression is too long", Limit: MaxLength, Unit: "bytes"}
	}
	if at, ok := firstInvalid(expression); ok {
		return nil, &Error{Offset: at, Problem: "expression is not valid UTF-8"}
	}
	compile := compileTags
	if written.SQL {
		compile = compileSQL
	}
	f, err := compile(expression)
	if err != nil {
		return nil, err
	}
	if len(f.text) > MaxLength {
		f.source = expression
	}
	return f, nil
}

// SQL reports whether the filter is an SQL92 expression rather than tags.
func (f *Filter) SQL() bool { return f.sql }

// Written returns the filter in the form in which it travels and which always
// compiles: the canonical text or, where that is longer than MaxLength, the
// text as it came.
func (f *Filter) Written() mq.Filter {
	if f.source != "" {
		return mq.Filter{SQL: f.sql, Expression: f.source}
	}
	return mq.Filter{SQL: f.sql, Expression: f.String()}
}

// String returns the canonical text: two expressions with one canonical text
// want the same messages. It may be longer than MaxLength by the spaces that
// it puts around operators; see Written.
func (f *Filter) String() string {
	if f.All() {
		return "*"
	}
	return f.text
}

// All reports whether the filter wants every message by its form alone.
func (f *Filter) All() bool { return !f.sql && len(f.tags) == 0 }

// Tags returns the tags that a tag filter wants, sorted, without repeats; nil
// if it wants every message or is not a tag filter. The caller must not
// change it.
func (f *Filter) Tags() []string { return f.tags }

// MatchTag reports whether a tag filter wants a message with this tag; an
// empty tag means that the message has none. An SQL92 filter answers false.
func (f *Filter) MatchTag(tag string) bool {
	if f.sql {
		return false
	}
	if len(f.tags) == 0 {
		return true
	}
	// Most subscriptions name a handful of tags, where a scan beats a search.
	return tag != "" && slices.Contains(f.tags, tag)
}

// MayMatchHash reports whether a message whose tag has this TagHash can be
// wanted. False is final; true must be confirmed with Match, since hashes
// collide, and is all that an SQL92 filter can say. An index that keeps the
// hash of each tag can so skip messages without reading them.
func (f *Filter) MayMatchHash(hash uint32) bool {
	return f.sql || len(f.hashes) == 0 || slices.Contains(f.hashes, hash)
}

// TagHash returns the hash of a tag for MayMatchHash: 32-bit FNV-1a. It is
// stable, so an index may store it.
func TagHash(tag string) uint32 {
	const offset, prime = 2166136261, 16777619
	h := uint32(offset)
	for i := 0; i < len(tag); i++ {
		h = (h ^ uint32(tag[i])) * prime
	}
	return h
}

// Match reports whether the filter wants the message. The error, one of
// ErrNotComparable and ErrSteps, says why an evaluation ended early; the
// message is then not wanted, and the caller may count it. Match allocates
// nothing.
//
// Each node of the expression costs a step when it is evaluated, and so do
// every 64 bytes of property text that are compared, searched or read as a
// number.
func (f *Filter) Match(p Properties) (bool, error) {
	if f.sql {
		e := evaluation{filter: f, properties: p, steps: MaxSteps}
		wanted := e.truth(f.root) == yes
		return wanted && e.err == nil, e.err
	}
	if len(f.tags) == 0 {
		return true, nil
	}
	tag, _ := p.Property(PropertyTags)
	return f.MatchTag(tag), nil
}

// compileTags reads "*", "" or tags separated by "||".
func compileTags(expression string) (*Filter, error) {
	if expression == "" || strings.TrimSpace(expression) == "*" {
		return &Filter{}, nil
	}
	var tags []string
	for start := 0; start <= len(expression); {
		part, next := expression[start:], len(expression)+1
		if i := strings.Index(part, "||"); i >= 0 {
			part, next = part[:i], start+i+len("||")
		}
		tag := strings.TrimSpace(part)
		at := start + len(part) - len(strings.TrimLeftFunc(part, unicode.IsSpace))
		if err := badTag(tag, at); err != nil {
			return nil, err
		}
		if len(tags) == MaxNodes {
			return nil, &Error{Offset: at, Problem: "too many tags", Limit: MaxNodes, Unit: "tags"}
		}
		tags, start = append(tags, tag), next
	}
	slices.Sort(tags)
	tags = slices.Compact(tags)
	f := &Filter{text: strings.Join(tags, " || "), tags: tags, hashes: make([]uint32, len(tags))}
	for i, tag := range tags {
		f.hashes[i] = TagHash(tag)
	}
	return f, nil
}

// badTag says what is wrong with a tag that begins at an offset, nil if it is
// one.
func badTag(tag string, at int) *Error {
	switch {
	case tag == "":
		return &Error{Offset: at, Problem: "blank tag"}
	case tag == "*":
		return &Error{Offset: at, Problem: "'*' wants every message, so it must stand alone"}
	case len(tag) > mq.MaxTag:
		return &Error{Offset: at, Problem: "tag is too long", Limit: mq.MaxTag, Unit: "bytes"}
	}
	for i, r := range tag {
		switch {
		case r == '|':
			return &Error{Offset: at + i, Problem: "'|' inside a tag: tags are separated by '||'"}
		case isControl(r):
			return &Error{Offset: at + i, Problem: "control character inside a tag"}
		}
	}
	return nil
}

// isControl covers both control blocks of Unicode.
func isControl(r rune) bool { return r < ' ' || r >= 0x7f && r <= 0x9f }
