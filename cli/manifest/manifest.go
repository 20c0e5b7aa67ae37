// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/causeway-mq/causeway/internal/nearest"
	"github.com/causeway-mq/causeway/internal/strictyaml"
)

// Object is one document that is sound.
type Object struct {
	Kind  Kind
	Place string // the file, with the line where it begins
	doc   document
}

// Tenant is whose it is, "" for a tenant itself.
func (o Object) Tenant() string { return o.doc.head().Tenant }

// Name is what it is called.
func (o Object) Name() string { return o.doc.head().Name }

// Revision is the one that it has, or must still have; 0 = whatever there is.
func (o Object) Revision() int64 { return o.doc.head().Revision }

// String names it for people.
func (o Object) String() string { return o.Kind.Words[1] + "/" + o.Name() }

// id tells objects apart.
func (o Object) id() string { return strings.Join([]string{o.Kind.Name, o.Tenant(), o.Name()}, "\x00") }

// MarshalJSON writes the document that stands for the object.
func (o Object) MarshalJSON() ([]byte, error) { return json.Marshal(o.doc) }

// Problem is one thing that is wrong in a file.
type Problem struct {
	File string
	strictyaml.Problem
}

// Problems is all that is wrong in all files, an error when there is something.
type Problems []Problem

// Error is one line for each.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.File + ": " + p.String()
	}
	return strings.Join(lines, "\n")
}

// Reader reads files of documents and collects what is wrong in them.
type Reader struct {
	Tenant string // of documents that name none
	Only   bool   // and no other tenant is meant
	// Objects is what was read, Problems what is wrong; nothing may be done when there is a problem.
	Objects  []Object
	Problems Problems
	seen     map[string]string
}

// Read reads one file.
func (r *Reader) Read(file string, data []byte) {
	pieces, err := strictyaml.Documents(data)
	r.note(file, err)
	for _, p := range pieces {
		r.piece(file, p)
	}
}

// note keeps the problems that reading found.
func (r *Reader) note(file string, err error) {
	var found strictyaml.Problems
	if errors.As(err, &found) {
		for _, p := range found {
			r.Problems = append(r.Problems, Problem{file, p})
		}
	}
}

func (r *Reader) wrong(file string, p strictyaml.Problem) {
	r.Problems = append(r.Problems, Problem{file, p})
}

func (r *Reader) piece(file string, p strictyaml.Piece) {
	name, line := p.Text("kind")
	kind, ok := KindOf(name)
	if !ok {
		names := make([]string, 0, len(Kinds()))
		for _, k := range Kinds() {
			names = append(names, k.Name)
		}
		value := ""
		if name != "" {
			value = strconv.Quote(name)
		}
		r.wrong(file, strictyaml.Problem{Line: line, Key: "kind", Value: value, Rule: "one of " + strings.Join(names, ", ") + " is needed" + nearest.Hint(name, names)})
		return
	}
	o := Object{Kind: kind, Place: fmt.Sprintf("%s, line %d", file, p.Line()), doc: kind.fresh()}
	doc, err := p.Decode(o.doc)
	r.note(file, err)
	h := o.doc.head()
	bad := func(key, rule string) {
		at := doc.Problem(key, "%s", rule)
		if at.Line == 0 {
			at.Line = p.Line()
		}
		r.wrong(file, at)
	}
	if !doc.Has("name") {
		bad("name", "is missing")
	} else if err := o.doc.named(h.Name); err != nil {
		bad("name", err.Error())
	}
	switch {
	case !kind.InTenant && doc.Has("tenant"):
		bad("tenant", "a "+kind.Name+" is in no tenant")
	case kind.InTenant && !doc.Has("tenant"):
		h.Tenant = r.Tenant
	case kind.InTenant && (&tenant{}).named(h.Tenant) != nil:
		bad("tenant", (&tenant{}).named(h.Tenant).Error())
	case kind.InTenant && r.Only && h.Tenant != r.Tenant:
		bad("tenant", "--tenant says "+r.Tenant)
	}
	if h.Revision < 0 {
		bad("revision", "0 or more")
	}
	if err == nil { // a rule between values that could not be read would speak nonsense
		if field, rule := o.doc.sound(); field != "" {
			bad(field, rule)
		}
		for field, rule := range beyond(o.doc) {
			bad(field, rule)
		}
	}
	r.add(file, p.Line(), o)
}

// add takes an object that stands nowhere else.
func (r *Reader) add(file string, line int, o Object) {
	if r.seen == nil {
		r.seen = map[string]string{}
	}
	if where, twice := r.seen[o.id()]; twice && o.Name() != "" {
		r.wrong(file, strictyaml.Problem{Line: line, Key: o.String(), Rule: "stands twice, the first time in " + where})
		return
	}
	r.seen[o.id()] = o.Place
	r.Objects = append(r.Objects, o)
}

