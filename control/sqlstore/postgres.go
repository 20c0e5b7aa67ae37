// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/mq"
)

// Schema is where the tables stand in a PostgreSQL database, unless the URL names a search_path.
const Schema = "causeway"

// productNote is the comment of our table of the schema's version: another product's schema is not touched.
const productNote = "Causeway control plane"

// What a connection is opened with where the URL says nothing else.
const (
	connectBound = 5 * time.Second
	connections  = 8
	idleBound    = 5 * time.Minute
	lifeBound    = 30 * time.Minute
	// abandonedMillis ends a transaction whose plane does not go on: it holds the row that every writer wants.
	abandonedMillis = "15000"
)

// OpenPostgres opens the tables in the database that a URL names (postgres://USER:PASSWORD@HOST:PORT/DATABASE?..., as libpq reads it, with its environment
// variables and password file), or makes them. A URL that cannot be read is a BadRequest, another product's schema or a newer one a Conflict, a server that does not
// answer or lets nobody in Unavailable. Several processes may use one database.
func OpenPostgres(ctx context.Context, url string) (*Store, error) {
	config, err := postgresConfig(url)
	if err != nil {
		return nil, err
	}
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections / 2)
	db.SetConnMaxIdleTime(idleBound)
	db.SetConnMaxLifetime(lifeBound)
	s := &Store{db: db, where: placeOf(config), dialect: postgresDialect()}
	if err := s.openPostgres(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// CheckPostgresURL tells what is wrong with a URL, without its password.
func CheckPostgresURL(url string) error {
	_, err := postgresConfig(url)
	return err
}

func postgresConfig(url string) (*pgx.ConnConfig, error) {
	if !strings.HasPrefix(url, "postgres://") && !strings.HasPrefix(url, "postgresql://") {
		return nil, mq.Refuse(mq.BadRequest, "catalog store: a URL such as postgres://USER@HOST/DATABASE is needed")
	}
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, mq.Refuse(mq.BadRequest, "catalog store: %v", err)
	}
	fill := func(parameter, value string) {
		if config.RuntimeParams[parameter] == "" {
			config.RuntimeParams[parameter] = value
		}
	}
	fill("application_name", "causeway")
	fill("search_path", Schema)
	fill("idle_in_transaction_session_timeout", abandonedMillis)
	if !strings.Contains(url, "connect_timeout=") {
		config.ConnectTimeout = connectBound
	}
	// Statements are not prepared: another process may change the schema, and poolers hand out another connection for each transaction.
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	return config, nil
}

// placeOf names the database for people, without secrets.
func placeOf(c *pgx.ConnConfig) string {
	host := net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port)))
	if strings.HasPrefix(c.Host, "/") {
		host = c.Host
	}
	return fmt.Sprintf("database %q at %s", c.Database, host)
}

func (s *Store) openPostgres(ctx context.Context) error {
	err := s.inTransaction(ctx, func(tx *sql.Tx) error {
		if err := s.alone(ctx, tx); err != nil {
			return err
		}
		return s.markSchema(ctx, tx)
	})
	if err != nil {
		return control.During("catalog store: open", err)
	}
	steps, err := migrations()
	if err != nil {
		return err
	}
	err = s.migrate(ctx, len(steps))
	if err == nil || mq.KindOf(err) == mq.Conflict {
		return err
	}
	return mq.Refuse(mq.Unavailable, "catalog store: %s: %v", s.where, err)
}

// markSchema makes our schema, refuses another product's, and marks an empty one.
func (s *Store) markSchema(ctx context.Context, tx *sql.Tx) error {
	var schema sql.NullString
	var path string
	if err := tx.QueryRowContext(ctx, "SELECT current_schema(), current_setting('search_path')").Scan(&schema, &path); err != nil {
		return err
	}
	switch {
	case schema.Valid:
	case path == Schema:
		if err := s.exec(ctx, tx, "CREATE SCHEMA "+Schema); err != nil {
			return err
		}
	default:
		return mq.Refuse(mq.Conflict, "%s has no schema %s: make it, or leave search_path out of the URL", s.where, path)
	}
	var note sql.NullString
	var tables int
	err := tx.QueryRowContext(ctx, `SELECT (SELECT obj_description(c.oid, 'pg_class') FROM pg_class c
			WHERE c.relnamespace = n.oid AND c.relname = 'schema_version'), (SELECT count(*) FROM pg_class c WHERE c.relnamespace = n.oid AND c.relkind = 'r')
		FROM pg_namespace n WHERE n.nspname = current_schema()`).Scan(&note, &tables)
	switch {
	case err != nil:
		return err
	case note.String == productNote:
		return nil
	case tables > 0:
		return mq.Refuse(mq.Conflict, "schema %s of %s belongs to another product: name another one as search_path in the URL", schema.String, s.where)
	}
	if err := s.exec(ctx, tx, versionTable); err != nil {
		return err
	}
	return s.exec(ctx, tx, "COMMENT ON TABLE schema_version IS '"+productNote+"'")
}

// textColumn is a type of text in a migration.
var textColumn = regexp.MustCompile(`\b(VARCHAR\(\d+\)|TEXT)(\s)`)

func postgresDialect() dialect {
	code := func(err error, want string) bool {
		var e *pgconn.PgError
		return errors.As(err, &e) && e.Code == want
	}
	return dialect{
		name:     "postgres",
		cure:     "see whether PostgreSQL runs where store.postgres.url says, and lets its user in: psql with the same URL answers the same",
		numbered: true,
		scrub:    []string{"VACUUM FULL access_keys"},
		now:      "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)",
		lock:     fmt.Sprintf("SELECT pg_advisory_xact_lock(%d)", productMark),
		view:     &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true},
		define:   func(statement string) string { return textColumn.ReplaceAllString(statement, `$1 COLLATE "C"$2`) },
		taken:    func(err error) bool { return code(err, "23505") },
		orphan:   func(err error) bool { return code(err, "23503") },
		undone:   undone,
	}
}

// idleInTransaction ends a session that waits for its next statement: the commit came too late.
const idleInTransaction = "25P03"

// undone tells whether an error of a commit says that the transaction certainly was not committed: the server answered that it was rolled back, or the commit was
// never sent. What ends the session (FATAL, PANIC) can come behind the commit.
func undone(err error) bool {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.SeverityUnlocalized == "ERROR" || e.Code == idleInTransaction
	}
	if errors.Is(err, pgx.ErrTxCommitRollback) || pgconn.SafeToRetry(err) {
		return true
	}
	// database/sql gives these as they are when the context ended before it called the driver; the driver wraps its own.
	return slices.Contains([]error{sql.ErrTxDone, context.Canceled, context.DeadlineExceeded}, err)
}
