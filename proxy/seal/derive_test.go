// SPDX-License-Identifier: Apache-2.0

package seal

import "testing"

func TestProxiesThatKnowTheSameDeriveTheSameKey(t *testing.T) {
	derive := func(words, scope string) Key {
		k, err := DeriveKey(words, scope)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	one, same := derive("inner\x00secret", "DefaultCluster"), derive("inner\x00secret", "DefaultCluster")
	if one != same {
		t.Fatalf("%v and %v differ", one, same)
	}
	for what, other := range map[string]Key{"other words": derive("inner\x00secret2", "DefaultCluster"), "another scope": derive("inner\x00secret", "c2")} {
		if other.Secret == one.Secret || other.ID == one.ID {
			t.Errorf("%s: the same key", what)
		}
	}
	first, err := New(one)
	if err != nil {
		t.Fatal(err)
	}
	second, err := New(same)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := second.OpenReceipt(first.SealReceipt(Receipt{})); err != nil {
		t.Fatalf("a receipt of one proxy at the other: %v", err)
	}
}
