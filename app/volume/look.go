// SPDX-License-Identifier: Apache-2.0

package volume

import (
	"fmt"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/internal/fsys"
)

// low is the share of a volume below which the doctor warns.
const low = 10 // percent

// Look tells the doctor how much the volume of a data directory has left: the engine knows of its own log only, which may have so many bytes; 0: all that there are.
func Look(data string, most int64) control.Finding {
	f := control.Finding{Name: "volume", Status: control.Good}
	v, err := fsys.OS(data).Space()
	if err != nil {
		f.Status, f.Detail, f.Fix = control.Bad, err.Error(), "look at the volume that holds the data directory"
		return f
	}
	limit := "engine.max_bytes limits the log to what the volume gives"
	if most > 0 {
		limit = fmt.Sprintf("engine.max_bytes limits the log to %.1f GiB", gib(uint64(most)))
	}
	f.Detail = fmt.Sprintf("%.1f of %.1f GiB are free under %s; %s", gib(v.Free), gib(v.Total), data, limit)
	if v.Free < v.Total/100*low {
		f.Status, f.Fix = control.Warn, "make room: sends are refused before the volume is full"
	}
	if kind := Doubtful(data); kind != "" {
		f.Status, f.Detail, f.Fix = control.Warn, f.Detail+"; "+Risk(kind), "give --data a directory on a disk of this machine"
	}
	return f
}

func gib(bytes uint64) float64 { return float64(bytes) / (1 << 30) }
