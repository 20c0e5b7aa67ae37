// SPDX-License-Identifier: Apache-2.0

// Package errand is what control planes ask of proxies: what became of a message, and to part with a client.
//
// No control plane can call a proxy. A proxy waits at each of them for errands (QuestionsPath), sees to them, and tells what came of it (trail.Answer at AnswersPath, Parted at
// PartingsPath). Who does not know a kind of errand leaves it out and never answers: a proxy that is older than the control plane is named as one that did not answer.
package errand

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/session"
	"github.com/causeway-mq/causeway/proxy/trail"
)

// Where a control plane lays its errands out for proxies, and where it takes what came of them. What is counted is told another way, since nobody asks for it.
const (
	QuestionsPath = "/feed/v1/questions"
	AnswersPath   = "/feed/v1/answers"
	PartingsPath  = "/feed/v1/partings"
	// RunParameter tells one process that bears a proxy's name from the next.
	RunParameter = "run"
)

// Bounds on the way, in bytes.
const (
	maxErrands = 1 << 20
	MaxParted  = 4 << 10
	maxName    = 300
)

// Errands is what a proxy is asked in one go.
type Errands struct {
	Questions []trail.Question `json:"questions"`
	Partings  []Parting        `json:"partings,omitempty"`
}

// Len is how many there are.
func (e Errands) Len() int { return len(e.Questions) + len(e.Partings) }

// Parting asks a proxy to disconnect clients.
type Parting struct {
	Number string // of the errand; what came of it names it
	session.Whom
}

// Parted is what came of a parting at one proxy.
type Parted struct {
	Number  string `json:"number"`
	Zone    string `json:"zone,omitempty"` // where the proxy stands
	Streams int    `json:"streams"`        // that ended
	Known   bool   `json:"known"`          // a client was there, with a stream or without one
}

// Outcome is what a control plane heard of one proxy.
type Outcome struct {
	Proxy    string
	Answered bool
	Heard    time.Time // of one that did not answer: when it was heard of last
	Parted             // of one that did
}

// Here parts with clients of the only proxy that there is, which is in the same process.
func Here(proxy string, disconnect func(session.Whom) (streams int, known bool)) func(context.Context, session.Whom) []Outcome {
	return func(_ context.Context, w session.Whom) []Outcome {
		streams, known := disconnect(w)
		return []Outcome{{Proxy: proxy, Answered: true, Parted: Parted{Streams: streams, Known: known}}}
	}
}

// Decode reads errands from a control plane.
func Decode(from io.Reader) (e Errands, err error) {
	return e, json.NewDecoder(io.LimitReader(from, maxErrands)).Decode(&e) // what a newer control plane asks besides is left out
}

// DecodeParted reads what a proxy says.
func DecodeParted(from io.Reader) (p Parted, err error) {
	if err := json.NewDecoder(from).Decode(&p); err != nil {
		return Parted{}, err
	}
	if p.Number == "" || len(p.Number) > maxName || len(p.Zone) > maxName || p.Streams < 0 {
		return Parted{}, fmt.Errorf("number, zone: at most %d characters, and a number is needed; streams: not below 0", maxName)
	}
	return p, nil
}

type parting struct {
	Number string `json:"number"`
	Tenant string `json:"tenant"`
	App    string `json:"app,omitempty"`
	AnyApp bool   `json:"anyApp,omitempty"`
	Client string `json:"client"`
}

// MarshalJSON writes a parting for its way.
func (p Parting) MarshalJSON() ([]byte, error) {
	return json.Marshal(parting{p.Number, p.Tenant.String(), p.App, p.AnyApp, p.Client.String()})
}

// UnmarshalJSON reads what MarshalJSON wrote; every name in it is held against the rules for such names.
func (p *Parting) UnmarshalJSON(data []byte) error {
	var in parting
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	var errs [3]error
	p.Number, p.App, p.AnyApp = in.Number, in.App, in.AnyApp
	p.Tenant, errs[0] = mq.ParseTenant(in.Tenant)
	p.Client, errs[1] = mq.ParseClientID(in.Client)
	if len(in.App) > maxName {
		errs[2] = fmt.Errorf("app: at most %d characters", maxName)
	}
	return errors.Join(errs[:]...)
}
