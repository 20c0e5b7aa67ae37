// SPDX-License-Identifier: Apache-2.0

package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/causeway-mq/causeway/app/port"
)

// Running is what a started `causeway up` writes into up.json in its data directory, for scripts; the file is there exactly as
// long as the process is ready.
type Running struct {
	GRPC    string `json:"grpc"` // HOST:PORT for clients
	HTTP    string `json:"http"` // HOST:PORT of the API
	PID     int    `json:"pid"`
	Version string `json:"version"`
}

const runningFile = "up.json"

// announce writes up.json: whole, or not at all.
func announce(dir string, r Running) error {
	raw, err := json.Marshal(r)
	if err != nil {
		return err
	}
	temp := filepath.Join(dir, runningFile+".tmp")
	if err := os.WriteFile(temp, append(raw, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(temp, filepath.Join(dir, runningFile))
}

func withdraw(dir string) error {
	err := os.Remove(filepath.Join(dir, runningFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// dialled is an address as a caller on this machine reaches it: one that listens everywhere is no address to dial.
func dialled(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	switch ip, err := netip.ParseAddr(host); {
	case host == "", err == nil && ip.IsUnspecified():
		return net.JoinHostPort("127.0.0.1", port)
	}
	return addr
}

// serverFlag is what a command line needs to reach the API; "" where it finds it by itself.
func serverFlag(r Running) string {
	if to := dialled(r.HTTP); to != DefaultHTTP {
		return " --server http://" + to
	}
	return ""
}

// greet tells a person where things are and what to try next.
func greet(w io.Writer, c Config, r Running) error {
	server := serverFlag(r)
	endpoint := ""
	if to := dialled(r.GRPC); to != DefaultListen {
		endpoint = " --endpoint " + to
	}
	token := ""
	if c.Token != "" {
		token = "\n  export CAUSEWAY_TOKEN=...   (the token that this server was started with)"
	}
	_, err := fmt.Fprintf(w, `Causeway %s is up.
  clients   %s      any RocketMQ 5 client, TLS or plaintext
  API       http://%s   health at /healthz, metrics at /metrics
  data      %s
%[9]s
Try in another terminal:%[5]s
  %[6]s topic create orders%[7]s
  %[6]s group create billing --from earliest%[7]s
  %[6]s produce orders -m 'hello'%[8]s
  %[6]s consume orders --group billing --max 1%[8]s
Stop with Ctrl-C; the next start goes on where this one stopped.
`, r.Version, r.GRPC, r.HTTP, c.Data, token, os.Args[0], server, endpoint,
		port.Moved(c.Listen, DefaultListen, r.GRPC, "--listen")+port.Moved(c.HTTP, DefaultHTTP, r.HTTP, "--http"))
	return err
}
