// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"errors"
	"fmt"
	"hash/fnv"
	"strings"
	"testing"

	"github.com/causeway-mq/causeway/mq"
)

// props answers like a message with these properties.
type props map[string]string

func (p props) Property(name string) (string, bool) {
	v, ok := p[name]
	return v, ok
}

func sql(t *testing.T, expression string) *Filter {
	t.Helper()
	f, err := Compile(mq.Filter{SQL: true, Expression: expression})
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return f
}

func TestTagExpressionsThatAreAccepted(t *testing.T) {
	for _, c := range []struct {
		expression string
		tags       string
		canonical  string
	}{
		{"", "", "*"},
		{"*", "", "*"},
		{" * ", "", "*"},
		{"paid", "paid", "paid"},
		{" paid ", "paid", "paid"},
		{"paid || refunded", "paid,refunded", "paid || refunded"},
		{"refunded||paid", "paid,refunded", "paid || refunded"},
		{"a||a || a", "a", "a"},
		{"a b||c", "a b,c", "a b || c"},
		{"été || 支付", "été,支付", "été || 支付"},
		{"a*", "a*", "a*"},
		{strings.Repeat("t", mq.MaxTag), strings.Repeat("t", mq.MaxTag), strings.Repeat("t", mq.MaxTag)},
	} {
		f, err := Compile(mq.Filter{Expression: c.expression})
		if err != nil {
			t.Errorf("%q: %v", c.expression, err)
			continue
		}
		if got := strings.Join(f.Tags(), ","); got != c.tags {
			t.Errorf("%q: tags %q, want %q", c.expression, got, c.tags)
		}
		if f.String() != c.canonical || f.Written() != (mq.Filter{Expression: c.canonical}) {
			t.Errorf("%q: canonical %q, want %q", c.expression, f.String(), c.canonical)
		}
		if f.All() != (c.tags == "") {
			t.Errorf("%q: All() = %v", c.expression, f.All())
		}
	}
}

func TestTagExpressionsThatAreRefused(t *testing.T) {
	many := strings.Repeat("a||", MaxNodes) + "a"
	for _, c := range []struct {
		expression string
		offset     int
		limit      int
		says       string
	}{
		{" ", 1, 0, "blank tag"},
		{"||", 0, 0, "blank tag"},
		{"a ||", 4, 0, "blank tag"},
		{"|| a", 0, 0, "blank tag"},
		{"a || || b", 5, 0, "blank tag"},
		{"a | b", 2, 0, "'|' inside a tag"},
		{"a ||| b", 4, 0, "'|' inside a tag"},
		{"a || *", 5, 0, "must stand alone"},
		{"a || b\x00c", 6, 0, "control character"},
		{"a\u0085b", 1, 0, "control character"},
		{"a || \xff", 5, 0, "not valid UTF-8"},
		{many, 3 * MaxNodes, MaxNodes, "too many tags"},
		{"a||" + strings.Repeat("t", mq.MaxTag+1), 3, mq.MaxTag, "too long"},
		{strings.Repeat("a", MaxLength+1), MaxLength, MaxLength, "too long"},
	} {
		_, err := Compile(mq.Filter{Expression: c.expression})
		assertRefused(t, c.expression, err, c.offset, c.limit, c.says)
	}
}

func assertRefused(t *testing.T, expression string, err error, offset, limit int, says string) {
	t.Helper()
	if len(expression) > 60 {
		expression = expression[:60] + "..."
	}
	var refusal *Error
	if !errors.As(err, &refusal) {
		t.Errorf("%q: got %v, want a refusal that says %q", expression, err, says)
		return
	}
	if refusal.Offset != offset || refusal.Limit != limit || !strings.Contains(refusal.Error(), says) {
		t.Errorf("%q: got %q, limit %d, offset %d; want %q, limit %d, offset %d", expression, refusal.Error(), refusal.Limit, refusal.Offset, says, limit, offset)
	}
	if limit > 0 && !strings.Contains(refusal.Error(), fmt.Sprintf("limit %d ", limit)) {
		t.Errorf("%q: %q does not name the limit", expression, refusal.Error())
	}
	if mq.KindOf(err) != mq.IllegalFilter || mq.Outcome(err) != mq.Refused {
		t.Errorf("%q: kind %v, outcome %v", expression, mq.KindOf(err), mq.Outcome(err))
	}
}

