// SPDX-License-Identifier: Apache-2.0

package strictyaml

import (
	"bytes"
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"time"

	"gopkg.in/yaml.v3"
)

// Redacted is what Encode writes in place of a secret that is set.
const Redacted = "(redacted)"

// Encode writes a configuration struct as YAML that Decode reads back, with each field's `doc` as a comment above it.
// Secrets that are set come out as Redacted. In a list of structs the comments stand at the first one; a nil pointer is left out.
func Encode(v any) ([]byte, error) {
	root, err := nodeOf(reflect.Indirect(reflect.ValueOf(v)))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(root); err != nil {
		return nil, err
	}
	if err := enc.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func nodeOf(v reflect.Value) (*yaml.Node, error) {
	if t, ok := v.Interface().(encoding.TextMarshaler); ok {
		text, err := t.MarshalText()
		return str(string(text)), err
	}
	if d, ok := v.Interface().(time.Duration); ok {
		return str(d.String()), nil
	}
	switch v.Kind() {
	case reflect.Struct:
		return structNode(v)
	case reflect.Pointer:
		if v.IsNil() {
			return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}, nil
		}
		return nodeOf(v.Elem())
	case reflect.Slice:
		list := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		for i := range v.Len() {
			item, err := nodeOf(v.Index(i))
			if err != nil {
				return nil, err
			}
			if i > 0 {
				uncomment(item) // said once
			}
			list.Content = append(list.Content, item)
		}
		return list, nil
	case reflect.String:
		return str(v.String()), nil
	case reflect.Bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: strconv.FormatBool(v.Bool())}, nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: strconv.FormatInt(v.Int(), 10)}, nil
	case reflect.Map, reflect.Float32, reflect.Float64:
		n := &yaml.Node{}
		return n, n.Encode(v.Interface())
	}
	return nil, fmt.Errorf("a %s cannot be written as configuration", v.Type())
}

func structNode(v reflect.Value) (*yaml.Node, error) {
	m := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	names, index := fieldsOf(v.Type())
	for _, name := range names {
		field := v.Type().FieldByIndex(index[name])
		value := v.FieldByIndex(index[name])
		if value.Kind() == reflect.Pointer && value.IsNil() {
			continue // null reads back as something empty, which is not the same
		}
		var n *yaml.Node
		var err error
		if field.Tag.Get("secret") == "true" && !value.IsZero() {
			n = str(Redacted)
		} else if n, err = nodeOf(value); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		key := str(name)
		key.HeadComment = field.Tag.Get("doc")
		m.Content = append(m.Content, key, n)
	}
	return m, nil
}

func uncomment(n *yaml.Node) {
	n.HeadComment = ""
	for _, c := range n.Content {
		uncomment(c)
	}
}

func str(s string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(s)
	n.Tag = "!!str"
	return n
}
