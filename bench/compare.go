// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

type comparison struct {
	server       string
	window, warm time.Duration
	rounds       int
	idle         int
	out          string
}

// row is one line of the table.
type row struct {
	Name string
	figures
	Idle  *idleFigures   `json:",omitempty"`
	Start *time.Duration `json:",omitempty"` // process start to first accepted send
}

// target is a process under load.
type target struct {
	endpoint string
	pid      int
}

// perSecond is how many messages a receiving load may take per second before its backlog runs dry.
const perSecond = 60_000

type load1 struct {
	name string
	s    shape
}

func (c comparison) run(ctx context.Context) ([]row, error) {
	dir, err := os.MkdirTemp("", "causeway-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	echoing, lines, err := start(ctx, self, "echo")
	if err != nil {
		return nil, err
	}
	defer echoing.stop()
	echoAddr, err := lines.ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("echo: %w", err)
	}
	up, took, err := c.up(ctx, filepath.Join(dir, "data"))
	if err != nil {
		return nil, err
	}
	defer up.process.stop()
	rows, err := c.shapes(ctx, self, dir, target{strings.TrimSpace(echoAddr), echoing.cmd.Process.Pid}, up)
	if err != nil {
		return nil, err
	}
	rows = append(rows, row{Name: "start to first accepted send", Start: &took})
	if c.idle > 0 {
		r, err := c.parked(ctx, self, filepath.Join(dir, "idle"))
		if err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// shapes runs every load in interleaved rounds and gives the medians.
func (c comparison) shapes(ctx context.Context, self, dir string, echo target, up *running) ([]row, error) {
	var loads []load1
	for _, n := range [][2]int{{1, 1}, {16, 4}, {128, 4}, {128, 128}} {
		s := shape{Mode: "send", Topic: "bench", InFlight: n[0], Connections: n[1], Warm: c.warm, Window: c.window}
		e := s
		e.Endpoint, e.ServerPID = echo.endpoint, echo.pid
		s.Endpoint, s.ServerPID = up.GRPC, up.process.cmd.Process.Pid
		loads = append(loads, load1{fmt.Sprintf("send %d/%d", n[0], n[1]), s}, load1{fmt.Sprintf("echo %d/%d", n[0], n[1]), e})
	}
	receive := shape{
		Mode: "receive", Topic: "backlog", Group: "bench", InFlight: 16, Connections: 4, Warm: c.warm, Window: c.window,
		Endpoint: up.GRPC, ServerPID: up.process.cmd.Process.Pid,
	}
	single := receive
	single.AckEach = true
	receive.Fill, single.Fill = int(perSecond*(c.warm+c.window).Seconds()), int(perSecond*(c.warm+c.window).Seconds())/4
	loads = append(loads, load1{"receive + ack of 32, 16/4", receive}, load1{"receive + single acks, 16/4", single})
	results := make([][]figures, len(loads))
	ceilings, engines := make([][]float64, 3), make([][]float64, 3)
	writers := []int{1, 16, 128}
	for range c.rounds {
		for i, l := range loads {
			f, err := runLoad(ctx, self, l.s)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", l.name, err)
			}
			results[i] = append(results[i], f)
		}
		for i, w := range writers {
			for what, into := range map[string]*[]float64{"ceiling": &ceilings[i], "engine": &engines[i]} {
				rate, err := runDisk(ctx, self, what, dir, w)
				if err != nil {
					return nil, err
				}
				*into = append(*into, rate)
			}
		}
	}
	var rows []row
	for i, l := range loads {
		rows = append(rows, row{Name: l.name, figures: median(results[i])})
	}
	for i, w := range writers {
		raw, engine := middle(ceilings[i]), middle(engines[i])
		rows = append(rows, row{Name: fmt.Sprintf("raw group fdatasync, %d writers", w), figures: figures{Rate: raw}},
			row{Name: fmt.Sprintf("engine alone, %d writers (%.2f of raw)", w, engine/raw), figures: figures{Rate: engine}})
	}
	return rows, nil
}

func runLoad(ctx context.Context, self string, s shape) (figures, error) {
	var f figures
	return f, runJSON(ctx, &f, self, append([]string{"load"}, s.args()...)...)
}

func runDisk(ctx context.Context, self, what, dir string, writers int) (float64, error) {
	var r struct {
		Rate float64 `json:"rate"`
	}
	err := runJSON(ctx, &r, self, what, "-dir", dir, "-writers", strconv.Itoa(writers), "-window", "2s")
	return r.Rate, err
}

func runJSON(ctx context.Context, into any, name string, args ...string) error {
	out, err := exec.CommandContext(ctx, name, args...).Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return fmt.Errorf("%s: %s", strings.Join(args, " "), tail(string(exit.Stderr)))
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(out, into)
}

// running is a started server. Its addresses come from the file that `causeway up` writes when it is ready.
type running struct {
	GRPC    string `json:"grpc"`
	HTTP    string `json:"http"`
	process *process
}

// up starts the server with the topics and groups of the loads, and tells how long it took from the start of the process to the
// first accepted send.
func (c comparison) up(ctx context.Context, data string) (*running, time.Duration, error) {
	began := time.Now()
	p, out, err := start(ctx, c.server, "up", "--data", data, "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0")
	if err != nil {
		return nil, 0, err
	}
	go io.Copy(io.Discard, out) // ends with the process
	r, err := ready(ctx, p, data)
	if err != nil {
		return nil, 0, errors.Join(err, p.stop())
	}
	listening := time.Since(began)
	for _, args := range [][]string{
		{"topic", "create", "bench", "--type", "normal", "--queues", "8"},
		{"topic", "create", "backlog", "--type", "normal", "--queues", "8"},
		{"topic", "create", "idle", "--type", "normal", "--queues", "8"},
		{"group", "create", "bench", "--from", "earliest"},
		{"group", "create", "idle"},
	} {
		cmd := exec.CommandContext(ctx, c.server, append(args, "--server", "http://"+r.HTTP)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, 0, errors.Join(fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, out), p.stop())
		}
	}
	// The topics have to be made by commands of their own, which are not counted.
	f, err := load(ctx, shape{Endpoint: r.GRPC, Mode: "send", Topic: "bench", Connections: 1, InFlight: 1, Size: 1024, Warm: 0, Window: 50 * time.Millisecond})
	if err != nil {
		return nil, 0, errors.Join(err, p.stop())
	}
	return r, listening + time.Duration(f.P50*float64(time.Millisecond)), nil
}