func TestTagFilterMatches(t *testing.T) {
	f, err := Compile(mq.Filter{Expression: "paid || refunded"})
	if err != nil {
		t.Fatal(err)
	}
	all := &Filter{}
	for _, c := range []struct {
		tag  string
		want bool
	}{{"paid", true}, {"refunded", true}, {"pai", false}, {"PAID", false}, {"", false}} {
		p := props{}
		if c.tag != "" {
			p[PropertyTags] = c.tag
		}
		if got, err := f.Match(p); got != c.want || err != nil {
			t.Errorf("tag %q: %v, %v", c.tag, got, err)
		}
		if f.MatchTag(c.tag) != c.want {
			t.Errorf("MatchTag(%q) differs from Match", c.tag)
		}
		if c.want && !f.MayMatchHash(TagHash(c.tag)) {
			t.Errorf("the hash of %q is turned away", c.tag)
		}
		if got, _ := all.Match(p); !got || !all.MatchTag(c.tag) || !all.MayMatchHash(TagHash(c.tag)) {
			t.Errorf("the zero filter turns tag %q away", c.tag)
		}
	}
	if f.MayMatchHash(TagHash("shipped")) {
		t.Error("the hash of another tag passes")
	}
	reference := fnv.New32a()
	reference.Write([]byte("paid"))
	if TagHash("paid") != reference.Sum32() || TagHash("paid") != 0x8e447707 {
		t.Errorf("TagHash is stored by indexes and must not change: %#x", TagHash("paid"))
	}
}

