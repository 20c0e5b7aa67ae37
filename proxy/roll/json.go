// SPDX-License-Identifier: Apache-2.0

package roll

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/causeway-mq/causeway/internal/parcel"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/session"
)

// Path is where a control plane takes reports.
const Path = "/feed/v1/clients"

// Bounds of a report on its way, in bytes.
const (
	MaxPacked   = 16 << 20
	MaxUnpacked = 128 << 20
	maxName     = 200
	maxFilter   = 256
	// maxTopics bounds the topics and filters of one client that are told, names and filters together; the rest is a number.
	maxTopics = 1 << 10
)

// report is a Report on its way.
type report struct {
	Proxy   string   `json:"proxy"`
	Zone    string   `json:"zone,omitempty"`
	Run     string   `json:"run"`
	Number  uint64   `json:"number"`
	After   uint64   `json:"after,omitempty"`
	Leaving bool     `json:"leaving,omitempty"`
	Here    []client `json:"here,omitempty"`
	Gone    []id     `json:"gone,omitempty"`
}

type id struct {
	Tenant string `json:"tenant"`
	App    string `json:"app,omitempty"`
	Client string `json:"client"`
}

type client struct {
	id
	Key      string     `json:"key,omitempty"`
	Kind     uint8      `json:"kind"`
	Group    string     `json:"group,omitempty"`
	Language string     `json:"language,omitempty"`
	Version  string     `json:"version,omitempty"`
	Remote   string     `json:"remote,omitempty"`
	Since    time.Time  `json:"since"`
	Heard    time.Time  `json:"heard"`
	Settled  time.Time  `json:"settled"`
	Topics   []interest `json:"topics,omitempty"`
	Untold   int        `json:"untold,omitempty"` // topics beyond the bound
}

type interest struct {
	Topic  string `json:"topic"`
	Filter string `json:"filter,omitempty"`
	SQL    bool   `json:"sql,omitempty"`
}

func idOf(i session.ID) id { return id{i.Tenant.String(), i.App, i.Client.String()} }

func clientOf(c Client) client {
	out := client{
		id: idOf(c.ID), Key: c.Key, Kind: uint8(c.Kind), Group: c.Group.String(), Language: c.Language, Version: c.Version, Remote: c.Remote,
		Since: c.Since.UTC(), Heard: c.Heard.UTC(), Settled: c.Settled.UTC(), Untold: c.Untold,
	}
	room := maxTopics
	for i, t := range c.Topics {
		one := interest{t.Topic.String(), short(t.Filter.Expression), t.Filter.SQL}
		if room -= len(one.Topic) + len(one.Filter); room < 0 {
			out.Untold += len(c.Topics) - i
			break
		}
		out.Topics = append(out.Topics, one)
	}
	return out
}

// short cuts a long filter and says what of it differs from others that begin alike.
func short(filter string) string {
	if len(filter) <= maxFilter {
		return filter
	}
	sum := sha256.Sum256([]byte(filter))
	return strings.ToValidUTF8(filter[:maxFilter-20], "") + "... #" + hex.EncodeToString(sum[:4])
}

// Encode packs a report for its way.
func (r Report) Encode() ([]byte, error) {
	out := report{Proxy: r.Proxy, Zone: r.Zone, Run: r.Run, Number: r.Number, After: r.After, Leaving: r.Leaving}
	for _, c := range r.Here {
		out.Here = append(out.Here, clientOf(c))
	}
	for _, i := range r.Gone {
		out.Gone = append(out.Gone, idOf(i))
	}
	return parcel.Pack(out)
}

// Decode unpacks a report. Every name in it is held against the rules for such names.
func Decode(packed io.Reader) (Report, error) {
	var in report
	if err := parcel.Unpack(packed, MaxUnpacked, &in); err != nil {
		return Report{}, err
	}
	return in.parse()
}

func (in report) parse() (Report, error) {
	out := Report{Proxy: in.Proxy, Zone: in.Zone, Run: in.Run, Number: in.Number, After: in.After, Leaving: in.Leaving}
	if in.Proxy == "" || in.Run == "" || len(in.Proxy) > maxName || len(in.Zone) > maxName || len(in.Run) > maxName {
		return out, fmt.Errorf("proxy, zone, run: at most %d characters, and a proxy and a run are needed", maxName)
	}
	if len(in.Here) > MaxClients || len(in.Gone) > MaxClients {
		return out, fmt.Errorf("%d clients came and %d left, %d are the limit of each", len(in.Here), len(in.Gone), MaxClients)
	}
	for _, one := range in.Here {
		c, err := one.parse()
		if err != nil {
			return out, err
		}
		out.Here = append(out.Here, c)
	}
	for _, one := range in.Gone {
		i, err := one.parse()
		if err != nil {
			return out, err
		}
		out.Gone = append(out.Gone, i)
	}
	return out, nil
}

func (i id) parse() (out session.ID, err error) {
	if len(i.App) > maxName {
		return out, fmt.Errorf("app: at most %d characters", maxName)
	}
	out.App = i.App
	if out.Tenant, err = mq.ParseTenant(i.Tenant); err != nil {
		return out, err
	}
	out.Client, err = mq.ParseClientID(i.Client)
	return out, err
}

func (in client) parse() (out Client, err error) {
	if out.ID, err = in.id.parse(); err != nil {
		return out, err
	}
	for name, text := range map[string]string{"key": in.Key, "language": in.Language, "version": in.Version, "remote": in.Remote} {
		if len(text) > maxName {
			return out, fmt.Errorf("%s: at most %d characters", name, maxName)
		}
	}
	if in.Group != "" {
		if out.Group, err = mq.ParseGroupName(in.Group); err != nil {
			return out, err
		}
	}
	out.Key, out.Kind, out.Language, out.Version, out.Remote = in.Key, session.Kind(in.Kind), in.Language, in.Version, in.Remote
	out.Since, out.Heard, out.Settled, out.Untold = in.Since, in.Heard, in.Settled, in.Untold
	room := maxTopics
	for _, one := range in.Topics {
		if room -= len(one.Topic) + len(one.Filter); room < 0 {
			return out, fmt.Errorf("the topics of a client have more than %d bytes", maxTopics)
		}
		t := session.Interest{Filter: mq.Filter{SQL: one.SQL, Expression: one.Filter}}
		if t.Topic, err = mq.ParseTopicName(one.Topic); err != nil {
			return out, err
		}
		out.Topics = append(out.Topics, t)
	}
	return out, nil
}
