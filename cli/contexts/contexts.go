// SPDX-License-Identifier: Apache-2.0

// Package contexts keeps the installations that somebody works with: where each is, which tenant, with which token.
//
// All of them stand in one file that its owner alone may read, since tokens may stand in it; a file that others can read is
// refused before it is used. Changes are made under a lock and replace the file whole, so that neither two commands at once
// nor a crash lose a context.
package contexts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/internal/fsys"
	"github.com/causeway-mq/causeway/internal/nearest"
	"github.com/causeway-mq/causeway/internal/strictyaml"
)

// Context is one installation under a name. At most one of the three tokens is set.
type Context struct {
	Name      string `yaml:"name" json:"name"`
	Server    string `yaml:"server" json:"server"` // URL of the API
	Tenant    string `yaml:"tenant,omitempty" json:"tenant,omitempty"`
	Endpoint  string `yaml:"endpoint,omitempty" json:"endpoint,omitempty"` // HOST:PORT for clients
	Token     string `yaml:"token,omitempty" json:"-" secret:"true"`       // kept in the file itself
	TokenFile string `yaml:"token_file,omitempty" json:"tokenFile,omitempty"`
	TokenEnv  string `yaml:"token_env,omitempty" json:"tokenEnv,omitempty"`
}

// Secret is the context's token and where it was found, both "" when there is none. A file that cannot be read, or that
// everybody can, is an error.
func (c Context) Secret(getenv func(string) string) (token, from string, err error) {
	switch {
	case c.Token != "":
		return c.Token, "the contexts' file", nil
	case c.TokenEnv != "":
		return getenv(c.TokenEnv), "environment " + c.TokenEnv, nil
	case c.TokenFile == "":
		return "", "", nil
	}
	raw, err := read(c.TokenFile, 0o004)
	if err != nil {
		return "", "", fmt.Errorf("token of context %q: %w", c.Name, err)
	}
	return strings.TrimSpace(string(raw)), "file " + c.TokenFile, nil
}

// Reference says where the token is, without saying it; "" when there is none.
func (c Context) Reference() string {
	switch {
	case c.Token != "":
		return "kept"
	case c.TokenEnv != "":
		return "env " + c.TokenEnv
	case c.TokenFile != "":
		return "file " + c.TokenFile
	}
	return ""
}

