// SPDX-License-Identifier: Apache-2.0

package clients_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// target is a server that clients are driven against.
type target struct {
	endpoint             string
	consume              string        // of the proxies for consumers, where they are apart
	accessKey, secretKey string        // empty: it checks no signatures
	tls                  bool          // it speaks TLS on the same port
	certificate          string        // PEM file that vouches for it, empty: well-known authorities do
	await                time.Duration // how long an empty poll is asked to wait
	early                time.Duration // how much before its time the target may deliver
	hold                 time.Duration // the shortest invisible time that a receive may ask for here
	loose                bool          // it may add user properties of its own
	prefix               string        // put before every name, so that a target can be used twice
	provision            provisioner
}

// provisioner makes topics and groups on a target.
type provisioner interface {
	topic(ctx context.Context, name, kind string) error
	group(ctx context.Context, spec groupSpec) error
}

type groupSpec struct {
	name        string
	fifo        bool
	maxAttempts int
	retry       string
	hold        time.Duration // for which a consumer's process may keep a message that it is not heard of again; 0: the target's default
}

// commandProvisioner runs a command that understands the words of `causeway topic create` and `causeway group create`.
type commandProvisioner struct {
	path string
	tail []string
}

func (p commandProvisioner) topic(ctx context.Context, name, kind string) error {
	return p.run(ctx, "topic", "create", name, "--type", kind, "--queues", "8")
}

func (p commandProvisioner) group(ctx context.Context, spec groupSpec) error {
	words := []string{"group", "create", spec.name}
	if spec.fifo {
		words = append(words, "--fifo")
	}
	if spec.maxAttempts > 0 {
		words = append(words, "--max-attempts", strconv.Itoa(spec.maxAttempts))
	}
	if spec.retry != "" {
		words = append(words, "--retry", spec.retry)
	}
	return p.run(ctx, words...)
}

func (p commandProvisioner) run(ctx context.Context, words ...string) error {
	out, err := exec.CommandContext(ctx, p.path, append(words, p.tail...)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(words, " "), err, out)
	}
	return nil
}

// given returns the target that the environment names, if it names one:
//
//	CAUSEWAY_CLIENTS_TARGET     host:port of a running server
//	CAUSEWAY_CLIENTS_PROVISION  command that makes topics and groups, see commandProvisioner
//	CAUSEWAY_CLIENTS_AWAIT      how long an empty poll waits, default 2s
//	CAUSEWAY_CLIENTS_EARLY      how early a delayed message may come, default 0s
//	CAUSEWAY_CLIENTS_HOLD       the shortest invisible time that a receive may ask for, default 3s
//	CAUSEWAY_CLIENTS_LOOSE      set: it may add user properties of its own
//	CAUSEWAY_CLIENTS_TLS        set: the port speaks TLS too
//	CAUSEWAY_CLIENTS_CA         PEM file that vouches for its certificate
//	CAUSEWAY_CLIENTS_KEY        access key and secret, joined by a colon
func given(t *testing.T) (target, bool) {
	t.Helper()
	at := target{endpoint: os.Getenv("CAUSEWAY_CLIENTS_TARGET"), await: 2 * time.Second, hold: 3 * time.Second}
	if at.endpoint == "" {
		return target{}, false
	}
	at.provision = commandProvisioner{path: os.Getenv("CAUSEWAY_CLIENTS_PROVISION")}
	at.loose = os.Getenv("CAUSEWAY_CLIENTS_LOOSE") != ""
	at.tls = os.Getenv("CAUSEWAY_CLIENTS_TLS") != ""
	at.certificate = os.Getenv("CAUSEWAY_CLIENTS_CA")
	at.accessKey, at.secretKey, _ = strings.Cut(os.Getenv("CAUSEWAY_CLIENTS_KEY"), ":")
	at.prefix = "c" + strconv.FormatInt(time.Now().Unix(), 36) + "-"
	for name, into := range map[string]*time.Duration{
		"CAUSEWAY_CLIENTS_AWAIT": &at.await,
		"CAUSEWAY_CLIENTS_EARLY": &at.early,
		"CAUSEWAY_CLIENTS_HOLD":  &at.hold,
	} {
		if text := os.Getenv(name); text != "" {
			d, err := time.ParseDuration(text)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			*into = d
		}
	}
	return at, true
}

// freeAddress finds a loopback port that nobody listens on now.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// started builds this repository's binary and runs `causeway up` until the test ends.
func started(ctx context.Context, t *testing.T, at place) target {
	t.Helper()
	binary := filepath.Join(at.build, "causeway")
	build(ctx, t, at, binary, "./cmd/causeway")
	listen, http := freeAddress(t), freeAddress(t)
	cert, key := selfSigned(t)
	logs, err := os.Create(filepath.Join(at.logs, "causeway.log"))
	if err != nil {
		t.Fatal(err)
	}
	up := exec.CommandContext(ctx, binary, "up", "--data", t.TempDir(), "--listen", listen, "--http", http,
		"--tls-cert", cert, "--tls-key", key)
	up.Stdout, up.Stderr = logs, logs
	up.Cancel = func() error { return up.Process.Signal(os.Interrupt) }
	up.WaitDelay = 20 * time.Second
	if err := up.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- up.Wait() }()
	t.Cleanup(func() {
		_ = up.Cancel()
		<-ended
		_ = logs.Close()
	})
	answering(ctx, t, listen, ended)
	answering(ctx, t, http, ended)
	cli := commandProvisioner{path: binary, tail: []string{"--server", "http://" + http}}
	access, secret := cli.key(ctx, t)
	return target{
		endpoint:  listen,
		accessKey: access,
		secretKey: secret,
		tls:       true,

		certificate: cert,

		await:     2 * time.Second,
		hold:      3 * time.Second,
		provision: cli,
	}
}

// key makes an application of the default tenant, the one that topics and groups are made in, and gives its first key.
func (p commandProvisioner) key(ctx context.Context, t *testing.T) (access, secret string) {
	t.Helper()
	words := append([]string{"app", "create", "clients", "--owner", "--output", "json"}, p.tail...)
	out, err := exec.CommandContext(ctx, p.path, words...).Output()
	if err != nil {
		t.Fatalf("%s: %v", strings.Join(words, " "), err)
	}
	var made struct {
		Key struct{ ID, Secret string }
	}
	if err := json.Unmarshal(out, &made); err != nil || made.Key.Secret == "" {
		t.Fatalf("app create answered no key: %v: %s", err, out)
	}
	return made.Key.ID, made.Key.Secret
}

// answering waits until something accepts connections at an address, or the process that should has ended.
func answering(ctx context.Context, t *testing.T, address string, ended <-chan error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err == nil {
			_ = conn.Close()
			return
		}
		select {
		case <-tick.C:
		case err := <-ended:
			t.Fatalf("causeway ended before it listened on %s: %v", address, err)
		case <-ctx.Done():
			t.Fatal(errors.Join(errors.New("causeway does not listen on "+address), err))
		}
	}
}
