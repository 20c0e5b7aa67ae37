// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/causeway-mq/causeway/cli/v2client"
)

const (
	batch = 32
	hold  = time.Minute
	poll  = time.Second
)

// Consume receives and acknowledges what is there, and measures each receive with its acknowledgement.
func Consume(ctx context.Context, opt Options, report func(Done)) (Result, error) {
	r, err := newRun(opt)
	if err != nil {
		return Result{}, err
	}
	defer r.close()
	consumers, err := r.consumers(ctx)
	if err != nil {
		return Result{}, err
	}
	defer closeAll(consumers)
	r.started = time.Now()
	stop := r.watch(report)
	r.receive(ctx, consumers, false)
	took := time.Since(r.started)
	if last := time.Duration(r.lastGot.Load()); last > 0 {
		took = last // the wait for nothing at the end is not part of it
	}
	stop()
	return r.result("consume", took), r.emptyVerdict()
}

func (r *run) emptyVerdict() error {
	if err := r.verdict(); err != nil {
		return err
	}
	if r.done.Load() == 0 {
		return errNothing
	}
	return nil
}

// EndToEnd sends and receives at the same time, and measures from the moment a message was due to its receipt. Sender and
// receiver are this process, so one clock measures.
func EndToEnd(ctx context.Context, opt Options, report func(Done)) (Result, error) {
	sending, err := newRun(opt)
	if err != nil {
		return Result{}, err
	}
	defer sending.close()
	receiving, err := newRun(opt)
	if err != nil {
		return Result{}, err
	}
	defer receiving.close()
	consumers, err := receiving.consumers(ctx)
	if err != nil {
		return Result{}, err
	}
	defer closeAll(consumers)
	producers, err := sending.producers(ctx)
	if err != nil {
		return Result{}, err
	}
	defer closeAll(producers)
	sending.started = time.Now()
	receiving.started = sending.started
	stop := receiving.watch(report)
	var done sync.WaitGroup
	done.Go(func() { sending.send(ctx, producers, false) })
	done.Go(func() { receiving.receive(ctx, consumers, true) })
	done.Wait()
	took := time.Since(sending.started)
	if last := time.Duration(receiving.lastGot.Load()); last > 0 {
		took = last
	}
	stop()
	res := receiving.result("e2e", took)
	res.Errors += sending.failed.Load()
	if err := sending.verdict(); err != nil {
		return res, err
	}
	return res, receiving.emptyVerdict()
}

func (r *run) consumers(ctx context.Context) ([]*v2client.Consumer, error) {
	var all []*v2client.Consumer
	for _, c := range r.clients {
		k, err := c.Consumer(ctx, r.opt.Group, r.opt.Topic, v2client.Filter{})
		if err != nil {
			closeAll(all)
			return nil, err
		}
		all = append(all, k)
	}
	return all, nil
}

// receive runs the receivers until the run's bounds, or until nothing came for Idle.
func (r *run) receive(ctx context.Context, consumers []*v2client.Consumer, stamped bool) {
	ctx, cancel := context.WithTimeout(ctx, r.longest())
	defer cancel()
	var done sync.WaitGroup
	for w := range r.opt.InFlight {
		done.Go(func() {
			h := newHistogram()
			r.receiver(ctx, consumers[w%len(consumers)], receiving{h, stamped})
			r.merge(h)
		})
	}
	done.Wait()
}

// longest gives receivers the time to take what was sent at the last moment.
func (r *run) longest() time.Duration {
	if r.opt.Duration == 0 {
		return MaxDuration
	}
	return r.opt.Duration + r.opt.Idle
}

type receiving struct {
	latency *hdrhistogram.Histogram
	stamped bool // latency counts from the stamp in the body
}

func (r *run) receiver(ctx context.Context, k *v2client.Consumer, how receiving) {
	for ctx.Err() == nil && r.failed.Load() < maxErrors {
		if r.opt.Messages > 0 && r.done.Load() >= r.opt.Messages || r.idle() {
			return
		}
		begun := time.Now()
		got, err := k.Receive(ctx, v2client.Poll{Max: batch, Hold: hold, Wait: poll})
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			r.fail(err)
			continue
		}
		if len(got) == 0 {
			continue
		}
		at := time.Now()
		if how.stamped {
			for _, m := range got {
				if sent, ok := stampOf(m); ok && !sent.Before(r.started) {
					record(how.latency, at.Sub(sent))
				}
			}
		}
		if err := k.Ack(context.WithoutCancel(ctx), got...); err != nil {
			r.fail(err)
			continue
		}
		if !how.stamped {
			record(how.latency, time.Since(begun))
		}
		r.lastGot.Store(int64(time.Since(r.started)))
		r.done.Add(int64(len(got)))
	}
}

func (r *run) idle() bool {
	return time.Since(r.started)-time.Duration(r.lastGot.Load()) > r.opt.Idle
}
