// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/causeway-mq/causeway/mq"
)

func openIn(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := OpenSQLite(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestOddDirectoryNamesArePlainNames(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a?b%41 c#d&mode=memory")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	openIn(t, dir)
	if _, err := os.Stat(filepath.Join(dir, FileName)); err != nil {
		t.Error(err)
	}
}

func TestTheDatabaseIsReadableByItsOwnerAlone(t *testing.T) {
	dir := t.TempDir()
	s := openIn(t, dir)
	if err := s.Check(context.Background()); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, FileName+"*"))
	if err != nil || len(files) < 2 {
		t.Fatalf("files %v, %v: the database with its write-ahead log is expected", files, err)
	}
	for _, f := range files {
		if info, err := os.Stat(f); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v, want 0600", f, info.Mode(), err)
		}
	}
}

func refused(t *testing.T, dir, part string) {
	t.Helper()
	s, err := OpenSQLite(context.Background(), dir)
	if err == nil {
		_ = s.Close()
		t.Fatal("opened")
	}
	if mq.KindOf(err) != mq.Conflict || !strings.Contains(err.Error(), part) {
		t.Errorf("got %v, want a Conflict that says %q", err, part)
	}
}

func TestAnotherProductsDatabaseIsRefused(t *testing.T) {
	dir := t.TempDir()
	db, err := connectSQLite(filepath.Join(dir, FileName), 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("CREATE TABLE theirs (x INTEGER)"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	refused(t, dir, "another product")
}

func TestAFileThatIsNoDatabaseIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, FileName), []byte(strings.Repeat("no database ", 500)), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, dir, "cannot be read as a database")
}

func TestADirectoryThatIsNotThereIsAnError(t *testing.T) {
	if _, err := OpenSQLite(context.Background(), filepath.Join(t.TempDir(), "none")); mq.KindOf(err) != mq.Unavailable {
		t.Errorf("got %v", err)
	}
}

func TestPlaceholdersOfOtherDatabases(t *testing.T) {
	query := "UPDATE t SET a = ?, b = ? WHERE c = ?"
	if got := (dialect{numbered: true}).bind(query); got != "UPDATE t SET a = $1, b = $2 WHERE c = $3" {
		t.Error(got)
	}
	if got := sqliteDialect().bind(query); got != query {
		t.Error(got)
	}
}
