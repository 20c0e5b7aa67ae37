// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"context"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/storetest"
	"github.com/causeway-mq/causeway/internal/testkit/pgtest"
	"github.com/causeway-mq/causeway/mq"
)

var postgres = pgtest.New()

func TestMain(m *testing.M) { os.Exit(postgres.Run(m)) }

// onBoth plays a test on each database; open opens the same empty one each time.
func onBoth(t *testing.T, play func(t *testing.T, open func() (*Store, error))) {
	t.Run("SQLite", func(t *testing.T) {
		dir := t.TempDir()
		play(t, func() (*Store, error) { return OpenSQLite(context.Background(), dir) })
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		url := postgres.Database(t)
		play(t, func() (*Store, error) { return OpenPostgres(context.Background(), url) })
	})
}

// opened is a store that ends with the test.
func opened(t *testing.T, open func() (*Store, error)) *Store {
	t.Helper()
	s, err := open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestBothDatabasesPassTheStoreSuite(t *testing.T) {
	storetest.RunEach(t, func(t *testing.T, play func(*testing.T, storetest.Subject)) {
		onBoth(t, func(t *testing.T, open func() (*Store, error)) {
			s := opened(t, open)
			play(t, storetest.Subject{Store: s, Again: func() control.Store { return opened(t, open) }, Exec: func(query string) {
				t.Helper()
				if _, err := s.db.Exec(query); err != nil {
					t.Fatal(err)
				}
			}})
		})
	})
}

// schema is every table, column and index of a store, in a sorted text.
func schema(t *testing.T, s *Store) string {
	t.Helper()
	query := "SELECT type || ' ' || name || ' ' || coalesce(sql, '') FROM sqlite_schema ORDER BY 1"
	if s.dialect.name == "postgres" {
		query = `SELECT 'column ' || table_name || ' ' || ordinal_position || ' ' || column_name || ' ' || data_type || ' ' || coalesce(character_maximum_length, 0)
				|| ' ' || is_nullable || ' ' || coalesce(collation_name, '') FROM information_schema.columns WHERE table_schema = 'causeway'
			UNION ALL SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'causeway'
			UNION ALL SELECT 'constraint ' || conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
				WHERE connamespace = 'causeway'::regnamespace
			ORDER BY 1`
	}
	rows, err := s.db.Query(query)
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
	onBoth(t, func(t *testing.T, open func() (*Store, error)) {
		ctx := context.Background()
		s := opened(t, open)
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
	})
}

func TestEveryTextIsSortedByItsBytes(t *testing.T) {
	s := opened(t, func() (*Store, error) { return OpenPostgres(context.Background(), postgres.Database(t)) })
	var some int
	err := s.db.QueryRow(`SELECT count(*) FROM information_schema.columns WHERE table_schema = 'causeway' AND data_type IN ('text', 'character varying')
		AND collation_name IS DISTINCT FROM 'C'`).Scan(&some)
	if err != nil || some != 0 {
		t.Errorf("%d columns are not, %v", some, err)
	}
}

func TestNamesComeInTheSameOrderFromBothDatabases(t *testing.T) {
	var all [][]string
	onBoth(t, func(t *testing.T, open func() (*Store, error)) {
		s := opened(t, open)
		ctx := context.Background()
		tenant, err := mq.ParseTenant("shop")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Add(ctx, control.Tenant{ID: tenant}, control.Entry{}); err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{"b", "B", "a", "A", "_a", "-a", "a-b", "ab", "aB", "a_b", "Z", "10", "9"} {
			name, err := control.ParseApplicationName(text)
			if err != nil {
				continue // no name here
			}
			if _, err := s.Add(ctx, control.Application{Tenant: tenant, Name: name}, control.Entry{}); err != nil {
				t.Fatal(err)
			}
		}
		c, err := s.Load(ctx)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, a := range c.Applications {
			names = append(names, a.Name.String())
		}
		all = append(all, names)
	})
	if len(all) == 2 && (len(all[0]) < 8 || !reflect.DeepEqual(all[0], all[1])) {
		t.Errorf("SQLite: %v\nPostgreSQL: %v", all[0], all[1])
	}
}

func TestAMigrationThatFailsLeavesNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() (*Store, error)) {
		s := opened(t, open)
		before, at := schema(t, s), schemaNow(t, s)
		if err := s.step(context.Background(), []string{"CREATE TABLE half (x INTEGER)", "no SQL"}, at, at+1); err == nil {
			t.Fatal("it did not fail")
		}
		if got := schema(t, s); got != before {
			t.Errorf("left behind:\n%s", got)
		}
		if now := schemaNow(t, s); now != at {
			t.Errorf("version %d", now)
		}
	})
}

