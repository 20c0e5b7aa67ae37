// SPDX-License-Identifier: Apache-2.0

package clients_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
)

// command is how each client's driver is started. Every client writes its own log below its home directory, so each
// driver gets a home of its own and a failure can be read there.
func command(ctx context.Context, at place, name, home, todo string) *exec.Cmd {
	here := filepath.Join(at.root, "test", "clients")
	var cmd *exec.Cmd
	switch name {
	case "go":
		cmd = exec.CommandContext(ctx, filepath.Join(at.build, "go-driver"), todo)
	case "java":
		// The serial collector and the first compiler tier start faster, and nothing is measured here.
		cmd = exec.CommandContext(ctx, "java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx256m", "-Duser.home="+home,
			"-Drocketmq.log.root="+home, "-cp", filepath.Join(at.build, "java", "classes")+":"+filepath.Join(at.build, "java", "lib", "*"), "conformance.Driver", todo)
	case "python":
		cmd = exec.CommandContext(ctx, filepath.Join(at.build, "venv", "bin", "python"), filepath.Join(here, "python", "driver.py"), todo)
	case "node":
		cmd = exec.CommandContext(ctx, "node", filepath.Join(here, "node", "driver.js"), todo)
		cmd.Env = append(os.Environ(), "NODE_PATH="+filepath.Join(at.build, "node", "node_modules"))
	case "rust":
		cmd = exec.CommandContext(ctx, filepath.Join(at.build, "rust", "debug", "driver"), todo)
	default:
		panic("no driver for client " + name)
	}
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	cmd.Env = append(cmd.Env, "HOME="+home)
	if at.trusted != "" {
		// The one way to make gRPC trust a certificate under the clients of Python and Node, which have no switch for it.
		cmd.Env = append(cmd.Env, "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH="+at.trusted)
	}
	cmd.Dir = home
	return cmd
}
