// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"database/sql"
	"strconv"
	"strings"
)

// dialect is what differs between databases. Statements are written in the SQL that they share, with '?' for arguments.
type dialect struct {
	name string
	// cure is where to look when the database does not answer.
	cure string
	// numbered databases want $1, $2, ... for arguments.
	numbered bool
	// lock is the statement that lets one process at a time change the schema, for the rest of its transaction; "" where every transaction writes alone.
	lock string
	// view is how a transaction begins that reads only, in one view; nil for the database's own way.
	view *sql.TxOptions
	// now is the database's own time in microseconds since 1970, as an expression.
	now string
	// scrub is the statements that rewrite what holds secrets, so that no deleted bytes stay.
	scrub []string
	// define makes a migration's statement the database's own; nil leaves it. Text is compared and sorted byte for byte in all of them.
	define func(string) string
	// taken tells whether an error says that a unique name exists.
	taken func(error) bool
	// orphan tells whether an error says that what a row refers to is not there.
	orphan func(error) bool
	// undone tells whether an error of a commit says that it certainly did not happen; nil: none does.
	undone func(error) bool
}

// bind puts a database's own placeholders for '?'. No statement of this package holds a '?' of another meaning.
func (d dialect) bind(query string) string {
	if !d.numbered {
		return query
	}
	var b strings.Builder
	n := 0
	for _, r := range query {
		if r != '?' {
			b.WriteRune(r)
			continue
		}
		n++
		b.WriteString("$" + strconv.Itoa(n))
	}
	return b.String()
}
