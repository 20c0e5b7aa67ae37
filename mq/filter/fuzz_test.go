// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"strings"
	"testing"

	"github.com/causeway-mq/causeway/mq"
)

// FuzzSQL: whatever comes in, the parser answers with a filter or with an
// error inside the expression, and a filter survives being printed.
func FuzzSQL(f *testing.F) {
	for _, s := range []string{
		"a = 1 AND b <> 'x' OR NOT (c BETWEEN 1 AND 2.5)", "a IN ('x', 'y''z')", "a NOT CONTAINS 'x'", "- -1 < a", "a IS NOT NULL = TRUE",
		"a >= .5e-3 -- c", "/**/a/***/!=1L", "((((a))))", "NOT NOT a", "TAGS STARTSWITH 'é'", "(a = 1) = (b = 2)", "NULL IS NULL", "1.5>1",
	} {
		f.Add(s, "5", true)
	}
	f.Fuzz(func(t *testing.T, expression, property string, missing bool) {
		compiled, err := Compile(mq.Filter{SQL: true, Expression: expression})
		if err != nil {
			refusal, ok := err.(*Error)
			if !ok || refusal.Problem == "" || refusal.Offset < 0 || refusal.Offset > len(expression) {
				t.Fatalf("%q: %#v", expression, err)
			}
			return
		}
		// The printed text may exceed MaxLength, so it is parsed directly.
		again, refusal := parse(compiled.String())
		if refusal != nil || again.String() != compiled.String() {
			t.Fatalf("%q: printed as %q, read back as %v, %v", expression, compiled, again, refusal)
		}
		p := PropertyFunc(func(name string) (string, bool) { return property, !missing || strings.HasPrefix(name, "a") })
		ok, err := compiled.Match(p)
		okAgain, errAgain := again.Match(p)
		if ok != okAgain || err != errAgain || ok && err != nil {
			t.Fatalf("%q: %v, %v; printed as %q: %v, %v", expression, ok, err, compiled, okAgain, errAgain)
		}
	})
}

// FuzzTags: the same for tag expressions.
func FuzzTags(f *testing.F) {
	for _, s := range []string{"", "*", "a||b", "a | b", " a || ", "été"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, expression string) {
		compiled, err := Compile(mq.Filter{Expression: expression})
		if err != nil {
			if refusal, ok := err.(*Error); !ok || refusal.Offset < 0 || refusal.Offset > len(expression) {
				t.Fatalf("%q: %#v", expression, err)
			}
			return
		}
		again, refusal := compileTags(compiled.String())
		if refusal != nil || again.String() != compiled.String() {
			t.Fatalf("%q: printed as %q, read back as %v, %v", expression, compiled, again, refusal)
		}
		for _, tag := range compiled.Tags() {
			if _, err := mq.ParseTag(tag); err != nil || !compiled.MatchTag(tag) || !compiled.MayMatchHash(TagHash(tag)) {
				t.Fatalf("%q: tag %q: %v", expression, tag, err)
			}
		}
	})
}
