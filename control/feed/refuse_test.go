// SPDX-License-Identifier: Apache-2.0

package feed_test

import (
	"bytes"
	"compress/gzip"
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/causeway-mq/causeway/control/feed"
	"github.com/causeway-mq/causeway/control/sqlstore"
	"github.com/causeway-mq/causeway/internal/fsys"
	"github.com/causeway-mq/causeway/internal/fsys/memfs"
	"github.com/causeway-mq/causeway/proxy/catalog/fed"
	"github.com/causeway-mq/causeway/proxy/catalog/wire"
)

func bytesOf(b []byte) *bytes.Buffer { return bytes.NewBuffer(b) }

func openDB(t *testing.T, dir string) *sql.DB {
	t.Helper()
	return must(sql.Open("sqlite", filepath.Join(dir, sqlstore.FileName)))
}

// copied makes a backup of a database that nobody has open.
func copied(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

// A database that is restored would bring back what was revoked since: proxies wait for an operator's word.
func TestARestoredDatabaseIsNotFollowedUntilAnOperatorForcesIt(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		c := found(t, dir)
		c.tenants(t, "pay")
		c.stop()
		backup := copied(t, dir)
		c = found(t, dir)
		r, disk := &road{to: c.feed}, memfs.New()
		o := settle(t, settling{road: r, disk: disk})
		c.tenants(t, "ship")
		synctest.Wait()
		if !o.knows("ship") {
			t.Fatal("it does not follow")
		}
		c.stop()
		c = found(t, backup)
		r.leads(c.feed)
		pass(5 * time.Minute)
		if !o.knows("ship") || o.Refused() == nil || !slices.Contains(o.refusals(), fed.Older) {
			t.Fatalf("it went back: %+v", o.Status())
		}
		if _, err := c.feed.Force(t.Context(), ada(), ""); err == nil {
			t.Error("without a reason")
		}
		e := must(c.feed.Force(t.Context(), ada(), "the disk died, this is last night's backup"))
		pass(30 * time.Second)
		if o.knows("ship") || !o.knows("pay") || o.Refused() != nil || o.Status().Epoch != e {
			t.Errorf("it did not take what is meant: %+v", o.Status())
		}
		c.tenants(t, "new")
		synctest.Wait()
		if !o.knows("new") {
			t.Error("it does not follow the new epoch")
		}
		o.stop() // and not back to the old epoch, neither it nor one that starts
		c.stop()
		c = found(t, dir)
		r.leads(c.feed)
		o = settle(t, settling{road: r, disk: disk})
		pass(5 * time.Minute)
		if o.knows("ship") || !o.knows("new") || !slices.Contains(o.refusals(), fed.Older) {
			t.Errorf("the old epoch came back: %+v", o.Status())
		}
	})
}

func TestAnotherControlPlanesCatalogIsRefused(t *testing.T) {
	one, two := t.TempDir(), t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		c := found(t, one)
		r := &road{to: c.feed}
		o := settle(t, settling{road: r})
		c.tenants(t, "pay")
		synctest.Wait()
		pass(time.Second) // in the bubble two databases that are made at one moment would begin alike
		other := found(t, two)
		other.tenants(t, "a", "b", "c", "d")
		r.leads(other.feed)
		pass(time.Minute)
		if !o.knows("pay") || o.knows("a") || !slices.Contains(o.refusals(), fed.Foreign) {
			t.Errorf("%+v, %v", o.Status(), o.refusals())
		}
	})
}

func TestACatalogThatLosesMostTenantsIsRefusedUntilItIsForced(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		c := found(t, dir)
		c.tenants(t, "a", "b", "c", "d")
		c.stop()
		backup := copied(t, dir)
		c = found(t, dir)
		r := &road{to: c.feed}
		o := settle(t, settling{road: r})
		pass(time.Second)
		c.stop()
		db := openDB(t, backup) // an accident in the database
		for _, q := range []string{
			"DELETE FROM access_keys", "DELETE FROM applications", "DELETE FROM topics", "DELETE FROM tenants WHERE id <> 'default' AND id <> 'a'",
			"UPDATE catalog_version SET version = version + 1000",
		} {
			if _, err := db.Exec(q); err != nil {
				t.Fatal(err)
			}
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		c = found(t, backup)
		r.leads(c.feed)
		pass(time.Minute)
		if !o.knows("d") || !slices.Contains(o.refusals(), fed.Shrinks) || o.Refused() == nil || !strings.Contains(o.Refused().Error(), "3 of 5 tenants") {
			t.Fatalf("%+v, %v", o.Status(), o.refusals())
		}
		must(feed.Force(t.Context(), c.store, feed.Forced{By: ada(), Why: "they have left", When: time.Now()})) // by another process, on the same database
		pass(30 * time.Second)
		if o.knows("d") || !o.knows("a") || o.Refused() != nil {
			t.Errorf("%+v", o.Status())
		}
	})
}

