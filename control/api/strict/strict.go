// SPDX-License-Identifier: Apache-2.0

// Package strict reads JSON objects and refuses what encoding/json would pass over in silence.
package strict

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/causeway-mq/causeway/internal/nearest"
)

// MaxDepth bounds nested objects and arrays.
const MaxDepth = 16

// Fault is what is wrong with a document.
type Fault struct {
	Reason string // one word
	Field  string // "" = the document as a whole
	Limit  string // that was passed; "" for none
	Detail string
}

// Error is the detail.
func (f *Fault) Error() string { return f.Detail }

func bad(reason, field, detail string) *Fault {
	return &Fault{Reason: reason, Field: field, Detail: detail}
}

// Read reads a JSON object into the struct that into points to, or tells with a *Fault what is wrong with it.
func Read(data []byte, into any) error {
	if !utf8.Valid(data) {
		return bad("malformed", "", "the body is not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	c := checker{d}
	if err := c.value(reflect.TypeOf(into).Elem(), "", 0); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return bad("malformed", "", "something stands behind the JSON document")
	}
	err := json.Unmarshal(data, into)
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrong):
		return bad("wrong_type", wrong.Field, fmt.Sprintf("%s: a %s is wanted, not a %s", orRoot(wrong.Field), jsonName(wrong.Type), wrong.Value))
	case err != nil:
		return bad("malformed", "", err.Error())
	}
	return nil
}

// checker walks a document beside the type that it is for, and finds what encoding/json would pass over in silence: keys that
// are unknown, stand twice, or differ from a field's name in case only.
type checker struct{ d *json.Decoder }

func (c checker) value(t reflect.Type, path string, depth int) error {
	token, err := c.d.Token()
	if err != nil {
		return malformed(err)
	}
	delim, nested := token.(json.Delim)
	if depth == 0 && delim != '{' {
		return bad("wrong_type", "", "a JSON object is wanted")
	}
	if !nested {
		return nil
	}
	if depth >= MaxDepth {
		return &Fault{Reason: "too_deep", Limit: fmt.Sprint(MaxDepth), Detail: fmt.Sprintf("nested deeper than %d", MaxDepth)}
	}
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if delim == '[' {
		return c.list(t, path, depth)
	}
	return c.object(t, path, depth)
}

func (c checker) list(t reflect.Type, path string, depth int) error {
	var of reflect.Type
	if t != nil && t.Kind() == reflect.Slice {
		of = t.Elem()
	}
	for i := 0; c.d.More(); i++ {
		if err := c.value(of, fmt.Sprintf("%s[%d]", path, i), depth+1); err != nil {
			return err
		}
	}
	return c.end()
}

func (c checker) object(t reflect.Type, path string, depth int) error {
	var known map[string]reflect.Type
	if t != nil && t.Kind() == reflect.Struct {
		known = fieldsOf(t)
	}
	seen := map[string]bool{}
	for c.d.More() {
		token, err := c.d.Token()
		if err != nil {
			return malformed(err)
		}
		key, _ := token.(string)
		at := strings.TrimPrefix(path+"."+key, ".")
		if seen[key] {
			return bad("duplicate_field", clip(at), clip(at)+": stands twice")
		}
		seen[key] = true
		of, ok := known[key]
		if known != nil && !ok {
			return bad("unknown_field", clip(at), clip(at)+": unknown field"+nearest.Hint(key, namesOf(known)))
		}
		if err := c.value(of, at, depth+1); err != nil {
			return err
		}
	}
	return c.end()
}

func (c checker) end() error {
	_, err := c.d.Token()
	return malformed(err)
}

func malformed(err error) error {
	var syntax *json.SyntaxError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return bad("malformed", "", "the JSON document is not complete")
	case errors.As(err, &syntax):
		return bad("malformed", "", fmt.Sprintf("no JSON at byte %d: %v", syntax.Offset, err))
	}
	return bad("malformed", "", "no JSON")
}

func fieldsOf(t reflect.Type) map[string]reflect.Type {
	known := make(map[string]reflect.Type, t.NumField())
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		known[name] = t.Field(i).Type
	}
	return known
}

func namesOf[V any](known map[string]V) []string {
	all := make([]string, 0, len(known))
	for name := range known {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

func orRoot(field string) string {
	if field == "" {
		return "the body"
	}
	return field
}

func jsonName(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	case reflect.Slice:
		return "list"
	case reflect.Struct:
		if t.String() == "time.Time" {
			return "time"
		}
		return "object"
	}
	return "number"
}

func clip(s string) string {
	const glance = 80
	if len(s) <= glance {
		return s
	}
	return strings.ToValidUTF8(s[:glance], "") + "..."
}
