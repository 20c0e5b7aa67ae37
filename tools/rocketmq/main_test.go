// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"flag"
	"strings"
	"testing"
)

func TestTopicsAndGroupsAreNamedWithTheirType(t *testing.T) {
	s, err := parse([]string{"-topic", "plain", "-topic", "orders:fifo", "-topic", "pay:Transaction", "-group", "billing", "-group", "booking:fifo", "-port", "9876"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, x := range s.topics {
		got = append(got, x.Name+" "+x.Attributes["message.type"])
	}
	if strings.Join(got, ", ") != "plain NORMAL, orders FIFO, pay TRANSACTION" {
		t.Errorf("%q", got)
	}
	if len(s.groups) != 2 || s.groups[0].Orderly || !s.groups[1].Orderly || s.port != 9876 {
		t.Errorf("%+v", s.groups)
	}
}

func TestWhatCannotBeIsRefused(t *testing.T) {
	for _, words := range [][]string{
		{"-topic", "orders:mixed"}, {"-topic", "or ders"}, {"-group", "billing:delay"}, {"-namesrv", "127.0.0.1:9876"}, {"-learners", "1"}, {"orders"},
		{"-namesrv", "127.0.0.1:9876", "-apache-proxy", "-topic", "orders"}, {"-primaries", "0"}, {"-mode", "fast"},
	} {
		if _, err := parse(words); err == nil {
			t.Errorf("%q is taken", words)
		}
	}
	if _, err := parse([]string{"-h"}); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("-h: %v", err)
	}
}
