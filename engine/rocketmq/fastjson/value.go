// SPDX-License-Identifier: Apache-2.0

package fastjson

import (
	"fmt"
	"iter"
	"strconv"
)

// MaxNodes bounds the values of one text, keys included: 2 bytes of input can cost 72 bytes of memory.
const MaxNodes = 1 << 20

// Kind is what a Value is.
type Kind uint8

// The kinds of a value.
const (
	Null Kind = iota
	Bool
	Number
	String
	Array
	Object
)

// Value is one value of a parsed text. The zero Value is null. It shares nothing with the text that it came from.
type Value struct {
	kind  Kind
	text  string  // of a string; the literal of a number or bool
	items []Value // of an array, or the values of an object
	keys  []Value // of an object
}

// Parse reads one whole text.
func Parse(data []byte) (Value, error) {
	p := parser{Scanner: NewScanner(data)}
	v := p.value()
	if p.err == nil && p.Peek() != 0 {
		p.fail("more behind the end")
	}
	if p.err != nil {
		return Value{}, p.err
	}
	return v, nil
}

type parser struct {
	Scanner
	nodes int
}

func (p *parser) value() Value {
	if p.nodes++; p.nodes > MaxNodes {
		p.fail(fmt.Sprintf("more than %d values", MaxNodes))
	}
	switch c := p.Peek(); {
	case p.err != nil:
		return Value{}
	case c == '{':
		v := Value{kind: Object}
		for p.Enter('{'); p.Next('}'); {
			k := p.value()
			if k.kind != Object && k.kind != Array { // numbers and words without quotes are names all the same
				k.kind = String
			}
			p.Colon()
			v.keys, v.items = append(v.keys, k), append(v.items, p.value())
		}
		return v
	case c == '[':
		v := Value{kind: Array}
		for p.Enter('['); p.Next(']'); {
			v.items = append(v.items, p.value())
		}
		return v
	}
	text, quoted := p.Scalar()
	return scalar(string(text), quoted)
}

func scalar(text string, quoted bool) Value {
	switch {
	case quoted:
		return Value{kind: String, text: text}
	case text == "null":
		return Value{text: text}
	case text == "true", text == "false":
		return Value{kind: Bool, text: text}
	}
	if _, err := strconv.ParseFloat(text, 64); err == nil {
		return Value{kind: Number, text: text}
	}
	return Value{kind: String, text: text}
}

// Kind is what the value is.
func (v Value) Kind() Kind { return v.kind }

// String is the text of a string, number or bool, "" for anything else.
func (v Value) String() string {
	if v.kind == Null {
		return ""
	}
	return v.text
}

// Int is a whole number, also one in quotes; ok is false for anything else.
func (v Value) Int() (n int64, ok bool) {
	if v.kind != Number && v.kind != String {
		return 0, false
	}
	return parseInt([]byte(v.text))
}

// Or is Int with a value for "none".
func (v Value) Or(otherwise int64) int64 {
	if n, ok := v.Int(); ok {
		return n
	}
	return otherwise
}

// Float is a number, 0 for anything else.
func (v Value) Float() float64 {
	f, _ := strconv.ParseFloat(v.text, 64)
	return f
}

// True tells whether the value is true, or the word in quotes.
func (v Value) True() bool { return (v.kind == Bool || v.kind == String) && v.text == "true" }

// Get finds a member of an object by name, null when there is none.
func (v Value) Get(name string) Value {
	for i := range v.keys {
		if v.keys[i].kind == String && v.keys[i].text == name {
			return v.items[i]
		}
	}
	return Value{}
}

// Items is the elements of an array, nil for anything else. The slice belongs to the value.
func (v Value) Items() []Value {
	if v.kind != Array {
		return nil
	}
	return v.items
}

// Members walks over an object; a key is a string, or an object or array where the map's keys are such.
func (v Value) Members() iter.Seq2[Value, Value] {
	return func(yield func(Value, Value) bool) {
		for i := range v.keys {
			if !yield(v.keys[i], v.items[i]) {
				return
			}
		}
	}
}
