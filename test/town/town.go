// SPDX-License-Identifier: Apache-2.0

// Package town is RocketMQ clusters with real proxy processes before them, for the tests that need all of it.
package town

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
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/engine/enginetest/history"
	"github.com/causeway-mq/causeway/engine/rocketmq"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/test/crowd"
	"github.com/causeway-mq/causeway/tools/rocketmq/cluster"
)

// Town is a RocketMQ cluster with real proxy processes before it.
type Town struct {
	T           *testing.T
	Binary      string
	Cluster     *cluster.Cluster
	Name        mq.Cluster
	Engine      *rocketmq.Engine // looks and provisions; no message passes it
	Topics      map[string]mq.Topic
	Groups      map[string]mq.Group
	inner       remoting.Credentials // with which proxies and tools sign, where the brokers check
	More        []string             // words for every proxy
	NameServer  *cluster.Process     // the name server
	Controllers []*cluster.Process
	Brokers     []*cluster.Process
	started     atomic.Int64 // proxies
}

// New starts a name server and brokers, and makes the topics and groups of the crowd on them.
func New(t *testing.T, brokers ...string) *Town {
	t.Helper()
	var all []cluster.Broker
	for _, name := range brokers {
		all = append(all, cluster.Broker{Name: name})
	}
	return NewOf(t, remoting.Credentials{}, all...)
}

// NewOf is New with brokers as they are described, and the user that may everything on them.
func NewOf(t *testing.T, inner remoting.Credentials, brokers ...cluster.Broker) *Town {
	t.Helper()
	return Build(t, Plan{Inner: inner, Brokers: brokers})
}

// Plan is what a town is made of.
type Plan struct {
	Inner       remoting.Credentials // the user that may everything on the brokers, where they check
	Controllers int                  // 0, 1 or 3; with any the brokers are in controller mode
	Brokers     []cluster.Broker
	Certificate cluster.Certificate // with which the cluster speaks TLS, and nothing else
}

// Build starts a name server, controllers and brokers, and makes the topics and groups of the crowd on them.
func Build(t *testing.T, plan Plan) *Town {
	t.Helper()
	if os.Getenv("CAUSEWAY_CLUSTER") == "" {
		t.Skip("starts Java processes: set CAUSEWAY_CLUSTER=1, as make test does")
	}
	inner := plan.Inner
	ctx, root := t.Context(), crowd.Must(filepath.Abs("../.."))
	w := &Town{T: t, Binary: Binary(t), Topics: map[string]mq.Topic{}, Groups: map[string]mq.Group{}, inner: inner}
	jars, err := cluster.Jars(ctx, filepath.Join(root, ".build"))
	if err != nil {
		t.Fatal(err)
	}
	if w.Cluster, err = cluster.New(cluster.Options{Dir: t.TempDir(), Jars: jars, Credentials: inner, Certificate: plan.Certificate}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Cluster.Kill(); err != nil {
			t.Error(err)
		}
	})
	if w.NameServer, err = w.Cluster.NameServer(ctx, nil); err != nil {
		t.Fatal(err)
	}
	if plan.Controllers > 0 {
		if w.Controllers, err = w.Cluster.Controllers(ctx, plan.Controllers); err != nil {
			t.Fatal(err)
		}
	}
	for _, b := range plan.Brokers {
		p, err := w.Cluster.Broker(ctx, b)
		if err != nil {
			t.Fatal(err)
		}
		w.Brokers = append(w.Brokers, p)
	}
	w.Name = crowd.Must(mq.ParseCluster(w.Cluster.Name()))
	how := remoting.Options{Credentials: inner, TLS: plan.Certificate.TLS(), Patience: cluster.Patience}
	if w.Engine, err = rocketmq.Open(rocketmq.Options{NameServers: w.Cluster.NameServers(), Cluster: w.Name, Remoting: how}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Engine.Close(); err != nil {
			t.Error(err)
		}
	})
	w.provision(ctx)
	return w
}

func (w *Town) provision(ctx context.Context) {
	w.T.Helper()
	for name, kind := range map[string]mq.MessageType{"plain": mq.Normal, "lanes": mq.FIFO, "pay": mq.Transaction, "later": mq.Delay} {
		w.Topics[name] = mq.Topic{Name: crowd.Must(mq.ParsePhysical(name)), Cluster: w.Name, Accepts: mq.AcceptsOf(kind), Queues: 4}
		if err := w.Engine.PutTopic(ctx, w.Topics[name]); err != nil {
			w.T.Fatal(err)
		}
	}
	for group, topic := range map[string]string{"billing": "plain", "in-order": "lanes", "settling": "pay", "waiting": "later"} {
		w.Groups[group] = mq.Group{Name: crowd.Must(mq.ParsePhysical(group)), Cluster: w.Name, Ordered: group == "in-order", MaxAttempts: 100}
		if err := w.Engine.PutGroup(ctx, w.Groups[group]); err != nil {
			w.T.Fatal(err)
		}
		w.FromTheFirst(ctx, group, topic)
	}
}

