// SPDX-License-Identifier: Apache-2.0

package clients_test

import "time"

// job is what a driver reads. README.md describes it for those who write a driver.
type job struct {
	Runs []run `json:"runs"`
}

type run struct {
	Name        string     `json:"name"`
	Endpoint    string     `json:"endpoint"`
	Consume     string     `json:"consume"` // where consumers are pointed by clients that look at no permission, "" for Endpoint
	TLS         bool       `json:"tls"`
	AccessKey   string     `json:"accessKey"`
	SecretKey   string     `json:"secretKey"`
	AwaitMillis int        `json:"awaitMillis"`
	EarlyMillis int        `json:"earlyMillis"`
	HoldMillis  int        `json:"holdMillis"`
	Loose       bool       `json:"loose"`
	Scenarios   []scenario `json:"scenarios"`
}

type scenario struct {
	Name   string `json:"name"`
	Topic  string `json:"topic"`
	Group  string `json:"group"`
	Watch  string `json:"watch"`
	Millis int64  `json:"millis"`
}

// result is one line that a driver prints.
type result struct {
	Run      string `json:"run"`
	Scenario string `json:"scenario"`
	Result   string `json:"result"` // pass, fail or lacks; none where a driver could not be built
	Millis   int64  `json:"millis"`
	Detail   string `json:"detail"`
}

// newRun plans one way of one client against a target.
func newRun(c client, way string, at target) run {
	r := run{
		Name:        runName(c, way),
		Endpoint:    at.endpoint,
		Consume:     at.consume,
		TLS:         way == "tls",
		AwaitMillis: int(at.await / time.Millisecond),
		EarlyMillis: int(at.early / time.Millisecond),
		HoldMillis:  int(at.hold / time.Millisecond),
		Loose:       at.loose,
	}
	if way == "signed" {
		r.AccessKey, r.SecretKey = at.accessKey, at.secretKey
	}
	for _, p := range plans() {
		if p.signedOnly && way != "signed" {
			continue
		}
		s := scenario{
			Name:   p.name,
			Topic:  at.prefix + r.Name + "-" + p.name,
			Group:  at.prefix + "g-" + r.Name + "-" + p.name,
			Millis: p.bound.Milliseconds(),
		}
		if p.watch {
			s.Watch = at.prefix + "w-" + r.Name + "-" + p.name
		}
		r.Scenarios = append(r.Scenarios, s)
	}
	return r
}
