// SPDX-License-Identifier: Apache-2.0

// Package pgtest gives tests a real PostgreSQL server: one for each test process, started with the first use of it, and a database of its
// own for each test.
//
// The server listens on a Unix socket alone, does not wait for the disk, sorts text by the rules of a language (so that whoever relies on the order of bytes has to
// say so), and ends with the process, however that ends.
package pgtest

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// Required is the environment variable that, set to "required", makes a missing server a failure and lets it be fetched. "off" skips what needs one.
const Required = "CAUSEWAY_POSTGRES"

// IsRequired tells whether tests must run on PostgreSQL here.
func IsRequired() bool { return os.Getenv(Required) == "required" }

// Server is the server of one test process. It is started by the first Database.
type Server struct {
	start   sync.Once
	running *process
	failed  error

	mu    sync.Mutex // guards count
	count int
}

// New gives a server that does not run yet.
func New() *Server { return &Server{} }

// Run runs a package's tests, then stops the server; it gives the exit code for TestMain.
func (s *Server) Run(m *testing.M) int {
	code := m.Run()
	if err := s.Close(); err != nil {
		fmt.Fprintln(os.Stderr, "pgtest:", err)
		return 1
	}
	return code
}

// Close stops the server within a bound and removes what it kept. It may be called twice.
func (s *Server) Close() error {
	s.start.Do(func() {}) // nothing starts it from now on
	if s.running == nil {
		return nil
	}
	p := s.running
	s.running = nil
	return p.stop()
}

// Database makes an empty database for the test and gives its URL. Where no server can be had the test is skipped, or fails if one is Required.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	if os.Getenv(Required) == "off" {
		t.Skipf("%s=off: `tools/test postgres` runs it", Required)
	}
	s.start.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), startBound)
		defer cancel()
		s.running, s.failed = launch(ctx)
	})
	switch {
	case s.failed != nil && IsRequired():
		t.Fatalf("PostgreSQL: %v", s.failed)
	case s.failed != nil || s.running == nil:
		t.Skipf("no PostgreSQL server: %v; `tools/test postgres` fetches one and runs the tests that need it", s.failed)
	}
	s.mu.Lock()
	s.count++
	name := fmt.Sprintf("test_%d", s.count)
	s.mu.Unlock()
	s.do(t, "CREATE DATABASE "+name)
	t.Cleanup(func() { s.do(t, "DROP DATABASE "+name+" WITH (FORCE)") })
	return s.running.url(name)
}

func (s *Server) do(t testing.TB, statement string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := s.running.exec(ctx, statement); err != nil {
		t.Errorf("%s: %v", statement, err)
	}
}

// url names a database of the server.
func (p *process) url(database string) string {
	q := url.Values{"host": {p.socket()}, "sslmode": {"disable"}}
	return (&url.URL{Scheme: "postgres", User: url.User(superuser), Path: "/" + database, RawQuery: q.Encode()}).String()
}

// exec runs a statement outside every test's database.
func (p *process) exec(ctx context.Context, statement string) error {
	config, err := pgx.ParseConfig(p.url("postgres"))
	if err != nil {
		return err
	}
	db := stdlib.OpenDB(*config)
	defer closeDB(db)
	_, err = db.ExecContext(ctx, statement)
	return err
}

func closeDB(db *sql.DB) { _ = db.Close() } // nothing is kept in it
