// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/causeway-mq/causeway/control/shelf"
	"github.com/causeway-mq/causeway/mq"
)

// shelfRows is the shelf in the database. Each method is one statement, which is judged where it is written.
type shelfRows struct{ store *Store }

// Shelf is what planes share for a while.
func (s *Store) Shelf() shelf.Table { return shelfRows{s} }

// run executes a statement and gives how many rows it met.
func (r shelfRows) run(ctx context.Context, query string, args ...any) (int64, error) {
	done, err := r.store.db.ExecContext(ctx, r.store.dialect.bind(query), args...)
	if err != nil {
		return 0, r.store.fail("shelf", mq.Doubt(mq.Unavailable, err, silent))
	}
	n, err := done.RowsAffected()
	return n, r.store.fail("shelf", err)
}

// Keep takes the place of an item that has ended.
func (r shelfRows) Keep(ctx context.Context, i shelf.Item) (bool, error) {
	n, err := r.run(ctx, "INSERT INTO shelf (kind, item, owner, body, begun, ends) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (kind, item) DO UPDATE "+
		"SET owner = excluded.owner, body = excluded.body, begun = excluded.begun, ends = excluded.ends WHERE shelf.ends <= excluded.begun",
		string(i.Kind), i.Key, i.Owner, i.Body, micros(i.Begun), micros(i.Ends))
	return n == 1, err
}

// Find gives an item as it lies there.
func (r shelfRows) Find(ctx context.Context, kind shelf.Kind, key string) (shelf.Item, bool, error) {
	i := shelf.Item{Kind: kind, Key: key}
	err := r.store.inView(ctx, func(tx *sql.Tx) error {
		var begun, ends int64
		err := tx.QueryRowContext(ctx, r.store.dialect.bind("SELECT owner, body, begun, ends FROM shelf WHERE kind = ? AND item = ?"), string(kind), key).
			Scan(&i.Owner, &i.Body, &begun, &ends)
		i.Begun, i.Ends = moment(begun), moment(ends)
		if errors.Is(err, sql.ErrNoRows) {
			i = shelf.Item{}
			return nil
		}
		return err
	})
	return i, err == nil && i.Key != "", r.store.fail("shelf", err)
}

// Change writes body and end.
func (r shelfRows) Change(ctx context.Context, i shelf.Item) (bool, error) {
	n, err := r.run(ctx, "UPDATE shelf SET body = ?, ends = ? WHERE kind = ? AND item = ?", i.Body, micros(i.Ends), string(i.Kind), i.Key)
	return n == 1, err
}

// Drop forgets one.
func (r shelfRows) Drop(ctx context.Context, kind shelf.Kind, key string) error {
	_, err := r.run(ctx, "DELETE FROM shelf WHERE kind = ? AND item = ?", string(kind), key)
	return err
}

// Trim keeps the newest ones of an owner, and the one that he names.
func (r shelfRows) Trim(ctx context.Context, of shelf.Owned, keep int) error {
	_, err := r.run(ctx, "DELETE FROM shelf WHERE kind = ? AND owner = ? AND item <> ? AND item NOT IN (SELECT item FROM shelf WHERE kind = ? AND owner = ? ORDER BY begun DESC, item LIMIT ?)",
		string(of.Kind), of.Owner, of.But, string(of.Kind), of.Owner, keep)
	return err
}

// Sweep forgets what has ended.
func (r shelfRows) Sweep(ctx context.Context, by time.Time) error {
	_, err := r.run(ctx, "DELETE FROM shelf WHERE ends <= ?", micros(by))
	return err
}
