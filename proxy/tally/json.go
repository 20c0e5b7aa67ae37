// SPDX-License-Identifier: Apache-2.0

package tally

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/causeway-mq/causeway/internal/parcel"
	"github.com/causeway-mq/causeway/mq"
)

// Path is where a control plane takes reports.
const Path = "/feed/v1/report"

// Bounds of a report on its way, in bytes.
const (
	MaxPacked   = 8 << 20
	MaxUnpacked = 64 << 20
	maxName     = 200
)

// report is a Report on its way: rows of a table, since names of fields would be most of it.
type report struct {
	Proxy     string   `json:"proxy"`
	Zone      string   `json:"zone,omitempty"`
	Run       string   `json:"run"`
	Number    uint64   `json:"number"`
	After     uint64   `json:"after,omitempty"`
	Lines     []row    `json:"lines,omitempty"`
	Uses      []day    `json:"uses,omitempty"`
	Uncounted [2]int64 `json:"uncounted"`
}

type row struct {
	Names  [4]string
	Counts [2]int64
}

type day struct {
	Day    Day      `json:"day"`
	Tenant string   `json:"tenant"`
	In     [2]int64 `json:"in"`
	Out    [2]int64 `json:"out"`
}

func (r row) MarshalJSON() ([]byte, error) {
	return json.Marshal([]any{r.Names[0], r.Names[1], r.Names[2], r.Names[3], r.Counts[0], r.Counts[1]})
}

func (r *row) UnmarshalJSON(data []byte) error {
	var cells []json.RawMessage
	if err := json.Unmarshal(data, &cells); err != nil {
		return err
	}
	if len(cells) != len(r.Names)+len(r.Counts) {
		return fmt.Errorf("a line has %d cells", len(r.Names)+len(r.Counts))
	}
	for i := range r.Names {
		if err := json.Unmarshal(cells[i], &r.Names[i]); err != nil {
			return err
		}
	}
	for i := range r.Counts {
		if err := json.Unmarshal(cells[len(r.Names)+i], &r.Counts[i]); err != nil {
			return err
		}
	}
	return nil
}

func pairOf(c Count) [2]int64 { return [2]int64{c.Messages, c.Bytes} }

func countOf(n [2]int64) (Count, error) {
	if n[0] < 0 || n[1] < 0 {
		return Count{}, errors.New("a counter is negative")
	}
	return Count{n[0], n[1]}, nil
}

// Encode packs a report for its way.
func (r Report) Encode() ([]byte, error) {
	out := report{Proxy: r.Proxy, Zone: r.Zone, Run: r.Run, Number: r.Number, After: r.After, Uncounted: pairOf(r.Uncounted)}
	for _, l := range r.Lines {
		one := row{[4]string{l.Tenant.String(), l.Topic.String()}, pairOf(l.Count)}
		if l.Read() {
			one.Names[2], one.Names[3] = l.Reader.String(), l.Group.String()
		}
		out.Lines = append(out.Lines, one)
	}
	for _, u := range r.Uses {
		out.Uses = append(out.Uses, day{u.Day, u.Tenant.String(), pairOf(u.In), pairOf(u.Out)})
	}
	return parcel.Pack(out)
}

// Decode unpacks a report. Every name and counter in it is held against the rules for such names.
func Decode(packed io.Reader) (Report, error) {
	var in report
	if err := parcel.Unpack(packed, MaxUnpacked, &in); err != nil {
		return Report{}, err
	}
	return in.parse()
}

func (in report) parse() (Report, error) {
	out := Report{Proxy: in.Proxy, Zone: in.Zone, Run: in.Run, Number: in.Number, After: in.After}
	if in.Proxy == "" || in.Run == "" || len(in.Proxy) > maxName || len(in.Zone) > maxName || len(in.Run) > maxName {
		return out, fmt.Errorf("proxy, zone, run: at most %d characters, and a proxy and a run are needed", maxName)
	}
	if len(in.Lines) > MaxLines {
		return out, fmt.Errorf("%d lines, %d are the limit", len(in.Lines), MaxLines)
	}
	var err error
	if out.Uncounted, err = countOf(in.Uncounted); err != nil {
		return out, err
	}
	for _, one := range in.Lines {
		l, err := one.parse()
		if err != nil {
			return out, err
		}
		out.Lines = append(out.Lines, l)
	}
	for _, one := range in.Uses {
		u, err := one.parse()
		if err != nil {
			return out, err
		}
		out.Uses = append(out.Uses, u)
	}
	return out, nil
}

func (r row) parse() (l Line, err error) {
	if l.Tenant, err = mq.ParseTenant(r.Names[0]); err != nil {
		return l, err
	}
	if l.Topic, err = mq.ParseTopicName(r.Names[1]); err != nil {
		return l, err
	}
	if r.Names[2] != "" || r.Names[3] != "" {
		if l.Reader, err = mq.ParseTenant(r.Names[2]); err != nil {
			return l, err
		}
		if l.Group, err = mq.ParseGroupName(r.Names[3]); err != nil {
			return l, err
		}
	}
	l.Count, err = countOf(r.Counts)
	return l, err
}

func (d day) parse() (u Use, err error) {
	if _, err := time.Parse(time.DateOnly, string(d.Day)); err != nil {
		return u, fmt.Errorf("%.20q is no day", d.Day)
	}
	u.Day = d.Day
	if u.Tenant, err = mq.ParseTenant(d.Tenant); err != nil {
		return u, err
	}
	if u.In, err = countOf(d.In); err != nil {
		return u, err
	}
	u.Out, err = countOf(d.Out)
	return u, err
}
