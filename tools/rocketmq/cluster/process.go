// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Process is one Java process of a cluster. It can be stopped, killed, frozen and started again on its directory and ports.
type Process struct {
	Name    string
	Address string // what it listens at
	Dir     string // holds its configuration, store, logs, and out: what it printed

	spec        spec
	nice        bool
	certificate Certificate
	patch       func(ctx context.Context) error // what else must be so before it counts as ready

	mu     sync.Mutex // guards below; never held across a wait
	cmd    *exec.Cmd
	exited chan struct{}
}

// spec is how a process is started.
type spec struct {
	jars   string
	main   string
	args   []string
	heap   []string
	ready  string // printed when it serves
	within time.Duration
	serves bool // the other processes need it to stop cleanly
}

// opens is what RocketMQ reaches into on Java 17.
func opens() []string {
	return []string{
		"--add-exports=java.base/sun.nio.ch=ALL-UNNAMED", "--add-opens=java.base/java.nio=ALL-UNNAMED",
		"--add-opens=java.base/java.lang=ALL-UNNAMED", "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
	}
}

// Start runs the process and waits until it is ready. ctx bounds the wait, not the process.
func (p *Process) Start(ctx context.Context) error {
	p.mu.Lock()
	if p.cmd != nil {
		p.mu.Unlock()
		return fmt.Errorf("%s runs already", p.Name)
	}
	out, err := os.Create(filepath.Join(p.Dir, "out"))
	if err != nil {
		p.mu.Unlock()
		return err
	}
	args := append(slices.Concat(opens(), p.certificate.words(), p.spec.heap), "-Duser.home="+p.Dir, "-Drocketmq.home.dir="+p.Dir, "-cp", filepath.Join(p.spec.jars, "*"), p.spec.main)
	name := "java"
	args = append(args, p.spec.args...)
	if p.nice {
		name, args = "nice", append([]string{"-n", "10", "java"}, args...)
	}
	cmd := exec.Command(name, args...) //nolint:gosec,noctx // arguments are ours; it must outlive ctx, Stop ends it
	cmd.Env = append(os.Environ(), "ROCKETMQ_HOME="+p.Dir, "RMQ_PROXY_HOME="+p.Dir)
	cmd.Stdout, cmd.Stderr, cmd.Dir = out, out, p.Dir
	dieWithUs(cmd)
	exited, started := make(chan struct{}), make(chan error, 1)
	go func() { // joined by whoever reads exited: Stop always does
		// The kernel tells the child of our death when the thread that started it ends, so the thread stays for as long as the child.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer out.Close()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended is in its output
		}
		close(exited)
	}()
	if err := <-started; err != nil {
		p.mu.Unlock()
		return fmt.Errorf("start %s: %w", p.Name, err)
	}
	p.cmd, p.exited = cmd, exited
	p.mu.Unlock()
	if err := p.waitReady(ctx, exited); err != nil {
		return errors.Join(err, p.Kill())
	}
	return nil
}

func (p *Process) waitReady(ctx context.Context, exited <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, p.spec.within)
	defer cancel()
	pulse := time.NewTicker(50 * time.Millisecond)
	defer pulse.Stop()
	for !strings.Contains(p.Output(), p.spec.ready) {
		select {
		case <-exited:
			return fmt.Errorf("%s ended before it was ready:\n%s", p.Name, tail(p.Output(), 2000))
		case <-ctx.Done():
			return fmt.Errorf("%s was not ready in time: %w\n%s", p.Name, ctx.Err(), tail(p.Output(), 2000))
		case <-pulse.C:
		}
	}
	if p.patch == nil {
		return nil
	}
	for {
		err := p.patch(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-exited:
			return fmt.Errorf("%s ended before it was ready:\n%s", p.Name, tail(p.Output(), 2000))
		case <-ctx.Done():
			return fmt.Errorf("%s was not ready in time: %w", p.Name, err)
		case <-pulse.C:
		}
	}
}

// Output is what the process printed since it was last started.
func (p *Process) Output() string {
	b, err := os.ReadFile(filepath.Join(p.Dir, "out"))
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// PID is the process's id, 0 when it does not run.
func (p *Process) PID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return 0
	}
	return p.cmd.Process.Pid
}

// Exited is closed when the process ends; nil when it does not run.
func (p *Process) Exited() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.exited
}

// Signal sends a signal: SIGSTOP freezes, SIGCONT thaws.
func (p *Process) Signal(s syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return fmt.Errorf("%s does not run", p.Name)
	}
	return p.cmd.Process.Signal(s)
}

// Kill ends the process as a crash does and waits for its end. It is no error when it does not run.
func (p *Process) Kill() error { return p.end(syscall.SIGKILL, 0) }

// stopBound is how long a process may take to stop by itself.
const stopBound = 60 * time.Second

// Stop asks the process to end, and kills it when it did not within a minute. It is no error when it does not run.
func (p *Process) Stop() error { return p.end(syscall.SIGTERM, stopBound) }

func (p *Process) end(s syscall.Signal, bound time.Duration) error {
	p.mu.Lock()
	cmd, exited := p.cmd, p.exited
	p.mu.Unlock()
	if cmd == nil {
		return nil
	}
	if s != syscall.SIGKILL {
		_ = cmd.Process.Signal(syscall.SIGCONT) // a frozen one cannot stop by itself
	}
	_ = cmd.Process.Signal(s) // it may have ended by itself
	var late error
	if bound > 0 {
		timer := time.NewTimer(bound)
		defer timer.Stop()
		select {
		case <-exited:
		case <-timer.C:
			late = fmt.Errorf("%s did not stop within %v and was killed", p.Name, bound)
			_ = cmd.Process.Kill()
		}
	}
	<-exited
	p.mu.Lock()
	p.cmd, p.exited = nil, nil
	p.mu.Unlock()
	return late
}
