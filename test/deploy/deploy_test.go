// SPDX-License-Identifier: Apache-2.0

// Package deploy_test starts what deploy/rocketmq generates, by the lines of the generated units.
package deploy_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"

	"github.com/causeway-mq/causeway/deploy/rocketmq/plan"
	"github.com/causeway-mq/causeway/deploy/rocketmq/units"
	"github.com/causeway-mq/causeway/engine/rocketmq"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/test/crowd"
	"github.com/causeway-mq/causeway/test/town"
	"github.com/causeway-mq/causeway/tools/rocketmq/cluster"
)

// place is the trial's plan with ports and paths of the test's own.
type place struct {
	t           *testing.T
	root, files string
	plan        *plan.Plan
}

func settle(t *testing.T) *place {
	t.Helper()
	w := &place{t: t, root: crowd.Must(filepath.Abs("../..")), files: t.TempDir()}
	jars := crowd.Must(cluster.Jars(t.Context(), filepath.Join(w.root, ".build")))
	work := t.TempDir()
	text := string(crowd.Must(os.ReadFile(filepath.Join(w.root, "deploy/rocketmq/examples/one-machine.yaml"))))
	head, _, found := strings.Cut(text, "\npaths: ")
	if !found {
		t.Fatal("the example has no paths at its end")
	}
	text = head + fmt.Sprintf("\npaths: {rocketmq: %s, causeway: %s, data: '%s/{host}', config: '%s/{host}'}\n", filepath.Dir(jars), town.Binary(t), work, w.files)
	base := freeBase(t)
	text += fmt.Sprintf("ports: {name_server: %d, controller: %d, broker: %d, proxy: %d, ops: %d}\n", base, base+1, base+4, base+10, base+11)
	for was, is := range map[string]string{"128MiB": "64MiB", "commit_log: 64MiB": "commit_log: 32MiB"} {
		text = strings.ReplaceAll(text, was, is)
	}
	w.plan = crowd.Must(plan.Parse([]byte(text)))
	for name, text := range crowd.Must(w.plan.Files()) {
		path := filepath.Join(w.files, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// freeBase finds a port of which the dozen from it on is free, here and shifted by a hundred, below the range of outgoing connections.
func freeBase(t *testing.T) int {
	t.Helper()
	free := func(port int) bool {
		l, err := net.Listen("tcp", fmt.Sprint(":", port))
		if err != nil {
			return false
		}
		return l.Close() == nil
	}
search:
	for range 100 {
		base := 10_000 + rand.IntN(9_000)
		for i := range 12 {
			if !free(base+i) || !free(base+100+i) {
				continue search
			}
		}
		return base
	}
	t.Fatal("no ports are free")
	return 0
}

// start runs every unit until the test ends, and waits until the proxy is ready, which it is when it has read the brokers' catalog.
func (w *place) start() {
	w.t.Helper()
	all := crowd.Must(units.Below(w.files))
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- units.Run(ctx, all, 0) }() // joined below
	w.t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			w.t.Error(err)
		}
		if !w.t.Failed() {
			return
		}
		for _, u := range all {
			text := crowd.Must(os.ReadFile(u.Path + units.OutputExt))
			w.t.Logf("%s printed:\n%s", u.Path, text[max(0, len(text)-1500):])
		}
	})
	over := time.After(2 * time.Minute)
	pulse := time.NewTicker(100 * time.Millisecond)
	defer pulse.Stop()
	for {
		status, text := w.get("/readyz", "")
		if status == http.StatusOK {
			return
		}
		select {
		case <-over:
			w.t.Fatalf("the proxy is not ready: %d %s", status, text)
		case <-pulse.C:
		}
	}
}

// ops is the proxy's port for health and figures.
func (w *place) ops() string { return fmt.Sprint("127.0.0.1:", w.plan.Ports.Ops) }

func (w *place) get(path, token string) (int, string) {
	w.t.Helper()
	r := crowd.Must(http.NewRequestWithContext(w.t.Context(), http.MethodGet, "http://"+w.ops()+path, nil))
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body) // what came is shown
	return answer.StatusCode, string(text)
}