// TestSQLConditions holds one row for each rule of the language; the comment
// of the package is their summary.
func TestSQLConditions(t *testing.T) {
	message := props{
		"n": "5", "neg": "-5", "plus": "+5", "zero": "0", "big": "3000000000", "d": "5.5", "e": "1e3", "s": "hello",
		"quoted": "it's", "t": "true", "T": "TRUE", "f": "false", "blank": " 7 ", "nan": "NaN", "inf": "-Infinity",
		"empty": "", "suffix": "5.5f", "under": "1_0", "hex": "0x1p3",
		PropertyTags: "paid", PropertyKeys: "k1 k2",
	}
	for _, c := range []struct {
		expression string
		want       bool
		err        error
	}{
		// Equality of texts, numbers, booleans.
		{"s = 'hello'", true, nil},
		{"s = 'Hello'", false, nil},
		{"s <> 'x'", true, nil},
		{"s != 'x'", true, nil},
		{"quoted = 'it''s'", true, nil},
		{"n = 5", true, nil},
		{"5 = n", true, nil},
		{"plus = 5", true, nil},
		{"neg = -5", true, nil},
		{"n = 5L", true, nil},
		{"n = 5.0", true, nil},
		{"n = '5'", true, nil},
		{"n = '5.0'", false, nil},
		{"d = 5.5", true, nil},
		{"e = 1000.0", true, nil},
		{"t = TRUE", true, nil},
		{"T = true", true, nil},
		{"f = FALSE", true, nil},
		{"s = FALSE", true, nil}, // what does not spell true is false
		{"n = n", true, nil},
		{"n = plus", false, nil}, // two properties are two texts
		{"TRUE = 5", false, errRefused},
		{"5 = TRUE", false, nil},
		{"TRUE = TRUE", true, nil},
		{"TRUE = t", false, ErrNotComparable},

		// Order.
		{"n > 4", true, nil},
		{"n >= 5", true, nil},
		{"n < 5", false, nil},
		{"n <= 5", true, nil},
		{"4 < n", true, nil},
		{"n < d", true, nil},
		{"d > 5.1", true, nil},
		{"n > 4.9", true, nil},
		{"blank > 6.5", true, nil}, // a decimal is read without its blanks
		{"suffix > 5.4", true, nil},
		{"hex > 7.5", true, nil},
		{"nan > 1e300", true, nil},
		{"inf < -1e300", true, nil},
		{"big > 2999999999", true, nil},
		{"1 < 2", true, nil},
		{"1 < 2.5", true, nil},
		{"-n > 0", false, nil}, // a sign makes NULL of a text
		{"+n > 0", true, nil},
		{"- -5 = n", true, nil},

		// What does not read as the number beside it ends the evaluation.
		{"s > 5", false, ErrNotComparable},
		{"d > 5", false, ErrNotComparable},
		{"big > 5", false, ErrNotComparable},
		{"blank > 5", false, ErrNotComparable},
		{"empty = 0", false, ErrNotComparable},
		{"under = 10.0", false, ErrNotComparable},
		{"s < d", false, ErrNotComparable},
		{"s = 5 OR n = 5", false, ErrNotComparable},
		{"n = 5 OR s = 5", true, nil},
		{"n = 6 AND s = 5", false, nil},
		{"NOT (s = 5)", false, ErrNotComparable},
		{"1.5 > 1", false, ErrNotComparable},

		// BETWEEN.
		{"n BETWEEN 5 AND 5", true, nil},
		{"n BETWEEN 6 AND 7", false, nil},
		{"n NOT BETWEEN 6 AND 7", true, nil},
		{"n NOT BETWEEN 1 AND 9", false, nil},
		{"d BETWEEN 5.4 AND 5.6", true, nil},
		{"5 BETWEEN zero AND n", true, nil},
		{"n BETWEEN 1 AND 9 AND s = 'hello'", true, nil},
		{"n BETWEEN -1 AND -5", false, nil},
		{"missing BETWEEN 1 AND 2", false, nil},
		{"n NOT BETWEEN missing AND 4", true, nil},
		{"n NOT BETWEEN missing AND 6", false, nil},
		{"n BETWEEN missing AND 4", false, nil},
		{"(n BETWEEN missing AND 6) IS NULL", true, nil},

		// IN.
		{"s IN ('hello')", true, nil},
		{"s IN ('a', 'hello', 'z')", true, nil},
		{"s NOT IN ('a', 'b')", true, nil},
		{"s NOT IN ('hello')", false, nil},
		{"missing IN ('a')", false, nil},
		{"missing NOT IN ('a')", false, nil},
		{"(missing NOT IN ('a')) IS NULL", true, nil},
		{"(s) IN ('hello')", true, nil},

		// Searches.
		{"s CONTAINS 'ell'", true, nil},
		{"s CONTAINS 'xx'", false, nil},
		{"s NOT CONTAINS 'xx'", true, nil},
		{"s STARTSWITH 'he'", true, nil},
		{"s NOT STARTSWITH 'he'", false, nil},
		{"s ENDSWITH 'lo'", true, nil},
		{"s NOT ENDSWITH 'x'", true, nil},
		{"s CONTAINS ''", false, nil},
		{"s NOT CONTAINS ''", false, nil},
		{"missing CONTAINS 'a'", false, nil},
		{"missing NOT CONTAINS 'a'", false, nil},
		{"NOT (missing CONTAINS 'a')", true, nil},
		{"'hello' CONTAINS 'ell'", true, nil},
		{"5 NOT STARTSWITH '4'", false, nil},

		// NULL.
		{"missing IS NULL", true, nil},
		{"missing IS NOT NULL", false, nil},
		{"s IS NULL", false, nil},
		{"empty IS NOT NULL", true, nil},
		{"missing = 5", false, nil},
		{"missing <> 5", false, nil},
		{"NOT (missing = 5)", false, nil},
		{"missing = 5 OR TRUE", true, nil},
		{"(missing = 5) IS NULL", true, nil},
		{"5 = missing", false, nil},
		{"5 <> missing", true, nil}, // NULL on the right alone is a plain no
		{"missing = absent", true, nil},
		{"NULL OR TRUE", true, nil},
		{"NULL", false, nil},
		{"NOT NULL", false, nil},

		// Connectives and precedence.
		{"TRUE OR TRUE AND FALSE", true, nil},
		{"(TRUE OR TRUE) AND FALSE", false, nil},
		{"NOT FALSE AND TRUE", true, nil},
		{"NOT (FALSE AND TRUE)", true, nil},
		{"NOT n = 5", false, nil}, // reads as (NOT n) = 5
		{"NOT (n = 6)", true, nil},
		{"NOT NOT TRUE", true, nil},
		{"n = 5 = TRUE", true, nil},
		{"n", false, nil},
		{"t", false, nil}, // a text is no boolean
		{"NOT n", true, nil},
		{"NOT missing", false, nil},

		// Names and form.
		{"TAGS = 'paid' AND KEYS CONTAINS 'k2'", true, nil},
		{"tags IS NULL", true, nil}, // names are case-sensitive
		{"n=5and s='hello'", true, nil},
		{"n = 5AND TRUE", true, nil},
		{"\tn\r\n=\f5 ", true, nil},
		{"n /* five, * or ** */ = -- or six\n 5", true, nil},
		{"n = 5 -- at the end", true, nil},
		{"$a_1 IS NULL", true, nil},
		{"between_ IS NULL and not_a IS NULL", true, nil},
		{"s CoNtAiNs 'h'", true, nil},
		{"n > .5 AND n < 6. AND n < 1E1", true, nil},
	} {
		f, err := Compile(mq.Filter{SQL: true, Expression: c.expression})
		if errors.Is(c.err, errRefused) {
			if err == nil {
				t.Errorf("%s: accepted", c.expression)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.expression, err)
			continue
		}
		got, err := f.Match(message)
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: got %v, %v; want %v, %v", c.expression, got, err, c.want, c.err)
		}
	}
}

