// SPDX-License-Identifier: Apache-2.0

package remoting

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/causeway-mq/causeway/internal/testkit/prop"
)

func parse(t testing.TB, wire []byte) *Frame {
	t.Helper()
	f := &Frame{}
	if err := ParseFrame(wire[4:], f); err != nil {
		t.Fatalf("%v\n%s", err, hex.Dump(wire))
	}
	return f
}

func equal(a, b *Frame) bool {
	return a.Code == b.Code && a.Version == b.Version && a.Opaque == b.Opaque && a.Flag == b.Flag && a.Remark == b.Remark &&
		bytes.Equal(a.Fields.b, b.Fields.b) && bytes.Equal(a.Body, b.Body)
}

func TestFramesComeBackInBothFormats(t *testing.T) {
	prop.Check(t, func(t *prop.T) {
		text := func(label string) string { return strings.ToValidUTF8(prop.String().Draw(t, label), "?") }
		f := &Frame{
			Code: Code(prop.IntRange(0, 400).Draw(t, "code")), Version: Version, Opaque: int32(prop.IntRange(0, 1<<30).Draw(t, "opaque")),
			Flag: int32(prop.IntRange(0, 3).Draw(t, "flag")), Remark: text("remark"), Body: []byte(text("body")),
		}
		for range prop.IntRange(0, 12).Draw(t, "fields") {
			f.Fields.Add(text("name"), text("value"))
		}
		for _, f.JSON = range []bool{false, true} {
			back := parse(t, AppendFrame(nil, f))
			if back.JSON != f.JSON || !equal(back, f) {
				t.Fatalf("JSON %v:\n%+v\n%+v", f.JSON, f, back)
			}
		}
	})
}

// The binary header has 16 bits for the code: 200050 would arrive as 3442.
func TestLargeCodesGoAsJSON(t *testing.T) {
	back := parse(t, AppendFrame(nil, &Frame{Code: PopMessage}))
	if !back.JSON || back.Code != PopMessage {
		t.Errorf("pop arrives as code %d, JSON %v", back.Code, back.JSON)
	}
}

func TestABrokersJSONAnswer(t *testing.T) {
	const header = `{"code":0,"extFields":{"queueId":"3","TRACE_ON":"true","none":null,"MSG_REGION":"DefaultRegion"},"flag":1,"language":"JAVA","opaque":12,"serializeTypeCurrentRPC":"JSON","version":513,"remark":null}`
	wire := append([]byte{0, 0, byte((len(header) + 8) >> 8), byte(len(header) + 8), 0, 0, byte(len(header) >> 8), byte(len(header))}, header...)
	f := parse(t, append(wire, "body"...))
	if !f.IsResponse() || f.Opaque != 12 || f.Fields.Text("queueId") != "3" || f.Fields.Text("none") != "" || f.Remark != "" || string(f.Body) != "body" {
		t.Errorf("%+v", f)
	}
}

