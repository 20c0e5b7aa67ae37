// SPDX-License-Identifier: Apache-2.0

// Package label is the noun label: what people write on tenants, applications, topics and groups to find them again. The platform itself gives
// none a meaning.
package label

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/causeway-mq/causeway/control/refusal"
	"github.com/causeway-mq/causeway/mq"
)

// Limits of the labels of one thing.
const (
	Max      = 16
	MaxKey   = 40 // characters of a-z, 0-9 and "-_./"
	MaxValue = 80 // printable characters; a value may be empty
)

// Labels are the labels of one thing, no key twice. They never change; the zero value is none, and equal labels are equal values.
type Labels struct {
	text string // sorted lines "key=value", neither of which holds a line's end
}

// Of checks labels.
func Of(all map[string]string) (Labels, error) {
	if len(all) > Max {
		return Labels{}, refuse("labels: %d of them, the limit is %d", len(all), Max).Beyond(strconv.Itoa(Max))
	}
	lines := make([]string, 0, len(all))
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if err := cmp.Or(checkKey(key), checkValue(key, all[key])); err != nil {
			return Labels{}, err
		}
		lines = append(lines, key+"="+all[key])
	}
	return Labels{strings.Join(lines, "\n")}, nil
}

// Read reads what String wrote.
func Read(text string) (Labels, error) {
	all := map[string]string{}
	if text != "" {
		for line := range strings.SplitSeq(text, "\n") {
			key, value, _ := strings.Cut(line, "=")
			all[key] = value
		}
	}
	return Of(all)
}

// String is the labels in one text, as Read reads it.
func (l Labels) String() string { return l.text }

// Map is the labels by key, nil where there are none. The caller owns it.
func (l Labels) Map() map[string]string {
	if l.text == "" {
		return nil
	}
	all := map[string]string{}
	for line := range strings.SplitSeq(l.text, "\n") {
		key, value, _ := strings.Cut(line, "=")
		all[key] = value
	}
	return all
}

// Pair is one label, as things are looked for by it.
type Pair struct{ line string }

// ParsePair reads "key=value".
func ParsePair(text string) (Pair, error) {
	key, value, ok := strings.Cut(text, "=")
	if !ok {
		return Pair{}, refusal.New("malformed", mq.BadRequest, "label: KEY=VALUE is wanted, for example team=payments").On("label")
	}
	if err := cmp.Or(checkKey(key), checkValue(key, value)); err != nil {
		return Pair{}, err.On("label")
	}
	return Pair{text}, nil
}

// Has tells whether the pair is among the labels.
func (l Labels) Has(p Pair) bool {
	return slices.Contains(strings.Split(l.text, "\n"), p.line)
}

func checkKey(key string) *refusal.Refusal {
	ok := key != "" && len(key) <= MaxKey
	for _, c := range []byte(key) {
		ok = ok && (c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || strings.IndexByte("-_./", c) >= 0)
	}
	if !ok {
		return refuse("labels: key %.50q: 1 to %d characters of a-z, 0-9, '-', '_', '.' and '/' are possible", key, MaxKey).Beyond(strconv.Itoa(MaxKey))
	}
	return nil
}

func checkValue(key, value string) *refusal.Refusal {
	ok := utf8.ValidString(value) && utf8.RuneCountInString(value) <= MaxValue
	for _, r := range value {
		ok = ok && unicode.IsPrint(r)
	}
	if !ok {
		return refuse("labels: value of %q: at most %d printable characters are possible", key, MaxValue).Beyond(strconv.Itoa(MaxValue))
	}
	return nil
}

func refuse(format string, args ...any) *refusal.Refusal {
	return refusal.New(refusal.OutOfRange, mq.BadRequest, format, args...).On("labels")
}
