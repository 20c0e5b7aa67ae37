// SPDX-License-Identifier: Apache-2.0

package log

import (
	"fmt"
	"sort"
)

// Damage is a range of the log whose bytes are not what was written there. Nothing of it is ever served; what lies
// before and behind it still is.
type Damage struct {
	File     string   // the segment file
	From, To Position // the range, To not included; offsets in the file are these minus its base
	Base     Position // base of the file
	Reason   string
}

// String names file, range of offsets and reason.
func (d Damage) String() string {
	return fmt.Sprintf("%s: bytes %d to %d are damaged (%s)", d.File, d.From-d.Base, d.To-d.Base, d.Reason)
}

// damageAt finds the damage that covers pos.
func damageAt(list []Damage, pos Position) (Damage, bool) {
	i := sort.Search(len(list), func(i int) bool { return list[i].To > pos })
	if i < len(list) && list[i].From <= pos {
		return list[i], true
	}
	return Damage{}, false
}

// Recovery tells what Open found.
type Recovery struct {
	Fresh    bool     // the directory was empty: a new log
	Segments int      // segment files, prepared ones included
	Records  int      // records in the segments that were read through
	End      Position // where the log goes on
	Torn     *Torn    // the tail that was cut off, nil if there was none
	Damage   []Damage // ascending; empty when all is well
	Notes    []string // what was repaired or tidied up, in words
}

// Torn is a tail that a crash left half written: it was never durable, so nobody was told that it was.
type Torn struct {
	File  string
	At    Position // where the log was cut
	Bytes int64    // bytes that were not zero behind the cut
}
