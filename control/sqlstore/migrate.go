// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/causeway-mq/causeway/mq"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// versionTable holds the schema's version, and is the first table of all.
const versionTable = "CREATE TABLE IF NOT EXISTS schema_version (id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL)"

// migration is one step of the schema: a number, the statements that make it and those that undo it.
type migration struct {
	number   int
	name     string
	up, down []string
}

// migrations reads the embedded files, NNNN_name.up.sql with NNNN_name.down.sql, in the order of their numbers.
func migrations() ([]migration, error) {
	ups, err := fs.Glob(migrationFiles, "migrations/*.up.sql")
	if err != nil {
		return nil, err
	}
	slices.Sort(ups)
	all := make([]migration, 0, len(ups))
	for i, path := range ups {
		stem := strings.TrimSuffix(path, ".up.sql")
		digits, name, _ := strings.Cut(strings.TrimPrefix(stem, "migrations/"), "_")
		number, err := strconv.Atoi(digits)
		if err != nil || number != i+1 {
			return nil, fmt.Errorf("migration %s: number %d is wanted", path, i+1)
		}
		m := migration{number: number, name: name}
		if m.up, err = statements(path); err == nil {
			m.down, err = statements(stem + ".down.sql")
		}
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

// statements splits a file at semicolons that end a line; migrations hold no other ones.
func statements(path string) ([]string, error) {
	text, err := migrationFiles.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, s := range strings.Split(string(text), ";\n") {
		if s = strings.TrimSpace(s); s != "" {
			all = append(all, s)
		}
	}
	return all, nil
}

// migrate brings the schema to version to, up or down, each step in a transaction of its own. A schema newer than this
// program knows is refused untouched. Other processes may do the same at the same time: the version is read anew before each
// step, and a step is taken from that version only.
func (s *Store) migrate(ctx context.Context, to int) error {
	steps, err := migrations()
	if err != nil {
		return err
	}
	for {
		at, err := s.schemaVersion(ctx)
		switch {
		case err != nil:
			return err
		case at > len(steps):
			return mq.Refuse(mq.Conflict, "%s has schema version %d, this program knows up to %d: run the newer program", s.where, at, len(steps))
		case at == to:
			return nil
		case at < to:
			if err := s.step(ctx, steps[at].up, at, at+1); err != nil {
				return fmt.Errorf("migration %d (%s): %w", steps[at].number, steps[at].name, err)
			}
		default:
			if err := s.step(ctx, steps[at-1].down, at, at-1); err != nil {
				return fmt.Errorf("undo migration %d (%s): %w", steps[at-1].number, steps[at-1].name, err)
			}
		}
	}
}

// step takes the schema from one version to the next one. It does nothing when the schema has left that version. The version is
// written first, so that of two processes one waits for the other's row before it touches a table.
func (s *Store) step(ctx context.Context, statements []string, from, makes int) error {
	return s.inTransaction(ctx, func(tx *sql.Tx) error {
		if err := s.alone(ctx, tx); err != nil {
			return err
		}
		done, err := tx.ExecContext(ctx, s.dialect.bind("UPDATE schema_version SET version = ? WHERE id = 1 AND version = ?"), makes, from)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return err
		}
		for _, statement := range statements {
			if s.dialect.define != nil {
				statement = s.dialect.define(statement)
			}
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return fmt.Errorf("%.40s...: %w", statement, err)
			}
		}
		return nil
	})
}

// alone waits until no other process changes the schema.
func (s *Store) alone(ctx context.Context, tx *sql.Tx) error {
	if s.dialect.lock == "" {
		return nil
	}
	return s.exec(ctx, tx, s.dialect.lock)
}

// schemaVersion reads the version, 0 for an empty database, which it prepares for its first migration.
func (s *Store) schemaVersion(ctx context.Context) (int, error) {
	var at int
	err := s.inTransaction(ctx, func(tx *sql.Tx) error {
		if err := s.alone(ctx, tx); err != nil {
			return err
		}
		for _, statement := range []string{
			versionTable,
			"INSERT INTO schema_version (id, version) SELECT 1, 0 WHERE NOT EXISTS (SELECT 1 FROM schema_version)",
		} {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
		return tx.QueryRowContext(ctx, "SELECT version FROM schema_version WHERE id = 1").Scan(&at)
	})
	return at, err
}