func TestDamageOnTheWayIsRefusedAndAskedForAgain(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		c := found(t, dir)
		r := &road{to: c.feed}
		o := settle(t, settling{road: r})
		c.tenants(t, "pay")
		synctest.Wait()
		r.mu.Lock()
		r.alter = func(b []byte) []byte {
			return bytes.Replace(b, []byte(`"accepts":["normal"]`), []byte(`"accepts":["fifo"]`), 1)
		}
		r.mu.Unlock()
		c.tenants(t, "ship")
		pass(time.Minute)
		topics := func() (n int) {
			for range o.holder.Now().Topics {
				n++
			}
			return n
		}
		if topics() != 1 || !slices.Contains(o.refusals(), fed.Damaged) {
			t.Errorf("%d topics, %v", topics(), o.refusals())
		}
		r.mu.Lock()
		r.alter = nil
		r.mu.Unlock()
		pass(30 * time.Second)
		if topics() != 2 || o.Refused() != nil {
			t.Errorf("%d topics, %+v", topics(), o.Status())
		}
	})
}

// A cache that is damaged anywhere is told and not used; one that is cut off by a power cut is the old or the new one.
func TestADamagedCacheIsNotUsed(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		c := found(t, dir)
		r, disk := &road{to: c.feed}, memfs.New()
		o := settle(t, settling{road: r, disk: disk})
		c.tenants(t, "pay")
		pass(3 * time.Second)
		o.stop()
		whole := must(fsys.ReadFile(disk, "catalog", wire.MaxBytes))
		for name, data := range map[string][]byte{
			"empty":         {},
			"cut off":       whole[:len(whole)/2],
			"another right": bytes.Replace(whole, []byte(`"app":{"tenant":"pay","name":"app"`), []byte(`"app":{"tenant":"pay","name":"app","owner":true`), 1),
			"another time":  bytes.Replace(whole, []byte(`"version":`), []byte(`"version":9`), 1),
			"no catalog":    []byte("format: 1\nversion: 7\n"),
		} {
			if bytes.Equal(data, whole) {
				t.Fatalf("%s: nothing is damaged", name)
			}
			bad := memfs.New()
			if err := fsys.Install(bad, "catalog", data); err != nil {
				t.Fatal(err)
			}
			o := settle(t, settling{road: &road{}, disk: bad})
			synctest.Wait()
			if !o.holder.Now().Empty() || !slices.Equal(o.refusals(), []fed.Why{fed.Damaged}) {
				t.Errorf("%s: it is served, %v", name, o.refusals())
			}
			o.stop()
			o = settle(t, settling{road: r, disk: bad})
			pass(3 * time.Second)
			o.stop()
			o = settle(t, settling{road: &road{}, disk: bad})
			synctest.Wait()
			if !o.knows("pay") {
				t.Errorf("%s: it was not written anew", name)
			}
			o.stop()
		}
		if o = settle(t, settling{road: &road{}, disk: memfs.New()}); !o.holder.Now().Empty() || o.Refused() != nil {
			t.Error("no cache is no trouble")
		}
	})
}

func TestAPowerCutLeavesTheOldCacheOrTheNewOne(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		c := found(t, dir)
		r, disk := &road{to: c.feed}, memfs.New()
		o := settle(t, settling{road: r, disk: disk})
		pass(time.Second)
		for i, name := range []string{"a", "b", "c", "d", "e", "f"} {
			c.tenants(t, name)
			for seed := range uint64(8) {
				after := settle(t, settling{road: &road{}, disk: disk.CrashTorn(seed, 0.5)})
				synctest.Wait()
				if i > 0 && !after.knows("a") || slices.Contains(after.refusals(), fed.Damaged) {
					t.Errorf("after a power cut: %+v, %v", after.Status(), after.refusals())
				}
				after.stop()
			}
			pass(2 * time.Second)
		}
		o.stop()
	})
}

func TestLargeDocumentsAreCompressed(t *testing.T) {
	c := found(t, t.TempDir())
	for n := range 20 {
		c.tenants(t, fmt.Sprint("tenant-", n))
	}
	waitFor(t, "the feed has them", func() bool { _, v := c.feed.Now(); return uint64(v) == uint64(c.Version()) })
	get := func(encoding string) (string, []byte) {
		q := httptest.NewRequest(http.MethodGet, wire.Path, nil)
		q.Header.Set("Authorization", "Bearer "+token)
		q.Header.Set("Accept-Encoding", encoding)
		w := httptest.NewRecorder()
		c.feed.ServeHTTP(w, q)
		return w.Header().Get("Content-Encoding"), w.Body.Bytes()
	}
	how, plain := get("")
	if how != "" {
		t.Fatal(how)
	}
	how, packed := get("gzip, br")
	unpacked := must(io.ReadAll(must(gzip.NewReader(bytes.NewReader(packed)))))
	if how != "gzip" || len(packed)*2 > len(plain) || !bytes.Equal(unpacked, plain) {
		t.Errorf("%q: %d bytes of %d", how, len(packed), len(plain))
	}
}
