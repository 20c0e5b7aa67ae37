// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// ceiling is the raw group commit: writers hand 1 KiB to one goroutine that writes what has gathered and calls fdatasync, into
// preallocated blocks. No framing, no checksum, no index: nothing that stores messages on this disk can be faster.
type ceiling struct {
	file *os.File

	mu      sync.Mutex // guards buf, waiters
	buf     []byte
	waiters []chan struct{}
	more    chan struct{}
}

func ceilingMain(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("ceiling", flag.ContinueOnError)
	dir := f.String("dir", os.TempDir(), "directory on the disk to measure")
	writers := f.Int("writers", 128, "concurrent writers")
	size := f.Int("size", 1024, "bytes of one record")
	window := f.Duration("window", 3*time.Second, "measured time")
	if err := f.Parse(args); err != nil {
		return err
	}
	rate, err := measureCeiling(ctx, *dir, *writers, *size, *window)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]float64{"rate": rate})
}

func measureCeiling(ctx context.Context, dir string, writers, size int, window time.Duration) (float64, error) {
	path := filepath.Join(dir, "ceiling.tmp")
	file, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	defer os.Remove(path)
	defer file.Close()
	const reserve = 2 << 30
	if err := unix.Fallocate(int(file.Fd()), 0, 0, reserve); err != nil {
		return 0, err
	}
	c := &ceiling{file: file, more: make(chan struct{}, 1)}
	ctx, cancel := context.WithTimeout(ctx, window)
	defer cancel()
	failed := make(chan error, 1)
	go func() { failed <- c.sync(ctx, reserve) }()
	counts := make([]int, writers)
	var group sync.WaitGroup
	began := time.Now()
	for w := range writers {
		group.Go(func() {
			record := make([]byte, size)
			for c.write(ctx, record) {
				counts[w]++
			}
		})
	}
	group.Wait()
	took := time.Since(began).Seconds()
	if err := <-failed; err != nil {
		return 0, err
	}
	total := 0
	for _, n := range counts {
		total += n
	}
	return float64(total) / took, nil
}

func (c *ceiling) write(ctx context.Context, record []byte) bool {
	done := make(chan struct{})
	c.mu.Lock()
	c.buf = append(c.buf, record...)
	c.waiters = append(c.waiters, done)
	c.mu.Unlock()
	select {
	case c.more <- struct{}{}:
	default:
	}
	select {
	case <-done:
		return true
	case <-ctx.Done():
		return false
	}
}

func (c *ceiling) sync(ctx context.Context, reserve int64) error {
	var at int64
	var spare []byte
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-c.more:
		}
		c.mu.Lock()
		buf, waiters := c.buf, c.waiters
		c.buf, c.waiters = spare[:0], nil
		c.mu.Unlock()
		spare = buf
		if len(buf) == 0 {
			continue
		}
		if at+int64(len(buf)) > reserve {
			at = 0
		}
		if _, err := c.file.WriteAt(buf, at); err != nil {
			return err
		}
		if err := unix.Fdatasync(int(c.file.Fd())); err != nil {
			return err
		}
		at += int64(len(buf))
		for _, w := range waiters {
			close(w)
		}
	}
}
