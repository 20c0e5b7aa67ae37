// SPDX-License-Identifier: Apache-2.0

package cluster

// Mode is what a replica group of a controller-mode cluster does when copies are missing.
type Mode string

// The modes.
const (
	// Safe refuses writes rather than keep them on one copy: they pause until a second one is in sync.
	Safe Mode = "safe"
	// Available goes on with one copy. Who runs it watches for that: the number of copies in sync is the alarm.
	Available Mode = "available"
)

// Settings are the brokers' settings of a mode, for a group of a primary and a synchronous secondary; more secondaries are learners (LearnerSetting). A send
// waits for every copy in sync; MinInSync is how many there must be, counted before a message is stored.
func (m Mode) Settings() map[string]string {
	least := "1"
	if m == Safe {
		least = "2"
	}
	return map[string]string{
		"brokerRole": "SYNC_MASTER", "allAckInSyncStateSet": "true", "inSyncReplicas": "2", "minInSyncReplicas": least, "totalReplicas": "3", "slaveTimeout": "3000",
	}
}

// LearnerSetting makes a broker an asynchronous copy that is never elected.
func LearnerSetting() (key, value string) { return "asyncLearner", "true" }
