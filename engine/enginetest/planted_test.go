// SPDX-License-Identifier: Apache-2.0

package enginetest_test

import (
	"testing"
	"time"

	"github.com/causeway-mq/causeway/engine/enginetest"
)

// Each bug is planted in the reference engine, and the case beside it must notice. A suite that misses one of them would let
// an engine with that bug pass.
func TestEachPlantedBugIsCaughtByItsCase(t *testing.T) {
	for bug, by := range map[string]string{
		"a batch loses its last entry":                         "send/each-entry-of-a-batch-has-its-answer",
		"an offset is used again":                              "send/offsets-ascend-without-gaps",
		"a message group wanders":                              "send/a-message-group-has-one-queue",
		"the body is not copied":                               "send/the-body-belongs-to-the-caller-afterwards",
		"groups share their progress":                          "receive/each-group-gets-every-message",
		"filters are ignored":                                  "filter/tags",
		"acks answer in the wrong order":                       "ack/each-lease-has-its-answer",
		"an old token settles":                                 "ack/with-the-token-of-an-earlier-delivery",
		"a renewal voids the first token":                      "extend/keep-prolongs-and-the-first-token-settles",
		"a change leaves the old token":                        "extend/replace-voids-the-old-token",
		"what expired never comes again":                       "retry/what-expired-comes-again-whole",
		"a freed message keeps its attempt":                    "retry/attempts-count-up",
		"a dead letter is forgotten":                           "deadletter/after-the-most-attempts",
		"a dead letter forgets its place":                      "deadletter/keeps-content-and-origin",
		"two messages of a run are swapped":                    "fifo/a-run-in-order",
		"a live run blocks nothing":                            "fifo/a-live-run-blocks-its-message-group",
		"what was freed comes last":                            "fifo/what-was-freed-comes-first",
		"the same attempt counts twice":                        "fifo/the-same-attempt-gets-the-same-run",
		"delays end early":                                     "delay/never-early-and-not-late",
		"a recall does nothing":                                "delay/recall",
		"halves are visible":                                   "transaction/a-half-is-invisible",
		"a commit after the rollback works":                    "transaction/the-other-verdict-afterwards",
		"a second commit delivers again":                       "transaction/the-same-verdict-twice",
		"checks come early":                                    "check/never-before-its-time",
		"nobody there is never asked again":                    "check/nobody-there-asks-again",
		"settled ones are checked":                             "check/a-settled-one-is-not-asked-about",
		"nobody is ever woken":                                 "arm/wakes-for-a-new-message",
		"disarm does nothing":                                  "arm/silent-after-disarm",
		"a pull does not move past what the filter holds back": "pull/filter-moves-on",
		"a page leaves one out":                                "find/pages",
		"a reset overlooks leases":                             "reset/refuses-while-leases-live",
		"a restart forgets leases":                             "restart/leases-and-tokens",
		"a lease is overlooked now and then":                   "concurrency/many-takers-get-disjoint-sets",
		"a redelivery is lost now and then":                    "random/one-actor",
		"a run is swapped now and then":                        "random/one-actor",
		"an ack is lost now and then":                          "random/three-actors",
	} {
		t.Run(bug, func(t *testing.T) {
			target := referenceTarget(bug)
			target.Patience = 300 * time.Millisecond // what never comes is not waited for any longer
			results := enginetest.Check(target, by)
			if len(results) != 1 {
				t.Fatalf("there is no case %s", by)
			}
			if len(results[0].Failures) == 0 {
				t.Fatalf("%s did not notice", by)
			}
			t.Logf("%s: %s", by, results[0].Failures[0])
		})
	}
}

func TestAnUnplantedBugIsNotCaught(t *testing.T) {
	for _, r := range enginetest.Check(referenceTarget(""), "random/one-actor", "fifo/a-run-in-order") {
		if len(r.Failures) > 0 {
			t.Errorf("%s: %v", r.Case, r.Failures)
		}
	}
}
