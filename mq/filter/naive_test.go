// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/causeway-mq/causeway/internal/testkit/prop"
)

// A second evaluator, written for clarity alone: it walks a tree of closures,
// keeps values as any (nil for NULL, bool, string, int32, int64, float64) and
// panics with errNaive where values can't be compared. It shares nothing with
// the one under test.
var errNaive = errors.New("not comparable")

// naive is an expression with its text. Its kind decides where it may stand.
type naive struct {
	text string
	kind rune // 'c' condition, 'p' property, 'n' number, 's' text, 'v' signed property
	eval func(props) any
}

func naiveNumber(s string, like any) any {
	switch like.(type) {
	case int32:
		if n, err := strconv.ParseInt(s, 10, 32); err == nil {
			return int32(n)
		}
	case int64:
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return n
		}
	case float64:
		if f, err := strconv.ParseFloat(strings.TrimSpace(s), 64); err == nil {
			return f
		}
	}
	panic(errNaive)
}

// naiveCompare gives -1, 0 or 1, or 2 for kinds that are never equal.
func naiveCompare(a, b any) int {
	_, leftBool := a.(bool)
	_, rightBool := b.(bool)
	switch x := a.(type) {
	case string:
		switch y := b.(type) {
		case string:
			return strings.Compare(x, y)
		case bool:
			return naiveCompare(strings.EqualFold(x, "true"), y)
		default:
			return naiveCompare(naiveNumber(x, b), b)
		}
	case bool:
		if y, ok := b.(bool); ok && x == y {
			return 0
		}
	}
	if y, ok := b.(string); ok {
		if leftBool {
			panic(errNaive)
		}
		return naiveCompare(a, naiveNumber(y, a))
	}
	if leftBool || rightBool {
		return 2
	}
	_, leftDecimal := a.(float64)
	_, rightDecimal := b.(float64)
	if leftDecimal && !rightDecimal {
		panic(errNaive)
	}
	x, y := naiveFloat(a), naiveFloat(b)
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

func naiveFloat(v any) float64 {
	switch v := v.(type) {
	case int32:
		return float64(v)
	case int64:
		return float64(v)
	}
	return v.(float64)
}

func naiveNot(v any) any {
	if v == nil {
		return nil
	}
	return !v.(bool)
}

// naiveCondition is what AND, OR and NOT see: a text is a plain no.
func naiveCondition(v any) any {
	if _, ok := v.(string); ok {
		return false
	}
	return v
}

func naiveEqual(a, b any) any {
	switch {
	case a == nil && b == nil:
		return true
	case a == nil:
		return nil
	case b == nil:
		return false
	}
	return naiveCompare(a, b) == 0
}

func naiveOrder(a func(props) any, by string, b func(props) any) func(props) any {
	return func(p props) any {
		x := a(p)
		if x == nil {
			return nil
		}
		y := b(p)
		if y == nil {
			return nil
		}
		if s, ok := x.(string); ok {
			if _, ok := y.(string); ok {
				x, y = naiveNumber(s, 0.0), naiveNumber(y.(string), 0.0)
			}
		}
		c := naiveCompare(x, y)
		switch by {
		case "<":
			return c < 0
		case "<=":
			return c <= 0
		case ">":
			return c > 0
		}
		return c >= 0
	}
}

func naiveOr(a, b func(props) any) func(props) any {
	return func(p props) any {
		x := naiveCondition(a(p))
		if x == true {
			return true
		}
		y := naiveCondition(b(p))
		if y == true {
			return true
		}
		if x == nil || y == nil {
			return nil
		}
		return false
	}
}

func naiveAnd(a, b func(props) any) func(props) any {
	or := naiveOr(func(p props) any { return naiveNot(naiveCondition(a(p))) }, func(p props) any { return naiveNot(naiveCondition(b(p))) })
	return func(p props) any { return naiveNot(or(p)) }
}

var naiveTexts = []string{"", "5", "-5", "5.5", "x", "xy", "true", "FALSE", "it's", "3000000000", " 7 ", "1e2"}

func naiveQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

func drawProperty(t *prop.T) naive {
	name := prop.SampledFrom([]string{"a", "b", "c", "TAGS"}).Draw(t, "name")
	return naive{name, 'p', func(p props) any {
		if v, ok := p[name]; ok {
			return v
		}
		return nil
	}}
}

func drawNumber(t *prop.T) naive {
	switch prop.IntRange(0, 2).Draw(t, "number") {
	case 0:
		n := prop.SampledFrom([]int32{0, 1, 5, 7, math.MaxInt32}).Draw(t, "int")
		return naive{fmt.Sprint(n), 'n', func(props) any { return n }}
	case 1:
		n := prop.SampledFrom([]int64{3000000000, math.MaxInt64}).Draw(t, "long")
		return naive{fmt.Sprint(n) + "L", 'n', func(props) any { return n }}
	default:
		d := prop.SampledFrom([]float64{0.5, 5.0, 5.5, 1e10}).Draw(t, "decimal")
		return naive{strconv.FormatFloat(d, 'f', 2, 64), 'n', func(props) any { return d }}
	}
}

func drawText(t *prop.T) naive {
	s := prop.SampledFrom(naiveTexts).Draw(t, "text")
	return naive{naiveQuote(s), 's', func(props) any { return s }}
}

// drawOrdered draws what may stand beside < and its like.
func drawOrdered(t *prop.T) naive {
	switch prop.IntRange(0, 3).Draw(t, "ordered") {
	case 0:
		n := drawNumber(t)
		return naive{"-" + n.text, 'v', func(p props) any {
			switch v := n.eval(p).(type) {
			case int32:
				return -v
			case int64:
				return -v
			default:
				return -v.(float64)
			}
		}}
	case 1:
		return drawNumber(t)
	case 2:
		v := drawProperty(t)
		return naive{"- " + v.text, 'v', func(props) any { return nil }}
	default:
		return drawProperty(t)
	}
}

func drawCondition(t *prop.T, depth int) naive {
	most := 11
	if depth == 0 {
		most = 7
	}
	cond := func() naive {
		if prop.IntRange(0, 9).Draw(t, "bare") == 0 {
			return drawProperty(t)
		}
		return drawCondition(t, depth-1)
	}
	not := prop.SampledFrom([]string{"", "NOT "}).Draw(t, "not")
	negate := func(v any) any {
		if not != "" {
			return naiveNot(v)
		}
		return v
	}
	switch prop.IntRange(0, most).Draw(t, "condition") {
	case 0:
		text := prop.SampledFrom([]string{"TRUE", "false", "NULL"}).Draw(t, "constant")
		return naive{text, 'c', func(props) any { return map[string]any{"TRUE": true, "false": false}[text] }}
	case 1:
		v := drawProperty(t)
		set := prop.SliceOfN(prop.SampledFrom(naiveTexts), 1, 4).Draw(t, "set")
		var quoted []string
		for _, s := range set {
			quoted = append(quoted, naiveQuote(s))
		}
		return naive{v.text + " " + not + "IN (" + strings.Join(quoted, ",") + ")", 'c', func(p props) any {
			x := v.eval(p)
			if x == nil {
				return nil
			}
			found := false
			for _, s := range set {
				found = found || s == x
			}
			return negate(found)
		}}
	case 2:
		v, s := drawProperty(t), drawText(t)
		how := prop.SampledFrom([]string{"CONTAINS", "STARTSWITH", "ENDSWITH"}).Draw(t, "how")
		return naive{v.text + " " + not + how + " " + s.text, 'c', func(p props) any {
			x, ok := v.eval(p).(string)
			want := s.eval(p).(string)
			if !ok || want == "" {
				return false
			}
			return negate(map[string]func(string, string) bool{"CONTAINS": strings.Contains, "STARTSWITH": strings.HasPrefix, "ENDSWITH": strings.HasSuffix}[how](x, want))
		}}
	case 3:
		v := drawOrdered(t)
		return naive{v.text + " IS " + not + "NULL", 'c', func(p props) any { return negate(v.eval(p) == nil) }}
	case 4, 5:
		a, b := drawOrdered(t), drawOrdered(t)
		by := prop.SampledFrom([]string{"<", "<=", ">", ">="}).Draw(t, "by")
		return naive{a.text + by + " " + b.text, 'c', naiveOrder(a.eval, by, b.eval)}
	case 6:
		v := drawOrdered(t)
		low, high := drawProperty(t), drawOrdered(t)
		both := naiveAnd(naiveOrder(v.eval, ">=", low.eval), naiveOrder(v.eval, "<=", high.eval))
		if not != "" {
			both = naiveOr(naiveOrder(v.eval, "<", low.eval), naiveOrder(v.eval, ">", high.eval))
		}
		return naive{v.text + " " + not + "BETWEEN " + low.text + " AND " + high.text, 'c', both}
	case 7, 8:
		return drawEquality(t, depth)
	case 9:
		c := cond()
		return naive{"NOT (" + c.text + ")", 'c', func(p props) any { return naiveNot(naiveCondition(c.eval(p))) }}
	case 10:
		a, b := cond(), cond()
		return naive{"(" + a.text + ") AND (" + b.text + ")", 'c', naiveAnd(a.eval, b.eval)}
	default:
		a, b := cond(), cond()
		return naive{"(" + a.text + ") or (" + b.text + ")", 'c', naiveOr(a.eval, b.eval)}
	}
}

func drawEquality(t *prop.T, depth int) naive {
	side := func() naive {
		switch prop.IntRange(0, 4).Draw(t, "side") {
		case 0:
			return drawText(t)
		case 1:
			if depth > 0 {
				c := drawCondition(t, depth-1)
				if c.text == "NULL" {
					return drawProperty(t)
				}
				return naive{"(" + c.text + ")", 'c', c.eval}
			}
		}
		return drawOrdered(t)
	}
	a, b := side(), side()
	if lower := strings.ToLower(a.text); (lower == "(true)" || lower == "(false)") && (b.kind == 's' || b.kind == 'n') {
		a = drawProperty(t)
	}
	by := prop.SampledFrom([]string{"=", "<>", "!="}).Draw(t, "equality")
	return naive{a.text + by + b.text, 'c', func(p props) any {
		result := naiveEqual(a.eval(p), b.eval(p))
		if by != "=" {
			return naiveNot(result)
		}
		return result
	}}
}

func naiveMatch(c naive, p props) (ok bool, err error) {
	defer func() {
		if r := recover(); r != nil {
			if e, isErr := r.(error); !isErr || !errors.Is(e, errNaive) {
				panic(r)
			}
			ok, err = false, errNaive
		}
	}()
	return naiveCondition(c.eval(p)) == true, nil
}

func TestEvaluationAgreesWithANaiveOne(t *testing.T) {
	wanted, failed := 0, 0
	prop.Check(t, func(t *prop.T) {
		c := drawCondition(t, 4)
		f, refusal := parse(c.text)
		if refusal != nil {
			if refusal.Limit == MaxNodes {
				return // beyond the limit: nothing to compare
			}
			t.Fatalf("%s: %v", c.text, refusal)
		}
		again, refusal := parse(f.String())
		if refusal != nil || again.String() != f.String() {
			t.Fatalf("%s: printed as %s, read back as %v, %v", c.text, f, again, refusal)
		}
		p := props{}
		for _, name := range []string{"a", "b", "c", "TAGS"} {
			if prop.IntRange(0, 3).Draw(t, "missing") > 0 {
				p[name] = prop.SampledFrom(naiveTexts).Draw(t, name)
			}
		}
		want, wantErr := naiveMatch(c, p)
		for _, f := range []*Filter{f, again} {
			got, err := f.Match(p)
			if got != want || (err != nil) != (wantErr != nil) {
				t.Fatalf("%s over %v: got %v, %v; want %v, %v", c.text, p, got, err, want, wantErr)
			}
		}
		if want {
			wanted++
		}
		if wantErr != nil {
			failed++
		}
	})
	if wanted == 0 || failed == 0 {
		t.Errorf("the property test is blind: %d matches, %d failures", wanted, failed)
	}
}
