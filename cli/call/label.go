// SPDX-License-Identifier: Apache-2.0

package call

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// labels is the flag --label of what makes or changes something.
type labels struct{ all *map[string]string }

// LabelFlag adds --label, which may stand several times. --label "" alone is no label at all.
func LabelFlag(cmd *cobra.Command, to *map[string]string) {
	cmd.Flags().Var(labels{to}, "label", "KEY=VALUE to find it by; may stand several times")
}

// LabelsFlag is LabelFlag of a command that replaces the labels that are there.
func LabelsFlag(cmd *cobra.Command, to *map[string]string) {
	cmd.Flags().Var(labels{to}, "label", `KEY=VALUE; may stand several times, and replaces all labels that are there; "" for none`)
}

func (l labels) Type() string { return "KEY=VALUE" }

func (l labels) String() string {
	if l.all == nil {
		return ""
	}
	return Labels(*l.all)
}

func (l labels) Set(text string) error {
	if *l.all == nil {
		*l.all = map[string]string{}
	}
	if text == "" {
		return nil
	}
	key, value, ok := strings.Cut(text, "=")
	if !ok {
		return fmt.Errorf("KEY=VALUE is wanted")
	}
	if _, twice := (*l.all)[key]; twice {
		return fmt.Errorf("key %q stands twice", key)
	}
	(*l.all)[key] = value
	return nil
}

// Labels are labels for people, "" for none.
func Labels(all map[string]string) string {
	lines := make([]string, 0, len(all))
	for _, key := range slices.Sorted(maps.Keys(all)) {
		lines = append(lines, key+"="+all[key])
	}
	return strings.Join(lines, ",")
}

// SearchFlag adds the --label of a listing.
func SearchFlag(cmd *cobra.Command, to *string) {
	cmd.Flags().StringVar(to, "label", "", "KEY=VALUE: show what has this label alone")
}

// Search is a listing's path for what --label of it says.
func Search(path, label string) string {
	if label == "" {
		return path
	}
	return path + "?label=" + url.QueryEscape(label)
}
