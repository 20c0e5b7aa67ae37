// SPDX-License-Identifier: Apache-2.0

package embedded_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/engine/embedded"
	"github.com/causeway-mq/causeway/proxy/consume"
	"github.com/causeway-mq/causeway/proxy/produce"
	"github.com/causeway-mq/causeway/proxy/route"
)

// The engine satisfies every port, which it does not import.
var (
	_ produce.Store       = (*embedded.Engine)(nil)
	_ consume.Leaser      = (*embedded.Engine)(nil)
	_ consume.Positioner  = (*embedded.Engine)(nil)
	_ route.Topology      = (*embedded.Engine)(nil)
	_ control.Provisioner = (*embedded.Engine)(nil)
	_ control.Inspector   = (*embedded.Engine)(nil)
)

// traitsTable is the table of the README, made from Traits.
func traitsTable() string {
	var b strings.Builder
	b.WriteString("| trait | value |\n|---|---|\n")
	v := reflect.ValueOf(embedded.Traits())
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
		t.Fatalf("README.md must contain this table:\n%s", want)
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
