// SPDX-License-Identifier: Apache-2.0

package clients_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/tools/rocketmq/cluster"
)

// TestOfficialClientsOverACluster plays the same scenarios through four proxies before a RocketMQ cluster of two brokers: two take messages, two hand
// them out. Clients are told the address of one that takes them; the Go client's consumers, which look at no permission, that of one that hands out.
func TestOfficialClientsOverACluster(t *testing.T) {
	if os.Getenv("CAUSEWAY_CLUSTER") == "" {
		t.Skip("starts Java processes: set CAUSEWAY_CLUSTER=1, as make test does")
	}
	at := newPlace(t, "clients-cluster")
	prepared(t, at)
	ctx, cancel := context.WithTimeout(t.Context(), 2*suiteBound)
	defer cancel()
	play(ctx, t, at, overCluster(ctx, t, at))
}

// overCluster starts name server, brokers and proxies until the test ends.
func overCluster(ctx context.Context, t *testing.T, at place) target {
	t.Helper()
	jars, err := cluster.Jars(ctx, filepath.Join(at.root, ".build"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := cluster.New(cluster.Options{Dir: t.TempDir(), Jars: jars})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Kill(); err != nil {
			t.Error(err)
		}
	})
	if _, err := c.NameServer(ctx, nil); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"broker-a", "broker-b"} {
		if _, err := c.Broker(ctx, cluster.Broker{Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	binary := filepath.Join(at.build, "causeway")
	build(ctx, t, at, binary, "./cmd/causeway")
	var listen, peers []string
	roles := []string{"produce", "consume", "produce", "consume"}
	for _, role := range roles {
		listen = append(listen, freeAddress(t))
		peers = append(peers, listen[len(listen)-1]+"="+role)
	}
	cert, key := selfSigned(t)
	for i, role := range roles {
		transport := "--lean=" + strconv.FormatBool(i >= 2) // clients meet both transports in each role
		startProxy(ctx, t, at, binary, "proxy", "--namesrv", strings.Join(c.NameServers(), ";"), "--listen", listen[i], "--http", freeAddress(t),
			"--role", role, "--advertise", strings.Join(peers, ","), "--tls-cert", cert, "--tls-key", key, transport)
		answering(ctx, t, listen[i], nil)
	}
	return target{
		endpoint: listen[0], consume: listen[1], tls: true, certificate: cert,
		await: 6 * time.Second, hold: 3 * time.Second,
		early:     time.Second, // brokers deliver up to one tick of their timer before the time
		provision: brokers(t, c),
	}
}

// startProxy runs a proxy until the test ends.
func startProxy(ctx context.Context, t *testing.T, at place, binary string, words ...string) {
	t.Helper()
	logs, err := os.OpenFile(filepath.Join(at.logs, "proxies.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	p := exec.CommandContext(ctx, binary, words...)
	p.Stdout, p.Stderr = logs, logs
	p.Cancel = func() error { return p.Process.Signal(syscall.SIGTERM) }
	p.WaitDelay = 30 * time.Second
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.Cancel()
		_ = p.Wait() // how it ended is in its log
		_ = logs.Close()
	})
}

// brokerProvisioner makes topics and groups on the brokers themselves.
type brokerProvisioner struct {
	engine  *rocketmq.Engine
	cluster mq.Cluster
}

func brokers(t *testing.T, c *cluster.Cluster) brokerProvisioner {
	t.Helper()
	name, err := mq.ParseCluster(c.Name())
	if err != nil {
		t.Fatal(err)
	}
	e, err := rocketmq.Open(rocketmq.Options{NameServers: c.NameServers(), Cluster: name, Remoting: remoting.Options{Patience: cluster.Patience}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return brokerProvisioner{e, name}
}

func (p brokerProvisioner) topic(ctx context.Context, name, kind string) error {
	physical, err := mq.ParsePhysical(name)
	if err != nil {
		return err
	}
	accepts, err := mq.ParseMessageType(kind)
	if err != nil {
		return err
	}
	return p.engine.PutTopic(ctx, mq.TopicSpec{Name: physical, Cluster: p.cluster, Accepts: mq.AcceptsOf(accepts), Queues: 8})
}

func (p brokerProvisioner) group(ctx context.Context, spec groupSpec) error {
	physical, err := mq.ParsePhysical(spec.name)
	if err != nil {
		return err
	}
	g := mq.GroupSpec{Name: physical, Cluster: p.cluster, Ordered: spec.fifo, MaxAttempts: spec.maxAttempts, Hold: spec.hold}
	if g.MaxAttempts == 0 {
		g.MaxAttempts = mq.DefaultMaxAttempts
	}
	var errs []error
	for _, step := range strings.FieldsFunc(spec.retry, func(r rune) bool { return r == ',' }) {
		d, err := time.ParseDuration(step)
		g.Retry.Steps = append(g.Retry.Steps, d)
		errs = append(errs, err)
	}
	return errors.Join(append(errs, p.engine.PutGroup(ctx, g))...)
}