func ready(ctx context.Context, p *process, data string) (*running, error) {
	bound := time.After(20 * time.Second)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		if raw, err := os.ReadFile(filepath.Join(data, "up.json")); err == nil {
			r := &running{process: p}
			if json.Unmarshal(raw, r) == nil && r.GRPC != "" {
				return r, nil
			}
		}
		select {
		case err := <-p.done:
			return nil, fmt.Errorf("the server ended: %w", err)
		case <-bound:
			return nil, errors.New("the server was not ready within 20 s")
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-tick.C:
		}
	}
}

func (c comparison) parked(ctx context.Context, self, data string) (row, error) {
	up, _, err := c.up(ctx, data)
	if err != nil {
		return row{}, err
	}
	defer up.process.stop()
	pid := strconv.Itoa(up.process.cmd.Process.Pid)
	var f idleFigures
	err = runJSON(ctx, &f, self, "idle", "-endpoint", up.GRPC, "-polls", strconv.Itoa(c.idle), "-server-pid", pid)
	return row{Name: fmt.Sprintf("%d parked polls", c.idle), Idle: &f}, err
}

func middle(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

func median(fs []figures) figures {
	pick := func(get func(figures) float64) float64 {
		v := make([]float64, len(fs))
		for i, f := range fs {
			v[i] = get(f)
		}
		return middle(v)
	}
	return figures{
		Rate: pick(func(f figures) float64 { return f.Rate }),
		P50:  pick(func(f figures) float64 { return f.P50 }), P99: pick(func(f figures) float64 { return f.P99 }),
		ServerCPU: pick(func(f figures) float64 { return f.ServerCPU }), ClientCPU: pick(func(f figures) float64 { return f.ClientCPU }),
		AckP50: pick(func(f figures) float64 { return f.AckP50 }), AckP99: pick(func(f figures) float64 { return f.AckP99 }),
		BrokerCPU: pick(func(f figures) float64 { return f.BrokerCPU }),
		Norm:      pick(func(f figures) float64 { return f.Norm }), RSS: int64(pick(func(f figures) float64 { return float64(f.RSS) })),
		Errors: int64(pick(func(f figures) float64 { return float64(f.Errors) })),
	}
}

func printTable(to io.Writer, rows []row) {
	w := tabwriter.NewWriter(to, 2, 0, 2, ' ', tabwriter.AlignRight)
	defer w.Flush()
	fmt.Fprintln(w, "load\tmsgs/s\tp50 ms\tp99 ms\tserver CPU s/100k\tclient CPU s/100k\tserver/client\tRSS MiB\terrors\t")
	for _, r := range rows {
		switch {
		case r.Start != nil:
			fmt.Fprintf(w, "%s\t%v\t\t\t\t\t\t\t\t\n", r.Name, r.Start.Round(time.Millisecond))
		case r.Idle != nil:
			fmt.Fprintf(w, "%s\t\t\t\t%.3f s per 10 s\t\t\t%d -> %d\t\t\n", r.Name, r.Idle.CPU, r.Idle.Before>>20, r.Idle.Parked>>20)
		default:
			fmt.Fprintf(w, "%s\t%.0f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%d\t%d\t\n", r.Name, r.Rate, r.P50, r.P99, r.ServerCPU, r.ClientCPU, r.Norm, r.RSS>>20, r.Errors)
		}
	}
}
