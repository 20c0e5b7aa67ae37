// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/causeway-mq/causeway/cli/call"
	"github.com/causeway-mq/causeway/cli/manifest"
	"github.com/causeway-mq/causeway/internal/strictyaml"
)

// filesFlag is -f, wherever documents are read.
func filesFlag(cmd *cobra.Command, to *[]string) {
	cmd.Flags().StringArrayVarP(to, "file", "f", nil, "file, directory with .yaml, .yml and .json files, its subfolders included, or - for standard input; may stand several times")
}

// documents reads what -f names. The error tells all that is wrong in all of it.
func (c commands) documents(cmd *cobra.Command, names []string) ([]manifest.Object, error) {
	if len(names) == 0 {
		return nil, call.Usage("%s: -f is missing: a file, a directory or -", cmd.CommandPath())
	}
	r := manifest.Reader{Tenant: c.Tenant, Only: c.TenantFlag()}
	for _, name := range names {
		if name == "-" {
			text, err := limited(c.Env.In, "standard input")
			if err != nil {
				return nil, err
			}
			r.Read("standard input", text)
			continue
		}
		files, err := filesIn(name)
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			f, err := os.Open(file)
			if err != nil {
				return nil, call.Fail(ExitUsage, err, "")
			}
			text, err := limited(f, file)
			if err := errors.Join(err, f.Close()); err != nil {
				return nil, err
			}
			r.Read(file, text)
		}
	}
	if len(r.Problems) > 0 {
		return nil, call.Fail(ExitUsage, r.Problems, "nothing was done; `causeway get KIND -o yaml` shows what documents look like")
	}
	if len(r.Objects) == 0 {
		return nil, call.Usage("%s: %s: no document is in there", cmd.CommandPath(), strings.Join(names, ", "))
	}
	return r.Objects, nil
}

// limited reads a file as far as it may go; strictyaml refuses what is longer.
func limited(r io.Reader, name string) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, strictyaml.MaxBytes+1))
	if err != nil {
		return nil, call.Fail(ExitUsage, fmt.Errorf("%s: %w", name, err), "")
	}
	return text, nil
}

// filesIn is the file itself, or the documents' files in a directory and below it, in the order of their names.
func filesIn(name string) ([]string, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, call.Fail(ExitUsage, err, "")
	}
	if !info.IsDir() {
		return []string{name}, nil
	}
	var all []string
	err = filepath.WalkDir(name, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case path != name && strings.HasPrefix(d.Name(), "."):
			if d.IsDir() {
				return fs.SkipDir
			}
		case !d.IsDir() && slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(path)):
			all = append(all, path)
		}
		return nil
	})
	if err != nil {
		return nil, call.Fail(ExitUsage, err, "")
	}
	if len(all) == 0 {
		return nil, call.Usage("%s: the directory has no file that ends in .yaml, .yml or .json", name)
	}
	return all, nil
}

type applyFlags struct {
	files, prune []string
	dry, yes     bool
	keys         string
}

func (c commands) applyCommand() *cobra.Command {
	var a applyFlags
	cmd := &cobra.Command{
		Use: "apply -f FILE", Short: "Make true what documents say: make what is not there, change what is otherwise", Args: call.Exactly(),
		Long: `Make true what documents say: make what is not there, change what is otherwise. A document is of kind Tenant, Topic, Group, Grant, Application, Plan, Environment or Zone; "causeway get
KIND -o yaml" shows what they look like. What a document leaves out is a default for what is made, and stays as it is for what is there.

Nothing is done when any document is bad, or wants a change that cannot be. What somebody else changed since it was read is not overwritten: that object
fails, and the others are applied. What no document speaks of stays, unless --prune names it.`,
		Example: "  causeway apply -f topics.yaml --dry-run\n  causeway apply -f topics.yaml\n  causeway get topics -o yaml | causeway apply -f -\n  causeway apply -f topics.yaml --prune topic/old --yes",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			objects, err := c.documents(cmd, a.files)
			if err != nil {
				return err
			}
			steps, err := manifest.Plan(cmd.Context(), c.Call, objects)
			if err != nil {
				return err
			}
			if err := manifest.Standing(steps); err != nil {
				return call.Fail(ExitConflict, err, "nothing was done")
			}
			pruned, err := manifest.Prune(cmd.Context(), c.Call, a.prune, objects)
			if err != nil {
				return err
			}
			if err := a.confirmed(pruned); err != nil {
				return err
			}
			return c.apply(cmd.Context(), &a, steps, pruned)
		},
	}
	filesFlag(cmd, &a.files)
	f := cmd.Flags()
	f.BoolVar(&a.dry, "dry-run", false, "tell what would be done, and do nothing")
	f.StringSliceVar(&a.prune, "prune", nil, "delete these, which no document speaks of: KIND/NAME, for example topic/old; wants --yes")
	f.BoolVar(&a.yes, "yes", false, "delete what --prune names, with what it holds")
	f.StringVar(&a.keys, "keys", "", "new file that gets the first key of each application that is made (default: that key is revoked, nobody has seen it)")
	return cmd
}

