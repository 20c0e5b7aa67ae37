// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/causeway-mq/causeway/control/usage"
	"github.com/causeway-mq/causeway/mq"
)

// usageCounters are the columns that only grow.
func usageCounters() []string {
	return []string{"messages_in", "bytes_in", "messages_out", "bytes_out"}
}

// KeepUsage keeps rows, in one transaction. Of two words about one run the larger one is the newer one.
func (s *Store) KeepUsage(ctx context.Context, some []usage.Row) error {
	var grow []string
	for _, c := range usageCounters() {
		grow = append(grow, fmt.Sprintf("%s = CASE WHEN excluded.%[1]s > usage_days.%[1]s THEN excluded.%[1]s ELSE usage_days.%[1]s END", c))
	}
	query := "INSERT INTO usage_days (tenant, day, run, " + strings.Join(usageCounters(), ", ") + ") VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (tenant, day, run) DO UPDATE SET " + strings.Join(grow, ", ")
	err := s.inTransaction(ctx, func(tx *sql.Tx) error {
		for _, r := range some {
			if err := s.exec(ctx, tx, query, r.Tenant.String(), string(r.Day), r.Run, r.In.Messages, r.In.Bytes, r.Out.Messages, r.Out.Bytes); err != nil {
				return err
			}
		}
		return nil
	})
	return s.fail("keep usage", err)
}

// Usage sums up a tenant's days.
func (s *Store) Usage(ctx context.Context, tenant mq.Tenant, from, to usage.Day) (some []usage.Total, err error) {
	const query = "SELECT day, CAST(sum(messages_in) AS BIGINT), CAST(sum(bytes_in) AS BIGINT), CAST(sum(messages_out) AS BIGINT), CAST(sum(bytes_out) AS BIGINT) " +
		"FROM usage_days WHERE tenant = ? AND day >= ? AND day <= ? GROUP BY day ORDER BY day"
	err = s.inView(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, s.dialect.bind(query), tenant.String(), string(from), string(to))
		if err != nil {
			return err
		}
		some, err = all(rows, func(scan scan) (t usage.Total, err error) {
			return t, scan(&t.Day, &t.In.Messages, &t.In.Bytes, &t.Out.Messages, &t.Out.Bytes)
		})
		return err
	})
	return some, s.fail("read usage", err)
}

// DropUsage forgets the days before one.
func (s *Store) DropUsage(ctx context.Context, before usage.Day) error {
	return s.fail("drop usage", s.inTransaction(ctx, func(tx *sql.Tx) error {
		return s.exec(ctx, tx, "DELETE FROM usage_days WHERE day < ?", string(before))
	}))
}
