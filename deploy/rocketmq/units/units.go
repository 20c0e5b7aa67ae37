// SPDX-License-Identifier: Apache-2.0

// Package units runs what systemd units say, without systemd: a cluster's own files, tried on one machine.
//
// Of a unit it follows ExecStartPre, ExecStart, Environment and EnvironmentFile, and starts again what ended. Users, limits and dependencies need an init
// system: everything runs as the caller, and all at once, as after a boot.
package units

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// OutputExt ends the name of the file beside a unit that holds what it printed.
const OutputExt = ".out"

// Grace is how long a process may take to end by itself.
const Grace = 90 * time.Second

// pause is between an end and the next start.
const pause = time.Second

// Unit is one service.
type Unit struct {
	Name        string // without .service
	Path        string // of its file
	before      [][]string
	start       []string
	environment []string
}

// Below reads every unit below a directory.
func Below(dir string) ([]Unit, error) {
	var all []Unit
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".service" {
			return err
		}
		u, err := Read(path)
		all = append(all, u)
		return err
	})
	return all, err
}

// Read reads a unit's file and the environment files that it names.
func Read(path string) (Unit, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return Unit{}, err
	}
	u := Unit{Name: strings.TrimSuffix(filepath.Base(path), ".service"), Path: path}
	for line := range strings.Lines(string(raw)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch key {
		case "ExecStartPre", "ExecStart":
			words, err := split(strings.TrimLeft(value, "-+"))
			if err != nil || len(words) == 0 {
				return u, fmt.Errorf("%s: %s: %w", path, key, errors.Join(err, errEmpty))
			}
			if key == "ExecStart" {
				u.start = words
			} else {
				u.before = append(u.before, words)
			}
		case "Environment":
			u.environment = append(u.environment, value)
		case "EnvironmentFile":
			more, err := os.ReadFile(value)
			if err != nil {
				return u, fmt.Errorf("%s: %w", path, err)
			}
			u.environment = append(u.environment, strings.Split(strings.TrimSpace(string(more)), "\n")...)
		}
	}
	if len(u.start) == 0 {
		return u, fmt.Errorf("%s: ExecStart: %w", path, errEmpty)
	}
	return u, nil
}

var errEmpty = errors.New("no command stands there")

// split cuts a command line into words as systemd does: at spaces, but not within quotes of either kind.
func split(line string) (words []string, err error) {
	var word strings.Builder
	var quote rune
	begun := false
	for _, c := range line {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote, begun = c, true
		case quote == 0 && c == ' ':
			if begun {
				words = append(words, word.String())
			}
			word.Reset()
			begun = false
		default:
			word.WriteRune(c)
			begun = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("a quote that does not end: %s", line)
	}
	if begun {
		words = append(words, word.String())
	}
	return words, nil
}

// Run runs units until ctx ends, then asks all to end at once and waits; what has not ended within grace is killed, at once where grace is 0. A unit that
// cannot be started ends the others.
func Run(ctx context.Context, all []Unit, grace time.Duration) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make([]error, len(all))
	var running sync.WaitGroup
	for i, u := range all {
		running.Go(func() {
			if errs[i] = u.keep(ctx, grace); errs[i] != nil {
				cancel()
			}
		})
	}
	running.Wait()
	return errors.Join(errs...)
}

// keep starts a unit, again whenever it ended, until ctx ends.
func (u Unit) keep(ctx context.Context, grace time.Duration) error {
	runtime.LockOSThread() // the kernel tells a child of our death when the thread that started it ends
	defer runtime.UnlockOSThread()
	out, err := os.Create(u.Path + OutputExt)
	if err != nil {
		return err
	}
	defer out.Close()
	for {
		for _, words := range u.before {
			if err := u.command(ctx, words, out).Run(); err != nil {
				return fmt.Errorf("%s: %s: %w", u.Name, strings.Join(words, " "), err)
			}
		}
		cmd := u.command(ctx, u.start, out)
		if grace > 0 {
			cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
			cmd.WaitDelay = grace
		}
		if err := cmd.Start(); err != nil {
			return fmt.Errorf("%s: %w", u.Name, err)
		}
		_ = cmd.Wait() // how it ended is in its output
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

func (u Unit) command(ctx context.Context, words []string, out *os.File) *exec.Cmd {
	cmd := exec.CommandContext(ctx, words[0], words[1:]...) //nolint:gosec // to run what the files say is what it is for
	cmd.Env = append(os.Environ(), u.environment...)
	cmd.Stdout, cmd.Stderr = out, out
	dieWithUs(cmd)
	return cmd
}
