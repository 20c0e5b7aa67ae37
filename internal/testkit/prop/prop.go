// SPDX-License-Identifier: Apache-2.0

// Package prop runs a property over many drawn inputs.
//
// Each round draws from its own seed. A round that fails prints the seed, what was drawn, and how to run that round alone:
// CAUSEWAY_PROP_SEED=<seed> go test -run <test>. Nothing is shrunk: keep the drawn values small instead. Seeds of an ordinary
// run come from the test's name, so that the same commit gives the same verdict.
package prop

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	rounds     = 100
	roundShort = 20
	// steps is how many actions Repeat takes in one round.
	steps = 60
)

// T is one round: a source of drawn values that fails like a test.
type T struct {
	testing.TB
	seed  uint64
	rand  *rand.Rand
	drawn []string
}

// Check runs property in 100 rounds (20 with -short). The first failing round ends the test.
func Check(t *testing.T, property func(*T)) {
	t.Helper()
	if s := os.Getenv("CAUSEWAY_PROP_SEED"); s != "" {
		seed, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatalf("CAUSEWAY_PROP_SEED=%q is no number", s)
		}
		round(t, seed, property)
		return
	}
	name := fnv.New64a()
	name.Write([]byte(t.Name()))
	n := rounds
	if testing.Short() {
		n = roundShort
	}
	for i := range n {
		round(t, name.Sum64()+uint64(i), property)
	}
}

func round(t *testing.T, seed uint64, property func(*T)) {
	t.Helper()
	r := &T{TB: t, seed: seed, rand: rand.New(rand.NewPCG(seed, seed^0x9e3779b97f4a7c15))}
	passed := false
	defer func() {
		if !passed {
			t.Logf("seed %d, drawn:\n  %s\nagain: CAUSEWAY_PROP_SEED=%d go test -run '^%s$'", seed, r.story(), seed, t.Name())
		}
	}()
	property(r)
	passed = !t.Failed()
	if !passed {
		t.FailNow()
	}
}

// story is what was drawn, the last of it when it is long.
func (t *T) story() string {
	const enough = 120
	d := t.drawn
	if len(d) > enough {
		d = append([]string{fmt.Sprintf("... %d draws before", len(d)-enough)}, d[len(d)-enough:]...)
	}
	return strings.Join(d, "\n  ")
}

// Repeat takes random actions of the map, each followed by the one named "" if there is one: an invariant to check.
func (t *T) Repeat(actions map[string]func(*T)) {
	t.Helper()
	names := make([]string, 0, len(actions))
	for name := range actions {
		if name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	check := actions[""]
	if check == nil {
		check = func(*T) {}
	}
	check(t)
	for range 1 + t.rand.IntN(steps) {
		name := names[t.rand.IntN(len(names))]
		t.drawn = append(t.drawn, "action "+name)
		actions[name](t)
		check(t)
	}
}

// Gen draws values of one type.
type Gen[V any] struct{ draw func(*rand.Rand) V }

// Draw gives the next value and notes it under label for the story of a failure.
func (g Gen[V]) Draw(t *T, label string) V {
	v := g.draw(t.rand)
	t.drawn = append(t.drawn, fmt.Sprintf("%s = %#v", label, v))
	return v
}

// IntRange draws from lo to hi, both included, the ends more often than the rest.
func IntRange(lo, hi int) Gen[int] {
	return Gen[int]{func(r *rand.Rand) int {
		switch r.IntN(10) {
		case 0:
			return lo
		case 1:
			return hi
		}
		return lo + int(r.Uint64N(uint64(hi-lo)+1))
	}}
}

// Uint64Range draws from lo to hi, both included, the ends more often than the rest.
func Uint64Range(lo, hi uint64) Gen[uint64] {
	return Gen[uint64]{func(r *rand.Rand) uint64 {
		switch r.IntN(10) {
		case 0:
			return lo
		case 1:
			return hi
		}
		if width := hi - lo + 1; width != 0 {
			return lo + r.Uint64N(width)
		}
		return r.Uint64()
	}}
}

// Int64Range draws from lo to hi, both included, the ends more often than the rest.
func Int64Range(lo, hi int64) Gen[int64] {
	return Gen[int64]{func(r *rand.Rand) int64 {
		switch r.IntN(10) {
		case 0:
			return lo
		case 1:
			return hi
		}
		if width := uint64(hi-lo) + 1; width != 0 {
			return lo + int64(r.Uint64N(width))
		}
		return int64(r.Uint64())
	}}
}

// Int draws any int, small ones more often.
func Int() Gen[int] {
	return Gen[int]{func(r *rand.Rand) int { return int(r.Uint64()>>r.IntN(64)) * (1 - 2*r.IntN(2)) }}
}

// Uint draws any uint, small ones more often.
func Uint() Gen[uint] {
	return Gen[uint]{func(r *rand.Rand) uint { return uint(r.Uint64() >> r.IntN(64)) }}
}

// Uint64 draws any uint64, small ones more often.
func Uint64() Gen[uint64] {
	return Gen[uint64]{func(r *rand.Rand) uint64 { return r.Uint64() >> r.IntN(64) }}
}

// Int64 draws any int64, small ones more often.
func Int64() Gen[int64] {
	return Gen[int64]{func(r *rand.Rand) int64 { return int64(r.Uint64()>>r.IntN(64)) * int64(1-2*r.IntN(2)) }}
}

// Bool draws true or false.
func Bool() Gen[bool] { return Gen[bool]{func(r *rand.Rand) bool { return r.IntN(2) == 0 }} }

// SampledFrom draws one of the values.
func SampledFrom[V any](from []V) Gen[V] {
	return Gen[V]{func(r *rand.Rand) V { return from[r.IntN(len(from))] }}
}

// Permutation draws an order of the values.
func Permutation[V any](of []V) Gen[[]V] {
	return Gen[[]V]{func(r *rand.Rand) []V {
		p := slices.Clone(of)
		r.Shuffle(len(p), func(i, j int) { p[i], p[j] = p[j], p[i] })
		return p
	}}
}

// SliceOfN draws lo to hi values of g; a hi below 0 means up to 32.
func SliceOfN[V any](g Gen[V], lo, hi int) Gen[[]V] {
	if hi < 0 {
		hi = lo + 32
	}
	return Gen[[]V]{func(r *rand.Rand) []V {
		s := make([]V, lo+r.IntN(hi-lo+1))
		for i := range s {
			s[i] = g.draw(r)
		}
		return s
	}}
}

// SliceOf draws up to 32 values of g.
func SliceOf[V any](g Gen[V]) Gen[[]V] { return SliceOfN(g, 0, -1) }

// Custom draws with a function that may draw from other generators.
func Custom[V any](draw func(*T) V) Gen[V] {
	return Gen[V]{func(r *rand.Rand) V { return draw(&T{rand: r}) }}
}

// String draws text of letters, digits, signs, control characters and runes of several lengths.
func String() Gen[string] { return StringN(0, 23, -1) }

// StringN draws text of lo to hi runes and at most most bytes; a most below 0 means any number.
func StringN(lo, hi, most int) Gen[string] {
	alphabet := []rune("abcXYZ019 _-%|'\"\\/=<>()\x00\n\t\u00e9\u0440\u4e2d\U0001f600")
	return Gen[string]{func(r *rand.Rand) string {
		s := make([]rune, lo+r.IntN(hi-lo+1))
		for i := range s {
			s[i] = alphabet[r.IntN(len(alphabet))]
		}
		for most >= 0 && len(string(s)) > most {
			s = s[:len(s)-1]
		}
		return string(s)
	}}
}
