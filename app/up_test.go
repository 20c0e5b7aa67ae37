// SPDX-License-Identifier: Apache-2.0

package app

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/causeway-mq/causeway/internal/obs"
)

// house is a running `causeway up` in this process.
type house struct {
	Running
	greeting *bytes.Buffer
	stop     func() error
}

func open(t *testing.T, data string, change func(*Config)) *house {
	t.Helper()
	c := DefaultConfig()
	c.Data, c.Listen, c.HTTP = data, "127.0.0.1:0", "127.0.0.1:0"
	c.Engine.SegmentBytes = 16 << 20
	if change != nil {
		change(&c)
	}
	h := &house{greeting: new(bytes.Buffer)}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- Up(ctx, UpOptions{Config: c, Out: h.greeting, Log: obs.NewLogger(testWriter{t}, slog.LevelWarn)})
	}()
	ended := false
	h.stop = func() error {
		cancel()
		if ended {
			return nil
		}
		ended = true
		return <-done
	}
	t.Cleanup(func() {
		if err := h.stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	bound := time.After(30 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		raw, err := os.ReadFile(filepath.Join(data, runningFile))
		if err == nil && json.Unmarshal(raw, &h.Running) == nil {
			return h
		}
		select {
		case err := <-done:
			ended = true
			t.Fatalf("it did not start: %v", err)
		case <-bound:
			t.Fatal("it was not ready within 30 s")
		case <-tick.C:
		}
	}
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Logf("%s", bytes.TrimSpace(p))
	return len(p), nil
}

func (h *house) post(t *testing.T, path string, body any) {
	t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.Post("http://"+h.HTTP+path, "application/json", bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusCreated {
		t.Fatalf("%s: %s: %s", path, answer.Status, text)
	}
}

func (h *house) dial(t *testing.T, creds credentials.TransportCredentials) v2.MessagingServiceClient {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+h.GRPC, grpc.WithTransportCredentials(creds))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return v2.NewMessagingServiceClient(conn)
}

func call(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return metadata.AppendToOutgoingContext(ctx, "x-mq-client-id", "test@1", "x-mq-language", "GO", "x-mq-protocol", "v2")
}

func send(t *testing.T, c v2.MessagingServiceClient, topic, body string) {
	t.Helper()
	answer, err := c.SendMessage(call(t), &v2.SendMessageRequest{Messages: []*v2.Message{{
		Topic:            &v2.Resource{Name: topic},
		SystemProperties: &v2.SystemProperties{MessageId: "id-" + body, MessageType: v2.MessageType_NORMAL},
		Body:             []byte(body),
	}}})
	if err != nil || answer.GetStatus().GetCode() != v2.Code_OK {
		t.Fatalf("send: %v, %v", answer.GetStatus(), err)
	}
}

// receive takes one message and acknowledges it; "" when none came within the poll.
func receive(t *testing.T, c v2.MessagingServiceClient, topic, group string) string {
	t.Helper()
	stream, err := c.ReceiveMessage(call(t), &v2.ReceiveMessageRequest{
		Group: &v2.Resource{Name: group}, MessageQueue: &v2.MessageQueue{Topic: &v2.Resource{Name: topic}, Id: -1},
		FilterExpression: &v2.FilterExpression{Type: v2.FilterType_TAG, Expression: "*"},
		BatchSize:        1, InvisibleDuration: durationpb.New(30 * time.Second), LongPollingTimeout: durationpb.New(5 * time.Second),
	})
	if err != nil {
		t.Fatal(err)
	}
	body := ""
	for {
		part, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return body
		}
		if err != nil {
			t.Fatal(err)
		}
		if s := part.GetStatus(); s != nil && s.GetCode() != v2.Code_OK && s.GetCode() != v2.Code_MESSAGE_NOT_FOUND {
			t.Fatalf("receive: %v", s)
		}
		if m := part.GetMessage(); m != nil {
			body = string(m.GetBody())
			answer, err := c.AckMessage(call(t), &v2.AckMessageRequest{
				Group: &v2.Resource{Name: group}, Topic: &v2.Resource{Name: topic},
				Entries: []*v2.AckMessageEntry{{
					MessageId: m.GetSystemProperties().GetMessageId(), ReceiptHandle: m.GetSystemProperties().GetReceiptHandle(),
				}},
			})
			if err != nil || answer.GetStatus().GetCode() != v2.Code_OK {
				t.Fatalf("ack: %v, %v", answer.GetStatus(), err)
			}
		}
	}
}

func TestHintsNameAnAddressThatCanBeDialled(t *testing.T) {
	var b bytes.Buffer
	c := DefaultConfig()
	c.Token = "open sesame"
	if err := greet(&b, c, Running{GRPC: "0.0.0.0:8081", HTTP: "[::]:9090"}); err != nil {
		t.Fatal(err)
	}
	_, hints, _ := strings.Cut(b.String(), "Try in another terminal")
	if strings.Contains(hints, "0.0.0.0") || strings.Contains(hints, "[::]") || strings.Contains(hints, "sesame") ||
		!strings.Contains(hints, "--server http://127.0.0.1:9090") || strings.Contains(hints, "--endpoint") || !strings.Contains(hints, "CAUSEWAY_TOKEN") {
		t.Error(b.String())
	}
}

