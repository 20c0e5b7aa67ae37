// SPDX-License-Identifier: Apache-2.0

package label_test

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/causeway-mq/causeway/control/label"
	"github.com/causeway-mq/causeway/control/refusal"
)

func TestLabelsAreReadAsTheyWereWritten(t *testing.T) {
	for name, want := range map[string]map[string]string{
		"none": nil, "one": {"team": "payments"}, "an empty value": {"gold": ""}, "signs": {"a.b/c-d_e": "x=y = 'z' ✓ \\n"},
		"many": {"b": "1", "a": "2", "c": "3"}, "the longest": {strings.Repeat("k", label.MaxKey): strings.Repeat("ß", label.MaxValue)},
	} {
		l, err := label.Of(want)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		again, err := label.Read(l.String())
		if err != nil || again != l || !maps.Equal(again.Map(), want) {
			t.Errorf("%s: %q is read as %v, %v", name, l, again.Map(), err)
		}
	}
}

func TestLabelsOutsideTheLimitsAreRefused(t *testing.T) {
	many := map[string]string{}
	for i := range label.Max + 1 {
		many[fmt.Sprint("k", i)] = ""
	}
	for name, c := range map[string]struct {
		labels map[string]string
		limit  string
	}{
		"too many": {many, "16"}, "no key": {map[string]string{"": "x"}, "40"}, "a long key": {map[string]string{strings.Repeat("k", 41): ""}, "40"},
		"capitals": {map[string]string{"Team": "x"}, "40"}, "a space": {map[string]string{"a b": "x"}, "40"}, "a line": {map[string]string{"a\nb": "x"}, "40"},
		"a sign of equality": {map[string]string{"a=b": "x"}, "40"}, "a long value": {map[string]string{"a": strings.Repeat("x", 81)}, "80"},
		"a value of two lines": {map[string]string{"a": "x\ny"}, "80"}, "no text": {map[string]string{"a": "\xff"}, "80"},
	} {
		_, err := label.Of(c.labels)
		var r *refusal.Refusal
		if !errors.As(err, &r) || r.Reason != refusal.OutOfRange || r.Field != "labels" || r.Limit != c.limit {
			t.Errorf("%s: %+v", name, err)
		}
	}
}

func TestThingsAreFoundByOnePair(t *testing.T) {
	l, err := label.Of(map[string]string{"team": "payments", "tier": ""})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{"team=payments": true, "tier=": true, "team=pay": false, "team=": false, "eam=payments": false, "tier=payments": false} {
		p, err := label.ParsePair(text)
		if err != nil || l.Has(p) != want {
			t.Errorf("%q: %v, want %v (%v)", text, !want, want, err)
		}
	}
	for _, text := range []string{"", "team", "=x", "Team=x", "team=\n"} {
		var r *refusal.Refusal
		if _, err := label.ParsePair(text); !errors.As(err, &r) || r.Field != "label" {
			t.Errorf("%q: %v", text, err)
		}
	}
}