// provision makes a topic and a group.
func (w *place) provision() {
	w.t.Helper()
	e := crowd.Must(rocketmq.Open(rocketmq.Options{
		NameServers: []string{fmt.Sprint("127.0.0.1:", w.plan.Ports.NameServer)}, Cluster: crowd.Must(mq.ParseCluster(w.plan.Cluster)),
		Remoting: remoting.Options{Credentials: remoting.Credentials{AccessKey: w.plan.ACL.User, Secret: w.plan.ACL.Secret}, Patience: cluster.Patience},
	}))
	topic := mq.Topic{Name: crowd.Must(mq.ParsePhysical("orders")), Cluster: crowd.Must(mq.ParseCluster(w.plan.Cluster)), Accepts: mq.AcceptsOf(mq.Normal), Queues: 4}
	group := mq.Group{Name: crowd.Must(mq.ParsePhysical("billing")), Cluster: topic.Cluster, MaxAttempts: 16}
	ctx := w.t.Context()
	err := errors.Join(e.PutTopic(ctx, topic), e.PutGroup(ctx, group))
	if err == nil {
		_, err = e.Reset(ctx, group, topic, mq.Position{Kind: mq.ToEarliest})
	}
	if err = errors.Join(err, e.Close()); err != nil {
		w.t.Fatal(err)
	}
}

// stages says how long each part took.
type stages struct {
	t     *testing.T
	began time.Time
}

func (s *stages) done(what string) {
	s.t.Logf("%s after %v", what, time.Since(s.began).Round(100*time.Millisecond))
}

// TestTheGeneratedFilesServeOnARealCluster: a name server, a controller, a primary, its copy and a proxy, all started at once from the generated files by the
// units' own lines, take a message from a user of the brokers and hand it out again; figures are for who has the token.
func TestTheGeneratedFilesServeOnARealCluster(t *testing.T) {
	if os.Getenv("CAUSEWAY_CLUSTER") == "" {
		t.Skip("starts Java processes: set CAUSEWAY_CLUSTER=1, as make test does")
	}
	t.Setenv("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1") // which makes starts fast, and the files need not say
	stages := &stages{t: t, began: time.Now()}
	w := settle(t)
	stages.done("files are there")
	w.start()
	stages.done("the proxy is ready")
	w.provision()
	stages.done("topic and group are there")
	at := crowd.Elsewhere{Address: fmt.Sprint("127.0.0.1:", w.plan.Ports.Proxy)}
	stranger := crowd.Dial(t, at, "stranger")
	if _, err := stranger.Send(crowd.Letter("orders", "stranger-1", "x")); err == nil || !strings.Contains(err.Error(), v2.Code_UNAUTHORIZED.String()) {
		t.Errorf("who does not sign: %v", err)
	}
	c := crowd.Dial(t, at, "shop")
	c.Key = [2]string{w.plan.ACL.User, w.plan.ACL.Secret}
	var refused error
	ids := &crowd.IDs{}
	crowd.Eventually(t, "a message is sent", func() bool {
		_, refused = c.Send(crowd.Letter("orders", ids.Next(), "4711"))
		return refused == nil
	})
	stages.done("a message is sent")
	settings := crowd.PushConsumerOf("billing", "orders")
	settings.ClientType = v2.ClientType_SIMPLE_CONSUMER.Enum()
	if err := c.Listen(settings, func(*v2.TelemetryCommand) {}); err != nil {
		t.Fatal(err)
	}
	r := crowd.Receiving{Topic: "orders", Group: "billing", Max: 1, Hold: 30 * time.Second, Poll: 5 * time.Second}
	got := crowd.Gets(t, c, r)
	if string(got.GetBody()) != "4711" {
		t.Errorf("received %q", got.GetBody())
	}
	if err := c.Ack("orders", "billing", got); err != nil {
		t.Error(err)
	}
	stages.done("it is received")
	if status, _ := w.get("/metrics", ""); status != http.StatusUnauthorized {
		t.Errorf("figures without the token: %d", status)
	}
	defer func() { stages.done("all") }()
	crowd.Eventually(t, "the figures tell of both copies and of a proxy that is ready", func() bool {
		_, figures := w.get("/metrics", w.plan.Ops.Token)
		return strings.Contains(figures, `causeway_broker_copies{broker="broker-a",cluster="trial"} 2`) && strings.Contains(figures, "causeway_ready 1\n")
	})
	doctor := exec.CommandContext(t.Context(), w.plan.Paths.Causeway, "doctor", "--server", "http://"+w.ops(), "--token", w.plan.Ops.Token, "--endpoint", at.Address)
	if out, err := doctor.CombinedOutput(); err != nil {
		t.Errorf("the doctor: %v\n%s", err, out)
	}
}
