// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"strconv"
	"strings"
)

// dialect is what differs between databases. Statements are written in the SQL that they share, with '?' for arguments.
type dialect struct {
	name string
	// numbered databases want $1, $2, ... for arguments.
	numbered bool
	// taken tells whether an error says that a unique name exists.
	taken func(error) bool
	// orphan tells whether an error says that what a row refers to is not there.
	orphan func(error) bool
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
