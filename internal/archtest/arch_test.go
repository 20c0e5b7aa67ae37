// SPDX-License-Identifier: Apache-2.0

package archtest

import (
	"bytes"
	"go/ast"
	"go/token"
	"path"
	"strings"
	"testing"
)

func tree(t *testing.T) []File {
	t.Helper()
	files, err := Load("../..")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 20 {
		t.Fatalf("only %d Go files found: the walk went wrong", len(files))
	}
	return files
}

func TestImportsFollowTheTable(t *testing.T) {
	for _, f := range tree(t) {
		if f.Test {
			continue // a test may bring rooms together; the code it tests may not
		}
		if _, ok := roomOf(f.Package); !ok {
			t.Errorf("%s: the folder %s has no row in the import table", f.Path, f.Package)
			continue
		}
		for _, i := range f.Imports {
			if to, own := Own(i); own && !mayImport(f.Package, to) {
				t.Errorf("%s: %s may not import %s", f.Path, f.Package, to)
			}
		}
	}
}

func TestTheTableRefusesWhatItShould(t *testing.T) {
	for _, c := range []struct {
		from, to string
		want     bool
	}{
		{"mq", "internal/clock", false},
		{"mq", "mq/filter", false},
		{"mq/filter", "mq", true},
		{"mq/filter", "internal/clock", false},
		{"proxy/session", "proxy/access", false},
		{"proxy/produce", "proxy/session", true},
		{"proxy/gate/grpcfront", "proxy/gate", true},
		{"proxy/gate", "engine/embedded", false},
		{"engine/embedded", "proxy/produce", false},
		{"engine/embedded/log", "internal/fsys", true},
		{"engine/embedded", "mq/filter", true},
		{"control", "control/sqlstore", false},
		{"control", "proxy/catalog", false},
		{"control/api", "control", true},
		{"control/feed", "proxy/catalog/wire", true},
		{"control/feed", "proxy/catalog/fed", false},
		{"proxy/catalog/fed", "control/feed", false},
		{"proxy/catalog/wire", "control", false},
		{"control/api", "control/sqlstore", false},
		{"cli", "app", true},
		{"cli", "engine/embedded", false},
		{"app", "engine/embedded", true},
		{"app", "cmd/causeway", false},
		{"proxy/consume", "app", false},
		{"bench", "test/clients", false},
		{"bench", "tools/rocketmq/cluster", true},
		{"app", "tools/rocketmq/cluster", false},
	} {
		if got := mayImport(c.from, c.to); got != c.want {
			t.Errorf("%s imports %s: allowed = %v, want %v", c.from, c.to, got, c.want)
		}
	}
}

// grpc is a detail of one folder, the SQL driver of another: what may replace them stands behind a seam.
func TestHeavyImportsStayInTheirRoom(t *testing.T) {
	only := map[string][]string{
		"google.golang.org/grpc":      {"proxy/gate/grpcfront", "app", "cli", "test", "bench"},
		"modernc.org/sqlite":          {"control/sqlstore"},
		"github.com/jackc/pgx":        {"control/sqlstore", "internal/testkit/pgtest"},
		"github.com/spf13/cobra":      {"cli", "cmd"},
		"github.com/apache/rocketmq-": {"proxy/gate", "cli", "test", "bench"},
	}
	for _, f := range tree(t) {
		if f.Test {
			continue
		}
		for _, i := range f.Imports {
			for prefix, rooms := range only {
				if strings.HasPrefix(i, prefix) && !inAny(f.Package, rooms) {
					t.Errorf("%s: %s belongs to %v", f.Path, i, rooms)
				}
			}
		}
	}
}

func inAny(folder string, rooms []string) bool {
	for _, r := range rooms {
		if within(folder, r) {
			return true
		}
	}
	return false
}

func TestSizes(t *testing.T) {
	packages := make(map[string]int)
	for _, f := range tree(t) {
		if f.Lines > maxFileLines {
			t.Errorf("%s has %d lines, the limit is %d", f.Path, f.Lines, maxFileLines)
		}
		if f.Test {
			continue
		}
		if f.Package != "engine/enginetest" { // a suite of tests that engines import: tests are not counted
			packages[f.Package] += f.Lines
		}
		for _, d := range f.AST.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				checkFunction(t, f, fn)
			}
		}
	}
	for p, lines := range packages {
		if lines > maxPackageLines {
			t.Errorf("package %s has %d lines, the limit is %d", p, lines, maxPackageLines)
		}
	}
}

func checkFunction(t *testing.T, f File, fn *ast.FuncDecl) {
	lines := f.Fset.Position(fn.End()).Line - f.Fset.Position(fn.Pos()).Line + 1
	if lines > maxFunctionLines {
		t.Errorf("%s: %s has %d lines, the limit is %d", f.Path, fn.Name.Name, lines, maxFunctionLines)
	}
	n := 0
	for i, p := range fn.Type.Params.List {
		if sel, ok := p.Type.(*ast.SelectorExpr); ok && i == 0 && sel.Sel.Name == "Context" {
			continue
		}
		n += max(1, len(p.Names))
	}
	if n > maxParameters {
		t.Errorf("%s: %s has %d parameters, the limit is %d: use a struct", f.Path, fn.Name.Name, n, maxParameters)
	}
}

