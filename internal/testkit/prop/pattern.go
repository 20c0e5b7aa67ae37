// SPDX-License-Identifier: Apache-2.0

package prop

import (
	"fmt"
	"math/rand/v2"
	"regexp/syntax"
	"strings"
)

// StringMatching draws strings that match a regular expression of literals, classes, groups, alternatives and repetitions. It
// panics on others: the pattern is part of the test's code.
func StringMatching(pattern string) Gen[string] {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		panic(fmt.Sprintf("prop: pattern %q: %v", pattern, err))
	}
	re = re.Simplify()
	return Gen[string]{func(r *rand.Rand) string {
		var b strings.Builder
		match(&b, re, r)
		return b.String()
	}}
}

func match(b *strings.Builder, re *syntax.Regexp, r *rand.Rand) {
	switch re.Op {
	case syntax.OpEmptyMatch, syntax.OpBeginText, syntax.OpEndText, syntax.OpBeginLine, syntax.OpEndLine:
	case syntax.OpLiteral:
		b.WriteString(string(re.Rune))
	case syntax.OpCharClass:
		b.WriteRune(fromClass(re.Rune, r))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		b.WriteRune(rune(' ' + r.IntN(95)))
	case syntax.OpCapture, syntax.OpConcat:
		for _, sub := range re.Sub {
			match(b, sub, r)
		}
	case syntax.OpAlternate:
		match(b, re.Sub[r.IntN(len(re.Sub))], r)
	case syntax.OpQuest:
		times(b, re.Sub[0], r, r.IntN(2))
	case syntax.OpStar:
		times(b, re.Sub[0], r, r.IntN(12))
	case syntax.OpPlus:
		times(b, re.Sub[0], r, 1+r.IntN(12))
	default:
		panic(fmt.Sprintf("prop: %v is not supported in a pattern", re.Op))
	}
}

func times(b *strings.Builder, re *syntax.Regexp, r *rand.Rand, n int) {
	for range n {
		match(b, re, r)
	}
}

// fromClass draws a rune of a class: pairs of first and last.
func fromClass(pairs []rune, r *rand.Rand) rune {
	n := 0
	for i := 0; i < len(pairs); i += 2 {
		n += int(pairs[i+1]-pairs[i]) + 1
	}
	at := r.IntN(n)
	for i := 0; i < len(pairs); i += 2 {
		width := int(pairs[i+1]-pairs[i]) + 1
		if at < width {
			return pairs[i] + rune(at)
		}
		at -= width
	}
	return pairs[0]
}
