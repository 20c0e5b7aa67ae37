// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/storetest"
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

func TestSQLitePassesTheStoreSuite(t *testing.T) {
	storetest.Run(t, func(t *testing.T) (control.Store, func() control.Store) {
		dir := t.TempDir()
		return openIn(t, dir), func() control.Store { return openIn(t, dir) }
	})
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

func TestANewerSchemaIsRefusedUntouched(t *testing.T) {
	dir := t.TempDir()
	s := openIn(t, dir)
	if _, err := s.db.Exec("UPDATE schema_version SET version = 99"); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	refused(t, dir, "schema version 99")
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

func schema(t *testing.T, s *Store) string {
	t.Helper()
	rows, err := s.db.Query("SELECT type || ' ' || name || ' ' || coalesce(sql, '') FROM sqlite_schema ORDER BY 1")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var one string
		if err := rows.Scan(&one); err != nil {
			t.Fatal(err)
		}
		all = append(all, one)
	}
	return strings.Join(all, "\n")
}

func TestMigrationsGoUpAndDownStepByStep(t *testing.T) {
	ctx := context.Background()
	s := openIn(t, t.TempDir())
	steps, err := migrations()
	if err != nil {
		t.Fatal(err)
	}
	full := schema(t, s)
	before := make([]string, len(steps)+1)
	for at := len(steps); at >= 0; at-- {
		if err := s.migrate(ctx, at); err != nil {
			t.Fatal(err)
		}
		before[at] = schema(t, s)
	}
	if strings.Contains(before[0], "tenants") || !strings.Contains(before[0], "schema_version") {
		t.Errorf("an undone schema holds\n%s", before[0])
	}
	for at := range len(steps) + 1 {
		if err := s.migrate(ctx, at); err != nil {
			t.Fatal(err)
		}
		if got := schema(t, s); got != before[at] {
			t.Errorf("schema %d made upwards differs from downwards:\n%s\n---\n%s", at, got, before[at])
		}
	}
	if got := schema(t, s); got != full {
		t.Error("the schema after down and up differs from the first one")
	}
}

func TestAMigrationThatFailsLeavesNothing(t *testing.T) {
	ctx := context.Background()
	s := openIn(t, t.TempDir())
	before := schema(t, s)
	if err := s.step(ctx, []string{"CREATE TABLE half (x INTEGER)", "no SQL"}, 2); err == nil {
		t.Fatal("it did not fail")
	}
	if got := schema(t, s); got != before {
		t.Errorf("left behind:\n%s", got)
	}
	if at, err := s.schemaVersion(ctx); err != nil || at != 1 {
		t.Errorf("version %d, %v", at, err)
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

func TestAnEndedContextIsARefusal(t *testing.T) {
	s := openIn(t, t.TempDir())
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	tenant, _ := mq.ParseTenant("a")
	if _, err := s.Add(ctx, control.Tenant{ID: tenant}); mq.Outcome(err) != mq.Refused || err == nil {
		t.Errorf("got %v", err)
	}
	c, err := s.Load(context.Background())
	if err != nil || len(c.Tenants) != 0 {
		t.Errorf("the store holds %v, %v", c.Tenants, err)
	}
}
