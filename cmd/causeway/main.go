// SPDX-License-Identifier: Apache-2.0

// Command causeway is the messaging platform: the server in one process, with the commands that talk to it.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/causeway-mq/causeway/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Run(ctx, cli.Process())
	stop()
	os.Exit(code)
}
