// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/causeway-mq/causeway/mq"
)

func TestAKeyFileIsMadeOnceForItsOwnerAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "seal-keys")
	if err := os.WriteFile(path+".tmp", []byte("left by a crash"), 0o644); err != nil {
		t.Fatal(err)
	}
	made, err := LoadOrCreateFile(path, epoch())
	if err != nil || len(made) != 1 || !made[0].Created.Equal(epoch()) {
		t.Fatalf("%v, %v", made, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if left, _ := filepath.Glob(path + ".*"); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	again, err := LoadOrCreateFile(path, epoch().AddDate(0, 0, 1))
	if err != nil || len(again) != 1 || again[0] != made[0] {
		t.Errorf("a second start finds %v, %v", again, err)
	}
	text := ring(t, made...).SealReceipt(receipt())
	if _, err := ring(t, again...).OpenReceipt(text); err != nil {
		t.Errorf("a receipt does not survive a restart: %v", err)
	}
}

func TestKeyFilesThatAreRefused(t *testing.T) {
	dir := t.TempDir()
	good := NewKey(epoch())
	line := strings.Split(FormatKeys(good), "\n")[3]
	secret := base64.StdEncoding.EncodeToString(good.Secret[:])
	for what, c := range map[string]struct {
		content string
		mode    os.FileMode
		says    string
	}{
		"readable by all":       {FormatKeys(good), 0o644, "mode 0644 lets others in"},
		"writable by the group": {FormatKeys(good), 0o660, "mode 0660 lets others in"},
		"empty":                 {"", 0o600, "0 keys, from 1 to 256"},
		"two fields":            {"\n" + good.ID.String() + " " + secret, 0o600, "line 2: a key has 3 fields"},
		"bad id":                {"xyz 2026-01-01T00:00:00Z " + secret, 0o600, "line 1: a key's id"},
		"bad time":              {"00000001 yesterday " + secret, 0o600, "line 1: a key's creation time"},
		"short secret":          {"00000001 2026-01-01T00:00:00Z AAAA", 0o600, "line 1: a key's secret"},
		"zero secret":           {"00000001 2026-01-01T00:00:00Z " + base64.StdEncoding.EncodeToString(make([]byte, 32)), 0o600, "has no secret"},
		"one id twice":          {line + "\n" + line, 0o600, "two keys have the id " + good.ID.String()},
		"too large":             {strings.Repeat("#", maxFile+1), 0o600, "larger than the limit of 65536 bytes"},
	} {
		path := filepath.Join(dir, strings.ReplaceAll(what, " ", "-"))
		if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, c.mode); err != nil {
			t.Fatal(err)
		}
		_, err := LoadOrCreateFile(path, epoch())
		if mq.KindOf(err) != mq.BadRequest || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want %q", what, err, c.says)
			continue
		}
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%s: the error shows a secret", what)
		}
	}
	if _, err := LoadFile(dir); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a directory: %v", err)
	}
	if _, err := LoadOrCreateFile(filepath.Join(dir, "no", "such"), epoch()); err == nil {
		t.Error("a file in a directory that does not exist")
	}
	if err := os.Chmod(filepath.Join(dir, "readable-by-all"), 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadFile(filepath.Join(dir, "readable-by-all")); err != nil {
		t.Errorf("readable by the group: %v", err)
	}
}

func TestAKeyDoesNotPrintItsSecret(t *testing.T) {
	k := NewKey(epoch())
	secret := fmt.Sprintf("%x", k.Secret[:8])
	for _, text := range []string{fmt.Sprint(k), fmt.Sprintf("%+v", k), fmt.Sprintf("%#v", k), fmt.Sprintf("%v", []Key{k}), (&k).String()} {
		if strings.Contains(text, secret) || !strings.Contains(text, k.ID.String()) {
			t.Errorf("printed as %s", text)
		}
	}
}
