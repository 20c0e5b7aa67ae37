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
	"errors"
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
	if err = s.fail("check", err); err == nil {
		return nil
	}
	return &ailing{error: err, cure: s.dialect.cure}
}

// Load reads everything in one transaction.
func (s *Store) Load(ctx context.Context) (control.Catalog, error) {
	var c control.Catalog
	err := s.inView(ctx, func(tx *sql.Tx) error {
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
		if err == nil {
			c.Documents, err = load(ctx, tx, documentTable(), readDocument)
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
	some, err := all(rows, read)
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", t.name, err)
	}
	return some, nil
}

// Add keeps a new record.
func (s *Store) Add(ctx context.Context, r control.Record, e control.Entry) (control.Version, error) {
	t, row, err := rowOf(r)
	if err != nil {
		return 0, err
	}
	insert := fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", t.name, strings.Join(t.columns, ", "), strings.TrimSuffix(strings.Repeat("?, ", len(t.columns)), ", "))
	return s.change(ctx, "add", e, func(tx *sql.Tx, v control.Version) error {
		if err := s.owned(ctx, tx, r); err != nil {
			return err
		}
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

// owned refuses a document of a tenant that is not there. No tenant can come or go meanwhile: writers stand in line.
func (s *Store) owned(ctx context.Context, tx *sql.Tx, r control.Record) error {
	d, ok := r.(control.Document)
	if !ok || d.Tenant == "" {
		return nil
	}
	var there int
	err := tx.QueryRowContext(ctx, s.dialect.bind("SELECT count(*) FROM tenants WHERE id = ?"), d.Tenant).Scan(&there)
	if err == nil && there == 0 {
		return control.Absent(ownerOf(r))
	}
	return err
}

// Put replaces a record that still has r's revision.
func (s *Store) Put(ctx context.Context, r control.Record, e control.Entry) (control.Version, error) {
	t, row, err := rowOf(r)
	if err != nil {
		return 0, err
	}
	set := strings.Join(t.columns[t.key:], " = ?, ") + " = ?"
	update := fmt.Sprintf("UPDATE %s SET %s WHERE %s AND revision = ?", t.name, set, t.where())
	return s.change(ctx, "put", e, func(tx *sql.Tx, v control.Version) error {
		args := append([]any{}, row[t.key:]...)
		args = append(args, int64(v))
		args = append(args, row[:t.key]...)
		args = append(args, int64(control.RevisionOf(r)))
		return s.exactlyOne(ctx, tx, change{t, r, row, update, args})
	})
}

// Remove forgets a record that still has r's revision; keys go with their application, a tenant to which anything belongs stays.
func (s *Store) Remove(ctx context.Context, r control.Record, e control.Entry) (control.Version, error) {
	t, row, err := rowOf(r)
	if err != nil {
		return 0, err
	}
	remove := fmt.Sprintf("DELETE FROM %s WHERE %s AND revision = ?", t.name, t.where())
	return s.change(ctx, "remove", e, func(tx *sql.Tx, _ control.Version) error {
		args := append(append([]any{}, row[:t.key]...), int64(control.RevisionOf(r)))
		if tenant, ok := r.(control.Tenant); ok {
			if err := s.empty(ctx, tx, tenant); err != nil {
				return err
			}
		}
		return s.exactlyOne(ctx, tx, change{t, r, row, remove, args})
	})
}

// empty refuses a tenant that has anything.
func (s *Store) empty(ctx context.Context, tx *sql.Tx, t control.Tenant) error {
	for _, one := range []table{applicationTable(), topicTable(), groupTable(), documentTable()} {
		var n int
		query := fmt.Sprintf("SELECT count(*) FROM %s WHERE tenant = ?", one.name)
		if err := tx.QueryRowContext(ctx, s.dialect.bind(query), t.ID.String()).Scan(&n); err != nil {
			return err
		}
		if n > 0 {
			return control.Owns(t.Ref())
		}
	}
	return nil
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

// change runs do in a transaction that steps the version and writes the row of audit. The version's row is taken first by everybody, then
// the head of the chain, so writers stand in line and versions become visible in their order.
func (s *Store) change(ctx context.Context, op string, e control.Entry, do func(*sql.Tx, control.Version) error) (control.Version, error) {
	var v control.Version
	err := s.inTransaction(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "UPDATE catalog_version SET version = version + 1 WHERE id = 1"); err != nil {
			return err
		}
		if err := tx.QueryRowContext(ctx, "SELECT version FROM catalog_version WHERE id = 1").Scan(&v); err != nil {
			return err
		}
		if e.Seen != 0 && e.Seen != v-1 {
			return control.Behind(e.Seen, v-1)
		}
		if err := do(tx, v); err != nil {
			return err
		}
		e.Version = v
		return s.append(ctx, tx, e)
	})
	return v, s.fail(op, err)
}

// inView reads in one view of the database. Nothing happens, so no outcome is open.
func (s *Store) inView(ctx context.Context, do func(*sql.Tx) error) error {
	err := s.transaction(ctx, s.dialect.view, do)
	if mq.Outcome(err) == mq.Unknown {
		return mq.Refuse(mq.Unavailable, silent).Because(err)
	}
	return err
}

// inTransaction commits what do did, or undoes it. Only an error of the commit itself can leave the outcome open: a session that ends before it is
// rolled back.
func (s *Store) inTransaction(ctx context.Context, do func(*sql.Tx) error) error {
	return s.transaction(ctx, nil, do)
}

func (s *Store) transaction(ctx context.Context, options *sql.TxOptions, do func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, options)
	if err != nil {
		return mq.Refuse(mq.Unavailable, silent).Because(fmt.Errorf("begin: %w", err))
	}
	if err := do(tx); err != nil {
		_ = tx.Rollback() // the error that led here is the one to tell
		if mq.Outcome(err) == mq.Refused {
			return err
		}
		return mq.Refuse(mq.Unavailable, silent).Because(err)
	}
	if err := tx.Commit(); err != nil {
		if s.dialect.undone != nil && s.dialect.undone(err) {
			return mq.Refuse(mq.Unavailable, silent).Because(fmt.Errorf("commit: %w", err))
		}
		return mq.Doubt(mq.Unavailable, fmt.Errorf("commit: %w", err), silent+": whether the change was made is not known")
	}
	return nil
}

// silent is what callers are told of a database that fails. Which one it is, what was wanted of it and what its driver says are causes, for the log.
const silent = "the control plane's store does not answer"

// ailing is why a database cannot be written to, with what helps databases of its kind.
type ailing struct {
	error
	cure string
}

// Unwrap gives the error.
func (a *ailing) Unwrap() error { return a.error }

// Cure says where to look.
func (a *ailing) Cure() string { return a.cure }

func (s *Store) fail(op string, err error) error {
	var e *mq.Error
	if errors.As(err, &e) && e.Kind == mq.Unavailable {
		return e.Because(fmt.Errorf("catalog store: %s: %w", op, e.Unwrap()))
	}
	return control.During("catalog store: "+op, err)
}
