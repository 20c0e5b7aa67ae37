// SPDX-License-Identifier: Apache-2.0

// Package strictyaml reads configuration from YAML into structs without guessing.
//
// What a reader of the file would not expect is a problem: an unknown key (answered with the nearest name), a key that
// stands twice, a number where a duration belongs, an alias, a second document. All problems are collected, so that one
// run tells everything. Work and memory are bounded by the size of the file: aliases, which make small files huge, are
// refused as such.
//
// Fields are named by `yaml:"name"`; a field without that tag, or with "-", is not configurable. Text types
// (encoding.TextUnmarshaler) read themselves. A field tagged `secret:"true"` is never shown in a problem or by [Encode];
// `doc:"..."` becomes its comment in [Encode]. The fields of an embedded struct are the outer one's.
package strictyaml

import (
	"bytes"
	"encoding"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/causeway-mq/causeway/internal/nearest"
)

// Limits of a file.
const (
	MaxBytes = 10 << 20
	MaxDepth = 32
	// maxProblems bounds the answer to a file that is wrong throughout.
	maxProblems = 50
)

// Problem is one thing that is wrong in a file.
type Problem struct {
	Line  int    // from 1; 0 when it has no place in the file
	Key   string // path from the root, parts joined by '.', indices in brackets
	Value string // as written, clipped; "(hidden)" for a secret; "" where there is none
	Rule  string // what must hold
}

// String is one line: "line 3: listen: 70000: a port is ...".
func (p Problem) String() string {
	var parts []string
	if p.Line > 0 {
		parts = append(parts, "line "+strconv.Itoa(p.Line))
	}
	for _, s := range []string{p.Key, p.Value, p.Rule} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, ": ")
}

// Problems is every problem of a file, in the order of its lines. It is an error when it is not empty.
type Problems []Problem

// Error joins the problems, one a line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Err is the problems as an error, nil when there is none.
func (ps Problems) Err() error {
	if len(ps) == 0 {
		return nil
	}
	return ps
}

// Document remembers where each key of a decoded file stood, for rules that are checked after decoding.
type Document struct {
	places map[string]place
	unread map[string]bool // keys whose value could not be read
}

type place struct {
	line  int
	value string
}

// Has tells whether the file sets the key.
func (d *Document) Has(key string) bool { _, ok := d.places[key]; return ok }

// Problem makes a problem of a key that was decoded well but breaks a rule; line and value are the file's, if it has the key.
func (d *Document) Problem(key, rule string, args ...any) Problem {
	at := d.places[key]
	return Problem{Line: at.line, Key: key, Value: at.value, Rule: fmt.Sprintf(rule, args...)}
}

// Read tells whether the key's value, or its absence, is what the file means. It is not where the value itself could not be read, or what it stands in.
func (d *Document) Read(key string) bool {
	if d.unread[""] {
		return false
	}
	for at := key; at != ""; at = parent(at) {
		if d.unread[at] {
			return false
		}
	}
	return true
}

// Together gives what Decode found and what rules say of the result, in the order of the lines; what stands nowhere in the file comes last. A rule about
// something that could not be read, or about a key with such a part, would speak nonsense and is left out.
func (d *Document) Together(err error, rules ...Problem) error {
	var all Problems
	if err != nil && !errors.As(err, &all) {
		return err
	}
	all = slices.Clone(all)
	for _, p := range rules {
		if d.Read(p.Key) && !d.partUnread(p.Key) && len(all) < maxProblems {
			all = append(all, p)
		}
	}
	slices.SortStableFunc(all, byLine)
	return all.Err()
}

func byLine(a, b Problem) int {
	if a.Line == 0 || b.Line == 0 {
		return b.Line - a.Line
	}
	return a.Line - b.Line
}

func (d *Document) partUnread(key string) bool {
	for at := range d.unread {
		if at != "" && strings.HasPrefix(at, key+".") && parent(at) == key {
			return true
		}
	}
	return false
}

// parent is the key without its last part: "a.b[1]" is in "a.b", and that in "a".
func parent(key string) string {
	return key[:max(strings.LastIndexAny(key, ".["), 0)]
}

