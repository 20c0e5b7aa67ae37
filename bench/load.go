// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// shape is one load.
type shape struct {
	Endpoint    string
	Mode        string // send, or receive (32 a call, then one acknowledgement call per batch or per message)
	Fill        int    // messages that are sent in batches before a receive, so that it never runs dry
	Topic       string
	Group       string
	Connections int
	InFlight    int
	Size        int
	AckEach     bool
	Warm        time.Duration
	Window      time.Duration
	ServerPID   int
	BrokerPID   int // a process behind the server whose CPU is told too, 0 = none
}

// figures is what one load gives.
type figures struct {
	Rate      float64 // messages per second
	P50, P99  float64 // milliseconds of one call
	Most      float64 // of the longest one
	AckP50    float64 `json:",omitempty"` // of one acknowledgement call; P50 and P99 are then of a receive with all its acknowledgements
	AckP99    float64 `json:",omitempty"`
	ServerCPU float64 // CPU seconds per 100,000 messages
	ClientCPU float64
	BrokerCPU float64 `json:",omitempty"`
	Norm      float64 // server CPU / client CPU
	RSS       int64   // of the server at the end, bytes
	Errors    int64
	FirstErr  string `json:",omitempty"`
}

func loadMain(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("load", flag.ContinueOnError)
	s := shapeFlags(f)
	if err := f.Parse(args); err != nil {
		return err
	}
	r, err := load(ctx, *s)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

// shapeFlags are the words in which a shape is given to a load client.
func shapeFlags(f *flag.FlagSet) *shape {
	s := new(shape)
	f.StringVar(&s.Endpoint, "endpoint", "", "HOST:PORT")
	f.StringVar(&s.Mode, "mode", "send", "send or receive")
	f.StringVar(&s.Topic, "topic", "bench", "topic")
	f.StringVar(&s.Group, "group", "bench", "group")
	f.IntVar(&s.Connections, "connections", 4, "connections")
	f.IntVar(&s.InFlight, "in-flight", 128, "calls in flight")
	f.IntVar(&s.Fill, "fill", 0, "messages to send before receiving")
	f.IntVar(&s.Size, "size", 1024, "bytes of a body")
	f.BoolVar(&s.AckEach, "ack-each", false, "one acknowledgement call per message")
	f.DurationVar(&s.Warm, "warm", time.Second, "time before the window")
	f.DurationVar(&s.Window, "window", 3*time.Second, "measured time")
	f.IntVar(&s.ServerPID, "server-pid", 0, "process whose CPU is measured")
	f.IntVar(&s.BrokerPID, "broker-pid", 0, "process behind it whose CPU is measured")
	return s
}

// args are the same words.
func (s shape) args() []string {
	return []string{
		"-endpoint", s.Endpoint, "-mode", s.Mode, "-topic", s.Topic, "-group", s.Group, "-connections", strconv.Itoa(s.Connections),
		"-in-flight", strconv.Itoa(s.InFlight), "-fill", strconv.Itoa(s.Fill), "-ack-each=" + strconv.FormatBool(s.AckEach), "-warm", s.Warm.String(),
		"-window", s.Window.String(), "-server-pid", strconv.Itoa(s.ServerPID), "-broker-pid", strconv.Itoa(s.BrokerPID),
	}
}

func dial(s shape) ([]v2.MessagingServiceClient, func(), error) {
	conns := make([]*grpc.ClientConn, 0, s.Connections)
	closeAll := func() {
		for _, c := range conns {
			_ = c.Close() // nothing is lost with it
		}
	}
	clients := make([]v2.MessagingServiceClient, 0, s.Connections)
	for range s.Connections {
		c, err := grpc.NewClient("passthrough:///"+s.Endpoint, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			closeAll()
			return nil, nil, err
		}
		conns = append(conns, c)
		clients = append(clients, v2.NewMessagingServiceClient(c))
	}
	return clients, closeAll, nil
}

// headers are those that official clients send, with a fresh request id per call.
func headers(ctx context.Context, client string) context.Context {
	return metadata.AppendToOutgoingContext(ctx,
		"x-mq-client-id", client, "x-mq-language", "GO", "x-mq-protocol", "v2", "x-mq-client-version", "5.1.4",
		"x-mq-request-id", fmt.Sprintf("%016x%016x", rand.Uint64(), rand.Uint64()),
		"x-mq-date-time", "20260102T030405Z", "x-mq-namespace", "", "x-mq-session-token", "")
}

// tally collects the figures of the window.
type tally struct {
	on       atomic.Bool
	messages atomic.Int64
	errs     atomic.Int64
	firstErr atomic.Pointer[error]

	mu         sync.Mutex // guards hist, acks
	hist, acks *hdrhistogram.Histogram
}

func newTally() *tally {
	return &tally{hist: hdrhistogram.New(1, 60_000_000, 3), acks: hdrhistogram.New(1, 60_000_000, 3)}
}

func (t *tally) call(took time.Duration, messages int) {
	if !t.on.Load() {
		return
	}
	t.messages.Add(int64(messages))
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.hist.RecordValue(min(took.Microseconds(), 59_999_999)); err != nil {
		t.errs.Add(1)
	}
}

// acknowledged notes one acknowledgement call. A message that is received counts when it is acknowledged.
func (t *tally) acknowledged(took time.Duration, messages int) {
	if !t.on.Load() {
		return
	}
	t.messages.Add(int64(messages))
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.acks.RecordValue(min(took.Microseconds(), 59_999_999)); err != nil {
		t.errs.Add(1)
	}
}

func (t *tally) failed(err error) {
	t.errs.Add(1)
	t.firstErr.CompareAndSwap(nil, &err)
}

func load(ctx context.Context, s shape) (figures, error) {
	clients, closeAll, err := dial(s)
	if err != nil {
		return figures{}, err
	}
	defer closeAll()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for i, c := range clients {
		if err := greet(ctx, s, c, clientName(i)); err != nil {
			return figures{}, err
		}
	}
	if err := fill(ctx, s, clients[0]); err != nil {
		return figures{}, fmt.Errorf("fill: %w", err)
	}
	return measure(ctx, s, func(ctx context.Context, i int, t *tally) {
		w := worker{shape: s, client: clients[i%len(clients)], name: clientName(i % len(clients)), tally: t, number: i}
		w.loop(ctx)
	})
}

var errNothing = errors.New("no message passed")

func clientName(i int) string { return fmt.Sprintf("bench@%d@%d", os.Getpid(), i) }

// measure runs the shape's loops and gives what happened within its window.
func measure(ctx context.Context, s shape, loop func(ctx context.Context, i int, t *tally)) (figures, error) {
	t := newTally()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var group sync.WaitGroup
	for i := range s.InFlight {
		group.Go(func() { loop(ctx, i, t) })
	}
	wait(ctx, s.Warm)
	server0, broker0, client0 := cpuOf(s.ServerPID), cpuOf(s.BrokerPID), ownCPU()
	t.on.Store(true)
	began := time.Now()
	wait(ctx, s.Window)
	t.on.Store(false)
	took := time.Since(began).Seconds()
	server, broker, client := cpuOf(s.ServerPID)-server0, cpuOf(s.BrokerPID)-broker0, ownCPU()-client0
	cancel()
	group.Wait()
	n := float64(t.messages.Load())
	e := t.firstErr.Load()
	if n == 0 {
		if e != nil {
			return figures{}, fmt.Errorf("no message passed: %w", *e)
		}
		return figures{}, errNothing
	}
	millis := func(h *hdrhistogram.Histogram, q float64) float64 { return float64(h.ValueAtQuantile(q)) / 1e3 }
	r := figures{
		Rate: n / took, ServerCPU: server / n * 1e5, ClientCPU: client / n * 1e5, BrokerCPU: broker / n * 1e5, Norm: server / client, Errors: t.errs.Load(),
		P50: millis(t.hist, 50), P99: millis(t.hist, 99), Most: millis(t.hist, 100), AckP50: millis(t.acks, 50), AckP99: millis(t.acks, 99),
	}
	if e != nil {
		r.FirstErr = (*e).Error()
	}
	var err error
	if s.ServerPID > 0 {
		r.RSS, err = rss(s.ServerPID)
	}
	return r, err
}

// fill sends messages in batches.
func fill(ctx context.Context, s shape, client v2.MessagingServiceClient) error {
	const batch = 100
	body := make([]byte, s.Size)
	for sent := 0; sent < s.Fill; sent += batch {
		call, cancel := context.WithTimeout(headers(ctx, fmt.Sprintf("fill@%d", os.Getpid())), callBound)
		messages := make([]*v2.Message, batch)
		for i := range messages {
			messages[i] = message(s.Topic, body)
		}
		answer, err := client.SendMessage(call, &v2.SendMessageRequest{Messages: messages})
		cancel()
		if err != nil {
			return err
		}
		if c := answer.GetStatus().GetCode(); c != v2.Code_OK {
			return fmt.Errorf("%s: %s", c, answer.GetStatus().GetMessage())
		}
	}
	return nil
}

func message(topic string, body []byte) *v2.Message {
	tag := "bench"
	return &v2.Message{
		Topic:          &v2.Resource{Name: topic},
		UserProperties: map[string]string{"order": "42", "region": "eu"},
		SystemProperties: &v2.SystemProperties{
			Tag: &tag, Keys: []string{"key-4711"}, MessageId: messageID(),
			MessageType: v2.MessageType_NORMAL, BodyEncoding: v2.Encoding_IDENTITY, BornTimestamp: timestamppb.Now(), BornHost: "bench",
		},
		Body: body,
	}
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// cpuOf is the CPU time of a process so far, in seconds; 0 when there is none.
func cpuOf(pid int) float64 {
	if pid == 0 {
		return 0
	}
	c, err := cpu(pid)
	if err != nil {
		return 0
	}
	return c
}

type worker struct {
	shape  shape
	client v2.MessagingServiceClient
	name   string
	tally  *tally
	number int
}

const callBound = 15 * time.Second

func (w *worker) loop(ctx context.Context) {
	body := make([]byte, w.shape.Size)
	for i := range body {
		body[i] = byte(rand.Uint32())
	}
	for ctx.Err() == nil {
		call, cancel := context.WithTimeout(headers(ctx, w.name), callBound)
		var err error
		if w.shape.Mode == "receive" {
			err = w.receive(call)
		} else {
			err = w.send(call, body)
		}
		cancel()
		if err != nil && ctx.Err() == nil {
			w.tally.failed(err)
			wait(ctx, 10*time.Millisecond)
		}
	}
}

func (w *worker) send(ctx context.Context, body []byte) error {
	began := time.Now()
	answer, err := w.client.SendMessage(ctx, &v2.SendMessageRequest{Messages: []*v2.Message{message(w.shape.Topic, body)}})
	if err != nil {
		return err
	}
	if c := answer.GetStatus().GetCode(); c != v2.Code_OK {
		return fmt.Errorf("send: %s: %s", c, answer.GetStatus().GetMessage())
	}
	w.tally.call(time.Since(began), 1)
	return nil
}

func (w *worker) receive(ctx context.Context) error {
	topic, group := &v2.Resource{Name: w.shape.Topic}, &v2.Resource{Name: w.shape.Group}
	began := time.Now()
	stream, err := w.client.ReceiveMessage(ctx, &v2.ReceiveMessageRequest{
		Group: group, MessageQueue: &v2.MessageQueue{Topic: topic, Id: -1},
		FilterExpression: &v2.FilterExpression{Type: v2.FilterType_TAG, Expression: "*"},
		BatchSize:        32, InvisibleDuration: durationpb.New(time.Minute), LongPollingTimeout: durationpb.New(5 * time.Second),
	})
	if err != nil {
		return err
	}
	var entries []*v2.AckMessageEntry
	for {
		part, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if c := part.GetStatus().GetCode(); c != 0 && c != v2.Code_OK {
			return fmt.Errorf("receive: %s: %s", c, part.GetStatus().GetMessage())
		}
		if m := part.GetMessage(); m != nil {
			entries = append(entries, &v2.AckMessageEntry{
				MessageId: m.GetSystemProperties().GetMessageId(), ReceiptHandle: m.GetSystemProperties().GetReceiptHandle(),
			})
		}
	}
	if len(entries) == 0 {
		return nil
	}
	batches := [][]*v2.AckMessageEntry{entries}
	if w.shape.AckEach {
		batches = batches[:0]
		for i := range entries {
			batches = append(batches, entries[i:i+1])
		}
	}
	for _, b := range batches {
		asked := time.Now()
		answer, err := w.client.AckMessage(ctx, &v2.AckMessageRequest{Group: group, Topic: topic, Entries: b})
		if err != nil {
			return err
		}
		if c := answer.GetStatus().GetCode(); c != v2.Code_OK {
			return fmt.Errorf("ack: %s: %s", c, answer.GetStatus().GetMessage())
		}
		w.tally.acknowledged(time.Since(asked), len(b))
	}
	w.tally.call(time.Since(began), 0)
	return nil
}
