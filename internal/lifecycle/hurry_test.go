// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// TestMain is the process of the tests below where one of them started it: it says how far it is, and never ends by itself once it was told to.
func TestMain(m *testing.M) {
	role := os.Getenv("LIFECYCLE_TEST_ROLE")
	if role == "" {
		os.Exit(m.Run())
	}
	ctx, stop := Signals(context.Background(), syscall.SIGTERM)
	defer stop()
	var hurried <-chan struct{}
	if role == "patient" {
		hurried = Hurried(ctx)
	}
	fmt.Println("up")
	<-ctx.Done()
	fmt.Println("told")
	if hurried != nil {
		<-hurried
		fmt.Println("hurried")
	}
	select {}
}

func TestTheSecondSignalHurriesAndTheThirdEndsTheProcess(t *testing.T) {
	for role, words := range map[string][]string{"patient": {"up", "told", "hurried"}, "plain": {"up", "told"}} {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), "LIFECYCLE_TEST_ROLE="+role)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for _, want := range words {
			if !lines.Scan() || lines.Text() != want {
				t.Fatalf("%s: it says %q, want %q", role, lines.Text(), want)
			}
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
		}
		err = cmd.Wait()
		if state, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || state.Signal() != syscall.SIGTERM {
			t.Errorf("%s: it ended by %v, %v", role, state, err)
		}
	}
}

func TestNobodyIsHurriedWhereNoSignalsAreHeard(t *testing.T) {
	if Hurried(t.Context()) != nil {
		t.Error("a channel that may close")
	}
}