func schemaNow(t *testing.T, s *Store) int {
	t.Helper()
	at, err := s.schemaVersion(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// A step that another process took in between is not taken again: neither its statements nor its version.
func TestAStepThatAnotherProcessTookIsNotTakenAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() (*Store, error)) {
		s := opened(t, open)
		before, at := schema(t, s), schemaNow(t, s)
		if err := s.step(context.Background(), []string{"CREATE TABLE twice (x INTEGER)"}, at-1, at); err != nil {
			t.Fatal(err)
		}
		if got := schema(t, s); got != before {
			t.Errorf("taken again:\n%s", got)
		}
		if now := schemaNow(t, s); now != at {
			t.Errorf("version %d", now)
		}
	})
}

func TestManyOpenAnEmptyDatabaseAtOnce(t *testing.T) {
	const rounds, openers = 5, 8
	for range rounds {
		onBoth(t, func(t *testing.T, open func() (*Store, error)) {
			start, results := make(chan struct{}), make(chan error, openers)
			for range openers {
				go func() {
					<-start
					s, err := open()
					if err == nil {
						err = s.Close()
					}
					results <- err
				}()
			}
			close(start)
			for range openers {
				if err := <-results; err != nil {
					t.Error(err)
				}
			}
			if c, err := opened(t, open).Load(context.Background()); err != nil || c.Version != 1 {
				t.Errorf("version %d, %v", c.Version, err)
			}
		})
	}
}

func TestANewerSchemaIsRefusedUntouched(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() (*Store, error)) {
		s := opened(t, open)
		if _, err := s.db.Exec("UPDATE schema_version SET version = 99"); err != nil {
			t.Fatal(err)
		}
		before := schema(t, s)
		again, err := open()
		if err == nil {
			_ = again.Close()
		}
		if mq.KindOf(err) != mq.Conflict || !strings.Contains(err.Error(), "schema version 99") {
			t.Errorf("got %v", err)
		}
		if schema(t, s) != before {
			t.Error("it was touched")
		}
	})
}

func TestAnEndedContextIsARefusal(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() (*Store, error)) {
		s := opened(t, open)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		tenant, _ := mq.ParseTenant("a")
		if _, err := s.Add(ctx, control.Tenant{ID: tenant}, control.Entry{}); mq.Outcome(err) != mq.Refused || err == nil {
			t.Errorf("got %v", err)
		}
		c, err := s.Load(context.Background())
		if err != nil || len(c.Tenants) != 0 {
			t.Errorf("the store holds %v, %v", c.Tenants, err)
		}
	})
}

// A reader sees one state of everything, whatever is written meanwhile.
func TestAViewIsOneStateOfEverything(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() (*Store, error)) {
		s, writer := opened(t, open), opened(t, open)
		ctx, stop := context.WithTimeout(context.Background(), 30*time.Second)
		defer stop()
		wrote := make(chan error, 1)
		go func() {
			for i := range 30 {
				tenant, err := mq.ParseTenant("t" + strings.Repeat("x", i/10) + string(rune('0'+i%10)))
				if err == nil {
					_, err = writer.Add(ctx, control.Tenant{ID: tenant}, control.Entry{})
				}
				if err != nil {
					wrote <- err
					return
				}
			}
			wrote <- nil
		}()
		for {
			c, err := s.Load(ctx)
			if err != nil || int(c.Version) != 1+len(c.Tenants) {
				t.Fatalf("version %d with %d tenants, %v", c.Version, len(c.Tenants), err)
			}
			select {
			case err := <-wrote:
				if err != nil {
					t.Error(err)
				}
				return
			default:
			}
		}
	})
}
