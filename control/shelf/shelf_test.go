// SPDX-License-Identifier: Apache-2.0

package shelf_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control/shelf"
	"github.com/causeway-mq/causeway/control/sqlstore"
	"github.com/causeway-mq/causeway/internal/clock"
)

// two are two planes' shelves over one table, at a time that the test moves.
func two(t *testing.T) (a, b *shelf.Shelf, table shelf.Table, now *clock.Virtual) {
	t.Helper()
	s, err := sqlstore.OpenSQLite(context.Background(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	now = clock.NewVirtual(time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC))
	return shelf.New(s.Shelf(), now.Now), shelf.New(s.Shelf(), now.Now), s.Shelf(), now
}

func TestAnItemIsFoundUntilItsTimeIsOver(t *testing.T) {
	a, b, table, now := two(t)
	ctx := context.Background()
	item := shelf.Item{Kind: "answer", Key: shelf.Key("a"), Owner: "anna", Body: "x", Ends: now.Now().Add(time.Hour)}
	if ok, err := a.Keep(ctx, item); !ok || err != nil {
		t.Fatal(ok, err)
	}
	now.Advance(time.Hour - time.Microsecond)
	if got, there, err := b.Find(ctx, "answer", item.Key); !there || err != nil || got.Body != "x" {
		t.Errorf("found %+v, %v, %v", got, there, err)
	}
	now.Advance(time.Microsecond)
	if _, there, err := b.Find(ctx, "answer", item.Key); there || err != nil {
		t.Errorf("found after its end: %v", err)
	}
	if _, there, _ := table.Find(ctx, "answer", item.Key); !there {
		t.Error("swept though nobody kept anything")
	}
	item.Key, item.Ends = shelf.Key("b"), now.Now().Add(time.Hour)
	if _, err := a.Keep(ctx, item); err != nil {
		t.Fatal(err)
	}
	if _, there, err := table.Find(ctx, "answer", shelf.Key("a")); there || err != nil {
		t.Errorf("what has ended still lies there: %v", err)
	}
}

func TestASecretIsTheSameOnEveryPlane(t *testing.T) {
	a, b, _, _ := two(t)
	key := func(s *shelf.Secret) []byte {
		t.Helper()
		k, err := s.Key(context.Background())
		if err != nil || len(k) != 32 {
			t.Fatalf("%d bytes, %v", len(k), err)
		}
		return k
	}
	one, again := a.Secret("cursors"), b.Secret("cursors")
	if !bytes.Equal(key(one), key(again)) || !bytes.Equal(key(one), key(one)) {
		t.Error("two planes have two keys")
	}
	if bytes.Equal(key(one), key(a.Secret("sessions"))) {
		t.Error("two purposes have one key")
	}
}

func TestKeysAreMadeOfPartsThatStandApart(t *testing.T) {
	if shelf.Key("ab", "c") == shelf.Key("a", "bc") {
		t.Error("two things have one key")
	}
}
