// SPDX-License-Identifier: Apache-2.0

// Command rocketmq writes the files of every host of a RocketMQ cluster with its proxies from a short plan: see README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/causeway-mq/causeway/deploy/rocketmq/plan"
	"github.com/causeway-mq/causeway/deploy/rocketmq/units"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, words []string, out io.Writer) error {
	flags := flag.NewFlagSet("rocketmq", flag.ContinueOnError)
	flags.SetOutput(out)
	from := flags.String("plan", "", "the plan, YAML; README.md lists its keys")
	to := flags.String("out", "", "directory for the files, one below it for each host")
	try := flags.Bool("run", false, "run what was written here, without systemd, until Ctrl-C: for a trial whose hosts are all this machine")
	if err := flags.Parse(words); err != nil {
		return err
	}
	if *from == "" || *to == "" || flags.NArg() > 0 {
		return errors.New("usage: go run ./deploy/rocketmq -plan FILE -out DIRECTORY [-run]")
	}
	p, err := plan.Read(*from)
	if err != nil {
		return fmt.Errorf("%s:\n%w", *from, err)
	}
	files, err := p.Files()
	if err != nil {
		return err
	}
	if err := write(p, files, *to); err != nil {
		return err
	}
	strange, err := others(files, *to)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d files for %d hosts below %s\n", len(files), len(p.Hosts), *to)
	for _, name := range strange {
		fmt.Fprintf(out, "not from this plan, of an earlier one perhaps, left as it is: %s\n", name)
	}
	if !*try {
		return nil
	}
	all, err := units.Below(*to)
	if err != nil {
		return err
	}
	for _, u := range all {
		fmt.Fprintf(out, "starts %s, its output is in %s.out\n", u.Name, u.Path)
	}
	return units.Run(ctx, all, units.Grace)
}

// write lays the files; what holds a secret is for its owner's eyes.
func write(p *plan.Plan, files map[string]string, to string) error {
	for name, text := range files {
		path, mode := filepath.Join(to, filepath.FromSlash(name)), fs.FileMode(0o644)
		if p.Secret(text) {
			mode = 0o600
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			return err
		}
		if err := os.Chmod(path, mode); err != nil { // it may have been there
			return err
		}
	}
	return nil
}

// others lists what lies in the hosts' directories and is not from this plan: a unit that is left there would go on to be started.
func others(files map[string]string, to string) (all []string, err error) {
	err = filepath.WalkDir(to, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(to, path)
		if _, ours := files[filepath.ToSlash(name)]; !ours && filepath.Ext(name) != units.OutputExt {
			all = append(all, name)
		}
		return err
	})
	slices.Sort(all)
	return all, err
}
