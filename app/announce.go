// SPDX-License-Identifier: Apache-2.0

package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
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

// greet tells a person where things are and what to try next.
func greet(w io.Writer, c Config, r Running) error {
	server := ""
	if r.HTTP != DefaultHTTP {
		server = " --server http://" + r.HTTP
	}
	endpoint := ""
	if r.GRPC != DefaultListen {
		endpoint = " --endpoint " + r.GRPC
	}
	_, err := fmt.Fprintf(w, `Causeway %s is up.
  clients   %s      any RocketMQ 5 client, TLS or plaintext
  API       http://%s   health at /healthz, metrics at /metrics
  data      %s

Try in another terminal:
  causeway topic create orders%s
  causeway group create billing --from earliest%s
  causeway produce orders -m 'hello'%s
  causeway consume orders --group billing --max 1%s
Stop with Ctrl-C; the next start goes on where this one stopped.
`, r.Version, r.GRPC, r.HTTP, c.Data, server, server, endpoint, endpoint)
	return err
}