var errRefused = errors.New("refused when compiled")

func TestSQLRefusals(t *testing.T) {
	nested := func(n int) string { return strings.Repeat("(", n) + "a = 1" + strings.Repeat(")", n) }
	list := func(n int) string { return "a IN ('x'" + strings.Repeat(", 'x'", n-1) + ")" }
	for _, c := range []struct {
		expression string
		offset     int
		limit      int
		says       string
	}{
		{"", 0, 0, "empty"},
		{"  ", 0, 0, "empty"},
		{"-- nothing", 0, 0, "empty"},
		{"a =", 3, 0, "expected a property or a value, found end of expression"},
		{"a = 1 b", 6, 0, `unexpected "b"`},
		{"a = 1)", 5, 0, `unexpected ")"`},
		{"(a = 1", 6, 0, `expected ")"`},
		{"a == 1", 3, 0, "expected a property or a value"},
		{"a ! b", 2, 0, `unexpected character "!"`},
		{"a = \"x\"", 4, 0, "unexpected character"},
		{"a = 'x", 4, 0, "not closed"},
		{"a = 1 /* x", 6, 0, "comment is not closed"},
		{"a = é", 4, 0, `unexpected character "é"`},
		{"a = '\xff'", 5, 0, "not valid UTF-8"},
		{"a and between 2 and 10", 6, 0, "expected a property or a value"},
		{"a LIKE 'x%'", 2, 0, `unexpected "LIKE"`},
		{"a NOT = 1", 2, 0, `unexpected "NOT"`},
		{"a IS 1", 5, 0, "expected NULL"},
		{"a IS NOT 1", 9, 0, "expected NULL"},
		{"a = NULL", 2, 0, "write IS NULL"},
		{"a > NULL", 4, 0, "no order"},
		{"a > 'x'", 4, 0, "no order"},
		{"a > TRUE", 4, 0, "no order"},
		{"TRUE > a", 5, 0, "no order"},
		{"a > 1 > 2", 6, 0, "no order"},
		{"NOT a > 1", 6, 0, "no order"},
		{"a BETWEEN 'a' AND 'b'", 10, 0, "no order"},
		{"a BETWEEN 10 AND 0", 17, 0, "below the lower"},
		{"a BETWEEN 1 AND 2.5", 16, 0, "both as decimals"},
		{"a BETWEEN 1", 11, 0, "expected AND"},
		{"a IN (1)", 6, 0, "text in single quotes"},
		{"a IN ()", 6, 0, "text in single quotes"},
		{"a IN ('x' 'y')", 10, 0, `expected "," or ")"`},
		{"a IN 'x'", 5, 0, `expected "("`},
		{"5 IN ('x')", 2, 0, "IN needs a property"},
		{"NOT a IN ('x')", 6, 0, "IN needs a property"},
		{"a CONTAINS b", 11, 0, "text in single quotes"},
		{"5", 0, 0, "expected a condition"},
		{"'x' AND TRUE", 0, 0, "expected a condition"},
		{"TRUE AND 5", 9, 0, "expected a condition"},
		{"NOT 5", 4, 0, "expected a condition"},
		{"-a", 0, 0, "expected a condition"},
		{"a = 007", 5, 0, `unexpected "0"`},
		{"a > 0.0", 4, 0, "write 0 for zero"},
		{"a > 1e-400", 4, 0, "write 0 for zero"},
		{"a > 1e400", 4, 64, "too large"},
		{"a > 9223372036854775808", 4, 64, "too large"},
		{nested(MaxDepth + 1), MaxDepth, MaxDepth, "nested too deeply"},
		{nested(1000), MaxDepth, MaxDepth, "nested too deeply"},
		{nested(10_000), MaxLength, MaxLength, "too long"},
		{strings.Repeat("NOT ", MaxDepth+1) + "a", 4 * MaxDepth, MaxDepth, "nested too deeply"},
		{"a = " + strings.Repeat("- ", MaxDepth+1) + "1", 4 + 2*MaxDepth, MaxDepth, "nested too deeply"},
		{strings.Repeat("a OR ", MaxNodes) + "a", 5 * MaxNodes, MaxNodes, "too many parts"},
		{strings.Repeat("a = ", MaxNodes) + "a", 254, MaxNodes, "too many parts"},
		{list(MaxIn + 1), 4 + 5*MaxIn + 5, MaxIn, "IN list is too long"},
		{"a = '" + strings.Repeat("x", 1<<20) + "'", MaxLength, MaxLength, "too long"},
	} {
		_, err := Compile(mq.Filter{SQL: true, Expression: c.expression})
		assertRefused(t, c.expression, err, c.offset, c.limit, c.says)
	}
	for _, fits := range []string{nested(MaxDepth), list(MaxIn), strings.Repeat("NOT ", MaxDepth) + "a", strings.Repeat("a OR ", MaxNodes-2) + "a"} {
		sql(t, fits)
	}
}

