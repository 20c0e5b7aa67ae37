// SPDX-License-Identifier: Apache-2.0

// Package nearest finds the known name that somebody who mistyped most likely meant.
package nearest

import "strings"

// longest bounds the work for hostile input; nobody mistypes a name of that length by a letter or two.
const longest = 64

// Name gives the known name closest to got, "" when none is close: at most a third of the longer one's letters (but always
// one) may differ, case apart. The first of several equally close names wins, so the order of known decides.
func Name(got string, known []string) string {
	if got == "" || len(got) > longest {
		return ""
	}
	best, least := "", longest
	for _, k := range known {
		if len(k) > longest {
			continue
		}
		d := distance(strings.ToLower(got), strings.ToLower(k))
		if d <= max(1, max(len(got), len(k))/3) && d < least {
			best, least = k, d
		}
	}
	return best
}

// Hint renders Name's answer as the end of an error message: `; did you mean "x"?`, "" when none is close.
func Hint(got string, known []string) string {
	if n := Name(got, known); n != "" {
		return `; did you mean "` + n + `"?`
	}
	return ""
}

// distance counts the letters to insert, delete, replace or swap with their neighbour to make a from b.
func distance(a, b string) int {
	before, above, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		above[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above, row = above, row, before
	}
	return above[len(b)]
}