// confirmed wants --yes before anything is deleted.
func (a *applyFlags) confirmed(pruned []manifest.Step) error {
	var lost []string
	for _, s := range pruned {
		if s.Live != nil {
			lost = append(lost, s.Object.String())
		}
	}
	if len(lost) == 0 || a.yes || a.dry {
		return nil
	}
	return call.Fail(ExitConflict, fmt.Errorf("%s would be deleted with what is in there", strings.Join(lost, ", ")), "nothing was done; if you mean it, say --yes")
}

// keyFile takes the keys of new applications.
type keyFile struct {
	file *os.File // nil = there is none
}

func (a *applyFlags) keyFile() (keyFile, error) {
	if a.keys == "" || a.dry {
		return keyFile{}, nil
	}
	f, err := os.OpenFile(a.keys, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return keyFile{}, call.Fail(ExitUsage, fmt.Errorf("--keys: %w", err), "nothing was done")
	}
	return keyFile{f}, nil
}

func (c commands) apply(ctx context.Context, a *applyFlags, steps, pruned []manifest.Step) error {
	keys, err := a.keyFile()
	if err != nil {
		return err
	}
	for i := range steps {
		s := &steps[i]
		if a.dry {
			s.Result, s.Detail = s.Would(), "dry run"
		} else if s.Carry(ctx, c.Call); s.Result == manifest.Created {
			s.Detail = c.firstKey(ctx, keys, s)
		}
		c.tell(s)
	}
	for i := range pruned {
		s := &pruned[i]
		switch {
		case !a.dry:
			s.Delete(ctx, c.Call)
		case s.Live != nil:
			s.Result, s.Detail = manifest.Deleted, "dry run"
		default:
			s.Result, s.Detail = manifest.Unchanged, "is not there"
		}
		c.tell(s)
	}
	if keys.file != nil {
		err = errors.Join(keys.file.Sync(), keys.file.Close())
	}
	all := slices.Concat(steps, pruned)
	if c.Output != "table" {
		err = errors.Join(err, c.Show(all, nil))
	}
	if err != nil {
		return err
	}
	return sumOf(all)
}

// firstKey keeps the first key of a new application in the keys' file, or ends it: a secret does not belong into the log of whatever
// applies documents.
func (c commands) firstKey(ctx context.Context, keys keyFile, s *manifest.Step) string {
	id, secret := s.Key()
	if id == "" {
		return ""
	}
	if keys.file != nil {
		line, err := json.Marshal(map[string]string{"tenant": s.Object.Tenant(), "application": s.Object.Name(), "accessKey": id, "secret": secret})
		if err == nil {
			_, err = keys.file.Write(append(line, '\n'))
		}
		if err == nil {
			return "key " + id
		}
		s.Result, s.Err = manifest.Failed, fmt.Errorf("it is made, but its key is not kept: %w", err)
		return ""
	}
	where := "/v1/tenants/" + s.Object.Tenant() + "/apps/" + s.Object.Name() + "/keys/" + id
	if err := c.Ask(ctx, http.MethodDelete, where, nil, nil); err != nil {
		s.Result, s.Err = manifest.Failed, fmt.Errorf("it is made, but its first key %s, which nobody has seen, could not be revoked: %w", id, err)
		return ""
	}
	return "without a key; `causeway app key create " + s.Object.Name() + "` makes one"
}

