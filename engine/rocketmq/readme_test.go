// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// traitsTable is the table of the README, made from Traits.
func traitsTable() string {
	var b strings.Builder
	b.WriteString("| trait | value |\n|---|---|\n")
	v := reflect.ValueOf(Traits(72 * time.Hour))
	for i := range v.NumField() {
		value := v.Field(i).Interface()
		if d, ok := value.(time.Duration); ok && d%(24*time.Hour) == 0 {
			value = fmt.Sprintf("%d days", d/(24*time.Hour))
		}
		fmt.Fprintf(&b, "| %s | %v |\n", v.Type().Field(i).Name, value)
	}
	return b.String()
}

func TestTheReadmeSaysWhatTraitsSay(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	if want := traitsTable(); !strings.Contains(string(readme), want) {
		t.Errorf("README.md must contain this table:\n%s", want)
	}
	for name, why := range differs() {
		if want := fmt.Sprintf("| `%s` | %s |", name, why); !strings.Contains(string(readme), want) {
			t.Errorf("README.md must say: %s", want)
		}
	}
}

func TestTheReadmeNamesEveryFile(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() && e.Name() != "testdata" {
			files = append(files, e.Name()+"/")
		}
	}
	files = slices.DeleteFunc(files, func(name string) bool { return strings.HasSuffix(name, "_test.go") })
	for _, name := range files {
		if !strings.Contains(string(readme), "`"+name+"`") {
			t.Errorf("README.md does not name %s", name)
		}
	}
}
