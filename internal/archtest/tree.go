// SPDX-License-Identifier: Apache-2.0

package archtest

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// Module is the path of the module that is looked at.
const Module = "github.com/causeway-mq/causeway"

// File is one parsed Go file.
type File struct {
	Path    string // from the module's root, with slashes
	Package string // directory from the module's root
	Test    bool
	Lines   int
	Source  []byte
	AST     *ast.File
	Fset    *token.FileSet
	Imports []string
}

// Load parses every Go file below root but those of nested modules, hidden folders and generated or foreign trees.
func Load(root string) ([]File, error) {
	var files []File
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if rel != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules" || d.Name() == "testdata" || hasModule(p)) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(rel, ".go") {
			return nil
		}
		f, err := load(p, rel)
		if err != nil {
			return err
		}
		files = append(files, f)
		return nil
	})
	return files, err
}

func hasModule(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

func load(p, rel string) (File, error) {
	src, err := os.ReadFile(p)
	if err != nil {
		return File{}, err
	}
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, rel, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return File{}, err
	}
	f := File{
		Path: rel, Package: path.Dir(rel), Test: strings.HasSuffix(rel, "_test.go"),
		Lines: bytes.Count(src, []byte("\n")), Source: src, AST: tree, Fset: fset,
	}
	for _, i := range tree.Imports {
		name, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			return File{}, fmt.Errorf("%s: import %s: %w", rel, i.Path.Value, err)
		}
		f.Imports = append(f.Imports, name)
	}
	return f, nil
}

// Own gives the folder of an import that belongs to the module; ok is false for others.
func Own(imported string) (folder string, ok bool) {
	if imported == Module {
		return ".", true
	}
	return strings.CutPrefix(imported, Module+"/")
}
