// SPDX-License-Identifier: Apache-2.0

// Command causeway is the messaging platform: the server in one process, with the commands that talk to it.
package main

import (
	"context"
	"os"
	"syscall"

	"github.com/causeway-mq/causeway/cli"
	"github.com/causeway-mq/causeway/internal/lifecycle"
)

func main() {
	ctx, stop := lifecycle.Signals(context.Background(), os.Interrupt, syscall.SIGTERM) // whoever asks again is not asked to wait
	code := cli.Run(ctx, cli.Process())
	stop()
	os.Exit(code)
}
