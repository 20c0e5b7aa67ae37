// SPDX-License-Identifier: Apache-2.0

package twodoors_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"

	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/test/crowd"
	"github.com/causeway-mq/causeway/test/town"
	"github.com/causeway-mq/causeway/tools/rocketmq/cluster"
)

// ward is a town whose brokers fall ill, a client that sends, and what it was promised.
type ward struct {
	*town.Town
	proxy  *town.Process
	client *crowd.Client
	ids    crowd.IDs

	mu      sync.Mutex // guards below
	acked   map[string]bool
	refused map[string]bool // certainly not stored
}

func newWard(t *testing.T, brokers ...cluster.Broker) *ward {
	t.Helper()
	t.Parallel()
	w := &ward{Town: town.NewOf(t, remoting.Credentials{}, brokers...), acked: map[string]bool{}, refused: map[string]bool{}}
	w.proxy = w.Open()
	w.client = crowd.Dial(t, w.proxy, "sender")
	return w
}

// send sends one message of a size and gives the code of the answer.
func (w *ward) send(size int) (v2.Code, string) {
	id := w.ids.Next()
	body := id + strings.Repeat("x", size)
	_, err := w.client.Send(crowd.Letter("plain", id, body))
	var said crowd.StatusError
	switch {
	case err == nil:
		w.mu.Lock()
		w.acked[id] = true
		w.mu.Unlock()
		return v2.Code_OK, ""
	case errors.As(err, &said):
		if code := said.GetCode(); code == v2.Code_TOO_MANY_REQUESTS || code == v2.Code_HA_NOT_AVAILABLE {
			w.mu.Lock()
			w.refused[id] = true
			w.mu.Unlock()
		}
		return said.GetCode(), said.GetMessage()
	}
	w.T.Errorf("a refusal must travel in the answer, or clients take the proxy for dead: %v", err)
	return 0, err.Error()
}

// crowded sends from many callers until some answer was TOO_MANY_REQUESTS and the proxy's figures name the cause, and fails after a bound. The client is told in the
// platform's words: the broker's are for the log.
func (w *ward) crowded(size int, cause string) {
	w.T.Helper()
	sign := fmt.Sprintf("cause=%q", cause)
	var stop atomic.Bool
	refused := make(chan string, 1)
	var all sync.WaitGroup
	for range 48 {
		all.Go(func() {
			for !stop.Load() {
				if got, why := w.send(size); got == v2.Code_TOO_MANY_REQUESTS {
					select {
					case refused <- why:
					default:
					}
				}
			}
		})
	}
	seen := func() bool {
		for line := range strings.Lines(w.proxy.Ask(w.T, "/metrics")) {
			name, figure, _ := strings.Cut(strings.TrimSpace(line), "} ")
			if strings.HasPrefix(name, "causeway_broker_busy_total{") && strings.Contains(name, sign) && figure != "0" {
				return true
			}
		}
		return false
	}
	end := time.NewTimer(30 * time.Second)
	defer end.Stop()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for found := false; !found; {
		select {
		case <-tick.C:
			found = seen() && len(refused) > 0
		case <-end.C:
			w.T.Errorf("no send was refused because of %s", cause)
			found = true
		}
	}
	stop.Store(true)
	all.Wait()
	select {
	case why := <-refused:
		w.T.Logf("%s: the client sees %v: %s", cause, v2.Code_TOO_MANY_REQUESTS, why)
		if !strings.Contains(why, "come back later") || strings.Contains(why, "[") {
			w.T.Errorf("the client is told %q", why)
		}
	default:
	}
}

// becomes sends until the answer is of a kind.
func (w *ward) becomes(what string, so func(v2.Code, string) bool) {
	w.T.Helper()
	end := time.NewTimer(time.Minute)
	defer end.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var code v2.Code
	var why string
	for {
		if code, why = w.send(0); so(code, why) {
			w.T.Logf("%s: the client sees %v %s", what, code, why)
			return
		}
		select {
		case <-tick.C:
			continue
		case <-end.C:
		}
		break
	}
	w.T.Errorf("%s: still %v %s", what, code, why)
}

// allWell sends and demands that each is taken.
func (w *ward) allWell(n int) {
	w.T.Helper()
	for i := range n {
		if code, why := w.send(0); code != v2.Code_OK {
			w.T.Fatalf("send %d of %d: %v %s", i+1, n, code, why)
		}
	}
}

func isOK(code v2.Code, _ string) bool { return code == v2.Code_OK }

// keepsItsPromises receives until everything that was acknowledged came. What was refused must not come before.
func (w *ward) keepsItsPromises() {
	w.T.Helper()
	c := crowd.Dial(w.T, w.Open(), "receiver")
	end := time.Now().Add(90 * time.Second)
	for len(w.acked) > 0 && time.Now().Before(end) {
		got, err := c.Receive(crowd.Receiving{Topic: "plain", Group: "billing", Max: 32, Hold: time.Minute, Poll: 2 * time.Second})
		if err != nil {
			w.T.Logf("receive: %v", err)
			continue
		}
		for _, m := range got {
			id := m.GetSystemProperties().GetMessageId()
			if delete(w.acked, id); w.refused[id] {
				w.T.Errorf("%s was refused, and came", id)
			}
			_ = c.Ack("plain", "billing", m) // one that fails comes again
		}
	}
	if len(w.acked) > 0 {
		w.T.Errorf("%d acknowledged messages did not come", len(w.acked))
	}
}