// beyond finds numbers outside the limits of their fields.
func beyond(doc document) map[string]string {
	all := map[string]string{}
	v := reflect.ValueOf(doc).Elem()
	for i := range v.NumField() {
		tag := v.Type().Field(i).Tag
		n, ok := v.Field(i).Interface().(*int)
		if !ok || n == nil || tag.Get("to") == "" {
			continue
		}
		low, errLow := strconv.Atoi(tag.Get("from"))
		high, errHigh := strconv.Atoi(tag.Get("to"))
		if errLow == nil && errHigh == nil && (*n < low || *n > high) {
			all[tag.Get("yaml")] = fmt.Sprintf("from %d to %d are possible", low, high)
		}
	}
	return all
}

// Live is an object as the API shows it, without what nobody can wish for.
func Live(k Kind, tenant string, raw json.RawMessage) (Object, error) {
	o := Object{Kind: k, doc: k.fresh()}
	if err := json.Unmarshal(raw, o.doc); err != nil {
		return o, fmt.Errorf("the server shows a %s that this program cannot read: %w", k.Name, err)
	}
	var named map[string]any
	if err := json.Unmarshal(raw, &named); err != nil {
		return o, err
	}
	h := o.doc.head()
	h.Kind, h.Tenant = k.Name, tenant
	h.Name, _ = named[k.Key].(string)
	return o, nil
}

// Bare is the object without its revision, as a file keeps it.
func (o Object) Bare() Object {
	o.doc.head().Revision = 0
	return o
}

// field is one value that a document sets.
type field struct {
	name         string
	value        json.RawMessage
	fixed, grows bool
	once         string // a value that means nothing once the thing is there
}

// fields is what a document sets, in the order of its kind.
func fields(doc document) ([]field, error) {
	var all []field
	v := reflect.ValueOf(doc).Elem()
	for i := range v.NumField() {
		t := v.Type().Field(i)
		if t.Anonymous || v.Field(i).IsNil() {
			continue
		}
		raw, err := canonical(v.Field(i).Elem())
		if err != nil {
			return nil, err
		}
		all = append(all, field{t.Tag.Get("yaml"), raw, t.Tag.Get("fixed") == "true", t.Tag.Get("grows") == "true", t.Tag.Get("once")})
	}
	return all, nil
}

// canonical is a value's JSON; a list at the top of a document is a set.
func canonical(v reflect.Value) (json.RawMessage, error) {
	raw, err := json.Marshal(v.Interface())
	if err != nil || v.Kind() != reflect.Slice {
		return raw, err
	}
	set := []string{}
	if err := json.Unmarshal(raw, &set); err != nil {
		return nil, err
	}
	slices.Sort(set)
	return json.Marshal(slices.Compact(set))
}

// Change is one field that a document wants otherwise.
type Change struct {
	Field string          `json:"field"`
	From  json.RawMessage `json:"from,omitempty"` // absent: there is none
	To    json.RawMessage `json:"to"`
	// Why says what stands against the change, "" where nothing does.
	Why string `json:"why,omitempty"`
}

// String is the change for people.
func (c Change) String() string { return c.Field + ": " + Shown(c.From) + " -> " + Shown(c.To) }

// Changes is what would have to change for live to be what o wants; for a thing that is not there live is nil.
func (o Object) Changes(live *Object) ([]Change, error) {
	wanted, err := fields(o.doc)
	if err != nil {
		return nil, err
	}
	have := map[string]json.RawMessage{}
	if live != nil {
		found, err := fields(live.doc)
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			have[f.name] = f.value
		}
	}
	var all []Change
	for _, f := range wanted {
		was := have[f.name]
		if live != nil && (same(was, f.value) || f.once != "" && string(f.value) == strconv.Quote(f.once)) {
			continue
		}
		c := Change{Field: f.name, From: was, To: f.value}
		switch {
		case live == nil:
		case f.fixed:
			c.Why = "cannot change once the " + o.Kind.Words[1] + " is there"
		case f.grows && smaller(f.value, was):
			c.Why = "may only grow"
		}
		all = append(all, c)
	}
	if live != nil && o.Revision() != 0 && o.Revision() != live.Revision() {
		all = append(all, Change{"revision", number(live.Revision()), number(o.Revision()), "somebody changed it since the document was read"})
	}
	return all, nil
}

func number(n int64) json.RawMessage { return json.RawMessage(strconv.FormatInt(n, 10)) }

// same tells whether two values mean the same; what is left out of an answer is empty.
func same(a, b json.RawMessage) bool {
	empty := func(v json.RawMessage) bool {
		return slices.Contains([]string{"", `""`, "null", "[]", "{}", "false", "0"}, string(v))
	}
	return string(a) == string(b) || empty(a) && empty(b)
}

func smaller(a, b json.RawMessage) bool {
	x, err := strconv.ParseInt(string(a), 10, 64)
	y, err2 := strconv.ParseInt(string(b), 10, 64)
	return err == nil && err2 == nil && x < y
}
