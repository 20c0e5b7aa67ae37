// SPDX-License-Identifier: Apache-2.0

package durability_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/engine/enginetest/history"
	"github.com/causeway-mq/causeway/mq"
)

// The kill loop: `causeway up` as a real process on a real disk is killed with SIGKILL again and again, every third time
// before it says that it is ready, that is during its recovery, and every eighth time its index is lost too. Writers and readers live outside, in this process, and
// write down all that they are told. In the end everything is received, and the checker judges.
const (
	killCycles  = 48
	killSeed    = 20311
	readyWithin = 60 * time.Second // a watchdog, not a goal
)

// server runs the binary on one data directory and one address.
type server struct {
	t            *testing.T
	binary, data string
	listen, http string
	log          *os.File
	cmd          *exec.Cmd
	exited       chan error
}

func TestKillNine(t *testing.T) {
	s := newServer(t)
	h := history.New(time.Now)
	var numbers, done atomic.Int64
	plain, lanes, group, inOrder := physical(t, "kill-plain"), physical(t, "kill-lanes"), physical(t, "kill-group"), physical(t, "kill-in-order")
	h.Judging(history.Group{Name: group, Topic: plain})
	h.Judging(history.Group{Name: inOrder, Topic: lanes, Ordered: true})
	s.start()
	s.ready()
	s.run("topic", "create", plain.String(), "--type", "normal", "--queues", "1")
	s.run("topic", "create", lanes.String(), "--type", "fifo", "--queues", "1")
	s.run("group", "create", group.String(), "--max-attempts", "1000")
	s.run("group", "create", inOrder.String(), "--fifo", "--max-attempts", "1000")

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var actors sync.WaitGroup
	act := func(name string, once func(ctx context.Context, c *wire, n int) error) {
		c := dial(t, s.listen, name, h, &numbers, &done)
		actors.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				call, end := context.WithTimeout(ctx, 10*time.Second)
				if err := once(call, c, n); err != nil {
					t.Errorf("%s: %v", name, err)
				}
				end()
			}
		})
	}
	for i := range 4 {
		act(fmt.Sprint("writer-", i), func(ctx context.Context, c *wire, n int) error { return c.send(ctx, plain, "", 1+n%3) })
	}
	for i := range 2 {
		act(fmt.Sprint("lane-writer-", i), func(ctx context.Context, c *wire, n int) error {
			return c.send(ctx, lanes, fmt.Sprintf("lane-%d-%d", i, n%3), 1)
		})
	}
	for i, of := range [][2]mq.Physical{{plain, group}, {plain, group}, {lanes, inOrder}, {lanes, inOrder}} {
		act(fmt.Sprint("reader-", i), func(ctx context.Context, c *wire, n int) error {
			got, _ := c.receive(ctx, of[0], of[1], fmt.Sprint("reader-", i, "-", n), 50*time.Millisecond)
			for _, l := range got {
				if err := c.ack(ctx, l); err != nil {
					return err
				}
			}
			return nil
		})
	}

	dice := rand.New(rand.NewPCG(killSeed, 1))
	var slowest time.Duration
	early := 0
	for cycle := range killCycles {
		if cycle%3 == 2 {
			s.live(time.Duration(dice.IntN(120)) * time.Millisecond) // it is not ready yet: killed in its recovery
			early++
		} else {
			slowest = max(slowest, s.ready())
			before := done.Load()
			s.live(time.Duration(30+dice.IntN(270)) * time.Millisecond)
			s.until("some answers", func() bool { return done.Load() > before })
		}
		s.kill()
		if cycle%8 == 7 { // the index is derived: it may be gone
			if err := os.RemoveAll(filepath.Join(s.data, "engine", "index")); err != nil {
				t.Fatal(err)
			}
		}
		s.start()
	}
	slowest = max(slowest, s.ready())
	cancel()
	actors.Wait()

	last := dial(t, s.listen, "drain", h, &numbers, &done)
	for _, of := range [][2]mq.Physical{{plain, group}, {lanes, inOrder}} {
		drainWire(t, last, of[0], of[1])
	}
	s.stop()
	v := h.Judge(history.Rules{})
	if !v.Innocent() {
		t.Fatalf("%s", v)
	}
	t.Logf("%d kills, %d of them before the process was ready; slowest start %v; %s", killCycles, early, slowest.Round(time.Millisecond), v)
	if v.Sent < killCycles {
		t.Fatalf("only %d messages were sent: this proves nothing", v.Sent)
	}
}