// Binary builds this repository's binary, at one place for all tests: linking takes seconds of the processor, and what is there already is left as it is.
func Binary(t testing.TB) string {
	t.Helper()
	root := crowd.Must(filepath.Abs("../.."))
	path := filepath.Join(root, ".build", "tests", "causeway")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", path, "./cmd/causeway")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

// Copied waits until every copy of a broker name knows the topics of the crowd.
func (w *Town) Copied(broker string) {
	w.T.Helper()
	for name := range w.Topics {
		if err := w.Cluster.Known(w.T.Context(), broker, name); err != nil {
			w.T.Fatal(err)
		}
	}
}

// FromTheFirst lets a group begin at the first message: brokers would begin at the last.
func (w *Town) FromTheFirst(ctx context.Context, group, topic string) {
	w.T.Helper()
	if _, err := w.Engine.Reset(ctx, w.Groups[group], w.Topics[topic], mq.Position{Kind: mq.ToEarliest}); err != nil {
		w.T.Fatal(err)
	}
}

// Add makes a topic and a group while proxies run.
func (w *Town) Add(ctx context.Context, topic, group string) error {
	t, g := crowd.Must(mq.ParsePhysical(topic)), crowd.Must(mq.ParsePhysical(group))
	return errors.Join(
		w.Engine.PutTopic(ctx, mq.Topic{Name: t, Cluster: w.Name, Accepts: mq.AcceptsOf(mq.Normal), Queues: 4}),
		w.Engine.PutGroup(ctx, mq.Group{Name: g, Cluster: w.Name, MaxAttempts: 3}))
}

// stopBound is how long a proxy may take to end, in which it lingers and drains.
const stopBound = 90 * time.Second

// Process is one `causeway proxy` process.
type Process struct {
	Address string
	Ops     string // HOST:PORT of its HTTP port
	cmd     *exec.Cmd
	once    sync.Once
}

// At is where clients dial.
func (p *Process) At() string { return p.Address }

// Kill is kill -9.
func (p *Process) Kill() {
	p.once.Do(func() {
		_ = p.cmd.Process.Kill() // it may have ended by itself
		_ = p.cmd.Wait()
	})
}

// Stop asks the proxy to end, as an operator does, and waits until it has.
func (p *Process) Stop() error {
	err := errors.New("it was ended before")
	p.once.Do(func() {
		if err = p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			return
		}
		over := time.AfterFunc(stopBound, func() { _ = p.cmd.Process.Kill() }) // then Wait tells
		defer over.Stop()
		err = p.cmd.Wait()
	})
	return err
}

// Ask gets a path of the proxy's HTTP port.
func (p *Process) Ask(t *testing.T, path string) string {
	t.Helper()
	answer, err := http.Get("http://" + p.Ops + path)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", path, answer.Status, err)
	}
	return string(text)
}

// Open starts a proxy before the town's cluster, with more words for it alone, and waits until it is ready.
func (w *Town) Open(more ...string) *Process {
	w.T.Helper()
	words := append([]string{"--namesrv", strings.Join(w.Cluster.NameServers(), ";")}, w.More...)
	return w.Start(append(words, more...)...)
}

// Start starts a proxy with these words and addresses of its own, and waits until it is ready.
func (w *Town) Start(words ...string) *Process {
	w.T.Helper()
	return w.StartAt(Free(w.T), words...)
}

// StartAt is Start at an address for clients that is chosen already.
func (w *Town) StartAt(address string, words ...string) *Process {
	w.T.Helper()
	p := &Process{Address: address, Ops: Free(w.T)}
	lean := w.started.Add(1)%2 == 0 // every second proxy of a town speaks over the lean transport: what one begins the other goes on with
	p.cmd = exec.Command(w.Binary, append([]string{"proxy", "--listen", p.Address, "--http", p.Ops, "--log-level", "error", "--lean=" + strconv.FormatBool(lean)}, words...)...)
	log := crowd.Must(os.CreateTemp(w.T.TempDir(), "proxy-*.log"))
	defer log.Close()
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		w.T.Fatal(err)
	}
	w.T.Cleanup(p.Kill)
	crowd.Eventually(w.T, "the proxy is ready", func() bool {
		answer, err := http.Get("http://" + p.Ops + "/readyz")
		if err != nil {
			return false
		}
		defer answer.Body.Close()
		_, _ = io.Copy(io.Discard, answer.Body)
		return answer.StatusCode == http.StatusOK
	})
	return p
}

// Free finds a loopback address that nobody listens on now.
func Free(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// Reserved finds a loopback address that nobody listens on now and that no outgoing connection gets meanwhile, for what is to come back to it.
func Reserved(t testing.TB) string {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", 10_000+rand.IntN(10_000))) // below the range of outgoing connections
		if err == nil {
			defer l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal("no port is free")
	return ""
}

// Ground is the town as a crowd plays on it, in real time.
func (w *Town) Ground() crowd.Ground {
	const quiet = 20 * time.Second // longer than a lease of the load, the brokers' look at leases that are over, and a retry's way back
	return crowd.Ground{
		Topics: w.Topics, Groups: w.Groups, Now: time.Now, Open: func() crowd.Entrance { return w.Open() }, Rest: quiet, Least: crowd.Load{Sent: 20_000, Settled: 15_000}, // some are rolled back
		Pass:  func(d time.Duration) { <-time.After(d) },
		Rules: history.Rules{StaleAckIsSilent: true},
		Emptied: func(s *crowd.Seat, _, _ string) func() bool {
			return func() bool { return time.Since(s.Got) > quiet }
		},
	}
}
