// SPDX-License-Identifier: Apache-2.0

package database

import (
	"context"
	"strings"
	"testing"
)

func TestADatabaseThatIsNotThereIsNamedWithItsKeyAndACure(t *testing.T) {
	_, _, err := Open(context.Background(), Options{Config: Config{Postgres: Postgres{URL: "postgres://ada:hush@127.0.0.1:1/db?sslmode=disable"}}, Dir: t.TempDir(), Shared: true})
	if err == nil {
		t.Fatal("opened")
	}
	for _, part := range []string{"store.postgres.url: ", "127.0.0.1", "see that PostgreSQL runs there"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in %v", part, err)
		}
	}
	if strings.Contains(err.Error(), "hush") {
		t.Errorf("the password is in %v", err)
	}
}