func TestABusyBrokerOnARealCluster(t *testing.T) {
	w := newWard(t, cluster.Broker{Name: "broker-a", Settings: map[string]string{
		"sendMessageThreadPoolNums": "1", "sendThreadPoolQueueCapacity": "2", "osPageCacheBusyTimeOutMills": "0", "maxMessageSize": "4194304",
	}})
	w.crowded(64<<10, "overload")      // the queue of sends is full
	w.crowded(2<<20, "reject_request") // the page cache is busy
	w.becomes("nobody else sends", isOK)
	w.keepsItsPromises()
}

// tell changes a setting of a broker that runs.
func (w *ward) tell(broker *cluster.Process, setting string) {
	w.T.Helper()
	f, err := w.Cluster.Client().Call(w.T.Context(), broker.Address, remoting.Request{Code: remoting.UpdateBrokerConfig, Body: []byte(setting + "\n")})
	if err == nil {
		err = f.Err()
	}
	if err != nil {
		w.T.Fatal(err)
	}
}

func TestASecondaryThatIsGoneOnARealCluster(t *testing.T) {
	w := newWard(t,
		cluster.Broker{Name: "broker-a", Settings: map[string]string{"brokerRole": "SYNC_MASTER", "inSyncReplicas": "2", "totalReplicas": "2", "slaveTimeout": "1000"}},
		cluster.Broker{Name: "broker-a", ID: 1})
	w.becomes("both copies are there", isOK)
	if err := w.Brokers[1].Kill(); err != nil {
		t.Fatal(err)
	}
	w.becomes("the secondary is gone", func(code v2.Code, _ string) bool { return code == v2.Code_PROXY_TIMEOUT }) // stored on the primary: nobody knows whether it stays
	// A broker that knows the number of its copies, as in the generated settings' safe mode, says so before it stores anything. Told now, it need not be another cluster.
	w.tell(w.Brokers[0], "enableSlaveActingMaster=true")
	w.becomes("it counts its copies first", func(code v2.Code, _ string) bool { return code == v2.Code_HA_NOT_AVAILABLE })
	if err := w.Brokers[1].Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.becomes("the secondary is back", isOK)
	w.keepsItsPromises()
}

func TestNameServersThatAreGoneAndAFrozenBrokerOnARealCluster(t *testing.T) {
	w := newWard(t, cluster.Broker{Name: "broker-a"}, cluster.Broker{Name: "broker-b", Settings: map[string]string{"enableShutdownGracefully": "true", "shutdownWaitTimeSeconds": "30"}})
	w.allWell(32) // every queue of both
	if err := w.NameServer.Kill(); err != nil {
		t.Fatal(err)
	}
	w.allWell(200)
	if err := w.NameServer.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	frozen := w.Brokers[0]
	if err := frozen.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	w.becomes("a broker is frozen", func(code v2.Code, _ string) bool { return code == v2.Code_PROXY_TIMEOUT })
	w.becomes("the other broker takes sends meanwhile", isOK)
	if err := frozen.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	for range 32 { // one may still be too late for the broker that just woke
		w.becomes("it goes on", isOK)
	}
	crowd.Eventually(t, "the new name server knows both brokers", func() bool {
		known, err := w.Cluster.Describe(t.Context(), w.NameServer.Address)
		return err == nil && len(known.Brokers) == 2
	})
	w.saysGoodbye(w.Brokers[1])
	w.keepsItsPromises()
}

// saysGoodbye lets a broker stop that tells whoever asks it meanwhile to go elsewhere, and starts it again: no send fails. It would take its time, so it is
// killed when it sent somebody away.
func (w *ward) saysGoodbye(leaves *cluster.Process) {
	w.T.Helper()
	if err := leaves.Signal(syscall.SIGTERM); err != nil {
		w.T.Fatal(err)
	}
	crowd.Eventually(w.T, "it sends somebody away", func() bool {
		w.allWell(1)
		log, err := os.ReadFile(filepath.Join(leaves.Dir, "logs", "rocketmqlogs", "remoting.log"))
		return err == nil && strings.Contains(string(log), "GO_AWAY")
	})
	w.allWell(32)
	if err := errors.Join(leaves.Kill(), leaves.Start(w.T.Context())); err != nil {
		w.T.Fatal(err)
	}
}

func TestAFullDiskOnARealCluster(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("a small disk is mounted, which needs root")
	}
	if os.Getenv("CAUSEWAY_CLUSTER") == "" {
		t.Skip("starts Java processes: set CAUSEWAY_CLUSTER=1, as make test does")
	}
	disk := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=256m", "tmpfs", disk).CombinedOutput(); err != nil {
		t.Skipf("no file system can be mounted here: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", "-l", disk).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	store := filepath.Join(disk, "store")
	w := newWard(t, cluster.Broker{Name: "broker-a", Settings: map[string]string{
		"storePathRootDir": store, "storePathCommitLog": filepath.Join(store, "commitlog"), "mappedFileSizeCommitLog": "16777216",
	}})
	w.becomes("there is room", isOK)
	var volume syscall.Statfs_t
	if err := syscall.Statfs(disk, &volume); err != nil {
		t.Fatal(err)
	}
	filler := filepath.Join(disk, "filler")
	room := int64(volume.Bavail) * volume.Bsize
	if err := os.WriteFile(filler, make([]byte, room-int64(volume.Blocks)*volume.Bsize/25), 0o600); err != nil { // 96 % of all are used
		t.Fatal(err)
	}
	w.becomes("the disk is full", func(code v2.Code, why string) bool {
		return code == v2.Code_TOO_MANY_REQUESTS && strings.Contains(why, "disk is full") // the one code that makes clients wait
	})
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	w.becomes("there is room again", isOK)
	w.keepsItsPromises()
}
