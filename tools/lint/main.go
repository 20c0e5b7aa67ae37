// SPDX-License-Identifier: Apache-2.0

// Command lint runs the analyzers that this project chose, one by one, from an empty default.
//
// Each line of analyzers says why the check is worth a developer's time. What go vet does already is not repeated; what
// archtest does better stays there.
package main

import (
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/multichecker"
	"golang.org/x/tools/go/analysis/passes/nilness"
	"golang.org/x/tools/go/analysis/passes/unusedwrite"
	"honnef.co/go/tools/analysis/lint"
	"honnef.co/go/tools/simple"
	"honnef.co/go/tools/staticcheck"
	"honnef.co/go/tools/stylecheck"
	"honnef.co/go/tools/unused"
)

func main() {
	multichecker.Main(chosen()...)
}

func chosen() []*analysis.Analyzer {
	list := []*analysis.Analyzer{
		nilness.Analyzer,         // a nil that is certainly dereferenced
		unusedwrite.Analyzer,     // a field set on a copy that nobody reads
		unused.Analyzer.Analyzer, // code that nothing calls
	}
	// SA: all of staticcheck's bug patterns. S1: simpler code that means the same.
	list = append(list, pick(staticcheck.Analyzers, "SA")...)
	list = append(list, pick(simple.Analyzers, "S1")...)
	// ST1005: how errors begin; ST1016: one receiver name per type; ST1017: no yoda conditions; ST1023: no redundant types.
	list = append(list, pick(stylecheck.Analyzers, "ST1005", "ST1016", "ST1017", "ST1023")...)
	return list
}

func pick(from []*lint.Analyzer, prefixes ...string) []*analysis.Analyzer {
	var list []*analysis.Analyzer
	for _, a := range from {
		for _, p := range prefixes {
			if strings.HasPrefix(a.Analyzer.Name, p) {
				list = append(list, a.Analyzer)
			}
		}
	}
	return list
}
