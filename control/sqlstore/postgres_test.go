// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"bytes"
	"context"
	"database/sql"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/mq"
)

func openURL(t *testing.T, url string) *Store {
	t.Helper()
	return opened(t, func() (*Store, error) { return OpenPostgres(context.Background(), url) })
}

// with puts a parameter into a URL.
func with(t *testing.T, text, key, value string) string {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set(key, value)
	u.RawQuery = q.Encode()
	return u.String()
}

func run(t *testing.T, s *Store, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := s.db.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

func addTenant(s *Store, name string) error {
	tenant, err := mq.ParseTenant(name)
	if err != nil {
		return err
	}
	_, err = s.Add(context.Background(), control.Tenant{ID: tenant}, control.Entry{})
	return err
}

// tenants is how many there are in the end, seen by a session of its own.
func tenants(t *testing.T, s *Store) int {
	t.Helper()
	c, err := s.Load(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return len(c.Tenants)
}

func wantOutcome(t *testing.T, err error, want mq.Result) {
	t.Helper()
	if mq.Outcome(err) != want || mq.KindOf(err) != mq.Unavailable {
		t.Errorf("got %v (%v, outcome %v), want outcome %v", err, mq.KindOf(err), mq.Outcome(err), want)
	}
}

func TestURLsThatNameNoDatabaseAreRefusedWithoutTheirPassword(t *testing.T) {
	for _, text := range []string{"", "control.db", "mysql://a@b/c", "postgres://ada:hush@host:port/db", "postgres://ada:hush@host/db?sslmode=perhaps"} {
		err := CheckPostgresURL(text)
		if mq.KindOf(err) != mq.BadRequest || strings.Contains(err.Error(), "hush") {
			t.Errorf("%q: %v", text, err)
		}
	}
	if err := CheckPostgresURL("postgresql://ada:hush@one,two:5433/db?target_session_attrs=read-write"); err != nil {
		t.Error(err)
	}
}

func TestAServerThatIsNotThereIsNamedWithoutThePassword(t *testing.T) {
	s, err := OpenPostgres(context.Background(), "postgres://ada:hush@127.0.0.1:1/db?sslmode=disable")
	if err == nil {
		_ = s.Close()
	}
	if mq.KindOf(err) != mq.Unavailable || mq.Outcome(err) != mq.Refused || strings.Contains(err.Error(), "hush") || !strings.Contains(err.Error(), "127.0.0.1") {
		t.Errorf("got %v", err)
	}
	if said := mq.Said(err); strings.Contains(said, "127.0.0.1") || strings.Contains(said, "ada") || !strings.Contains(said, silent) { // what a caller is told
		t.Errorf("said %q", said)
	}
}

func TestAnotherProductsSchemaIsRefused(t *testing.T) {
	at := postgres.Database(t)
	first := openURL(t, at)
	run(t, first, "CREATE SCHEMA theirs", "CREATE TABLE theirs.schema_version (id INTEGER)", "CREATE SCHEMA mine")
	s, err := OpenPostgres(context.Background(), with(t, at, "search_path", "theirs"))
	if err == nil {
		_ = s.Close()
	}
	if mq.KindOf(err) != mq.Conflict || !strings.Contains(err.Error(), "another product") {
		t.Errorf("got %v", err)
	}
	if _, err := OpenPostgres(context.Background(), with(t, at, "search_path", "none")); mq.KindOf(err) != mq.Conflict || !strings.Contains(err.Error(), "no schema none") {
		t.Errorf("got %v", err)
	}
	mine := openURL(t, with(t, at, "search_path", "mine")) // two installations in one database do not meet
	if err := addTenant(mine, "a"); err != nil {
		t.Error(err)
	}
	if n := tenants(t, first); n != 0 {
		t.Errorf("%d tenants of another schema are seen", n)
	}
}

func TestAChangeWhoseSessionEndsBeforeTheCommitDidNotHappen(t *testing.T) {
	s := openURL(t, postgres.Database(t))
	err := s.inTransaction(context.Background(), func(tx *sql.Tx) error {
		if err := s.exec(context.Background(), tx, "INSERT INTO tenants VALUES ('a', '', 0, 0, 0, 1)"); err != nil {
			return err
		}
		return s.exec(context.Background(), tx, "SELECT pg_terminate_backend(pg_backend_pid())")
	})
	wantOutcome(t, err, mq.Refused)
	if n := tenants(t, s); n != 0 {
		t.Errorf("%d tenants", n)
	}
}

// atCommit makes the database do something at each commit that adds a tenant.
func atCommit(t *testing.T, s *Store, statement string) {
	t.Helper()
	run(t, s, "CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "+statement+"; RETURN NULL; END $$",
		"CREATE CONSTRAINT TRIGGER late AFTER INSERT ON tenants DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION late()")
}

func TestACommitThatTheServerRefusesDidNotHappen(t *testing.T) {
	s := openURL(t, postgres.Database(t))
	atCommit(t, s, "RAISE 'not now'")
	wantOutcome(t, addTenant(s, "a"), mq.Refused)
	if n := tenants(t, s); n != 0 {
		t.Errorf("%d tenants", n)
	}
}

func TestACommitWhoseSessionEndsIsUnknown(t *testing.T) {
	s := openURL(t, postgres.Database(t))
	atCommit(t, s, "PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(30)")
	wantOutcome(t, addTenant(s, "a"), mq.Unknown)
}

// cutter forwards to the server, and when it is armed lets a commit through and cuts the connection before its answer.
type cutter struct {
	armed atomic.Bool
	done  sync.WaitGroup
}

func (c *cutter) serve(t *testing.T, listener net.Listener, server string) {
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		up, err := net.Dial("unix", server)
		if err != nil {
			t.Error(err)
			_ = client.Close()
			return
		}
		var cut atomic.Bool
		c.done.Go(func() {
			defer up.Close()
			buffer := make([]byte, 64<<10)
			for {
				n, err := client.Read(buffer)
				if c.armed.Load() && bytes.Contains(buffer[:n], []byte("commit")) {
					cut.Store(true)
				}
				if _, lost := up.Write(buffer[:n]); err != nil || lost != nil {
					return
				}
			}
		})
		c.done.Go(func() {
			defer client.Close()
			buffer := make([]byte, 64<<10)
			for {
				n, err := up.Read(buffer)
				if err != nil || cut.Load() {
					return
				}
				if _, err := client.Write(buffer[:n]); err != nil {
					return
				}
			}
		})
	}
}

func TestACommitWhoseAnswerGetsLostIsUnknownAndMayHaveHappened(t *testing.T) {
	at := postgres.Database(t)
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("unix", filepath.Join(t.TempDir(), ".s.PGSQL.5432"))
	if err != nil {
		t.Fatal(err)
	}
	var c cutter
	c.done.Go(func() { c.serve(t, listener, filepath.Join(u.Query().Get("host"), ".s.PGSQL.5432")) })
	s := openURL(t, with(t, at, "host", filepath.Dir(listener.Addr().String())))
	c.armed.Store(true)
	wantOutcome(t, addTenant(s, "a"), mq.Unknown)
	c.armed.Store(false)
	if n := tenants(t, s); n != 1 {
		t.Errorf("%d tenants: the server took the commit", n)
	}
	if err := addTenant(s, "a"); mq.KindOf(err) != mq.Conflict {
		t.Errorf("again: %v", err)
	}
	_ = s.Close()
	_ = listener.Close()
	c.done.Wait()
}

func TestACommitThatIsNeverSentDidNotHappen(t *testing.T) {
	s := openURL(t, postgres.Database(t))
	ctx, cancel := context.WithCancel(context.Background())
	err := s.inTransaction(ctx, func(tx *sql.Tx) error {
		defer cancel()
		return s.exec(ctx, tx, "INSERT INTO tenants VALUES ('a', '', 0, 0, 0, 1)")
	})
	wantOutcome(t, err, mq.Refused)
	if n := tenants(t, s); n != 0 {
		t.Errorf("%d tenants", n)
	}
}

func TestOfADeadlockOneSideIsRefused(t *testing.T) {
	s := openURL(t, postgres.Database(t))
	for _, name := range []string{"a", "b"} {
		if err := addTenant(s, name); err != nil {
			t.Fatal(err)
		}
	}
	var both, done sync.WaitGroup
	both.Add(2)
	errs := make([]error, 2)
	for i, order := range [][]string{{"a", "b"}, {"b", "a"}} {
		done.Go(func() {
			errs[i] = s.inTransaction(context.Background(), func(tx *sql.Tx) error {
				for n, name := range order {
					if err := s.exec(context.Background(), tx, "UPDATE tenants SET note = ? WHERE id = ?", order[0], name); err != nil {
						return err
					}
					if n == 0 {
						both.Done()
						both.Wait()
					}
				}
				return nil
			})
		})
	}
	done.Wait()
	loser := errs[0]
	if loser == nil {
		loser = errs[1]
	} else if errs[1] != nil {
		t.Errorf("both failed: %v, %v", errs[0], errs[1])
	}
	wantOutcome(t, loser, mq.Refused)
}

// A transaction that reads in one view and writes what changed since is refused by the database, not lost.
func TestAWriteOverWhatChangedSinceIsRefused(t *testing.T) {
	s := openURL(t, postgres.Database(t))
	if err := addTenant(s, "a"); err != nil {
		t.Fatal(err)
	}
	err := s.transaction(context.Background(), &sql.TxOptions{Isolation: sql.LevelRepeatableRead}, func(tx *sql.Tx) error {
		var n int
		if err := tx.QueryRow("SELECT count(*) FROM tenants").Scan(&n); err != nil {
			return err
		}
		run(t, s, "UPDATE tenants SET note = 'theirs'")
		return s.exec(context.Background(), tx, "UPDATE tenants SET note = 'mine'")
	})
	wantOutcome(t, err, mq.Refused)
}

func TestAServerThatComesBackIsUsedAgain(t *testing.T) {
	s := openURL(t, postgres.Database(t))
	if err := addTenant(s, "a"); err != nil {
		t.Fatal(err)
	}
	killer := openURL(t, postgres.Database(t))
	run(t, killer, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname <> current_database() AND application_name = 'causeway'")
	for bound := time.Now().Add(10 * time.Second); ; {
		err := s.Check(context.Background())
		if err == nil {
			break
		}
		wantOutcome(t, err, mq.Refused)
		if time.Now().After(bound) {
			t.Fatal(err)
		}
	}
	if n := tenants(t, s); n != 1 {
		t.Errorf("%d tenants", n)
	}
}

// A plane that is frozen in the middle of a change holds up the others for a bounded time.
func TestATransactionThatNobodyGoesOnWithEnds(t *testing.T) {
	at := postgres.Database(t)
	frozen, other := openURL(t, at), openURL(t, at)
	err := frozen.inTransaction(context.Background(), func(tx *sql.Tx) error {
		// for this transaction alone: on a busy machine any other one may rest for so long between two statements
		if err := frozen.exec(context.Background(), tx, "SET LOCAL idle_in_transaction_session_timeout = 200"); err != nil {
			return err
		}
		if err := frozen.exec(context.Background(), tx, "UPDATE catalog_version SET version = version WHERE id = 1"); err != nil {
			return err
		}
		return addTenant(other, "a") // waits for the row until the server ends this transaction
	})
	wantOutcome(t, err, mq.Refused)
	if n := tenants(t, other); n != 1 {
		t.Errorf("%d tenants", n)
	}
	var set string
	if err := openURL(t, postgres.Database(t)).db.QueryRow("SHOW idle_in_transaction_session_timeout").Scan(&set); err != nil || set != "15s" {
		t.Errorf("%q, %v", set, err)
	}
}