// Check tells what is wrong with a context.
func (c Context) Check() error {
	var errs []error
	if !regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`).MatchString(c.Name) {
		errs = append(errs, fmt.Errorf("name %q: 1 to 64 characters of A-Z, a-z, 0-9, '.', '_' and '-' are possible, the first one a letter or a digit", c.Name))
	}
	if u, err := url.Parse(c.Server); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		errs = append(errs, fmt.Errorf("server %q: a URL such as http://127.0.0.1:8090 is needed", c.Server))
	}
	tokens := 0
	for _, t := range []string{c.Token, c.TokenFile, c.TokenEnv} {
		if t != "" {
			tokens++
		}
	}
	if tokens > 1 {
		errs = append(errs, errors.New("token, token_file, token_env: one of them is possible"))
	}
	return errors.Join(errs...)
}

// Book is all contexts.
type Book struct {
	Current  string    `yaml:"current"` // "" = none
	Contexts []Context `yaml:"contexts"`
}

// ErrUnknown is matched by the error about a context that is not there.
var ErrUnknown = errors.New("no such context")

// Find gives a context for reading or changing it.
func (b *Book) Find(name string) (*Context, error) {
	for i := range b.Contexts {
		if b.Contexts[i].Name == name {
			return &b.Contexts[i], nil
		}
	}
	return nil, fmt.Errorf("context %q: %w%s", name, ErrUnknown, nearest.Hint(name, b.Names()))
}

// Names is the names of all contexts in their order.
func (b *Book) Names() []string {
	names := make([]string, len(b.Contexts))
	for i, c := range b.Contexts {
		names[i] = c.Name
	}
	return names
}

// Remove forgets a context; when it was the current one there is none afterwards.
func (b *Book) Remove(name string) {
	b.Contexts = slices.DeleteFunc(b.Contexts, func(c Context) bool { return c.Name == name })
	if b.Current == name {
		b.Current = ""
	}
}

// File is where the contexts are kept: CAUSEWAY_CONTEXTS, or contexts.yaml below the user's configuration directory. It is
// "" where the environment names no home.
func File(getenv func(string) string) string {
	if f := getenv("CAUSEWAY_CONTEXTS"); f != "" {
		return f
	}
	var dir string
	switch home := getenv("HOME"); {
	case getenv("XDG_CONFIG_HOME") != "":
		dir = getenv("XDG_CONFIG_HOME")
	case runtime.GOOS == "windows":
		dir = getenv("AppData")
	case runtime.GOOS == "darwin" && home != "":
		dir = filepath.Join(home, "Library", "Application Support")
	case home != "":
		dir = filepath.Join(home, ".config")
	}
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, "causeway", "contexts.yaml")
}

// maxFile bounds the contexts' file and a token's file, in bytes.
const maxFile = 1 << 20

// Load reads the contexts; a file that is not there, and the path "", hold none. The error names the file with all that is
// wrong in it.
func Load(path string) (Book, error) {
	var b Book
	if path == "" {
		return b, nil
	}
	raw, err := read(path, 0o077)
	if errors.Is(err, fs.ErrNotExist) {
		return b, nil
	}
	if err != nil {
		return b, err
	}
	doc, err := strictyaml.Decode(raw, &b)
	var problems strictyaml.Problems
	if err != nil && !errors.As(err, &problems) {
		return b, fmt.Errorf("%s: %w", path, err)
	}
	if len(problems) == 0 {
		problems = b.problems(doc)
	}
	if err := problems.Err(); err != nil {
		return b, fmt.Errorf("%s: %w", path, err)
	}
	return b, nil
}

func (b *Book) problems(doc *strictyaml.Document) (all strictyaml.Problems) {
	seen := map[string]bool{}
	for i, c := range b.Contexts {
		key := fmt.Sprintf("contexts[%d]", i)
		if err := c.Check(); err != nil {
			all = append(all, doc.Problem(key, "%s", strings.ReplaceAll(err.Error(), "\n", "; ")))
		}
		if seen[c.Name] {
			all = append(all, doc.Problem(key+".name", "two contexts have this name"))
		}
		seen[c.Name] = true
	}
	if b.Current != "" && !seen[b.Current] {
		all = append(all, doc.Problem("current", "no context has this name%s", nearest.Hint(b.Current, b.Names())))
	}
	return all
}

// read reads a small file that must not be open to those whom the bits of mode name.
func read(path string, closed fs.FileMode) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if open := info.Mode().Perm() & closed; open != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("%s: mode %04o: tokens that others can read are not used; chmod 600 %s", path, info.Mode().Perm(), path)
	}
	raw, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(raw) > maxFile {
		return nil, fmt.Errorf("%s has more than %d bytes", path, maxFile)
	}
	return raw, err
}

// Store changes the contexts' file.
type Store struct {
	Path  string
	Clock clock.Clock
}

// lockTime is how long a change waits for another command's.
const lockTime = 5 * time.Second

// Change reads the contexts, lets edit change them and writes them back whole. Nothing is written when edit fails.
func (s Store) Change(ctx context.Context, edit func(*Book) error) error {
	if s.Path == "" {
		return errors.New("no place for contexts: set HOME, or CAUSEWAY_CONTEXTS to a file")
	}
	path := s.Path
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real // a link stays a link
	}
	files, name := fsys.OS(filepath.Dir(path)), filepath.Base(path)
	if err := files.MkdirAll("."); err != nil {
		return err
	}
	lock, err := s.lock(ctx, files, name+".lock")
	if err != nil {
		return err
	}
	defer lock.Close()
	b, err := Load(path)
	if err != nil {
		return err
	}
	if err := edit(&b); err != nil {
		return err
	}
	for _, c := range b.Contexts {
		if err := c.Check(); err != nil {
			return err
		}
	}
	text, err := yaml.Marshal(b)
	if err != nil {
		return err
	}
	return fsys.Install(files, name, text)
}

func (s Store) lock(ctx context.Context, files fsys.FS, name string) (io.Closer, error) {
	ctx, cancel := context.WithTimeout(ctx, lockTime)
	defer cancel()
	for {
		lock, err := files.Lock(name)
		if !errors.Is(err, fsys.ErrLocked) {
			return lock, err
		}
		again := s.Clock.NewTimer(10 * time.Millisecond)
		select {
		case <-again.C():
		case <-ctx.Done():
			again.Stop()
			return nil, err
		}
	}
}
