// SPDX-License-Identifier: Apache-2.0

package pgtest

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"
)

func TestAServerGivesEachTestADatabaseAndLeavesNothingBehind(t *testing.T) {
	s := New()
	var base string
	t.Run("in use", func(t *testing.T) {
		one, other := s.Database(t), s.Database(t)
		base = s.running.base
		for _, url := range []string{one, other} {
			c, err := pgx.Connect(context.Background(), url)
			if err != nil {
				t.Fatal(err)
			}
			var sorted bool
			_, made := c.Exec(context.Background(), "CREATE TABLE mine (x INTEGER)") // both can
			err = c.QueryRow(context.Background(), "SELECT 'a' < 'B'").Scan(&sorted)
			if err := errors.Join(made, err, c.Close(context.Background())); err != nil {
				t.Fatal(err)
			}
			if !sorted {
				t.Error("text is sorted by bytes: nobody notices who relies on it")
			}
		}
	})
	if base == "" {
		t.Skip("no server")
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(base); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s: %v", base, err)
	}
}

func TestWhatAKilledProcessLeftIsSweptAndWhatIsInUseIsNot(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	used, err := newProcess()
	if err != nil {
		t.Fatal(err)
	}
	left, err := newProcess()
	if err != nil {
		t.Fatal(err)
	}
	if err := left.lock.Close(); err != nil { // as the end of its process does
		t.Fatal(err)
	}
	sweep()
	if _, err := os.Stat(left.base); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("left: %v", err)
	}
	if _, err := os.Stat(filepath.Join(used.base, "lock")); err != nil {
		t.Error(err)
	}
	if err := used.stop(); err != nil {
		t.Error(err)
	}
}