// Decode reads data into the struct that into points to. Keys that the file leaves out keep what was there, so defaults
// are set before. The error is of type Problems; into is then half filled, good for finding what else is wrong (see [Document.Together]) and for nothing
// more. An empty file is an empty configuration.
func Decode(data []byte, into any) (*Document, error) {
	d := newDecoder()
	if len(data) > MaxBytes {
		d.note(nil, "", "the file has %d bytes, the limit is %d", len(data), MaxBytes)
		return d.doc, d.problems
	}
	parser := yaml.NewDecoder(bytes.NewReader(data))
	var root yaml.Node
	if err := parser.Decode(&root); errors.Is(err, io.EOF) {
		return d.doc, nil
	} else if err != nil {
		d.note(nil, "", "%s", strings.TrimPrefix(err.Error(), "yaml: "))
		return d.doc, d.problems
	}
	var more yaml.Node
	if err := parser.Decode(&more); !errors.Is(err, io.EOF) {
		d.problems = append(d.problems, Problem{Line: more.Line, Rule: "one document only, a second one begins here"})
	}
	d.root(root.Content[0], into)
	return d.doc, d.problems.Err()
}

// root decodes a document from its top.
func (d *decoder) root(n *yaml.Node, into any) {
	d.value(n, "", reflect.ValueOf(into).Elem(), 0)
}

type decoder struct {
	doc      *Document
	problems Problems
	hidden   bool // the value under way is secret
}

func newDecoder() *decoder {
	return &decoder{doc: &Document{places: map[string]place{}, unread: map[string]bool{}}}
}

// note notes that a key's value could not be read.
func (d *decoder) note(n *yaml.Node, key, rule string, args ...any) {
	d.doc.unread[key] = true
	if len(d.problems) >= maxProblems {
		return
	}
	p := Problem{Key: key, Rule: fmt.Sprintf(rule, args...)}
	if n != nil {
		p.Line, p.Value = n.Line, d.shown(n)
	}
	d.problems = append(d.problems, p)
}

func (d *decoder) shown(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		return ""
	}
	if d.hidden {
		return "(hidden)"
	}
	const glance = 48
	if len(n.Value) > glance {
		return strconv.Quote(strings.ToValidUTF8(n.Value[:glance], "")) + "..."
	}
	return strconv.Quote(n.Value)
}

// value decodes one node. Whatever is wrong is noted and decoding goes on.
func (d *decoder) value(n *yaml.Node, key string, into reflect.Value, depth int) {
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		d.note(n, key, "anchors and aliases are not allowed, write the value out")
		return
	}
	if depth > MaxDepth {
		d.note(n, key, "nested deeper than %d", MaxDepth)
		return
	}
	d.doc.places[key] = place{n.Line, d.shown(n)}
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" && into.Kind() != reflect.Struct && into.Kind() != reflect.Pointer {
		d.note(n, key, "a value is missing")
		return
	}
	if t, ok := into.Addr().Interface().(encoding.TextUnmarshaler); ok {
		d.text(n, key, t)
		return
	}
	switch into.Kind() {
	case reflect.Struct:
		d.fields(n, key, into, depth)
	case reflect.Slice:
		d.list(n, key, into, depth)
	case reflect.Map:
		d.entries(n, key, into, depth)
	case reflect.Pointer:
		fresh := reflect.New(into.Type().Elem())
		d.value(n, key, fresh.Elem(), depth)
		into.Set(fresh)
	default:
		d.scalar(n, key, into)
	}
}

func (d *decoder) text(n *yaml.Node, key string, into encoding.TextUnmarshaler) {
	if n.Kind != yaml.ScalarNode {
		d.note(n, key, "one value, not a %s", shape(n))
		return
	}
	if err := into.UnmarshalText([]byte(n.Value)); err != nil {
		d.note(n, key, "%s", err.Error())
	}
}

