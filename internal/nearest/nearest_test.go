// SPDX-License-Identifier: Apache-2.0

package nearest

import (
	"strings"
	"testing"
)

func TestTheNearestNameIsFound(t *testing.T) {
	known := []string{"listen", "http", "data", "log-level", "topic", "group"}
	for _, c := range []struct{ got, want string }{
		{"lisen", "listen"},
		{"Listen", "listen"},
		{"tpoic", "topic"},
		{"loglevel", "log-level"},
		{"dat", "data"},
		{"grp", ""},
		{"completely-else", ""},
		{"", ""},
		{strings.Repeat("x", 10_000), ""},
	} {
		if got := Name(c.got, known); got != c.want {
			t.Errorf("Name(%.20q) = %q, want %q", c.got, got, c.want)
		}
	}
	if got := Hint("htpp", known); got != `; did you mean "http"?` {
		t.Errorf("Hint = %q", got)
	}
	if got := Hint("zzzz", known); got != "" {
		t.Errorf("Hint of nothing near = %q", got)
	}
}
