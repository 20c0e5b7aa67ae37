// SPDX-License-Identifier: Apache-2.0

// Package archtest holds the house's rules against the code: who may import whom, how large things may grow, which names are refused.
//
// The rules stand in ARCHITECTURE.md; the tests of this package run first, because they take seconds and say what no
// compiler says.
package archtest
