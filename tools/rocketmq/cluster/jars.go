// SPDX-License-Identifier: Apache-2.0

// Package cluster runs small RocketMQ clusters from jars for tests and measurements.
//
// Every process has a directory of its own, free ports on the loopback and a small heap; it is ready when it says so and, for
// a broker, when a name server publishes it. Nothing outlives its Cluster: Stop asks, waits, then kills, by pid.
package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// Version is the release that is run. 5.5.1 is not complete on Maven Central.
const Version = "5.5.0"

const pom = `<?xml version="1.0" encoding="UTF-8"?>
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>causeway.tools</groupId>
  <artifactId>rocketmq-jars</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
%s  </dependencies>
</project>
`

const dependency = `    <dependency><groupId>org.apache.rocketmq</groupId><artifactId>rocketmq-%s</artifactId><version>%s</version></dependency>
`

// Jars makes sure that dir holds RocketMQ's jars with everything that they need, and gives the class path's directory. It needs mvn and,
// the first time, Maven Central. Several processes may call it at once.
func Jars(ctx context.Context, dir string) (string, error) {
	return JarsTelling(ctx, dir, io.Discard)
}

// JarsTelling is Jars, and tells a person at talk what is fetched, and how far that is. Where everything is there it says nothing.
func JarsTelling(ctx context.Context, dir string, talk io.Writer) (string, error) {
	dir, err := filepath.Abs(filepath.Join(dir, "rocketmq-"+Version)) // Maven reads relative paths from its project's folder
	if err != nil {
		return "", err
	}
	lib, complete := filepath.Join(dir, "lib"), filepath.Join(dir, "complete")
	if err := os.MkdirAll(lib, 0o755); err != nil {
		return "", err
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", fmt.Errorf("lock %s: %w", lock.Name(), err)
	}
	if _, err := os.Stat(complete); err == nil {
		return lib, nil
	}
	if _, err := exec.LookPath("mvn"); err != nil {
		return "", errors.New("mvn is needed to fetch RocketMQ's jars (tools/setup java installs it)")
	}
	var deps strings.Builder
	for _, part := range []string{"namesrv", "broker", "proxy", "controller", "tools"} {
		fmt.Fprintf(&deps, dependency, part, Version)
	}
	project := filepath.Join(dir, "pom.xml")
	if err := os.WriteFile(project, fmt.Appendf(nil, pom, deps.String()), 0o644); err != nil {
		return "", err
	}
	fmt.Fprintf(talk, "fetching RocketMQ %s and what it needs from Maven Central into %s; that takes a minute or more, once\n", Version, lib)
	cmd := exec.CommandContext(ctx, "mvn", "-B", "-f", project, "dependency:copy-dependencies", "-DoutputDirectory="+lib)
	said := &told{talk: talk}
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("fetch RocketMQ's jars: %w\n%s", err, tail(said.all.String(), 2000))
	}
	fmt.Fprintf(talk, "fetched: %d files came over the network\n", said.files)
	return lib, os.WriteFile(complete, nil, 0o644)
}

// told takes what Maven says, and passes on how many files have come.
type told struct {
	talk  io.Writer
	all   strings.Builder
	files int
}

// tellEvery is the files between two words about them.
const tellEvery = 50

// Write is called by one goroutine: output and errors of the process are one stream.
func (t *told) Write(p []byte) (int, error) {
	t.all.Write(p)
	for range bytes.Count(p, []byte("Downloaded from ")) { // a line that comes in two pieces is not counted, which costs nothing
		if t.files++; t.files%tellEvery == 0 {
			fmt.Fprintf(t.talk, "  %d files\n", t.files)
		}
	}
	return len(p), nil
}

func tail(s string, most int) string {
	if len(s) > most {
		return "..." + s[len(s)-most:]
	}
	return s
}