func TestPortsAreSmall(t *testing.T) {
	for _, f := range tree(t) {
		if f.Test || within(f.Package, "internal/fsys") {
			continue // a file-system port may pass the limit
		}
		ast.Inspect(f.AST, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if i, ok := spec.Type.(*ast.InterfaceType); ok && i.Methods.NumFields() > maxPortMethods {
				t.Errorf("%s: interface %s has %d methods, the limit is %d", f.Path, spec.Name.Name, i.Methods.NumFields(), maxPortMethods)
			}
			return true
		})
	}
}

func TestNamesAndDocs(t *testing.T) {
	documented := make(map[string]bool)
	for _, f := range tree(t) {
		name := f.AST.Name.Name
		if bannedPackages()[strings.TrimSuffix(name, "_test")] || bannedPackages()[path.Base(f.Package)] {
			t.Errorf("%s: no package is called %s here", f.Path, name)
		}
		if !bytes.HasPrefix(f.Source, []byte("// SPDX-License-Identifier: Apache-2.0\n")) {
			t.Errorf("%s: the first line is the licence identifier", f.Path)
		}
		if f.Test {
			continue
		}
		documented[f.Package] = documented[f.Package] || f.AST.Doc != nil
		if name == "main" {
			continue
		}
		for _, d := range f.AST.Decls {
			checkDocs(t, f, d)
		}
	}
	for p, ok := range documented {
		if !ok {
			t.Errorf("package %s has no package comment", p)
		}
	}
}

func checkDocs(t *testing.T, f File, d ast.Decl) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && d.Doc == nil && exportedReceiver(d) {
			t.Errorf("%s: exported %s has no comment", f.Path, d.Name.Name)
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() && d.Doc == nil && s.Doc == nil {
					t.Errorf("%s: exported type %s has no comment", f.Path, s.Name.Name)
				}
			case *ast.ValueSpec:
				for _, n := range s.Names {
					if n.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
						t.Errorf("%s: exported %s has no comment", f.Path, n.Name)
					}
				}
			}
		}
	}
}

func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	typ := d.Recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	if ix, ok := typ.(*ast.IndexExpr); ok {
		typ = ix.X
	}
	id, ok := typ.(*ast.Ident)
	return ok && id.IsExported()
}

// No state before main, none beside the values that constructors make.
func TestNoInitAndNoPackageState(t *testing.T) {
	for _, f := range tree(t) {
		if f.Test {
			continue
		}
		for _, i := range f.AST.Imports {
			if i.Name != nil && i.Name.Name == "_" && !sideEffectAllowed(f, i) {
				t.Errorf("%s: %s is imported for its side effect", f.Path, i.Path.Value)
			}
		}
		for _, d := range f.AST.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil && d.Name.Name == "init" {
					t.Errorf("%s: init() is refused", f.Path)
				}
			case *ast.GenDecl:
				if d.Tok == token.VAR {
					checkVars(t, f, d)
				}
			}
		}
	}
}

// sideEffectAllowed names what can be had in no other way: go:embed, and an SQL driver that registers itself.
func sideEffectAllowed(f File, i *ast.ImportSpec) bool {
	return i.Path.Value == `"embed"` || i.Path.Value == `"modernc.org/sqlite"` && within(f.Package, "control/sqlstore")
}

// checkVars lets through what nobody can change: interface assertions, sentinel errors, embedded files, link-time version.
func checkVars(t *testing.T, f File, d *ast.GenDecl) {
	embedded := d.Doc != nil && strings.Contains(commentText(d.Doc), "go:embed")
	for _, s := range d.Specs {
		v, ok := s.(*ast.ValueSpec)
		if !ok || embedded {
			continue
		}
		for i, n := range v.Names {
			if n.Name == "_" || i < len(v.Values) && constantLike(v.Values[i]) {
				continue
			}
			t.Errorf("%s: package variable %s: state belongs to a value that a constructor makes", f.Path, n.Name)
		}
	}
}

func commentText(g *ast.CommentGroup) string {
	var b strings.Builder
	for _, c := range g.List {
		b.WriteString(c.Text)
	}
	return b.String()
}

// constantLike accepts errors.New(...), regexp.MustCompile(...), crc32.MakeTable(...): values that are made once and only read.
func constantLike(e ast.Expr) bool {
	call, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	pkg, ok := sel.X.(*ast.Ident)
	if !ok {
		return false
	}
	switch pkg.Name + "." + sel.Sel.Name {
	case "errors.New", "regexp.MustCompile", "crc32.MakeTable", "base64.URLEncoding.WithPadding":
		return true
	}
	return false
}

func TestTestsNeverSleep(t *testing.T) {
	for _, f := range tree(t) {
		if !f.Test && !within(f.Package, "test") {
			continue
		}
		ast.Inspect(f.AST, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel.Name == "Sleep" {
				if pkg, ok := sel.X.(*ast.Ident); ok && pkg.Name == "time" {
					t.Errorf("%s: a test waits for a condition with a bound, it never sleeps", f.Fset.Position(n.Pos()))
				}
			}
			return true
		})
	}
}
