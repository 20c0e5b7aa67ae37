// SPDX-License-Identifier: Apache-2.0

// Package enginetest is the conformance suite that every engine runs.
//
// The simple story: an engine's test hands a [Target] to [Run], and each named case plays one promise of the ports against
// an engine of its own. A case reads as prose, because its body is what the promise means.
//
// What an engine cannot do is a trait, not a skipped test. A case that a trait excludes runs in its inverse form, which
// asserts what the engine documents instead, and its log line names the category. What a target does not offer at all (a
// restart, a second handle) is named the same way.
//
// Time is the target's: Advance moves a virtual clock, or waits on a real cluster. No case may believe that something
// happened just because time went by: what must happen is waited for with a bound, and what must not happen is looked for
// again and again while time goes by.
//
// The suite is itself tested: a small reference engine passes it, and each of a list of planted bugs is caught by the case
// that is named for it.
package enginetest
