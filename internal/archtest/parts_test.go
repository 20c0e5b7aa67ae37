// SPDX-License-Identifier: Apache-2.0

package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// A part of tools/test that names a function nobody wrote, or that was written twice, shows only when the parts before it are through.
func TestEveryPartOfTheTestsIsOneFunction(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "..", "tools", "test"))
	if err != nil {
		t.Fatal(err)
	}
	functions := map[string]int{}
	for _, m := range regexp.MustCompile(`(?m)^([a-z_]+)\(\) \{`).FindAllStringSubmatch(string(raw), -1) {
		functions[m[1]]++
	}
	parts := regexp.MustCompile(`\bpart [a-z+-]+ [0-9]+ ([a-z_]+)`).FindAllStringSubmatch(string(raw), -1)
	if len(parts) < 10 {
		t.Fatalf("%d parts were found", len(parts))
	}
	for _, m := range parts {
		if functions[m[1]] != 1 {
			t.Errorf("the function %s of a part is there %d times", m[1], functions[m[1]])
		}
	}
	for name, n := range functions {
		if n != 1 {
			t.Errorf("the function %s is there %d times", name, n)
		}
	}
}
