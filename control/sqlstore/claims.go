// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

// Claim takes what for a holder, or renews it, in one statement: it is judged where it is written.
func (s *Store) Claim(ctx context.Context, what, holder string, d time.Duration) (bool, error) {
	query := "INSERT INTO claims (what, holder, ends) VALUES (?, ?, " + s.dialect.now + " + ?) ON CONFLICT (what) DO UPDATE " +
		"SET holder = excluded.holder, ends = excluded.ends WHERE claims.holder = excluded.holder OR claims.ends <= " + s.dialect.now
	done, err := s.db.ExecContext(ctx, s.dialect.bind(query), what, holder, d.Microseconds())
	if err != nil {
		return false, s.fail("claim", mq.Doubt(mq.Unavailable, fmt.Errorf("%s: %w", what, err), silent))
	}
	n, err := done.RowsAffected()
	return n == 1, s.fail("claim", err)
}

// Unclaim gives back what a holder holds.
func (s *Store) Unclaim(ctx context.Context, what, holder string) error {
	_, err := s.db.ExecContext(ctx, s.dialect.bind("DELETE FROM claims WHERE what = ? AND holder = ?"), what, holder)
	if err != nil {
		return s.fail("unclaim", mq.Doubt(mq.Unavailable, fmt.Errorf("%s: %w", what, err), silent))
	}
	return nil
}
