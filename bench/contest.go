// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// report is what a contest gives.
type report struct {
	Conditions string
	Rows       []contestRow
	Starts     []startRow
	Idle       *idleFigures `json:",omitempty"`
	IdleStock  *idleFigures `json:",omitempty"`
}

// contestRow is one shape at one contender.
type contestRow struct {
	Shape     string
	Contender string
	figures
	PerCPU float64 // messages per proxy CPU second; of the client's for direct, where there is no proxy
	// Versus is PerCPU divided by that of apache-4g in the same shape.
	Versus float64 `json:",omitempty"`
}

// startRow is how a contender came up.
type startRow struct {
	Contender string
	Seconds   float64 // from the start of the process to the first accepted send
	Fresh     int64   // resident bytes then
}

// loads are the shapes of a contest; receiving ones get a group of their own for every run.
func (s *stage) loads() []load1 {
	var all []load1
	for _, n := range [][2]int{{1, 1}, {16, 4}, {128, 4}, {128, 128}} {
		all = append(all, load1{fmt.Sprintf("send %d/%d", n[0], n[1]), shape{Mode: "send", Topic: sendTopic, Group: idleName, InFlight: n[0], Connections: n[1]}})
	}
	receive := shape{Mode: "receive", Topic: backlog, InFlight: 16, Connections: 4}
	single := receive
	single.AckEach = true
	all = append(all, load1{"receive + single acks, 16/4", single}, load1{"receive + acks of 32, 16/4", receive})
	for i := range all {
		all[i].s.Size, all[i].s.Warm, all[i].s.Window, all[i].s.BrokerPID = 1024, s.warm, s.window, s.broker.PID()
	}
	return slices.DeleteFunc(all, func(l load1) bool { return !strings.Contains(l.name, s.shapes) })
}

// profile takes a CPU profile of causeway for as long as all rounds last. It tells how it went when it is done.
func (s *stage) profile(ctx context.Context, runs int) <-chan error {
	done := make(chan error, 1)
	if s.pprof == "" {
		done <- nil
		return done
	}
	seconds := int((s.warm + s.window).Seconds() * float64(s.rounds*runs))
	go func() {
		done <- download(ctx, fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", s.ops, seconds), s.pprof)
	}()
	return done
}

func download(ctx context.Context, url, path string) error {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		return err
	}
	defer a.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(a.Body, 64<<20))
	if err != nil {
		return err
	}
	if a.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, a.Status)
	}
	return os.WriteFile(path, raw, 0o644)
}

func (s *stage) contend(ctx context.Context) (r report, err error) {
	all, err := s.contenders(ctx)
	defer func() {
		for _, c := range all {
			err = errors.Join(err, c.stop())
		}
	}()
	if err != nil {
		return r, err
	}
	for _, c := range all {
		if c.pid > 0 {
			r.Starts = append(r.Starts, startRow{c.name, c.started.Seconds(), c.fresh})
		}
		if c.heat {
			if err := s.heatUp(ctx, c); err != nil {
				return r, fmt.Errorf("warm up %s: %w", c.name, err)
			}
		}
	}
	loads := s.loads()
	profiled := s.profile(ctx, len(loads)*len(all))
	results := make([][][]figures, len(loads))
	for i := range results {
		results[i] = make([][]figures, len(all))
	}
	for round := range s.rounds {
		for i, l := range loads {
			for j, c := range all {
				f, err := s.once(ctx, c, l, fmt.Sprintf("g-%d-%d-%d", round, i, j))
				if err != nil {
					return r, fmt.Errorf("%s, %s: %w", c.name, l.name, err)
				}
				results[i][j] = append(results[i][j], f)
			}
		}
	}
	r.Rows = rowsOf(loads, all, results)
	if err := <-profiled; err != nil {
		return r, err
	}
	r.Conditions = fmt.Sprintf("%d interleaved rounds, window %v after %v, medians; %v of load on Apache's proxies before the first; bodies of 1 KiB", s.rounds, s.window, s.warm, s.heat)
	if s.idle == 0 {
		return r, nil
	}
	for _, c := range all {
		to, ok := map[string]**idleFigures{"causeway": &r.Idle, stockName: &r.IdleStock}[c.name]
		if !ok {
			continue
		}
		idle := new(idleFigures)
		if err := runJSON(ctx, idle, s.self, "idle", "-endpoint", c.endpoint, "-topic", idleName, "-group", idleName, "-polls", strconv.Itoa(s.idle), "-server-pid", strconv.Itoa(c.pid)); err != nil {
			return r, fmt.Errorf("%s, parked polls: %w", c.name, err)
		}
		*to = idle
	}
	return r, nil
}

