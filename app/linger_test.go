// SPDX-License-Identifier: Apache-2.0

package app

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"

	"github.com/causeway-mq/causeway/internal/obs"
)

// leavingProxy is a proxy in this process with a catalog file, a client of it, and no cluster that answers: leaving is the door's business alone.
type leavingProxy struct {
	http   string
	health healthpb.HealthClient
	client v2.MessagingServiceClient
	stop   context.CancelFunc
	ended  chan error
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func newLeavingProxy(t *testing.T, linger time.Duration) *leavingProxy {
	t.Helper()
	c := DefaultProxyConfig()
	c.Listen, c.HTTP, c.Linger = freeAddress(t), freeAddress(t), Duration(linger)
	c.Clusters = []ClusterConfig{{Name: "east", NameServers: []string{freeAddress(t)}}}
	c.Catalog = filepath.Join(t.TempDir(), "catalog.yaml")
	if err := os.WriteFile(c.Catalog, []byte("format: 1\nversion: 1\ntenants:\n- {id: default, unsigned: loopback}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	p := &leavingProxy{http: c.HTTP, stop: cancel, ended: make(chan error, 1)}
	go func() {
		p.ended <- Proxy(ctx, ProxyOptions{Config: c, Out: new(bytes.Buffer), Log: obs.NewLogger(testWriter{t}, slog.LevelError)})
		close(p.ended)
	}()
	t.Cleanup(func() {
		cancel()
		<-p.ended
	})
	conn, err := grpc.NewClient(c.Listen, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	p.health, p.client = healthpb.NewHealthClient(conn), v2.NewMessagingServiceClient(conn)
	return p
}

// says is the answer of the health service.
func (p *leavingProxy) says(ctx context.Context) healthpb.HealthCheckResponse_ServingStatus {
	out, err := p.health.Check(ctx, &healthpb.HealthCheckRequest{})
	if err != nil {
		return healthpb.HealthCheckResponse_UNKNOWN
	}
	return out.Status
}

func (p *leavingProxy) becomes(t *testing.T, want healthpb.HealthCheckResponse_ServingStatus) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	bound := time.After(20 * time.Second)
	for p.says(t.Context()) != want {
		select {
		case <-tick.C:
		case err := <-p.ended:
			t.Fatalf("it ended: %v", err)
		case <-bound:
			t.Fatalf("health is not %v", want)
		}
	}
}

// A client that has not renewed its route yet still calls the proxy that was told to stop, and finds it at work.
func TestAProxyThatLeavesServesWhoIsStillThere(t *testing.T) {
	p := newLeavingProxy(t, 5*time.Second)
	p.becomes(t, healthpb.HealthCheckResponse_SERVING)
	p.stop()
	p.becomes(t, healthpb.HealthCheckResponse_NOT_SERVING)
	answer, err := http.Get("http://" + p.http + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("/readyz says %d while the proxy leaves", answer.StatusCode)
	}
	ctx := metadata.NewOutgoingContext(t.Context(), metadata.Pairs("x-mq-client-id", "host@1@0@abc", "x-mq-language", "GO"))
	for i := range 3 {
		out, err := p.client.Heartbeat(ctx, &v2.HeartbeatRequest{ClientType: v2.ClientType_PRODUCER})
		if err != nil {
			t.Fatalf("call %d: %v", i, err)
		}
		if code := out.GetStatus().GetCode(); code == v2.Code_UNAUTHORIZED || code == v2.Code_INTERNAL_SERVER_ERROR {
			t.Errorf("call %d: %v", i, out.GetStatus())
		}
	}
	select {
	case err := <-p.ended:
		t.Fatalf("it did not linger: %v", err)
	default:
	}
}

func TestAProxyThatLingeredEnds(t *testing.T) {
	for _, linger := range []time.Duration{0, 50 * time.Millisecond} {
		t.Run(fmt.Sprint(linger), func(t *testing.T) {
			p := newLeavingProxy(t, linger)
			p.becomes(t, healthpb.HealthCheckResponse_SERVING)
			p.stop()
			select {
			case err := <-p.ended:
				if err != nil {
					t.Error(err)
				}
			case <-time.After(30 * time.Second):
				t.Fatal("it did not end")
			}
		})
	}
}
