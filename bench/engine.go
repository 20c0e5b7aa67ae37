// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/engine/embedded"
	"github.com/causeway-mq/causeway/mq"
)

// engineMain measures durable sends of the embedded engine alone: no wire, no proxy, the same writers and bytes as the ceiling.
func engineMain(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("engine", flag.ContinueOnError)
	dir := f.String("dir", os.TempDir(), "directory on the disk to measure")
	writers := f.Int("writers", 128, "concurrent writers")
	size := f.Int("size", 1024, "bytes of a body")
	window := f.Duration("window", 3*time.Second, "measured time")
	if err := f.Parse(args); err != nil {
		return err
	}
	rate, err := measureEngine(ctx, *dir, *writers, *size, *window)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]float64{"rate": rate})
}

func measureEngine(ctx context.Context, dir string, writers, size int, window time.Duration) (rate float64, err error) {
	home := filepath.Join(dir, "engine")
	defer func() { err = errors.Join(err, os.RemoveAll(home)) }()
	if err := os.MkdirAll(home, 0o700); err != nil {
		return 0, err
	}
	e, _, err := embedded.Open(ctx, embedded.Options{Dir: home})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, e.Close(context.WithoutCancel(ctx))) }()
	name, err := mq.ParsePhysical("bench")
	if err != nil {
		return 0, err
	}
	topic := mq.Topic{Name: name, Accepts: mq.AcceptsOf(mq.Normal), Queues: 16}
	id, err := mq.ParseMessageID("010203040506070809101112131415161718")
	if err != nil {
		return 0, err
	}
	body := make([]byte, size)
	batch := []mq.Message{{ID: id, Type: mq.Normal, Body: body}}
	if sent := e.Send(ctx, topic, batch); sent[0].Err != nil { // makes the topic, outside the window
		return 0, sent[0].Err
	}
	end := time.Now().Add(window)
	counts, failed := make([]int, writers), make([]error, writers)
	var group sync.WaitGroup
	began := time.Now()
	for w := range writers {
		group.Go(func() {
			for time.Now().Before(end) {
				if sent := e.Send(ctx, topic, batch); sent[0].Err != nil {
					failed[w] = sent[0].Err
					return
				}
				counts[w]++
			}
		})
	}
	group.Wait()
	took := time.Since(began).Seconds()
	total := 0
	for _, n := range counts {
		total += n
	}
	return float64(total) / took, errors.Join(failed...)
}