// once runs one load against one contender.
func (s *stage) once(ctx context.Context, c *contender, l load1, group string) (f figures, err error) {
	q := l.s
	q.Endpoint, q.ServerPID = c.endpoint, c.pid
	if q.Mode == "receive" {
		q.Group = group
		if err := s.group(ctx, q.Topic, group); err != nil {
			return f, err
		}
	}
	err = runJSON(ctx, &f, s.self, append([]string{c.command}, q.args()...)...)
	return f, err
}

// heatUp gives a JVM every shape in turn until its compiler had the time it needs.
func (s *stage) heatUp(ctx context.Context, c *contender) error {
	loads := s.loads()
	for i, l := range loads {
		l.s.Warm, l.s.Window = 0, s.heat/time.Duration(len(loads))
		if l.s.Window <= 0 {
			return nil
		}
		if _, err := s.once(ctx, c, l, fmt.Sprintf("heat-%s-%d", c.name, i)); err != nil {
			return fmt.Errorf("%s: %w", l.name, err)
		}
	}
	return nil
}

func rowsOf(loads []load1, all []*contender, results [][][]figures) []contestRow {
	var rows []contestRow
	for i, l := range loads {
		var peer float64
		for j, c := range all {
			m := median(results[i][j])
			row := contestRow{Shape: l.name, Contender: c.name, figures: m}
			for _, f := range results[i][j] {
				if f.FirstErr != "" {
					row.FirstErr = f.FirstErr
				}
			}
			spent := m.ServerCPU
			if c.pid == 0 {
				spent = m.ClientCPU
			}
			if spent > 0 {
				row.PerCPU = 1e5 / spent
			}
			if c.name == "apache-4g" {
				peer = row.PerCPU
			}
			if peer > 0 && c.pid > 0 {
				row.Versus = row.PerCPU / peer
			}
			rows = append(rows, row)
		}
	}
	return rows
}

func (r report) print(to io.Writer) {
	fmt.Fprintln(to, r.Conditions)
	w := tabwriter.NewWriter(to, 2, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "load\t\tmsgs/s\tp50 ms\tp99 ms\tack p50\tack p99\tper proxy CPU s\tvs apache-4g\tproxy/client\tclient s/100k\tbroker s/100k\tRSS MiB\terrors\t")
	for _, x := range r.Rows {
		fmt.Fprintf(w, "%s\t%s\t%.0f\t%.2f\t%.2f\t%.2f\t%.2f\t%.0f\t%.2f\t%.2f\t%.2f\t%.2f\t%d\t%d\t%s\n", x.Shape, x.Contender, x.Rate, x.P50, x.P99, x.AckP50, x.AckP99,
			x.PerCPU, x.Versus, x.Norm, x.ClientCPU, x.BrokerCPU, x.RSS>>20, x.Errors, x.FirstErr)
	}
	if err := w.Flush(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
	}
	for _, x := range r.Starts {
		fmt.Fprintf(to, "%s: %.2f s from start to first accepted send, %d MiB then\n", x.Contender, x.Seconds, x.Fresh>>20)
	}
	for name, idle := range map[string]*idleFigures{"causeway": r.Idle, stockName: r.IdleStock} {
		if idle == nil {
			continue
		}
		fmt.Fprintf(to, "%s, %d parked polls: %.3f s of proxy CPU per 10 s, resident %d -> %d MiB\n", name, idle.Polls, idle.CPU, idle.Before>>20, idle.Parked>>20)
	}
}
