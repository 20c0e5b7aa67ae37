// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"testing"

	"github.com/causeway-mq/causeway/mq"
)

const benchExpression = "region = 'eu' AND amount BETWEEN 10.0 AND 500.0 AND kind IN ('card', 'cash', 'transfer') AND (vip = TRUE OR score > 700)"

func benchMessage(b testing.TB) *mq.Message {
	tag, err := mq.ParseTag("paid")
	if err != nil {
		b.Fatal(err)
	}
	return &mq.Message{Tag: tag, Properties: []mq.Property{
		{Name: "amount", Value: "120.5"}, {Name: "kind", Value: "cash"}, {Name: "region", Value: "eu"}, {Name: "score", Value: "750"}, {Name: "vip", Value: "false"},
	}}
}

func TestMatchAllocatesNothing(t *testing.T) {
	m := benchMessage(t)
	tags, err := Compile(mq.Filter{Expression: "paid || refunded"})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []*Filter{sql(t, benchExpression), sql(t, "region > 5"), tags} {
		if n := testing.AllocsPerRun(100, func() { _, _ = f.Match(Message(m)) }); n != 0 {
			t.Errorf("%s: %v allocations", f, n)
		}
	}
}

func BenchmarkMatchSQL(b *testing.B) {
	f, err := Compile(mq.Filter{SQL: true, Expression: benchExpression})
	if err != nil {
		b.Fatal(err)
	}
	m := benchMessage(b)
	b.ReportAllocs()
	for b.Loop() {
		if ok, err := f.Match(Message(m)); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}

func BenchmarkMatchTags(b *testing.B) {
	f, err := Compile(mq.Filter{Expression: "created || paid || refunded"})
	if err != nil {
		b.Fatal(err)
	}
	m := benchMessage(b)
	b.ReportAllocs()
	for b.Loop() {
		if ok, _ := f.Match(Message(m)); !ok {
			b.Fatal("no match")
		}
	}
}

func BenchmarkCompileSQL(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Compile(mq.Filter{SQL: true, Expression: benchExpression}); err != nil {
			b.Fatal(err)
		}
	}
}
