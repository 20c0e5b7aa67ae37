// SPDX-License-Identifier: Apache-2.0

// Package schema makes JSON schemas (2020-12, as OpenAPI 3.1 has them) of Go structs, described by the comments in their source.
package schema

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"reflect"
	"strings"
	"time"
)

// Use says which way a type travels.
type Use int

// The uses.
const (
	Asking    Use = 1 // in a request, whose unknown fields are refused
	Answering Use = 2 // in an answer, where fields may be added
)

// Schemas makes schemas of types. Each struct is a component of the document.
type Schemas struct {
	made  map[string]map[string]any
	uses  map[string]Use
	words map[string]string // what is said of "Type" and "Type.Field"
}

// New makes schemas of the types of a package whose Go files are there.
func New(files fs.FS) (*Schemas, error) {
	words, err := comments(files)
	return &Schemas{made: map[string]map[string]any{}, uses: map[string]Use{}, words: words}, err
}

// Components gives what was made. A struct that is in requests alone refuses fields that it does not know.
func (s *Schemas) Components() map[string]any {
	all := map[string]any{}
	for name, one := range s.made {
		if s.uses[name] == Asking {
			one["additionalProperties"] = false
		}
		all[name] = one
	}
	return all
}

// Of is the schema of a value's type.
func (s *Schemas) Of(v any, u Use) map[string]any { return s.schema(reflect.TypeOf(v), u) }

func (s *Schemas) schema(t reflect.Type, u Use) map[string]any {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return map[string]any{"type": "string", "format": "date-time"}
	case t == reflect.TypeFor[[]byte]():
		return map[string]any{"type": "string", "contentEncoding": "base64"}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return s.schema(t.Elem(), u)
	case reflect.String:
		return map[string]any{"type": "string"}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Int, reflect.Int64:
		return map[string]any{"type": "integer", "format": "int64"}
	case reflect.Int32:
		return map[string]any{"type": "integer", "format": "int32"}
	case reflect.Uint64:
		return map[string]any{"type": "integer", "minimum": 0}
	case reflect.Float64:
		return map[string]any{"type": "number"}
	case reflect.Slice:
		return map[string]any{"type": "array", "items": s.schema(t.Elem(), u)}
	case reflect.Map:
		if t.Elem().Kind() == reflect.Interface {
			return map[string]any{"type": "object", "additionalProperties": true}
		}
		return map[string]any{"type": "object", "additionalProperties": s.schema(t.Elem(), u)}
	case reflect.Struct:
		return s.object(t, u)
	}
	panic(fmt.Sprintf("no schema for %v", t)) // a defect, which every test of the type meets
}

func (s *Schemas) object(t reflect.Type, u Use) map[string]any {
	name := nameOf(t)
	ref := map[string]any{"$ref": "#/components/schemas/" + name}
	if s.uses[name]&u != 0 {
		return ref
	}
	s.uses[name] |= u
	properties, required := map[string]any{}, []any{}
	for i := range t.NumField() {
		f := t.Field(i)
		key, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		one := s.schema(f.Type, u)
		if said := s.words[plainName(t)+"."+f.Name]; said != "" {
			one["description"] = said
		}
		properties[key] = one
		if !strings.Contains(options, "omitempty") {
			required = append(required, key)
		}
	}
	made := map[string]any{"type": "object", "properties": properties}
	if len(required) > 0 {
		made["required"] = required
	}
	if said := s.words[plainName(t)]; said != "" {
		made["description"] = said
	}
	s.made[name] = made
	return ref
}

// plainName is a type's name without its arguments.
func plainName(t reflect.Type) string {
	name, _, _ := strings.Cut(t.Name(), "[")
	return name
}

// nameOf is a type's name in the document: Page[Topic] is TopicPage.
func nameOf(t reflect.Type) string {
	_, argument, generic := strings.Cut(strings.TrimSuffix(t.Name(), "]"), "[")
	if !generic {
		return t.Name()
	}
	return argument[strings.LastIndex(argument, ".")+1:] + plainName(t)
}

// comments reads what Go files say of their types ("Type") and fields ("Type.Field").
func comments(files fs.FS) (map[string]string, error) {
	names, err := fs.Glob(files, "*.go")
	if err != nil {
		return nil, err
	}
	words := map[string]string{}
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, d := range f.Decls {
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.TYPE {
				typeComments(g, words)
			}
		}
	}
	return words, nil
}

func typeComments(g *ast.GenDecl, words map[string]string) {
	for _, spec := range g.Specs {
		t, ok := spec.(*ast.TypeSpec)
		if !ok {
			continue
		}
		words[t.Name.Name] = oneLine(g.Doc)
		fields, ok := t.Type.(*ast.StructType)
		if !ok {
			continue
		}
		for _, f := range fields.Fields.List {
			said := oneLine(f.Doc)
			if said == "" {
				said = oneLine(f.Comment)
			}
			for _, n := range f.Names {
				words[t.Name.Name+"."+n.Name] = said
			}
		}
	}
}

func oneLine(c *ast.CommentGroup) string { return strings.Join(strings.Fields(c.Text()), " ") }
