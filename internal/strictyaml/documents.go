// SPDX-License-Identifier: Apache-2.0

package strictyaml

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"gopkg.in/yaml.v3"
)

// Piece is one document of a file that holds several.
type Piece struct{ node *yaml.Node }

// Documents splits a file into its documents, for [Piece.Decode] to read each: those between "---", and the items of a document that
// is a list. Empty documents are left out. When the file is no YAML from some line on, the pieces before it come with the problem.
func Documents(data []byte) ([]Piece, error) {
	d := newDecoder()
	if len(data) > MaxBytes {
		d.note(nil, "", "the file has %d bytes, the limit is %d", len(data), MaxBytes)
		return nil, d.problems
	}
	var pieces []Piece
	parser := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var root yaml.Node
		err := parser.Decode(&root)
		if errors.Is(err, io.EOF) {
			return pieces, d.problems.Err()
		}
		if err != nil {
			d.note(nil, "", "%s", strings.TrimPrefix(err.Error(), "yaml: "))
			return pieces, d.problems
		}
		pieces = append(pieces, split(root.Content[0])...)
	}
}

func split(n *yaml.Node) []Piece {
	switch {
	case n.Kind == yaml.ScalarNode && n.Tag == "!!null":
		return nil
	case n.Kind != yaml.SequenceNode || n.Anchor != "":
		return []Piece{{n}}
	}
	pieces := make([]Piece, len(n.Content))
	for i, item := range n.Content {
		pieces[i] = Piece{item}
	}
	return pieces
}

// Line is where the document begins, from 1.
func (p Piece) Line() int { return p.node.Line }

// Text is the value of a key at the document's top, with its line; "" and the document's line when it is not there or no plain value.
func (p Piece) Text(key string) (value string, line int) {
	if p.node.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(p.node.Content); i += 2 {
			if k, v := p.node.Content[i], p.node.Content[i+1]; k.Value == key && v.Kind == yaml.ScalarNode && v.Tag != "!!null" {
				return v.Value, v.Line
			}
		}
	}
	return "", p.node.Line
}

// Decode is [Decode] for this document alone.
func (p Piece) Decode(into any) (*Document, error) {
	d := newDecoder()
	d.root(p.node, into)
	return d.doc, d.problems.Err()
}