func (d *decoder) fields(n *yaml.Node, key string, into reflect.Value, depth int) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return
	}
	if n.Kind != yaml.MappingNode {
		d.note(n, key, "keys with values are wanted, not a %s", shape(n))
		return
	}
	known, index := fieldsOf(into.Type())
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		path := join(key, k.Value)
		if !d.fresh(k, path, seen) {
			continue
		}
		at, ok := index[k.Value]
		if !ok {
			d.problems = append(d.problems, Problem{Line: k.Line, Key: path, Rule: "unknown key" + nearest.Hint(k.Value, known)})
			continue
		}
		was := d.hidden
		d.hidden = was || into.Type().FieldByIndex(at).Tag.Get("secret") == "true"
		d.value(v, path, into.FieldByIndex(at), depth+1)
		d.hidden = was
	}
}

// fresh refuses keys that are no plain text, or stand twice.
func (d *decoder) fresh(k *yaml.Node, path string, seen map[string]int) bool {
	if len(d.problems) >= maxProblems {
		return false
	}
	if k.Kind != yaml.ScalarNode || k.Anchor != "" || k.Tag == "!!merge" {
		d.note(k, path, "a key is plain text")
		return false
	}
	if line, twice := seen[k.Value]; twice {
		d.note(nil, path, "stands twice, in line %d and in line %d", line, k.Line)
		return false
	}
	seen[k.Value] = k.Line
	return true
}

func (d *decoder) list(n *yaml.Node, key string, into reflect.Value, depth int) {
	if n.Kind != yaml.SequenceNode {
		d.note(n, key, "a list is wanted, not a %s", shape(n))
		return
	}
	all := reflect.MakeSlice(into.Type(), len(n.Content), len(n.Content))
	for i, item := range n.Content {
		d.value(item, key+"["+strconv.Itoa(i)+"]", all.Index(i), depth+1)
	}
	into.Set(all)
}

func (d *decoder) entries(n *yaml.Node, key string, into reflect.Value, depth int) {
	if n.Kind != yaml.MappingNode {
		d.note(n, key, "keys with values are wanted, not a %s", shape(n))
		return
	}
	all, seen := reflect.MakeMap(into.Type()), map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		path := join(key, k.Value)
		if !d.fresh(k, path, seen) {
			continue
		}
		one := reflect.New(into.Type().Elem()).Elem()
		d.value(v, path, one, depth+1)
		all.SetMapIndex(reflect.ValueOf(k.Value).Convert(into.Type().Key()), one)
	}
	into.Set(all)
}

func (d *decoder) scalar(n *yaml.Node, key string, into reflect.Value) {
	if n.Kind != yaml.ScalarNode {
		d.note(n, key, "one value, not a %s", shape(n))
		return
	}
	if into.Type() == reflect.TypeFor[time.Duration]() {
		span, err := time.ParseDuration(n.Value)
		if err != nil || n.Tag != "!!str" {
			d.note(n, key, `a duration has a unit, for example "5s", "200ms" or "72h"`)
			return
		}
		into.SetInt(int64(span))
		return
	}
	switch into.Kind() {
	case reflect.String:
		into.SetString(n.Value)
	case reflect.Bool:
		if n.Tag != "!!bool" {
			d.note(n, key, "true or false")
			return
		}
		into.SetBool(strings.EqualFold(n.Value, "true"))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		d.integer(n, key, into)
	case reflect.Float32, reflect.Float64:
		f, err := strconv.ParseFloat(n.Value, 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			d.note(n, key, "a number")
			return
		}
		into.SetFloat(f)
	default:
		d.note(n, key, "cannot be configured")
	}
}

func (d *decoder) integer(n *yaml.Node, key string, into reflect.Value) {
	i, err := strconv.ParseInt(n.Value, 10, 64)
	if err != nil || n.Tag != "!!int" || into.OverflowInt(i) {
		d.note(n, key, "a whole number")
		return
	}
	into.SetInt(i)
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func shape(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "mapping"
	case yaml.SequenceNode:
		return "list"
	}
	return "single value"
}

// Keys lists the keys that the struct v has at its top.
func Keys(v any) []string {
	names, _ := fieldsOf(reflect.Indirect(reflect.ValueOf(v)).Type())
	return names
}

// fieldsOf lists a struct's configurable fields, those of embedded structs among them: names in their order, then name to index.
func fieldsOf(t reflect.Type) ([]string, map[string][]int) {
	var names []string
	index := map[string][]int{}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if name == "" || name == "-" {
			continue
		}
		names = append(names, name)
		index[name] = f.Index
	}
	return names, index
}
