// SPDX-License-Identifier: Apache-2.0

package vault_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/shelf"
	"github.com/causeway-mq/causeway/control/sqlstore"
	"github.com/causeway-mq/causeway/control/storetest"
	"github.com/causeway-mq/causeway/control/vault"
	"github.com/causeway-mq/causeway/internal/testkit/pgtest"
	"github.com/causeway-mq/causeway/mq"
)

var postgres = pgtest.New()

func TestMain(m *testing.M) { os.Exit(postgres.Run(m)) }

// onBoth plays a test on each database; open opens the same empty one each time, run does something in it past the store.
func onBoth(t *testing.T, play func(t *testing.T, open func() *sqlstore.Store, run func(string))) {
	for _, database := range []string{"SQLite", "PostgreSQL"} {
		t.Run(database, func(t *testing.T) { on(t, database, play) })
	}
}

func on(t *testing.T, database string, play func(t *testing.T, open func() *sqlstore.Store, run func(string))) {
	dir, url := t.TempDir(), ""
	run := past(t, "sqlite", "file:"+filepath.Join(dir, sqlstore.FileName)+"?_pragma=busy_timeout(5000)")
	if database == "PostgreSQL" {
		url = postgres.Database(t)
		run = past(t, "pgx", url+"&search_path="+sqlstore.Schema)
	}
	play(t, func() *sqlstore.Store {
		t.Helper()
		var s *sqlstore.Store
		var err error
		if url != "" {
			s, err = sqlstore.OpenPostgres(context.Background(), url)
		} else {
			s, err = sqlstore.OpenSQLite(context.Background(), dir)
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}, run)
}

// past runs statements in a database by a driver that the store registers.
func past(t *testing.T, driver, at string) func(string) {
	return func(query string) {
		t.Helper()
		db, err := sql.Open(driver, at)
		if err != nil {
			t.Fatal(err)
		}
		_, err = db.Exec(query)
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

// given is a source of keys that are there.
func given(keys ...vault.Key) vault.Source {
	return func(bool) ([]vault.Key, error) { return keys, nil }
}

func openVault(t *testing.T, base vault.Base, keys ...vault.Key) control.Store {
	t.Helper()
	s, err := vault.Open(context.Background(), base, given(keys...))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func refused(t *testing.T, base vault.Base, part string, keys ...vault.Key) {
	t.Helper()
	_, err := vault.Open(context.Background(), base, given(keys...))
	if mq.KindOf(err) != mq.Conflict || !strings.Contains(err.Error(), part) {
		t.Errorf("got %v, want a Conflict that says %q", err, part)
	}
}

const hush = "cws_thisSecretStandsNowhereInTheClear00"

// fill adds a tenant with an application and a key.
func fill(t *testing.T, s control.Store) control.Key {
	t.Helper()
	tenant, err := mq.ParseTenant("shop")
	if err != nil {
		t.Fatal(err)
	}
	name, err := control.ParseApplicationName("billing")
	if err != nil {
		t.Fatal(err)
	}
	k := control.Key{ID: "CWabc", Secret: hush, Tenant: tenant, Application: name}
	for _, r := range []control.Record{control.Tenant{ID: tenant}, control.Application{Tenant: tenant, Name: name}, k} {
		if k.Revision, err = s.Add(context.Background(), r, control.Entry{Target: r.Ref(), After: "{}"}); err != nil {
			t.Fatal(err)
		}
	}
	return k
}

// secrets are what a store says that the secrets are.
func secrets(t *testing.T, s control.Store) []string {
	t.Helper()
	c, err := s.Load(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, k := range c.Keys {
		all = append(all, k.Secret)
	}
	return all
}

func wantSecret(t *testing.T, s control.Store) {
	t.Helper()
	if got := secrets(t, s); len(got) != 1 || got[0] != hush {
		t.Errorf("the secrets are %v", got)
	}
}

func TestAStoreBehindAVaultKeepsEveryPromise(t *testing.T) {
	key := vault.NewKey()
	only := "SQLite"
	if pgtest.IsRequired() {
		only = "PostgreSQL"
	}
	storetest.RunEach(t, func(t *testing.T, play func(*testing.T, storetest.Subject)) {
		on(t, only, func(t *testing.T, open func() *sqlstore.Store, run func(string)) {
			play(t, storetest.Subject{Store: openVault(t, open(), key), Again: func() control.Store { return openVault(t, open(), key) }, Exec: run})
		})
	})
}

func TestNoSecretStandsInTheClear(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *sqlstore.Store, _ func(string)) {
		key, base := vault.NewKey(), open()
		s := openVault(t, base, key)
		k := fill(t, s)
		for _, raw := range secrets(t, base) {
			if strings.Contains(raw, hush) || !strings.HasPrefix(raw, "s1.") {
				t.Errorf("the database holds %s", raw)
			}
		}
		k.Revoked = k.Created.AddDate(2026, 1, 1)
		if _, err := s.Put(context.Background(), k, control.Entry{Target: k.Ref(), After: "{}"}); err != nil {
			t.Fatal(err)
		}
		wantSecret(t, s)
		got, err := s.Since(context.Background(), 1)
		if err != nil || len(got.Changed) != 3 || got.Changed[2].Record.(control.Key).Secret != hush {
			t.Errorf("the change log gives %+v, %v", got, err)
		}
		wantSecret(t, openVault(t, open(), key))
	})
}

// inFiles tells which files of a directory hold a text.
func inFiles(t *testing.T, dir, text string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if bytes.Contains(content, []byte(text)) {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestNoByteOfASecretIsInTheFilesOfADatabase(t *testing.T) {
	dir := t.TempDir()
	open := func() *sqlstore.Store {
		s, err := sqlstore.OpenSQLite(context.Background(), dir)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	s := openVault(t, open(), vault.NewKey())
	fill(t, s)
	if found := inFiles(t, dir, hush); len(found) != 0 {
		t.Errorf("open: %v", found)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if found := inFiles(t, dir, hush); len(found) != 0 {
		t.Errorf("closed: %v", found)
	}
	if found := inFiles(t, dir, "CWabc"); len(found) == 0 {
		t.Error("this test does not find what is there")
	}
}

func TestSecretsInTheClearAreSealedAtTheNextStart(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *sqlstore.Store, _ func(string)) {
		base := open()
		fill(t, base)
		wantSecret(t, base)
		before, err := base.Load(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		key := vault.NewKey()
		s := openVault(t, open(), key)
		wantSecret(t, s)
		if raw := secrets(t, base); strings.Contains(raw[0], hush) {
			t.Error("it is still in the clear")
		}
		after, err := s.Load(context.Background())
		if err != nil || fmt.Sprint(after) != fmt.Sprint(before) {
			t.Errorf("that is no change of the record: %v\n%v\n%v", err, before, after)
		}
	})
}

func TestWhatWasInTheClearIsScrubbedFromTheFiles(t *testing.T) {
	dir := t.TempDir()
	base, err := sqlstore.OpenSQLite(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	fill(t, base)
	if err := base.Close(); err != nil {
		t.Fatal(err)
	}
	if found := inFiles(t, dir, hush); len(found) == 0 {
		t.Fatal("it was never in the clear")
	}
	if base, err = sqlstore.OpenSQLite(context.Background(), dir); err != nil {
		t.Fatal(err)
	}
	s := openVault(t, base, vault.NewKey())
	defer s.Close()
	wantSecret(t, s)
	if found := inFiles(t, dir, hush); len(found) != 0 {
		t.Errorf("it is still in %v", found)
	}
}

func TestAnotherKeyOpensNothingAndTheErrorNamesTheRightOne(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *sqlstore.Store, _ func(string)) {
		key := vault.NewKey()
		fill(t, openVault(t, open(), key))
		refused(t, open(), key.ID(), vault.NewKey())
		wantSecret(t, openVault(t, open(), key))
	})
}

func TestAKeyIsExchanged(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *sqlstore.Store, _ func(string)) {
		old, next := vault.NewKey(), vault.NewKey()
		base := open()
		fill(t, openVault(t, base, old))
		raw := secrets(t, base)[0]
		wantSecret(t, openVault(t, open(), next, old))
		if secrets(t, base)[0] != raw {
			t.Error("the secret was sealed anew, its data key alone had to be")
		}
		wantSecret(t, openVault(t, open(), next)) // the old one is not needed any more
		refused(t, open(), next.ID(), old)
	})
}

func TestASealedSecretOpensInNoOtherRow(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *sqlstore.Store, run func(string)) {
		key, base := vault.NewKey(), open()
		s := openVault(t, base, key)
		k := fill(t, s)
		other := k
		other.ID, other.Secret, other.Revision = "CWother", "cws_other", 0
		if _, err := s.Add(context.Background(), other, control.Entry{Target: other.Ref(), After: "{}"}); err != nil {
			t.Fatal(err)
		}
		run("UPDATE access_keys SET secret = (SELECT secret FROM access_keys WHERE id = 'CWabc') WHERE id = 'CWother'")
		if _, err := s.Load(context.Background()); mq.KindOf(err) != mq.Conflict || !strings.Contains(err.Error(), "CWother") {
			t.Errorf("moved: %v", err)
		}
		run("UPDATE access_keys SET secret = 'cws_known' WHERE id = 'CWother'")
		if _, err := s.Load(context.Background()); mq.KindOf(err) != mq.Conflict {
			t.Errorf("put in the clear while the vault is open: %v", err)
		}
	})
}

func TestManyThatOpenANewDatabaseHaveOneDataKey(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *sqlstore.Store, _ func(string)) {
		key := vault.NewKey()
		stores, errs := make([]control.Store, 6), make(chan error, 6)
		for i := range stores {
			base := open()
			go func() {
				var err error
				stores[i], err = vault.Open(context.Background(), base, given(key))
				errs <- err
			}()
		}
		for range stores {
			if err := <-errs; err != nil {
				t.Fatal(err)
			}
		}
		fill(t, stores[0])
		for _, s := range stores {
			wantSecret(t, s)
		}
	})
}

func TestKeyFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.keys")
	if _, err := vault.LoadFile(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	made, err := vault.CreateFile(path)
	if err != nil || len(made) != 1 {
		t.Fatalf("%v, %v", made, err)
	}
	if again, err := vault.CreateFile(path); err != nil || again[0] != made[0] {
		t.Errorf("a second one takes its place: %v", err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*")); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	both, err := vault.ParseKeys(strings.TrimSpace(strings.Split(vault.Format(vault.NewKey()), "\n")[2]) + "," + strings.Split(string(text), "\n")[2])
	if err != nil || len(both) != 2 || both[1] != made[0] {
		t.Errorf("%v, %v", both, err)
	}
	for _, bad := range []string{"", "# nothing", "hush", "aHVzaA=="} {
		if _, err := vault.ParseKeys(bad); mq.KindOf(err) != mq.BadRequest || bad != "" && strings.Contains(err.Error(), "hush") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := vault.LoadFile(path); mq.KindOf(err) != mq.BadRequest {
		t.Errorf("others may read it: %v", err)
	}
	if s := fmt.Sprintf("%v %+v %#v", made[0], made[0], made[0]); strings.Contains(string(text), strings.Fields(s)[1]) {
		t.Errorf("a key in a log shows itself: %s", s)
	}
}

func TestWhatLiesOnTheShelfIsSealedAndOpensInItsOwnPlaceOnly(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *sqlstore.Store, run func(string)) {
		base, ctx := open(), context.Background()
		s := openVault(t, base, vault.NewKey()).Shelf()
		a := shelf.Item{Kind: "answer", Key: shelf.Key("a"), Owner: "anna", Body: hush, Begun: time.Unix(1, 0), Ends: time.Unix(2, 0)}
		b := a
		b.Key = shelf.Key("b")
		for _, i := range []shelf.Item{a, b} {
			if _, err := s.Keep(ctx, i); err != nil {
				t.Fatal(err)
			}
		}
		if got, there, err := s.Find(ctx, a.Kind, a.Key); !there || err != nil || got.Body != hush {
			t.Errorf("opened as %+v, %v, %v", got, there, err)
		}
		if kept, _, err := base.Shelf().Find(ctx, a.Kind, a.Key); err != nil || kept.Body == "" || strings.Contains(kept.Body, hush) {
			t.Errorf("kept as %+v, %v", kept, err)
		}
		run(fmt.Sprintf("UPDATE shelf SET body = (SELECT body FROM shelf WHERE item = '%s') WHERE item = '%s'", a.Key, b.Key))
		if got, there, err := s.Find(ctx, b.Kind, b.Key); there || mq.KindOf(err) != mq.Conflict {
			t.Errorf("another's body opens: %+v, %v", got, err)
		}
	})
}
