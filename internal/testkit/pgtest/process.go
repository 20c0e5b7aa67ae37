// SPDX-License-Identifier: Apache-2.0

package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

const (
	superuser = "causeway"
	// startBound is the longest time that fetching, unpacking and starting may take together.
	startBound = 4 * time.Minute
	// readyBound is how long the server may take until it answers.
	readyBound = 60 * time.Second
	readyRest  = 20 * time.Millisecond
	// stopBound is how long each of three ways of ending the server may take, the friendly one first.
	stopBound = 10 * time.Second
	// nobody is the user and the group that the server runs as where the tests run as root, which PostgreSQL refuses.
	nobody = 65534
)

// process is a running server. Everything that it writes lies in base.
type process struct {
	base string
	lock *os.File // held while base is in use
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
}

func (p *process) socket() string { return filepath.Join(p.base, "run") }
func (p *process) log() string    { return filepath.Join(p.base, "log") }

// launch starts a server in a new directory.
func launch(ctx context.Context) (*process, error) {
	dist, err := Binaries(ctx, IsRequired())
	if err != nil {
		return nil, err
	}
	p, err := newProcess()
	if err != nil {
		return nil, err
	}
	if err := p.start(ctx, dist); err != nil {
		return nil, errors.Join(err, p.stop())
	}
	return p, nil
}

// newProcess makes the directory of a server. What servers of processes left behind that were killed is removed.
func newProcess() (*process, error) {
	sweep()
	base, err := os.MkdirTemp("", "causeway-pg-")
	if err != nil {
		return nil, err
	}
	p := &process{base: base}
	// The lock gets its name when it is held: whoever sees it under its name and can take it knows that base is nobody's.
	early := filepath.Join(base, "lock.new")
	if p.lock, err = os.OpenFile(early, os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return nil, errors.Join(err, os.RemoveAll(base))
	}
	err = errors.Join(
		syscall.Flock(int(p.lock.Fd()), syscall.LOCK_EX), os.Rename(early, filepath.Join(base, "lock")), os.Chmod(base, 0o711),
		os.Mkdir(p.socket(), 0o700), os.Mkdir(filepath.Join(base, "data"), 0o700),
	)
	if err == nil && isRoot() {
		err = errors.Join(os.Chown(p.socket(), nobody, nobody), os.Chown(filepath.Join(base, "data"), nobody, nobody))
	}
	if err != nil {
		return nil, errors.Join(err, p.stop())
	}
	return p, nil
}

// sweep removes directories whose process was killed before it could.
func sweep() {
	old, _ := filepath.Glob(filepath.Join(os.TempDir(), "causeway-pg-*"))
	for _, base := range old {
		lock, err := os.OpenFile(filepath.Join(base, "lock"), os.O_RDWR, 0)
		if err != nil {
			continue
		}
		if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			_ = os.RemoveAll(base) // another one may do the same
		}
		_ = lock.Close()
	}
}

func isRoot() bool { return os.Geteuid() == 0 }

func (p *process) start(ctx context.Context, dist string) error {
	if isRoot() { // nobody cannot look into root's cache
		reachable := filepath.Join(p.base, "dist")
		if err := linkTree(dist, reachable); err != nil {
			return err
		}
		dist = reachable
	}
	data := filepath.Join(p.base, "data")
	output, err := os.OpenFile(p.log(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer output.Close()
	run := func(program string, args ...string) *exec.Cmd {
		cmd := exec.Command(filepath.Join(dist, "bin", program), args...)
		cmd.Dir, cmd.Stdout, cmd.Stderr = p.base, output, output
		cmd.Env = []string{"PATH=/usr/bin:/bin", "TZ=UTC", "LC_ALL=C"}
		cmd.SysProcAttr = owned()
		return cmd
	}
	// The database's own order of text is that of a language.
	initdb := run("initdb", "-D", data, "-U", superuser, "-E", "UTF8", "--auth=trust", "--no-sync", "--no-instructions",
		"--locale=C", "--locale-provider=icu", "--icu-locale=en-US")
	if err := initdb.Run(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, p.tail())
	}
	p.cmd = run("postgres", "-D", data, "-k", p.socket(), "-h", "", "-c", "fsync=off", "-c", "full_page_writes=off", "-c", "max_connections=300",
		"-c", "shared_buffers=32MB", "-c", "dynamic_shared_memory_type=mmap", "-c", "autovacuum=off")
	if err := p.cmd.Start(); err != nil {
		return err
	}
	p.done = make(chan struct{})
	go func() {
		_ = p.cmd.Wait() // how it ended is in its log
		close(p.done)
	}()
	return p.ready(ctx)
}

func (p *process) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyBound)
	defer cancel()
	look := time.NewTicker(readyRest)
	defer look.Stop()
	for {
		err := p.exec(ctx, "SELECT 1")
		if err == nil {
			return nil
		}
		select {
		case <-look.C:
		case <-p.done:
			return fmt.Errorf("it ended at once:\n%s", p.tail())
		case <-ctx.Done():
			return fmt.Errorf("it does not answer: %w\n%s", err, p.tail())
		}
	}
}

// tail is the end of the server's log.
func (p *process) tail() string {
	const most = 2000
	text, _ := os.ReadFile(p.log())
	return string(text[max(0, len(text)-most):])
}

// stop ends the server and removes its directory.
func (p *process) stop() error {
	var err error
	if p.done != nil {
		err = p.end()
	}
	return errors.Join(err, os.RemoveAll(p.base), p.lock.Close())
}

func (p *process) end() error {
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT, syscall.SIGKILL} { // fast, immediate, by force
		_ = p.cmd.Process.Signal(s) // it may have ended
		select {
		case <-p.done:
			return nil
		case <-time.After(stopBound):
		}
	}
	return fmt.Errorf("process %d does not end", p.cmd.Process.Pid)
}

// linkTree makes the same tree at another place, by hard links where the file system allows.
func linkTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		switch {
		case d.IsDir():
			return os.Mkdir(target, 0o755)
		case d.Type()&fs.ModeSymlink != 0:
			link, err := os.Readlink(path)
			if err != nil {
				return err
			}
			return os.Symlink(link, target)
		case os.Link(path, target) == nil:
			return nil
		}
		return copyFile(path, target)
	})
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	return writeFile(to, in, info.Mode())
}

func writeFile(path string, content io.Reader, mode fs.FileMode) error {
	out, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_EXCL, mode.Perm())
	if err != nil {
		return err
	}
	_, err = io.Copy(out, content)
	return errors.Join(err, out.Close())
}
