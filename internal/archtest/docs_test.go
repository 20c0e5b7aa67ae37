// SPDX-License-Identifier: Apache-2.0

package archtest

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What ARCHITECTURE.md names as proof is there, under that name.
func TestTestsThatTheDocumentNamesExist(t *testing.T) {
	text, err := os.ReadFile("../../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	known := make(map[string]bool)
	for _, f := range tree(t) {
		for _, d := range f.AST.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && f.Test {
				known[fn.Name.Name] = true
			}
		}
	}
	named := regexp.MustCompile("`(Test[A-Za-z0-9]+)`").FindAllStringSubmatch(string(text), -1)
	if len(named) < 10 {
		t.Fatalf("only %d tests are named: the list is gone", len(named))
	}
	for _, n := range named {
		if !known[n[1]] {
			t.Errorf("ARCHITECTURE.md names %s, which no file has", n[1])
		}
	}
}

// A link in the documents leads to a file.
func TestLinksBetweenDocumentsHold(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#:]+)\)`)
	for _, doc := range []string{"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "bench/README.md", "engine/embedded/README.md", "test/clients/README.md"} {
		text, err := os.ReadFile(filepath.Join("../..", doc))
		if err != nil {
			t.Error(err)
			continue
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			target := filepath.Join("../..", filepath.Dir(doc), strings.TrimSpace(m[1]))
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s, which is not there", doc, m[1])
			}
		}
	}
}

// The import table's folders are those of the code map.
func TestTheCodeMapNamesEveryRoom(t *testing.T) {
	text, err := os.ReadFile("../../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for _, f := range tree(t) {
		parts := strings.Split(f.Package, "/")
		room := strings.Join(parts[:min(2, len(parts))], "/")
		if seen[room] || strings.HasPrefix(room, "internal/") || strings.HasPrefix(room, "test/") || strings.HasPrefix(room, "cli/") || strings.HasPrefix(room, "tools/") {
			continue
		}
		seen[room] = true
		if !strings.Contains(string(text), "`"+room+"`") {
			t.Errorf("ARCHITECTURE.md has no row for %s", room)
		}
	}
}

// A dependency is chosen, not collected.
func TestEveryDependencyHasItsReason(t *testing.T) {
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	record, err := os.ReadFile("../../docs/adr/0004-dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	direct := regexp.MustCompile(`(?m)^\t(\S+) v\S+$`).FindAllStringSubmatch(string(mod), -1)
	if len(direct) == 0 {
		t.Fatal("go.mod lists no dependency: the pattern is wrong")
	}
	for _, d := range direct {
		if !strings.Contains(string(record), "`"+d[1]+"`") {
			t.Errorf("docs/adr/0004-dependencies.md gives no reason for %s", d[1])
		}
	}
}
