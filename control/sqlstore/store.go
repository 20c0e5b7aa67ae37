// SPDX-License-Identifier: Apache-2.0

// Package sqlstore keeps the control plane's records in an SQL database.
//
// One table a noun, see migrations. Every change runs in a transaction that also steps the catalog version, which becomes
// the record's revision: a row that has another revision than the caller saw is not written over. Statements are kept to what
// SQLite and PostgreSQL share, what differs is a dialect.
package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/mq"
)

// Store is a control.Store in a database.
type Store struct {
	db      *sql.DB
	where   string
	dialect dialect

	closing sync.Once
	closed  error // of the one close
}

var _ control.Store = (*Store)(nil)

// Close closes the database. It may be called twice.
func (s *Store) Close() error {
	s.closing.Do(func() { s.closed = s.db.Close() })
	return s.closed
}

// Check tells whether the store can be written to: it takes the write lock and gives it back.
func (s *Store) Check(ctx context.Context) error {
	err := s.inTransaction(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE catalog_version SET version = version WHERE id = 1")
		return err
	})
	return s.fail("check", err)
}

// Load reads everything in one transaction.
func (s *Store) Load(ctx context.Context) (control.Catalog, error) {
	var c control.Catalog
	err := s.inTransaction(ctx, func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, "SELECT version FROM catalog_version WHERE id = 1").Scan(&c.Version)
		if err == nil {
			c.Tenants, err = load(ctx, tx, tenantTable(), readTenant)
		}
		if err == nil {
			c.Applications, err = load(ctx, tx, applicationTable(), readApplication)
		}
		if err == nil {
			c.Keys, err = load(ctx, tx, keyTable(), readKey)
		}
		if err == nil {
			c.Topics, err = load(ctx, tx, topicTable(), readTopic)
		}
		if err == nil {
			c.Groups, err = load(ctx, tx, groupTable(), readGroup)
		}
		return err
	})
	return c, s.fail("load", err)
}

func load[R any](ctx context.Context, tx *sql.Tx, t table, read func(scan) (R, error)) ([]R, error) {
	order := strings.Join(t.columns[:t.key], ", ")
	rows, err := tx.QueryContext(ctx, fmt.Sprintf("SELECT %s FROM %s ORDER BY %s", strings.Join(t.columns, ", "), t.name, order))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []R
	for rows.Next() {
		r, err := read(rows.Scan)
		if err != nil {
			return nil, fmt.Errorf("table %s: %w", t.name, err)
		}
		all = append(all, r)
	}
	return all, rows.Err()
}

// Add keeps a new record.
func (s *Store) Add(ctx context.Context, r control.Record) (control.Version, error) {
	t, row, err := rowOf(r)
	if err != nil {
		return 0, err
	}
	insert := fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", t.name, strings.Join(t.columns, ", "), strings.TrimSuffix(strings.Repeat("?, ", len(t.columns)), ", "))
	return s.change(ctx, "add", func(tx *sql.Tx, v control.Version) error {
		_, err := tx.ExecContext(ctx, s.dialect.bind(insert), append(row, int64(v))...)
		switch {
		case err != nil && s.dialect.taken(err):
			return control.Taken(r.Ref())
		case err != nil && s.dialect.orphan(err):
			return control.Absent(ownerOf(r))
		}
		return err
	})
}

// Put replaces a record that still has r's revision.
func (s *Store) Put(ctx context.Context, r control.Record) (control.Version, error) {
	t, row, err := rowOf(r)
	if err != nil {
		return 0, err
	}
	set := strings.Join(t.columns[t.key:], " = ?, ") + " = ?"
	update := fmt.Sprintf("UPDATE %s SET %s WHERE %s AND revision = ?", t.name, set, t.where())
	return s.change(ctx, "put", func(tx *sql.Tx, v control.Version) error {
		args := append([]any{}, row[t.key:]...)
		args = append(args, int64(v))
		args = append(args, row[:t.key]...)
		args = append(args, int64(control.RevisionOf(r)))
		return s.exactlyOne(ctx, tx, change{t, r, row, update, args})
	})
}

// Remove forgets a record that still has r's revision; keys go with their application.
func (s *Store) Remove(ctx context.Context, r control.Record) (control.Version, error) {
	t, row, err := rowOf(r)
	if err != nil {
		return 0, err
	}
	remove := fmt.Sprintf("DELETE FROM %s WHERE %s AND revision = ?", t.name, t.where())
	return s.change(ctx, "remove", func(tx *sql.Tx, _ control.Version) error {
		args := append(append([]any{}, row[:t.key]...), int64(control.RevisionOf(r)))
		return s.exactlyOne(ctx, tx, change{t, r, row, remove, args})
	})
}

// change is one statement that must meet exactly one row.
type change struct {
	table  table
	record control.Record
	row    []any
	query  string
	args   []any
}

func (s *Store) exactlyOne(ctx context.Context, tx *sql.Tx, c change) error {
	done, err := tx.ExecContext(ctx, s.dialect.bind(c.query), c.args...)
	if err != nil {
		return err
	}
	n, err := done.RowsAffected()
	if err != nil || n == 1 {
		return err
	}
	var there int
	query := fmt.Sprintf("SELECT count(*) FROM %s WHERE %s", c.table.name, c.table.where())
	if err := tx.QueryRowContext(ctx, s.dialect.bind(query), c.row[:c.table.key]...).Scan(&there); err != nil {
		return err
	}
	if there == 0 {
		return control.Absent(c.record.Ref())
	}
	return control.Outdated(c.record.Ref())
}

// change runs do in a transaction that steps the version.
func (s *Store) change(ctx context.Context, op string, do func(*sql.Tx, control.Version) error) (control.Version, error) {
	var v control.Version
	err := s.inTransaction(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "UPDATE catalog_version SET version = version + 1 WHERE id = 1"); err != nil {
			return err
		}
		if err := tx.QueryRowContext(ctx, "SELECT version FROM catalog_version WHERE id = 1").Scan(&v); err != nil {
			return err
		}
		return do(tx, v)
	})
	return v, s.fail(op, err)
}

// inTransaction commits what do did, or undoes it. Only an error of the commit itself leaves the outcome open.
func (s *Store) inTransaction(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return mq.Refuse(mq.Unavailable, "catalog store: begin: %v", err)
	}
	if err := do(tx); err != nil {
		_ = tx.Rollback() // the error that led here is the one to tell
		if mq.Outcome(err) == mq.Refused {
			return err
		}
		return &mq.Error{Kind: mq.Unavailable, Detail: "catalog store: " + err.Error()}
	}
	if err := tx.Commit(); err != nil {
		return mq.Doubt(mq.Unavailable, err, "catalog store: commit")
	}
	return nil
}

func (s *Store) fail(op string, err error) error { return control.During("catalog store: "+op, err) }
