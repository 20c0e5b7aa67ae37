// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"context"
	"fmt"

	"github.com/causeway-mq/causeway/mq"
)

// Chain is where rows are read from.
type Chain interface {
	// Chain gives some of the rows after a number, oldest first, with the head; no rows when there are none.
	Chain(ctx context.Context, after uint64) ([]Entry, Head, error)
}

// Report is what a look at the whole chain found.
type Report struct {
	Rows   uint64
	Head   Head
	Broken []Break // the first ones; none where the chain holds
}

// Break is a place where the chain does not hold.
type Break struct {
	Number uint64
	Why    string
}

const maxBreaks = 20

// Verify reads the whole chain and tells where it does not hold: a row was changed, is missing, or stands elsewhere.
func Verify(ctx context.Context, l Chain) (Report, error) {
	var r Report
	var at uint64
	before := ""
	for begun := false; ; begun = true {
		some, head, err := l.Chain(ctx, at)
		if err != nil {
			return r, mq.During("verify audit", err)
		}
		if !begun {
			r.Head = head // rows that come while this reads are for the next time
		}
		for _, e := range some {
			if e.Number > head.Number {
				r.broken(e.Number, "nobody wrote this row: it stands behind the last one")
			}
			if e.Number > r.Head.Number {
				break
			}
			r.row(e, at, before)
			at, before = e.Number, e.Hash
		}
		if len(some) == 0 || some[len(some)-1].Number >= r.Head.Number || len(r.Broken) >= maxBreaks {
			break
		}
	}
	switch {
	case len(r.Broken) >= maxBreaks:
	case at < r.Head.Number:
		r.broken(at+1, fmt.Sprintf("rows %d to %d are missing at the end", at+1, r.Head.Number))
	case before != r.Head.Hash:
		r.broken(at, "the last row is not the one that was written last")
	}
	return r, nil
}

func (r *Report) row(e Entry, at uint64, before string) {
	r.Rows++
	switch {
	case e.Number != at+1:
		r.broken(at+1, fmt.Sprintf("row %d is followed by row %d: what stood between is missing", at, e.Number))
	case e.Hash != e.Sum(before):
		r.broken(e.Number, "the row's hash fits neither its content nor the row before it: it was changed or moved")
	}
}

func (r *Report) broken(number uint64, why string) {
	if len(r.Broken) < maxBreaks {
		r.Broken = append(r.Broken, Break{number, why})
	}
}
