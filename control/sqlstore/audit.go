// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/causeway-mq/causeway/control"
)

// chainPiece is how many rows one call of Chain gives.
const chainPiece = 1000

const auditColumns = "number, version, at, actor_kind, actor, role, remote, request, action, kind, tenant, name, was, became, outcome, why, hash"

// append writes a row behind the newest one. The head's row is taken first, so that writers stand in line: numbers have no gaps.
func (s *Store) append(ctx context.Context, tx *sql.Tx, e control.Entry) error {
	if err := s.exec(ctx, tx, "UPDATE audit_head SET number = number + 1 WHERE id = 1"); err != nil {
		return err
	}
	var before string
	if err := tx.QueryRowContext(ctx, "SELECT number, hash FROM audit_head WHERE id = 1").Scan(&e.Number, &before); err != nil {
		return err
	}
	e.Hash = e.Sum(before)
	err := s.exec(ctx, tx, "INSERT INTO audit ("+auditColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		int64(e.Number), int64(e.Version), micros(e.Time), string(e.Actor.Kind), e.Actor.Name, e.Actor.Role, e.Actor.Remote, e.Actor.Request,
		string(e.Action), string(e.Target.Kind), e.Target.Tenant, e.Target.Name, e.Before, e.After, string(e.Outcome), e.Why, e.Hash)
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	return s.exec(ctx, tx, "UPDATE audit_head SET hash = ? WHERE id = 1", e.Hash)
}

func (s *Store) exec(ctx context.Context, tx *sql.Tx, query string, args ...any) error {
	_, err := tx.ExecContext(ctx, s.dialect.bind(query), args...)
	return err
}

// Append adds a row that goes with no change of a record.
func (s *Store) Append(ctx context.Context, e control.Entry) error {
	e.Version = 0
	return s.fail("audit", s.inTransaction(ctx, func(tx *sql.Tx) error { return s.append(ctx, tx, e) }))
}

func readEntry(scan scan) (control.Entry, error) {
	var e control.Entry
	var at int64
	err := scan(&e.Number, &e.Version, &at, &e.Actor.Kind, &e.Actor.Name, &e.Actor.Role, &e.Actor.Remote, &e.Actor.Request, &e.Action,
		&e.Target.Kind, &e.Target.Tenant, &e.Target.Name, &e.Before, &e.After, &e.Outcome, &e.Why, &e.Hash)
	e.Time = moment(at)
	return e, err
}

// entries reads rows of audit; rest is what stands behind FROM audit.
func (s *Store) entries(ctx context.Context, tx *sql.Tx, rest string, args ...any) ([]control.Entry, error) {
	rows, err := tx.QueryContext(ctx, s.dialect.bind("SELECT "+auditColumns+" FROM audit "+rest), args...)
	if err != nil {
		return nil, err
	}
	return all(rows, readEntry)
}

// Entries gives the newest rows that q asks for.
func (s *Store) Entries(ctx context.Context, q control.AuditQuery) ([]control.Entry, error) {
	var where []string
	var args []any
	only := func(condition string, arg any, set bool) {
		if set {
			where, args = append(where, condition), append(args, arg)
		}
	}
	only("at >= ?", micros(q.From), !q.From.IsZero())
	only("at < ?", micros(q.To), !q.To.IsZero())
	only("tenant = ?", q.Tenant, q.Tenant != "")
	only("actor = ?", q.Actor, q.Actor != "")
	only("kind = ?", string(q.Kind), q.Kind != "")
	only("name = ?", q.Name, q.Name != "")
	only("outcome = ?", string(q.Outcome), q.Outcome != "")
	only("number < ?", int64(q.Below), q.Below != 0)
	rest := "ORDER BY number DESC LIMIT ?"
	if len(where) > 0 {
		rest = "WHERE " + strings.Join(where, " AND ") + " " + rest
	}
	var some []control.Entry
	err := s.inView(ctx, func(tx *sql.Tx) (err error) {
		some, err = s.entries(ctx, tx, rest, append(args, q.Limit)...)
		return err
	})
	return some, s.fail("read audit", err)
}

// Chain gives rows after a number with the head, in one view.
func (s *Store) Chain(ctx context.Context, after uint64) ([]control.Entry, control.Head, error) {
	var some []control.Entry
	var head control.Head
	err := s.inView(ctx, func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, "SELECT number, hash FROM audit_head WHERE id = 1").Scan(&head.Number, &head.Hash)
		if err == nil {
			some, err = s.entries(ctx, tx, "WHERE number > ? ORDER BY number LIMIT ?", int64(after), chainPiece)
		}
		return err
	})
	return some, head, s.fail("read audit", err)
}

// Since tells which records were changed after a version, and how they are now, in one view.
func (s *Store) Since(ctx context.Context, v control.Version) (control.Changes, error) {
	var c control.Changes
	err := s.inView(ctx, func(tx *sql.Tx) error {
		var since control.Version
		err := tx.QueryRowContext(ctx, "SELECT version, (SELECT since FROM audit_head WHERE id = 1) FROM catalog_version WHERE id = 1").Scan(&c.Version, &since)
		if err != nil {
			return err
		}
		if v < since || v > c.Version {
			c.Lost = true
			return nil
		}
		rows, err := tx.QueryContext(ctx, s.dialect.bind("SELECT version, kind, tenant, name, became FROM audit WHERE version > ? ORDER BY version LIMIT ?"),
			int64(v), control.MaxChanges+1)
		if err != nil {
			return err
		}
		changed, err := all(rows, func(scan scan) (one control.Changed, err error) {
			var became string
			err = scan(&one.Version, &one.Ref.Kind, &one.Ref.Tenant, &one.Ref.Name, &became)
			one.Left = became == ""
			return one, err
		})
		if err != nil || len(changed) > control.MaxChanges {
			c.Lost = err == nil
			return err
		}
		c.Changed, err = s.asTheyAre(ctx, tx, newest(changed))
		return err
	})
	return c, s.fail("changes", err)
}

// newest leaves the last change of each record.
func newest(changed []control.Changed) []control.Changed {
	last, left := map[control.Ref]control.Version{}, map[control.Ref]bool{}
	for _, c := range changed {
		last[c.Ref] = c.Version
		left[c.Ref] = left[c.Ref] || c.Left
	}
	var some []control.Changed
	for _, c := range changed {
		if last[c.Ref] == c.Version {
			c.Left = left[c.Ref]
			some = append(some, c)
		}
	}
	return some
}

func (s *Store) asTheyAre(ctx context.Context, tx *sql.Tx, some []control.Changed) ([]control.Changed, error) {
	for i, c := range some {
		n := nounOf(c.Ref.Kind)
		key := []any{string(c.Ref.Kind), c.Ref.Tenant, c.Ref.Name}[3-n.table.key:]
		query := fmt.Sprintf("SELECT %s FROM %s WHERE %s", strings.Join(n.table.columns, ", "), n.table.name, n.table.where())
		r, err := n.read(tx.QueryRowContext(ctx, s.dialect.bind(query), key...).Scan)
		switch {
		case errors.Is(err, sql.ErrNoRows): // gone
		case err != nil:
			return nil, fmt.Errorf("table %s: %w", n.table.name, err)
		default:
			some[i].Record = r
		}
	}
	return some, nil
}

// all reads rows to their end.
func all[R any](rows *sql.Rows, read func(scan) (R, error)) ([]R, error) {
	defer rows.Close()
	var some []R
	for rows.Next() {
		r, err := read(rows.Scan)
		if err != nil {
			return nil, err
		}
		some = append(some, r)
	}
	return some, rows.Err()
}
