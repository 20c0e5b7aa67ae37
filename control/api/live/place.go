// SPDX-License-Identifier: Apache-2.0

package live

import (
	"strconv"
	"strings"
	"time"

	"github.com/causeway-mq/causeway/control"
)

// place is how far a stream has come. Every event's id is one, so that a reader who comes back says with the last id what he has.
type place struct {
	version control.Version // at which all jobs, requests and grants were told
	step    time.Time       // of the last rates
	tail    time.Time       // until when the topic was looked at
	over    bool            // the tail has ended, and does not begin anew
}

// String is the id: fields with dots between them, seconds and milliseconds since 1970.
func (p place) String() string {
	tail := "0"
	switch {
	case p.over:
		tail = "x"
	case !p.tail.IsZero():
		tail = strconv.FormatInt(p.tail.UnixMilli(), 10)
	}
	step := int64(0)
	if !p.step.IsZero() {
		step = p.step.Unix()
	}
	return "1." + strconv.FormatUint(uint64(p.version), 10) + "." + strconv.FormatInt(step, 10) + "." + tail
}

// placeIn reads an id. One that is none, or of another age of this interface, is the beginning: a browser cannot help what it sends.
func placeIn(id string) place {
	fields := strings.Split(id, ".")
	if len(fields) != 4 || fields[0] != "1" {
		return place{}
	}
	version, err1 := strconv.ParseUint(fields[1], 10, 64)
	step, err2 := strconv.ParseInt(fields[2], 10, 64)
	p := place{version: control.Version(version), over: fields[3] == "x"}
	tail := int64(0)
	var err3 error
	if !p.over {
		tail, err3 = strconv.ParseInt(fields[3], 10, 64)
	}
	const latest = 1 << 45 // milliseconds: beyond the year 3000
	if err1 != nil || err2 != nil || err3 != nil || step < 0 || step > latest/1000 || tail < 0 || tail > latest {
		return place{}
	}
	if step > 0 {
		p.step = time.Unix(step, 0).UTC()
	}
	if tail > 0 {
		p.tail = time.UnixMilli(tail).UTC()
	}
	return p
}