// tell says what came of an object, as it comes.
func (c commands) tell(s *manifest.Step) {
	if c.Output != "table" || c.Quiet && s.Err == nil {
		return
	}
	line := s.Object.String() + " " + s.Result
	if s.Detail != "" {
		line += " (" + s.Detail + ")"
	}
	if s.Err != nil {
		line += ": " + call.Printable(s.Err.Error())
	}
	fmt.Fprintln(c.Env.Out, line)
	if s.Result == manifest.Changed {
		for _, change := range s.Changes {
			fmt.Fprintln(c.Env.Out, "  "+call.Printable(change.String()))
		}
	}
}

// sumOf is how the whole went: partly, where some objects failed and others did not.
func sumOf(all []manifest.Step) error {
	var errs []error
	for _, s := range all {
		if s.Err != nil {
			errs = append(errs, fmt.Errorf("%s: %s: %w", s.Object.Place, s.Object, s.Err))
		}
	}
	if errs == nil {
		return nil
	}
	err := errors.Join(errs...)
	if len(errs) == len(all) {
		first := call.Classify(errs[0])
		return call.Fail(first.Code, err, first.Next)
	}
	return call.Fail(ExitPartial, err, fmt.Sprintf("%d of %d are as the documents say; run it again for the rest", len(all)-len(errs), len(all)))
}

// The exit codes of diff.
const (
	exitDiffers   = 1
	exitDiffFails = 2
)

func (c commands) diffCommand() *cobra.Command {
	var files []string
	cmd := &cobra.Command{
		Use: "diff -f FILE", Short: "Tell what apply would change; exit 0 for nothing, 1 for something, 2 when it cannot tell", Args: call.Exactly(),
		Example: "  causeway diff -f topics.yaml\n  causeway get groups -o yaml | causeway diff -f -",
		RunE: func(cmd *cobra.Command, _ []string) error {
			err := c.diff(cmd, files)
			var same *call.Failure
			if err == nil || errors.As(err, &same) && same.Code == exitDiffers && same.Silent {
				return err
			}
			f := call.Classify(err)
			return call.Fail(exitDiffFails, err, f.Next)
		},
	}
	filesFlag(cmd, &files)
	return cmd
}

func (c commands) diff(cmd *cobra.Command, files []string) error {
	if err := c.CheckOutput(); err != nil {
		return err
	}
	objects, err := c.documents(cmd, files)
	if err != nil {
		return err
	}
	steps, err := manifest.Plan(cmd.Context(), c.Call, objects)
	if err != nil {
		return err
	}
	other := steps[:0]
	for _, s := range steps {
		if s.Result = s.Would(); s.Result != manifest.Unchanged {
			other = append(other, s)
		}
	}
	if c.Output != "table" {
		if err := c.Show(other, nil); err != nil {
			return err
		}
	} else if !c.Quiet {
		for _, s := range other {
			c.tellDifference(s)
		}
	}
	if len(other) == 0 {
		return nil
	}
	return &call.Failure{Code: exitDiffers, Err: fmt.Errorf("%d of %d differ", len(other), len(objects)), Silent: true}
}

func (c commands) tellDifference(s manifest.Step) {
	would := map[string]string{manifest.Created: "would be made", manifest.Changed: "would change", manifest.Asked: "would be asked for"}[s.Result]
	title := s.Object.String()
	if t := s.Object.Tenant(); t != "" {
		title += " of tenant " + t
	}
	fmt.Fprintf(c.Env.Out, "%s %s\n", title, would)
	for _, change := range s.Changes {
		if s.Live != nil && len(change.From) > 0 {
			fmt.Fprintf(c.Env.Out, "- %s: %s\n", change.Field, call.Printable(manifest.Shown(change.From)))
		}
		line := fmt.Sprintf("+ %s: %s", change.Field, call.Printable(manifest.Shown(change.To)))
		if change.Why != "" {
			line += "   (" + change.Why + ")"
		}
		fmt.Fprintln(c.Env.Out, line)
	}
}
