// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"context"
	"os"
	"os/signal"
	"sync/atomic"
)

// hurry is what follows the signal that ends a context.
type hurry struct {
	second chan struct{} // closed with the second signal
	heard  atomic.Bool   // somebody waits for it
}

type hurryKey struct{}

// Signals gives a context that ends with the first of the signals. The second one is for [Hurried], where somebody waits for that; the next one after the
// last that means something does what the system does with it, which is to end the process. stop gives the signals back.
func Signals(parent context.Context, signals ...os.Signal) (ctx context.Context, stop func()) {
	h := &hurry{second: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.WithValue(parent, hurryKey{}, h))
	came, done, ended := make(chan os.Signal, 3), make(chan struct{}), make(chan struct{})
	signal.Notify(came, signals...)
	go func() {
		defer close(ended)
		defer signal.Stop(came)
		select {
		case <-came:
		case <-done:
			return
		}
		if !h.heard.Load() {
			signal.Stop(came) // before anybody is told
			cancel()
			return
		}
		cancel()
		select {
		case <-came:
			signal.Stop(came)
			close(h.second)
		case <-done:
		}
	}()
	var once atomic.Bool
	return ctx, func() {
		if once.CompareAndSwap(false, true) {
			close(done)
		}
		<-ended
		cancel()
	}
}

// Hurried is closed when the process was asked to end a second time: what only waits for others to go by themselves ends now. Who calls it takes on that
// the second signal ends no process. It is nil, which is never closed, in a context that is not from [Signals].
func Hurried(ctx context.Context) <-chan struct{} {
	h, ok := ctx.Value(hurryKey{}).(*hurry)
	if !ok {
		return nil
	}
	h.heard.Store(true)
	return h.second
}
