// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"context"
	"database/sql"

	"github.com/causeway-mq/causeway/control/vault"
	"github.com/causeway-mq/causeway/mq"
)

var _ vault.Base = (*Store)(nil)

// DataKeys lists the data keys by number.
func (s *Store) DataKeys(ctx context.Context) (some []vault.DataKey, err error) {
	err = s.inView(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, "SELECT number, under, sealed FROM data_keys ORDER BY number")
		if err != nil {
			return err
		}
		some, err = all(rows, func(scan scan) (k vault.DataKey, err error) {
			err = scan(&k.Number, &k.Under, &k.Sealed)
			return k, err
		})
		return err
	})
	return some, s.fail("data keys", err)
}

// AddDataKey keeps a new data key unless there is one of its number.
func (s *Store) AddDataKey(ctx context.Context, k vault.DataKey) error {
	return s.one(ctx, "INSERT INTO data_keys (number, under, sealed) VALUES (?, ?, ?) ON CONFLICT (number) DO NOTHING", k.Number, k.Under, k.Sealed)
}

// ResealDataKey puts another sealing in the place of one that is still there.
func (s *Store) ResealDataKey(ctx context.Context, was, is vault.DataKey) error {
	return s.one(ctx, "UPDATE data_keys SET under = ?, sealed = ? WHERE number = ? AND sealed = ?", is.Under, is.Sealed, was.Number, was.Sealed)
}

// ResealSecret writes a secret in another form if it is still was.
func (s *Store) ResealSecret(ctx context.Context, id, was, is string) error {
	return s.one(ctx, "UPDATE access_keys SET secret = ? WHERE id = ? AND secret = ?", is, id, was)
}

func (s *Store) one(ctx context.Context, statement string, args ...any) error {
	return s.fail("keys", s.inTransaction(ctx, func(tx *sql.Tx) error { return s.exec(ctx, tx, statement, args...) }))
}

// Scrub takes what was overwritten out of the database's files. The log of a PostgreSQL server keeps it until it goes by itself.
func (s *Store) Scrub(ctx context.Context) error {
	for _, statement := range s.dialect.scrub {
		if _, err := s.db.ExecContext(ctx, statement); err != nil {
			return mq.Refuse(mq.Unavailable, "catalog store: scrub: %v", err)
		}
	}
	return nil
}