func TestEvaluationIsBounded(t *testing.T) {
	searches := strings.TrimSuffix(strings.Repeat("a CONTAINS 'x' OR ", 60), " OR ")
	f := sql(t, searches)
	if ok, err := f.Match(props{"a": strings.Repeat("y", 4<<10)}); ok || err != nil {
		t.Errorf("4 KiB searched 60 times: %v, %v", ok, err)
	}
	if ok, err := f.Match(props{"a": strings.Repeat("y", 16<<10)}); ok || !errors.Is(err, ErrSteps) {
		t.Errorf("16 KiB searched 60 times: %v, %v; want ErrSteps", ok, err)
	}
}

func TestCanonicalText(t *testing.T) {
	for expression, want := range map[string]string{
		"a=1":                              "a = 1",
		"a!=1 and(b<2)":                    "a <> 1 AND b < 2",
		"(a=1 or b=2)and c=3":              "(a = 1 OR b = 2) AND c = 3",
		"(a=1 or b=2)or(c=3 or d=4)":       "a = 1 OR b = 2 OR c = 3 OR d = 4",
		"not(a=1)":                         "NOT (a = 1)",
		"not a=1":                          "NOT a = 1",
		"a=(b=1)":                          "a = (b = 1)",
		"(a=b)=c":                          "a = b = c",
		"a in('z','a','z')":                "a IN ('a', 'z')",
		"a not between -1 and+2":           "a NOT BETWEEN -1 AND 2",
		"a= - -1":                          "a = - -1",
		"a contains 'it''s'":               "a CONTAINS 'it''s'",
		"(a is not null)is null":           "a IS NOT NULL IS NULL",
		"a>5l":                             "a > 5",
		"-(a=1) = 2":                       "-(a = 1) = 2",
		"a/**/>/**/1.50":                   "a > 1.50",
		"null or true":                     "NULL OR TRUE",
		"a startswith 'x' or b endswith''": "a STARTSWITH 'x' OR b ENDSWITH ''",
	} {
		f := sql(t, expression)
		if f.String() != want {
			t.Errorf("%s: %s, want %s", expression, f, want)
		}
		if again := sql(t, f.String()); again.String() != want {
			t.Errorf("%s: printed again as %s", want, again)
		}
	}
}

