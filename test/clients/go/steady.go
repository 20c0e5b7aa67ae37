// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"

	rocketmq "github.com/apache/rocketmq-clients/golang/v5"
)

// event is one line about something that a steady scenario did or saw; the suite judges all of them together.
type event struct {
	Steady   string `json:"steady"` // the run
	Scenario string `json:"scenario"`
	What     string `json:"what"` // sent, got, polled (a poll that failed), acked (an acknowledgement that failed)
	N        int    `json:"n"`
	Error    string `json:"error"`
	Began    int64  `json:"began"` // milliseconds since 1970
	Ended    int64  `json:"ended"`
	Attempt  int32  `json:"attempt"`
}

// steadyRest lies between two messages of a producer.
const steadyRest = 50 * time.Millisecond

func told(name string) bool { _, err := os.Stat(name); return err == nil }

// steady sends and receives until it is told to stop by a file of that name, and receives until it is told to end.
func steady(s *stage) error {
	p, err := s.producer()
	if err != nil {
		return err
	}
	c, err := s.simple(s.scenario.Group, s.scenario.Topic, rocketmq.SUB_ALL)
	if err != nil {
		return err
	}
	var printing sync.Mutex // keeps lines whole
	tell := func(e event, began time.Time, err error) {
		e.Steady, e.Scenario, e.Began, e.Ended = s.run.Name, s.scenario.Name, began.UnixMilli(), time.Now().UnixMilli()
		if err != nil {
			e.Error = err.Error()
		}
		line, _ := json.Marshal(e) // of strings and numbers
		printing.Lock()
		defer printing.Unlock()
		fmt.Println(string(line))
	}
	var both sync.WaitGroup
	both.Go(func() {
		pace := time.NewTicker(steadyRest)
		defer pace.Stop()
		for n := 0; !told("stop") && s.ctx.Err() == nil; n++ {
			m := s.letter(n)
			if s.scenario.Name == "steady-fifo" {
				m.SetMessageGroup("lane")
			}
			began := time.Now()
			_, err := p.Send(s.ctx, m)
			tell(event{What: "sent", N: n}, began, err)
			<-pace.C
		}
	})
	both.Go(func() {
		pace := time.NewTicker(steadyRest)
		defer pace.Stop()
		for !told("end") && s.ctx.Err() == nil {
			began := time.Now()
			got, err := receive(s, c, 8, hold)
			if err != nil {
				tell(event{What: "polled"}, began, err)
				<-pace.C
			}
			for _, v := range got {
				n, _ := strconv.Atoi(v.GetProperties()["n"])
				tell(event{What: "got", N: n, Attempt: v.GetDeliveryAttempt()}, began, nil)
				for range 3 {
					began := time.Now()
					if err = c.Ack(s.ctx, v); err == nil {
						break
					}
					tell(event{What: "acked", N: n}, began, err)
				}
			}
		}
	})
	both.Wait()
	if !told("end") {
		return errors.New("deadline passed before the end was told")
	}
	return nil
}