// drainWire receives until nothing has come for longer than a lease.
func drainWire(t *testing.T, c *wire, topic, group mq.Physical) {
	limit := time.Now().Add(time.Minute)
	for quiet, n := time.Now(), 0; time.Since(quiet) < wireHold+2*time.Second; n++ {
		if time.Now().After(limit) {
			t.Fatalf("%s is not drained", topic)
		}
		ctx, end := context.WithTimeout(context.Background(), 10*time.Second)
		got, err := c.receive(ctx, topic, group, fmt.Sprint("drain-", n), 500*time.Millisecond)
		if mq.Outcome(err) == mq.Unknown {
			t.Fatalf("drain: %v", err)
		}
		for _, l := range got {
			quiet = time.Now()
			if err := c.ack(ctx, l); err != nil {
				t.Fatal(err)
			}
		}
		end()
	}
}

func physical(t *testing.T, name string) mq.Physical {
	p, err := mq.ParsePhysical(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func newServer(t *testing.T) *server {
	t.Helper()
	dir := t.TempDir()
	s := &server{t: t, binary: filepath.Join(dir, "causeway"), data: filepath.Join(dir, "data"), listen: address(t), http: address(t)}
	build := exec.Command("go", "build", "-o", s.binary, "github.com/causeway-mq/causeway/cmd/causeway")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v: %s", err, out)
	}
	var err error
	if s.log, err = os.Create(filepath.Join(dir, "server.log")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if s.cmd != nil {
			_ = s.cmd.Process.Kill()
			<-s.exited
		}
		_ = s.log.Close()
	})
	return s
}

// address finds a free loopback port below those that the system gives to clients, which nobody takes while the server
// is down.
func address(t *testing.T) string {
	t.Helper()
	for range 200 {
		at := fmt.Sprintf("127.0.0.1:%d", 12000+rand.IntN(18000))
		l, err := net.Listen("tcp", at)
		if err == nil {
			_ = l.Close()
			return at
		}
	}
	t.Fatal("no free port")
	return ""
}

func (s *server) start() {
	s.t.Helper()
	s.cmd = exec.Command(s.binary, "up", "--data", s.data, "--listen", s.listen, "--http", s.http)
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	cmd, exited := s.cmd, make(chan error, 1)
	s.exited = exited
	go func() { exited <- cmd.Wait() }()
}

// live lets the process run for a while. It fails the test if the process ends by itself.
func (s *server) live(d time.Duration) {
	s.t.Helper()
	select {
	case err := <-s.exited:
		s.exited <- err
		s.t.Fatalf("failed start or crash: %v\n%s", err, s.tail())
	case <-time.After(d):
	}
}

// until waits for a condition while the process lives.
func (s *server) until(what string, met func() bool) {
	s.t.Helper()
	for limit := time.Now().Add(readyWithin); !met(); s.live(2 * time.Millisecond) {
		if time.Now().After(limit) {
			s.t.Fatalf("no %s within %v\n%s", what, readyWithin, s.tail())
		}
	}
}

// ready waits until the process listens, and tells how long that took.
func (s *server) ready() time.Duration {
	s.t.Helper()
	began := time.Now()
	for _, at := range []string{s.listen, s.http} {
		s.until("listener on "+at, func() bool {
			conn, err := net.DialTimeout("tcp", at, time.Second)
			if err == nil {
				_ = conn.Close()
			}
			return err == nil
		})
	}
	return time.Since(began)
}

func (s *server) kill() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		s.t.Fatalf("kill: %v\n%s", err, s.tail())
	}
	<-s.exited
	s.cmd = nil
}

// stop ends the process in good order.
func (s *server) stop() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	select {
	case err := <-s.exited:
		if err != nil {
			s.t.Fatalf("stop: %v\n%s", err, s.tail())
		}
	case <-time.After(readyWithin):
		s.t.Fatalf("it does not stop\n%s", s.tail())
	}
	s.cmd = nil
}

// run runs a command of the command line against the server.
func (s *server) run(words ...string) {
	s.t.Helper()
	out, err := exec.Command(s.binary, append(words, "--server", "http://"+s.http)...).CombinedOutput()
	if err != nil {
		s.t.Fatalf("causeway %v: %v: %s", words, err, out)
	}
}

// tail is the end of what the server wrote.
func (s *server) tail() string {
	data, err := os.ReadFile(s.log.Name())
	if err != nil {
		return err.Error()
	}
	lines := bytes.Split(bytes.TrimSpace(data), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-20):], []byte("\n")))
}
