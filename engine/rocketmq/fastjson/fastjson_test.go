// SPDX-License-Identifier: Apache-2.0

package fastjson

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/causeway-mq/causeway/internal/testkit/prop"
)

func TestNumericKeysNeedNoQuotes(t *testing.T) {
	v, err := Parse([]byte(`{"brokerAddrs":{0:"127.0.0.1:10911",1:"127.0.0.1:10921"},enableActingMaster:false}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := v.Get("brokerAddrs").Get("1").String(); got != "127.0.0.1:10921" {
		t.Errorf("address of broker 1 is %q", got)
	}
	if v.Get("enableActingMaster").True() || v.Get("enableActingMaster").Kind() != Bool {
		t.Error("a bare false is no false")
	}
}

func TestKeysMayBeObjects(t *testing.T) {
	v, err := Parse([]byte(`{"offsetTable":{{"brokerName":"a","queueId":3,"topic":"T"}:{"minOffset":0,"maxOffset":17},{"brokerName":"b","queueId":0,"topic":"T"}:{"maxOffset":"18"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	for k, o := range v.Get("offsetTable").Members() {
		got[k.Get("brokerName").String()+"/"+k.Get("queueId").String()] = o.Get("maxOffset").Or(-1)
	}
	if len(got) != 2 || got["a/3"] != 17 || got["b/0"] != 18 {
		t.Errorf("offsets %v", got)
	}
}

func TestEscapesAreResolved(t *testing.T) {
	for text, want := range map[string]string{
		`"a\u0001b\u0002"`: "a\x01b\x02",
		`"\ud83d\ude00"`:   "😀",
		`"\ud83dx"`:        "\ufffdx",
		`'it\'s'`:          "it's",
		`"\x41\/\\\"\n\0"`: "A/\\\"\n\x00",
	} {
		v, err := Parse([]byte(text))
		if err != nil || v.String() != want {
			t.Errorf("%s reads as %q (%v), want %q", text, v.String(), err, want)
		}
	}
}

func TestWhatIsNoTextIsRefused(t *testing.T) {
	for _, text := range []string{
		"", "{", `{"a"`, `{"a":`, `{"a":1`, `{"a" 1}`, `[1 2]`, `"abc`, `"\u12"`, `"\u12zz"`, "{}x", "{,}", "[,1]", ":", "@",
		strings.Repeat("[", MaxDepth+1) + strings.Repeat("]", MaxDepth+1),
		"[" + strings.Repeat("1,", MaxNodes) + "1]",
	} {
		if _, err := Parse([]byte(text)); !errors.Is(err, ErrSyntax) {
			t.Errorf("%.40q: %v, want a syntax error", text, err)
		}
	}
}

func TestNumbersAtTheEdges(t *testing.T) {
	for text, want := range map[string]int64{
		"9223372036854775807": 9223372036854775807, "-9223372036854775808": -9223372036854775808, `"12"`: 12, "-0": 0,
	} {
		v, err := Parse([]byte(text))
		if n, ok := v.Int(); err != nil || !ok || n != want {
			t.Errorf("%s reads as %d, %v, %v", text, n, ok, err)
		}
	}
	for _, text := range []string{"9223372036854775808", "-9223372036854775809", "99999999999999999999", "1.5", "true", `"x"`, "[]", "18446744073709551616"} {
		v, err := Parse([]byte(text))
		if n, ok := v.Int(); err != nil || ok {
			t.Errorf("%s reads as the whole number %d, %v", text, n, err)
		}
	}
}

func TestScannerWalksWithoutBuilding(t *testing.T) {
	s := NewScanner([]byte(`{"code":0,"skip":{"a":[1,{2:3}]},"remark":null,"opaque":"7"}`))
	var code, opaque int64 = -1, -1
	for s.Enter('{'); s.Next('}'); {
		switch string(s.Key()) {
		case "code":
			code = s.Int()
		case "opaque":
			opaque = s.Int()
		default:
			s.Skip()
		}
	}
	if s.Err() != nil || code != 0 || opaque != 7 {
		t.Errorf("code %d, opaque %d, %v", code, opaque, s.Err())
	}
}

func TestWhatIsWrittenReadsTheSameEverywhere(t *testing.T) {
	prop.Check(t, func(t *prop.T) {
		s := prop.String().Draw(t, "s")
		text := AppendString(nil, s)
		var std string
		if err := json.Unmarshal(text, &std); err != nil {
			t.Fatalf("%q: the standard library says %v", text, err)
		}
		v, err := Parse(text)
		if err != nil || v.String() != std || utf8.ValidString(s) && std != s {
			t.Fatalf("%q was written as %s and read as %q, %q by the standard library (%v)", s, text, v.String(), std, err)
		}
	})
}

// What the standard library accepts reads the same here.
func FuzzParse(f *testing.F) {
	for _, s := range []string{`{}`, `[1,"a",null,true,{"b":-2.5e3}]`, `{0:"x",{"a":1}:2}`, `"\ud83d\ude00"`, `{"a":1,}`, `'x'`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := Parse(text)
		if err != nil && !errors.Is(err, ErrSyntax) {
			t.Fatalf("a strange error: %v", err)
		}
		var std any
		if json.Unmarshal(text, &std) != nil {
			return
		}
		if err != nil {
			if strings.Contains(err.Error(), "nested") || strings.Contains(err.Error(), "more than") {
				return
			}
			t.Fatalf("standard JSON is refused: %v", err)
		}
		same(t, v, std)
	})
}

func same(t *testing.T, v Value, std any) {
	switch std := std.(type) {
	case nil:
		if v.Kind() != Null {
			t.Fatalf("null reads as %v", v)
		}
	case bool:
		if v.True() != std {
			t.Fatalf("%v reads as %v", std, v)
		}
	case float64:
		if v.Kind() != Number || v.Float() != std {
			t.Fatalf("%v reads as %v", std, v)
		}
	case string:
		if !utf8.ValidString(v.String()) {
			return // the standard library mends broken UTF-8, here it passes through
		}
		if v.String() != std {
			t.Fatalf("%q reads as %q", std, v.String())
		}
	case []any:
		if len(v.Items()) != len(std) {
			t.Fatalf("%d items read as %d", len(std), len(v.Items()))
		}
		for i := range std {
			same(t, v.Items()[i], std[i])
		}
	}
}