func TestTheHouseTellsOfItsDiskAndItsVersion(t *testing.T) {
	h := open(t, t.TempDir(), nil)
	for path, words := range map[string][]string{
		"/metrics": {"causeway_build_info{version=", "causeway_disk_used_bytes", "causeway_disk_limit_bytes", "causeway_disk_free_bytes",
			"causeway_scheduled_messages 0", "causeway_open_transactions 0"},
		"/v1/doctor": {"GiB are free under"},
	} {
		answer, err := http.Get("http://" + h.HTTP + path)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close() // it was read
		for _, word := range words {
			if err != nil || !strings.Contains(string(text), word) {
				t.Errorf("%s lacks %q, %v", path, word, err)
			}
		}
	}
}

func TestAMessageGoesThroughTheWholeHouseAndARestart(t *testing.T) {
	data := t.TempDir()
	h := open(t, data, nil)
	for _, word := range []string{h.GRPC, h.HTTP, "topic create"} {
		if !strings.Contains(h.greeting.String(), word) {
			t.Errorf("the greeting does not name %s:\n%s", word, h.greeting)
		}
	}
	h.post(t, "/v1/tenants/default/topics", map[string]any{"name": "orders"})
	h.post(t, "/v1/tenants/default/groups", map[string]any{"name": "billing"})
	plain := h.dial(t, insecure.NewCredentials())
	send(t, plain, "orders", "before")
	if got := receive(t, plain, "orders", "billing"); got != "before" {
		t.Fatalf("received %q", got)
	}
	encrypted := h.dial(t, credentials.NewTLS(&tls.Config{InsecureSkipVerify: true}))
	send(t, encrypted, "orders", "kept")
	if err := h.stop(); err != nil {
		t.Fatal("stop:", err)
	}
	if _, err := os.Stat(filepath.Join(data, runningFile)); !os.IsNotExist(err) {
		t.Errorf("the announcement outlives the process: %v", err)
	}
	again := open(t, data, nil)
	if got := receive(t, again.dial(t, insecure.NewCredentials()), "orders", "billing"); got != "kept" {
		t.Fatalf("after the restart: received %q", got)
	}
}

func TestASecondProcessOnTheSameDataIsRefused(t *testing.T) {
	data := t.TempDir()
	open(t, data, nil)
	c := DefaultConfig()
	c.Data, c.Listen, c.HTTP = data, "127.0.0.1:0", "127.0.0.1:0"
	err := Up(t.Context(), UpOptions{Config: c, Out: io.Discard, Log: obs.NewLogger(io.Discard, slog.LevelError)})
	if err == nil || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Fatalf("got %v, want a refusal that names the holder", err)
	}
}

func TestAChosenAddressThatIsTakenIsAnError(t *testing.T) {
	h := open(t, t.TempDir(), nil)
	c := DefaultConfig()
	c.Data, c.Listen, c.HTTP = t.TempDir(), h.GRPC, "127.0.0.1:0"
	err := Up(t.Context(), UpOptions{Config: c, Out: io.Discard, Log: obs.NewLogger(io.Discard, slog.LevelError)})
	if err == nil || !strings.Contains(err.Error(), h.GRPC) {
		t.Fatalf("got %v", err)
	}
}

func TestUnsignedCallersCanBeShutOut(t *testing.T) {
	h := open(t, t.TempDir(), func(c *Config) { c.Unsigned = false })
	h.post(t, "/v1/tenants/default/topics", map[string]any{"name": "orders"})
	answer, err := h.dial(t, insecure.NewCredentials()).SendMessage(call(t), &v2.SendMessageRequest{Messages: []*v2.Message{{
		Topic: &v2.Resource{Name: "orders"}, SystemProperties: &v2.SystemProperties{MessageId: "id"}, Body: []byte("x"),
	}}})
	if err != nil || answer.GetStatus().GetCode() != v2.Code_UNAUTHORIZED {
		t.Fatalf("answered %v, %v", answer.GetStatus(), err)
	}
}

func TestADemoIsMadeOnAnEmptyDataDirectoryAndOnlyThere(t *testing.T) {
	tenants := func(h *house) string {
		answer, err := http.Get("http://" + h.HTTP + "/v1/tenants")
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	data := t.TempDir()
	with := func(c *Config) { c.Demo = true }
	h := open(t, data, with)
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for bound := time.Now().Add(60 * time.Second); !strings.Contains(tenants(h), `"payments"`); <-look.C {
		if time.Now().After(bound) {
			t.Fatal("there is no demo")
		}
	}
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	data = t.TempDir()
	if err := open(t, data, nil).stop(); err != nil {
		t.Fatal(err)
	}
	// Whether there is to be one is decided before a stop is heard of, so that after it all is said.
	h = open(t, data, with)
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	if said := h.greeting.String(); !strings.Contains(said, "No demo is made") {
		t.Errorf("it does not say that no demo is made: %s", said)
	}
	if h = open(t, data, nil); strings.Contains(tenants(h), `"payments"`) {
		t.Error("a demo was made where somebody was before")
	}
}

func TestTheBannerSaysThatADefaultAddressWasTaken(t *testing.T) {
	var banner strings.Builder
	c := DefaultConfig()
	c.Listen, c.HTTP = "", ""
	if err := greet(&banner, c, Running{GRPC: DefaultListen, HTTP: "127.0.0.1:1"}); err != nil || !strings.Contains(banner.String(), "note      "+DefaultHTTP+" is in use") || strings.Contains(banner.String(), "--listen") {
		t.Errorf("%v\n%s", err, banner.String())
	}
}