func TestMalformedFramesAreRefused(t *testing.T) {
	good := AppendFrame(nil, &Frame{Code: SendMessage, Remark: "remark", Fields: func() (f Fields) { f.Add("a", "b"); return }()})
	for n := range len(good) - 5 { // every cut but the whole
		if err := ParseFrame(good[4:4+n], &Frame{}); !errors.Is(err, ErrFrame) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
	for name, wire := range map[string]string{
		"unknown format":   "02000000",
		"header too long":  "01ffffff",
		"remark too long":  "0100001500000000010000000000000000000000ff00000000",
		"fields too long":  "010000150000000001000000000000000000000000000000ff",
		"JSON broken":      "000000027b7d7d7d",
		"JSON, code a map": "0000000b7b22636f6465223a7b7d7d",
	} {
		data, err := hex.DecodeString(wire)
		if err != nil {
			t.Fatal(err)
		}
		err = ParseFrame(data, &Frame{})
		if name == "JSON broken" { // what stands behind a whole object is not looked at: the header's length rules
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if !errors.Is(err, ErrFrame) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type everyField struct {
	Text, Left string
	Wide       int64
	Missing    int64
	Narrow     int32
	Flag       bool
}

func (h *everyField) Walk(w *Walker) {
	w.Text("text", &h.Text)
	w.TextIf("left", &h.Left)
	w.Int("wide", &h.Wide)
	w.IntIf("missing", &h.Missing, -1)
	w.Int32("narrow", &h.Narrow)
	w.Bool("flag", &h.Flag)
}

func TestHeadersWriteAndReadTheSame(t *testing.T) {
	prop.Check(t, func(t *prop.T) {
		h := everyField{
			Text: prop.String().Draw(t, "text"), Left: prop.String().Draw(t, "left"), Wide: prop.Int64().Draw(t, "wide"),
			Missing: prop.Int64().Draw(t, "missing"), Narrow: int32(prop.Int64().Draw(t, "narrow")), Flag: prop.Bool().Draw(t, "flag"),
		}
		f := &Frame{}
		f.Put(&h)
		var back everyField
		if err := f.Into(&back); err != nil || back != h {
			t.Fatalf("%+v comes back as %+v, %v", h, back, err)
		}
	})
}

func TestHeadersNameTheFieldThatIsWrong(t *testing.T) {
	for want, fill := range map[string]func(*Fields){
		"wide is missing":         func(f *Fields) { f.Add("text", "x"); f.Add("narrow", "1") },
		"wide is no whole number": func(f *Fields) { f.Add("text", "x"); f.Add("wide", "1.5"); f.Add("narrow", "1") },
		"narrow is out of range":  func(f *Fields) { f.Add("text", "x"); f.Add("wide", "1"); f.AddInt("narrow", 1<<31) },
		"text is missing":         func(f *Fields) { f.Add("wide", "1"); f.Add("narrow", "1") },
		"missing is no whole number": func(f *Fields) {
			f.Add("text", "x")
			f.Add("wide", "1")
			f.Add("missing", "")
			f.Add("narrow", "1")
		},
	} {
		f := &Frame{}
		fill(&f.Fields)
		if err := f.Into(&everyField{}); !errors.Is(err, ErrFrame) || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q: %v", want, err)
		}
	}
}

func TestSignaturesCoverFieldsInOrderAndTheBody(t *testing.T) {
	c := Credentials{AccessKey: "admin", Secret: "admin12345", Token: "t"}
	f := &Frame{Code: SendMessage, Body: []byte("body")}
	f.Fields.Add("z", "last")
	f.Fields.Add("a", "first")
	c.Sign(f)
	// By another tool, values in the order of the names AccessKey, SecurityToken, a, z, then the body:
	//   printf 'admintfirstlastbody' | openssl dgst -sha1 -hmac admin12345 -binary | base64
	if got := f.Fields.Text("Signature"); got != "n+m81AyDvEKrvS8XzzQO0rkTwGo=" {
		t.Errorf("signature %s", got)
	}
	if !c.Verify(f) {
		t.Error("the signature does not verify")
	}
	f.Body = []byte("Body")
	if c.Verify(f) {
		t.Error("another body verifies")
	}
	unsigned := &Frame{}
	(&Credentials{}).Sign(unsigned)
	if unsigned.Fields.Len() != 0 || c.Verify(unsigned) {
		t.Error("no credentials, yet something was signed")
	}
}

func FuzzParseFrame(f *testing.F) {
	for _, json := range []bool{false, true} {
		x := &Frame{Code: SendMessage, JSON: json, Remark: "r", Body: []byte("b")}
		x.Fields.Add("a", "b")
		f.Add(AppendFrame(nil, x)[4:])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		a := &Frame{}
		if err := ParseFrame(data, a); err != nil {
			if !errors.Is(err, ErrFrame) {
				t.Fatal(err)
			}
			return
		}
		if !utf8.Valid(data) {
			return // bytes that are no UTF-8 are mended when written as JSON
		}
		a.Version = int32(int16(a.Version))
		back := parse(t, AppendFrame(nil, a))
		if !equal(a, back) {
			t.Fatalf("%+v was written and reads as %+v", a, back)
		}
	})
}

func benchmarkFrame(json bool) *Frame {
	f := &Frame{Code: SendMessage, JSON: json, Version: Version, Opaque: 77, Body: make([]byte, 1024)}
	for _, kv := range [][2]string{
		{"a", "orders"}, {"b", "orders"}, {"c", "TBW102"}, {"d", "4"}, {"e", "3"}, {"f", "0"}, {"g", "1764000000000"}, {"h", "0"},
		{"i", "UNIQ_KEY\x0101AABBCCDDEEFF0011223344556677889900\x02TAGS\x01paid\x02KEYS\x01order-1\x02a\x01b\x02"}, {"j", "0"}, {"k", "false"}, {"m", "false"}, {"n", "broker-a"},
	} {
		f.Fields.Add(kv[0], kv[1])
	}
	return f
}

func BenchmarkAppendFrame(b *testing.B) {
	for _, c := range []struct {
		name string
		json bool
	}{{"binary", false}, {"json", true}} {
		b.Run(c.name, func(b *testing.B) {
			f, buf := benchmarkFrame(c.json), make([]byte, 0, 4096)
			b.ReportAllocs()
			for b.Loop() {
				buf = AppendFrame(buf[:0], f)
			}
		})
	}
}

func BenchmarkParseFrame(b *testing.B) {
	for _, c := range []struct {
		name string
		json bool
	}{{"binary", false}, {"json", true}} {
		b.Run(c.name, func(b *testing.B) {
			wire, f := AppendFrame(nil, benchmarkFrame(c.json)), &Frame{}
			b.ReportAllocs()
			for b.Loop() {
				if err := ParseFrame(wire[4:], f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkSign(b *testing.B) {
	c := Credentials{AccessKey: "admin", Secret: "admin12345"}
	f := benchmarkFrame(false)
	n := f.Fields.Len()
	b.ReportAllocs()
	for b.Loop() {
		f.Fields.b = f.Fields.b[:n]
		c.Sign(f)
	}
}
