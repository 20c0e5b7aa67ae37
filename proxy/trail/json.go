// SPDX-License-Identifier: Apache-2.0

package trail

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

// Bounds on the way, in bytes.
const (
	MaxAnswer = 2 << 20
	maxName   = 300
)

// question is a question as JSON.
type question struct {
	Number  string `json:"number"`
	Tenant  string `json:"tenant"`
	Topic   string `json:"topic"`
	Message string `json:"message"`
}

// MarshalJSON writes a question for its way.
func (q Question) MarshalJSON() ([]byte, error) {
	return json.Marshal(question{q.Number, q.Tenant.String(), q.Topic.String(), q.Message.String()})
}

// UnmarshalJSON reads what MarshalJSON wrote; every name in it is held against the rules for such names.
func (q *Question) UnmarshalJSON(data []byte) error {
	var in question
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	var errs [3]error
	q.Number = in.Number
	q.Tenant, errs[0] = mq.ParseTenant(in.Tenant)
	q.Topic, errs[1] = mq.ParsePhysical(in.Topic)
	q.Message, errs[2] = mq.ParseMessageID(in.Message)
	return errors.Join(errs[:]...)
}

type answer struct {
	Number    string    `json:"number"`
	Proxy     string    `json:"proxy"`
	Zone      string    `json:"zone,omitempty"`
	Off       bool      `json:"off,omitempty"`
	Began     time.Time `json:"began,omitzero"`
	Whole     time.Time `json:"whole,omitzero"`
	WantsFrom time.Time `json:"wantsWhole,omitzero"`
	RareWhole time.Time `json:"rareWhole,omitzero"`
	Events    []event   `json:"events,omitempty"`
	Wants     []wanted  `json:"wants,omitempty"`
	More      bool      `json:"more,omitempty"`
}

type event struct {
	Kind     string    `json:"kind"`
	At       time.Time `json:"at"`
	Took     int64     `json:"took,omitempty"` // microseconds
	Until    time.Time `json:"until,omitzero"`
	Broker   string    `json:"broker,omitempty"`
	Queue    int32     `json:"queue,omitempty"`
	Offset   int64     `json:"offset,omitempty"`
	Attempt  int       `json:"attempt,omitempty"`
	ByCheck  bool      `json:"byCheck,omitempty"`
	Result   string    `json:"result,omitempty"`
	Unknown  bool      `json:"unknown,omitempty"`
	App      string    `json:"app,omitempty"`
	Client   string    `json:"client,omitempty"`
	Group    string    `json:"group,omitempty"`
	Borrower bool      `json:"borrower,omitempty"`
}

type wanted struct {
	Group      string    `json:"group"`
	SQL        bool      `json:"sql,omitempty"`
	Expression string    `json:"expression,omitempty"`
	First      time.Time `json:"first"`
	Last       time.Time `json:"last"`
}

// Encode writes an answer for its way.
func (a Answer) Encode() ([]byte, error) {
	out := answer{Number: a.Number, Proxy: a.Proxy, Zone: a.Zone, Off: a.Off, Began: a.Began, Whole: a.Whole, WantsFrom: a.WantsWhole, RareWhole: a.RareWhole, More: a.More}
	for _, e := range a.Events {
		out.Events = append(out.Events, event{
			Kind: e.Kind.String(), At: e.At, Took: e.Took.Microseconds(), Until: e.Until, Broker: e.Broker, Queue: int32(e.Queue), Offset: int64(e.Offset), Attempt: e.Attempt,
			ByCheck: e.ByCheck, Result: resultOf(e.Result), Unknown: e.Unknown, App: e.App, Client: e.Client, Group: e.Group.String(), Borrower: e.Borrower,
		})
	}
	for _, w := range a.Wants {
		out.Wants = append(out.Wants, wanted{w.Group.String(), w.Filter.SQL, w.Filter.Expression, w.First, w.Last})
	}
	return json.Marshal(out)
}

// DecodeAnswer reads what Encode wrote. Every name in it is held against the rules for such names.
func DecodeAnswer(from io.Reader) (Answer, error) {
	var in answer
	if err := json.NewDecoder(from).Decode(&in); err != nil { // a proxy may be newer than the control plane: what that does not know is left out
		return Answer{}, err
	}
	if in.Number == "" || in.Proxy == "" || len(in.Number) > maxName || len(in.Proxy) > maxName || len(in.Zone) > maxName {
		return Answer{}, fmt.Errorf("number, proxy, zone: at most %d characters, and a number and a proxy are needed", maxName)
	}
	if len(in.Events) > MaxSeen || len(in.Wants) > MaxWants {
		return Answer{}, fmt.Errorf("%d events, %d filters; %d and %d are the limits", len(in.Events), len(in.Wants), MaxSeen, MaxWants)
	}
	out := Answer{Number: in.Number, Proxy: in.Proxy, Zone: in.Zone, Off: in.Off, Began: in.Began, Whole: in.Whole, WantsWhole: in.WantsFrom, RareWhole: in.RareWhole, More: in.More}
	for _, one := range in.Events {
		k := kindNamed(one.Kind)
		if k == 0 {
			continue
		}
		e, err := one.parse(k)
		if err != nil {
			return Answer{}, err
		}
		out.Events = append(out.Events, e)
	}
	for _, one := range in.Wants {
		g, err := groupOf(one.Group)
		if err != nil {
			return Answer{}, err
		}
		out.Wants = append(out.Wants, Want{g, mq.Filter{SQL: one.SQL, Expression: one.Expression}, one.First, one.Last})
	}
	return out, nil
}

func kindNamed(word string) Kind {
	known := words()
	return Kind(max(0, slices.Index(known[:], word)))
}

func resultOf(k mq.Kind) string {
	if k == 0 {
		return ""
	}
	return k.String()
}

func (e event) parse(k Kind) (s Seen, err error) {
	if len(e.App) > maxName || len(e.Client) > maxName || len(e.Broker) > maxName {
		return s, fmt.Errorf("app, client, broker: at most %d characters", maxName)
	}
	s = Seen{Event: Event{
		Kind: k, At: e.At, Took: time.Duration(e.Took) * time.Microsecond, Until: e.Until, Broker: e.Broker, Queue: mq.QueueID(e.Queue), Offset: mq.Offset(e.Offset), Attempt: e.Attempt,
		ByCheck: e.ByCheck, Unknown: e.Unknown,
	}, App: e.App, Client: e.Client, Borrower: e.Borrower}
	if e.Result != "" {
		s.Result = mq.Internal // of a newer proxy
		if at := slices.IndexFunc(mq.Kinds(), func(k mq.Kind) bool { return k.String() == e.Result }); at >= 0 {
			s.Result = mq.Kinds()[at]
		}
	}
	s.Group, err = groupOf(e.Group)
	return s, err
}
