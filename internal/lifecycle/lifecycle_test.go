// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"context"
	"errors"
	"slices"
	"testing"
)

func TestStopClosesInReverseOrderAndJoinsTasks(t *testing.T) {
	g := New(t.Context())
	var order []string
	for _, name := range []string{"store", "door"} {
		g.OnStop(name, func(context.Context) error { order = append(order, name); return nil })
	}
	ended := false
	g.Go("task", func(ctx context.Context) error { <-ctx.Done(); ended = true; return ctx.Err() })
	if err := g.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(order, []string{"door", "store"}) || !ended {
		t.Fatalf("closed %v, task ended %v", order, ended)
	}
	if err := g.Stop(t.Context()); err != nil {
		t.Fatal("second stop:", err)
	}
	if len(order) != 2 {
		t.Fatalf("a second stop closed again: %v", order)
	}
}

func TestAFailedTaskEndsTheGroupAndNamesItself(t *testing.T) {
	g := New(t.Context())
	broken := errors.New("broken")
	g.Go("feed", func(context.Context) error { return broken })
	err := g.Wait()
	if !errors.Is(err, broken) || err.Error() != "feed: broken" {
		t.Fatalf("got %v", err)
	}
	if err := g.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestAnOrdinaryEndIsNoFailure(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	g := New(ctx)
	g.Go("task", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
	cancel()
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	if err := g.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestStopReportsWhatCouldNotBeClosed(t *testing.T) {
	g := New(t.Context())
	g.OnStop("store", func(context.Context) error { return errors.New("no sync") })
	if err := g.Stop(t.Context()); err == nil || err.Error() != "store: no sync" {
		t.Fatalf("got %v", err)
	}
}
