// SPDX-License-Identifier: Apache-2.0

// Command go drives the official Go client through the conformance scenarios.
//
// It reads one job (see ../README.md), runs every scenario of every run of that job at the same time, each with
// producers and consumers of its own, and prints one JSON line per result. The TLS switch of this client is
// process-wide, so all runs of one job agree on it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	rocketmq "github.com/apache/rocketmq-clients/golang/v5"
)

// job is what the suite hands to a driver.
type job struct {
	Runs []run `json:"runs"`
}

// run is one way to reach the target: its address, its credentials and the scenarios to play.
type run struct {
	Name        string     `json:"name"`
	Endpoint    string     `json:"endpoint"`
	Consume     string     `json:"consume"` // where consumers are pointed, "" for Endpoint
	TLS         bool       `json:"tls"`
	AccessKey   string     `json:"accessKey"`
	SecretKey   string     `json:"secretKey"`
	AwaitMillis int        `json:"awaitMillis"`
	EarlyMillis int        `json:"earlyMillis"`
	HoldMillis  int        `json:"holdMillis"`
	Loose       bool       `json:"loose"`
	Scenarios   []scenario `json:"scenarios"`
}

// scenario names the topic and groups that were made for it, and how long it may take.
type scenario struct {
	Name   string `json:"name"`
	Topic  string `json:"topic"`
	Group  string `json:"group"`
	Watch  string `json:"watch"`
	Millis int    `json:"millis"`
}

// result is one line of output.
type result struct {
	Run      string `json:"run"`
	Scenario string `json:"scenario"`
	Result   string `json:"result"`
	Millis   int64  `json:"millis"`
	Detail   string `json:"detail"`
}

// plays maps each scenario name to the code that plays it.
func plays() map[string]func(*stage) error {
	return map[string]func(*stage) error{
		"normal":                normal,
		"fifo":                  fifo,
		"delay":                 delay,
		"transaction-commit":    transactionCommit,
		"transaction-rollback":  transactionRollback,
		"transaction-checkback": transactionCheckback,
		"recall":                recall,
		"simple-consumer":       simpleConsumer,
		"push-consumer":         pushConsumer,
		"tag-filter":            tagFilter,
		"sql-filter":            sqlFilter,
		"retry-to-dead-letter":  retryToDeadLetter,
		"invisible-time-change": invisibleTimeChange,
		"shared-group":          sharedGroup,
		"wrong-secret":          wrongSecret,
		"steady":                steady,
		"steady-fifo":           steady,
	}
}

func main() {
	if err := drive(os.Args); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func drive(args []string) error {
	if len(args) != 2 {
		return errors.New("usage: go JOB.json")
	}
	raw, err := os.ReadFile(args[1])
	if err != nil {
		return err
	}
	var todo job
	if err := json.Unmarshal(raw, &todo); err != nil {
		return fmt.Errorf("job %s: %w", args[1], err)
	}
	for _, r := range todo.Runs {
		if r.TLS != todo.Runs[0].TLS {
			return errors.New("the Go client's TLS switch is process-wide: give TLS runs a job of their own")
		}
		rocketmq.EnableSsl = r.TLS
	}
	var playing, closing sync.WaitGroup
	results := make(chan result)
	for _, r := range todo.Runs {
		for _, s := range r.Scenarios {
			playing.Go(func() {
				st, res := play(r, s)
				results <- res
				closing.Go(st.close)
			})
		}
	}
	closed := make(chan struct{})
	go func() { playing.Wait(); close(results); closing.Wait(); close(closed) }()
	out := json.NewEncoder(os.Stdout)
	for one := range results {
		if err := out.Encode(one); err != nil {
			return err
		}
	}
	// A push consumer of this client waits for its last poll to come back, up to 23 s, before it says goodbye.
	select {
	case <-closed:
	case <-time.After(3 * time.Second):
	}
	return nil
}

// play runs one scenario to its end and says how it went. A call into the client that does not come back is left behind
// a few seconds after the scenario's deadline.
func play(r run, s scenario) (*stage, result) {
	start, bound := time.Now(), time.Duration(s.Millis)*time.Millisecond
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	defer cancel()
	st := &stage{ctx: ctx, run: r, scenario: s}
	ended := make(chan error, 1)
	go func() { ended <- guarded(st) }()
	var err error
	select {
	case err = <-ended:
	case <-time.After(bound + 5*time.Second):
		err = errors.New("a call into the client did not return within the deadline")
	}
	res := result{Run: r.Name, Scenario: s.Name, Result: "fail", Millis: time.Since(start).Milliseconds()}
	if err == nil {
		res.Result, res.Detail = "pass", st.noted()
	} else {
		res.Detail = err.Error()
	}
	return st, res
}

func guarded(st *stage) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	code, known := plays()[st.scenario.Name]
	if !known {
		return errors.New("no such scenario in this driver")
	}
	return code(st)
}