func TestWhatTravelsAlwaysCompiles(t *testing.T) {
	tight := strings.Repeat("a='x'OR ", 40) + "a='" + strings.Repeat("x", MaxLength-8*40-4) + "'"
	for _, written := range []mq.Filter{{SQL: true, Expression: tight}, {SQL: true, Expression: "a=1"}, {Expression: "b||a"}} {
		f, err := Compile(written)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Compile(f.Written())
		if err != nil || again.String() != f.String() {
			t.Errorf("%.40s...: travels as a text of %d bytes: %v", written.Expression, len(f.Written().Expression), err)
		}
	}
	if f := sql(t, tight); len(f.String()) <= MaxLength || f.Written().Expression != tight {
		t.Error("this expression should be too long in its canonical form")
	}
}

func TestSQLFilterSaysNothingAboutTags(t *testing.T) {
	f := sql(t, "TAGS = 'paid'")
	if f.All() || f.MatchTag("paid") || !f.MayMatchHash(TagHash("x")) || f.Tags() != nil || !f.SQL() {
		t.Error("only Match may judge an SQL92 filter")
	}
}

func TestMessagesAnswerAsProperties(t *testing.T) {
	tag, err := mq.ParseTag("paid")
	if err != nil {
		t.Fatal(err)
	}
	var keys []mq.Key
	for _, s := range []string{"k1", "k2"} {
		k, err := mq.ParseKey(s)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, k)
	}
	m := mq.Message{Tag: tag, Keys: keys, Properties: []mq.Property{{Name: "a", Value: "1"}}}
	if ok, err := sql(t, "TAGS = 'paid' AND KEYS = 'k1 k2' AND a = 1").Match(Message(&m)); !ok || err != nil {
		t.Errorf("full message: %v, %v", ok, err)
	}
	m.Keys = keys[:1]
	if ok, _ := sql(t, "KEYS = 'k1'").Match(Message(&m)); !ok {
		t.Error("one key is not found")
	}
	if ok, _ := sql(t, "TAGS IS NULL AND KEYS IS NULL AND a IS NULL").Match(Message(&mq.Message{})); !ok {
		t.Error("an empty message has properties")
	}
	if ok, _ := sql(t, "x = 1").Match(PropertyFunc(func(string) (string, bool) { return "1", true })); !ok {
		t.Error("a function does not answer as Properties")
	}
}
