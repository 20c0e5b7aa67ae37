// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/causeway-mq/causeway/mq"
)

// FileName is the database's name in its directory; SQLite keeps two more files beside it while it is open.
const FileName = "control.db"

// productMark stands in SQLite's application_id, "CSWY": a database of another product is not touched.
const productMark = 0x43535759

// OpenSQLite opens the database in dir, which must exist, or makes it, readable by its owner alone. Another product's database, a
// damaged one or one of a newer schema is refused with Conflict.
func OpenSQLite(ctx context.Context, dir string) (*Store, error) {
	path, err := filepath.Abs(filepath.Join(dir, FileName))
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, mq.Refuse(mq.Unavailable, "catalog store: %v", err)
	}
	if err := errors.Join(f.Chmod(0o600), f.Close()); err != nil {
		return nil, mq.Refuse(mq.Unavailable, "catalog store: %v", err)
	}
	writer, err := connectSQLite(path, 1)
	if err != nil {
		return nil, err
	}
	s := &Store{db: writer, where: path, dialect: sqliteDialect()}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// connectSQLite opens one connection only: SQLite has one writer anyway, and a queue in front of it is fairer than its busy
// time-out. synchronous(FULL) makes a commit durable before it returns.
func connectSQLite(path string, connections int) (*sql.DB, error) {
	options := url.Values{
		"_txlock": {"immediate"},
		"_pragma": {"busy_timeout(5000)", "foreign_keys(1)", "journal_mode(WAL)", "synchronous(FULL)", "trusted_schema(0)", "secure_delete(1)"},
	}
	at := url.URL{Scheme: "file", Path: path, RawQuery: options.Encode()}
	c, err := sqlite.NewConnector(at.String())
	if err != nil {
		return nil, mq.Refuse(mq.Unavailable, "catalog store: %v", err)
	}
	db := sql.OpenDB(c)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

func (s *Store) open(ctx context.Context) error {
	if err := s.checkMark(ctx); err != nil {
		return err
	}
	steps, err := migrations()
	if err != nil {
		return err
	}
	err = s.migrate(ctx, len(steps))
	if err == nil || mq.KindOf(err) == mq.Conflict {
		return err
	}
	return mq.Refuse(mq.Unavailable, "catalog store %s: %v", s.where, err)
}

// checkMark refuses what is no database of ours, and marks an empty one.
func (s *Store) checkMark(ctx context.Context) error {
	var mark, tables int
	// One statement, one view: between two, another process could mark the file and make its tables.
	look := func() error {
		return s.db.QueryRowContext(ctx, "SELECT application_id, (SELECT count(*) FROM sqlite_schema) FROM pragma_application_id").Scan(&mark, &tables)
	}
	err := look()
	for end := time.Now().Add(lockedFor); isLocked(err) && time.Now().Before(end) && ctx.Err() == nil; err = look() {
		<-time.After(lockedRest) // the change to WAL, with the first statement, does not wait for others that make it at once
	}
	if err != nil {
		return mq.Refuse(mq.Conflict, "%s cannot be read as a database: %v", s.where, err)
	}
	switch {
	case mark == productMark:
		return nil
	case mark != 0 || tables != 0:
		return mq.Refuse(mq.Conflict, "%s is a database of another product: choose another data directory", s.where)
	}
	if _, err := s.db.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d", productMark)); err != nil {
		return mq.Refuse(mq.Unavailable, "catalog store %s: %v", s.where, err)
	}
	return nil
}

// lockedFor is how long a database that others open at the same moment is tried again, and lockedRest between two tries.
const (
	lockedFor  = 5 * time.Second
	lockedRest = 10 * time.Millisecond
)

func isLocked(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code()&0xff == sqlite3.SQLITE_BUSY
}

func sqliteDialect() dialect {
	code := func(err error, want ...int) bool {
		var e *sqlite.Error
		if !errors.As(err, &e) {
			return false
		}
		for _, w := range want {
			if e.Code() == w {
				return true
			}
		}
		return false
	}
	return dialect{
		name:  "sqlite",
		cure:  "look at the volume that holds the data directory: space, rights, read-only mount",
		scrub: []string{"VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"},
		now:   "CAST(unixepoch('subsec') * 1000000 AS INTEGER)",
		view:  &sql.TxOptions{ReadOnly: true}, // a reader keeps no writer out
		taken: func(err error) bool {
			return code(err, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_UNIQUE)
		},
		orphan: func(err error) bool { return code(err, sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY) },
	}
}
