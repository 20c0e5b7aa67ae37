// SPDX-License-Identifier: Apache-2.0

package strictyaml

import (
	"errors"
	"strings"
	"testing"
)

type outer struct {
	inner
	Own string `yaml:"own"`
}

type inner struct {
	Kind string `yaml:"kind"`
}

func TestAFileHoldsManyDocumentsEachWithItsLines(t *testing.T) {
	pieces, err := Documents([]byte("---\n---\nkind: a\nown: x\n---\n- kind: b\n- kind: c\n  won: y\n---\njust words\n"))
	if err != nil || len(pieces) != 4 {
		t.Fatalf("%d documents, %v", len(pieces), err)
	}
	for i, want := range []struct {
		kind string
		line int
	}{{"a", 3}, {"b", 6}, {"c", 7}, {"", 10}} {
		if kind, line := pieces[i].Text("kind"); kind != want.kind || line != want.line {
			t.Errorf("document %d: %q in line %d", i, kind, line)
		}
	}
	var o outer
	if _, err := pieces[0].Decode(&o); err != nil || o.Kind != "a" || o.Own != "x" {
		t.Errorf("%+v, %v", o, err)
	}
	if _, err := pieces[2].Decode(&o); err == nil || err.Error() != `line 8: won: unknown key; did you mean "own"?` {
		t.Errorf("%v", err)
	}
	text, err := Encode(outer{inner{"a"}, "x"})
	if err != nil || string(text) != "kind: a\nown: x\n" {
		t.Errorf("%q, %v", text, err)
	}
}

func TestWhatFollowsABrokenDocumentIsNotGuessed(t *testing.T) {
	pieces, err := Documents([]byte("kind: a\n---\nkind: {\n---\nkind: b\n"))
	var problems Problems
	if len(pieces) != 1 || !errors.As(err, &problems) || len(problems) != 1 {
		t.Errorf("%d documents, %v", len(pieces), err)
	}
	if _, err := Documents([]byte(strings.Repeat("#", MaxBytes+1))); err == nil || !strings.Contains(err.Error(), "limit") {
		t.Errorf("%v", err)
	}
}
