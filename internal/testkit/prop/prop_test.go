// SPDX-License-Identifier: Apache-2.0

package prop

import (
	"regexp"
	"slices"
	"testing"
)

func TestDrawsStayWithinTheirBounds(t *testing.T) {
	seen := make(map[int]bool)
	pattern := regexp.MustCompile(`^[a-c]{2,4}(x|yz)?\d+$`)
	Check(t, func(t *T) {
		n := IntRange(-3, 3).Draw(t, "n")
		seen[n] = true
		if n < -3 || n > 3 {
			t.Fatalf("drew %d", n)
		}
		if s := StringMatching(pattern.String()).Draw(t, "s"); !pattern.MatchString(s) {
			t.Fatalf("%q does not match", s)
		}
		if l := len(SliceOfN(Bool(), 2, 5).Draw(t, "l")); l < 2 || l > 5 {
			t.Fatalf("%d values", l)
		}
		p := Permutation([]int{1, 2, 3}).Draw(t, "p")
		slices.Sort(p)
		if !slices.Equal(p, []int{1, 2, 3}) {
			t.Fatalf("lost a value: %v", p)
		}
	})
	if len(seen) != 7 {
		t.Errorf("100 rounds drew only %v", seen)
	}
}

func TestTheSameNameDrawsTheSame(t *testing.T) {
	var first, second []int
	for _, into := range []*[]int{&first, &second} {
		Check(t, func(t *T) { *into = append(*into, Int().Draw(t, "v")) })
	}
	if !slices.Equal(first, second) {
		t.Error("two runs differ")
	}
}

func TestRepeatChecksAfterEveryAction(t *testing.T) {
	Check(t, func(t *T) {
		actions, checks := 0, 0
		t.Repeat(map[string]func(*T){
			"a": func(*T) { actions++ },
			"b": func(*T) { actions++ },
			"":  func(*T) { checks++ },
		})
		if actions == 0 || checks != actions+1 {
			t.Fatalf("%d actions, %d checks", actions, checks)
		}
	})
}
