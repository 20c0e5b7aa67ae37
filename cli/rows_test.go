// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"hash/crc32"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Configurations with which nothing may start: the command ends with its own exit code, and one line names file, key, value and rule.

// notStarted runs a server over a configuration that it has to refuse.
func (d *desk) notStarted(command, text string, says ...string) {
	d.t.Helper()
	file := d.file("causeway.yaml", text)
	args := []string{command, "--config", file}
	data := filepath.Join(d.t.TempDir(), "data")
	if command == "up" {
		args = append(args, "--data", data)
	}
	code, out, err := d.run(args...)
	if code != ExitConfig || out != "" || !strings.Contains(err, file) {
		d.t.Errorf("%s with %.100q: exit %d\n%s%s", command, text, code, out, err)
	}
	found := false
	for line := range strings.SplitSeq(err, "\n") {
		all := true
		for _, one := range says {
			all = all && strings.Contains(line, one)
		}
		found = found || all
	}
	if !found {
		d.t.Errorf("%s with %.100q: no line says %q:\n%s", command, text, says, err)
	}
	if _, err := os.Stat(data); !errors.Is(err, os.ErrNotExist) {
		d.t.Errorf("%s with %.100q made the data directory", command, text)
	}
}

// cluster is what a proxy's configuration needs beside what a row is about.
const cluster = "clusters: [{name: c, namesrv: ['127.0.0.1:9876'], access_key: proxy, secret_key: hush}]\n"

// ruler is that of a control plane's.
const ruler = cluster + "proxy_tokens: ['the token of proxies']\n"

func TestRow121AnUnknownKeyIsRefusedWithTheNearest(t *testing.T) {
	d := newDesk(t, "")
	d.notStarted("up", "data: d\nlisen: 127.0.0.1:1\n", `line 2: lisen: unknown key; did you mean "listen"?`)
	d.notStarted("proxy", cluster+"rol: both\n", `line 2: rol: unknown key; did you mean "role"?`)
	d.notStarted("control", ruler+"htp: 127.0.0.1:1\n", `line 3: htp: unknown key; did you mean "http"?`)
}

func TestRow122ANumberIsNoDuration(t *testing.T) {
	d := newDesk(t, "")
	d.notStarted("up", "drain: 5\n", `line 1: drain: "5"`, "72h")
	d.notStarted("proxy", cluster+"linger: 5\n", `line 2: linger: "5"`, "72h")
}

func TestRow123APortEndsAt65535(t *testing.T) {
	d := newDesk(t, "")
	d.notStarted("up", "listen: 127.0.0.1:70000\n", "line 1: listen", `"70000"`, "65535")
	d.notStarted("proxy", cluster+"listen: 127.0.0.1:70000\n", "listen", `"70000"`, "65535")
	d.notStarted("control", ruler+"http: 127.0.0.1:70000\n", "line 3: http", `"70000"`, "65535")
}

func TestRow124NothingIsKeptForNoTime(t *testing.T) {
	d := newDesk(t, "")
	d.notStarted("up", "engine:\n  retention: 0s\n", "line 2: engine.retention", `"0s"`, "at least 1m")
}

func TestRow125TwoListenersWantTwoPorts(t *testing.T) {
	d := newDesk(t, "")
	d.notStarted("up", "listen: 127.0.0.1:9\nhttp: 127.0.0.1:9\n", "line 2: http", "127.0.0.1:9", "same address as listen")
	d.notStarted("proxy", cluster+"listen: 127.0.0.1:9\nhttp: 127.0.0.1:9\n", "http", "127.0.0.1:9", "same address as listen")
}

// pair writes a certificate with its key, and the key of another one.
func pair(t *testing.T, ends time.Time) (cert, key, other string) {
	t.Helper()
	dir := t.TempDir()
	write := func(name, kind string, der []byte, err error) string {
		path := filepath.Join(dir, name)
		if err := errors.Join(err, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	var keys [2]*ecdsa.PrivateKey
	var files [2]string
	for i, name := range []string{"key.pem", "other.pem"} {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		der, err := x509.MarshalECPrivateKey(k)
		keys[i], files[i] = k, write(name, "EC PRIVATE KEY", der, err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: ends.Add(-48 * time.Hour), NotAfter: ends, DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &keys[0].PublicKey, keys[0])
	return write("cert.pem", "CERTIFICATE", der, err), files[0], files[1]
}

func TestRow126ACertificateFitsItsKeyAndIsInItsTime(t *testing.T) {
	d := newDesk(t, "")
	cert, key, other := pair(t, time.Now().Add(time.Hour))
	old, oldKey, _ := pair(t, time.Now().Add(-time.Hour))
	soon, soonKey, _ := pair(t, time.Now().Add(100*time.Hour))
	for command, more := range map[string]string{"up": "", "proxy": cluster, "control": ruler} {
		d.notStarted(command, more+"tls: {cert: "+cert+", key: "+other+"}\n", "tls", cert, other)
		d.notStarted(command, more+"tls: {cert: "+old+", key: "+oldKey+"}\n", "tls.cert", old, "ended at")
		d.notStarted(command, more+"tls: {cert: "+soon+", key: "+soonKey+"}\n", "tls.cert", soon, "holds from")
	}
	d.ok("config", "check", d.file("good.yaml", "tls: {cert: "+cert+", key: "+key+"}\n"))
}

func TestRow127AKeyThatEverybodyCanReadIsNotUsed(t *testing.T) {
	d := newDesk(t, "")
	cert, key, _ := pair(t, time.Now().Add(time.Hour))
	if err := os.Chmod(key, 0o644); err != nil {
		t.Fatal(err)
	}
	seals := d.file("seal.keys", "x")
	if err := os.Chmod(seals, 0o644); err != nil {
		t.Fatal(err)
	}
	for command, more := range map[string]string{"up": "", "proxy": cluster} {
		d.notStarted(command, more+"tls: {cert: "+cert+", key: "+key+"}\n", "tls.key", key, "mode 0644", "chmod 600")
		d.notStarted(command, more+"seal_keys: "+seals+"\n", "seal_keys", seals, "mode 0644", "chmod 600")
	}
}

func TestRow128ATokenThatEverybodyTriesIsNoToken(t *testing.T) {
	d := newDesk(t, "")
	for command, more := range map[string]string{"up": "", "proxy": cluster, "control": ruler} {
		d.notStarted(command, more+"http: 0.0.0.0:8090\n", "token", "required because http (0.0.0.0:8090)")
		for _, token := range []string{"admin", "Changeme", "admin123", "password!"} {
			d.notStarted(command, more+"token: "+token+"\n", "token", "everybody tries")
		}
		d.notStarted(command, more+"http: 0.0.0.0:8090\ntoken: short-one\n", "token", "9 bytes, at least 16")
	}
}

func TestRow129ProductionSealsSecretsUnderAKeyFromElsewhere(t *testing.T) {
	d := newDesk(t, "")
	data := filepath.Join(t.TempDir(), "data")
	file := d.file("causeway.yaml", "production: true\ntoken: 0123456789abcdef\nunsigned_loopback: false\n")
	code, out, err := d.run("up", "--config", file, "--data", data, "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0")
	if code != ExitConfig || out != "" || !strings.Contains(err, "store.keys: required in production") {
		t.Errorf("exit %d\n%s%s", code, out, err)
	}
	if _, err := os.Stat(data); !errors.Is(err, os.ErrNotExist) {
		t.Error("something was started")
	}
}

func TestRow130ProductionLetsNobodyInWithoutAName(t *testing.T) {
	d := newDesk(t, "")
	d.notStarted("up", "production: true\nunsigned_loopback: false\n", "token", "required in production")
	d.notStarted("up", "production: true\ntoken: 0123456789abcdef\n", "unsigned_loopback", "false in production")
	d.notStarted("proxy", cluster+"production: true\ntoken: 0123456789abcdef\n", "authentication", "true in production")
	d.notStarted("control", ruler+"production: true\n", "token", "required in production")
	if code, _, err := d.run("config", "check", "--for", "proxy", d.file("proxy.yaml", cluster+"production: true\n")); code != ExitConfig || !strings.Contains(err, "proxy.yaml") || !strings.Contains(err, "authentication: true in production") {
		t.Errorf("checked: exit %d\n%s", code, err)
	}
	d.ok("config", "check", "--for", "proxy", d.file("proxy.yaml", cluster+"production: true\nauthentication: true\ntoken: 0123456789abcdef\n"))
	d.ok("config", "check", d.file("good.yaml", "production: true\ntoken: 0123456789abcdef\nunsigned_loopback: false\n"))
}

// dataOf makes a data directory with one file of an engine's or a control plane's.
func dataOf(t *testing.T, name string, text []byte) string {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, text, 0o600)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func (d *desk) notStartedOn(data string, says ...string) {
	d.t.Helper()
	code, out, err := d.run("up", "--data", data, "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0")
	if code != ExitConfig || strings.Contains(out, "is up") {
		d.t.Errorf("exit %d\n%s%s", code, out, err)
	}
	for _, one := range says {
		if !strings.Contains(err, one) {
			d.t.Errorf("lacks %q:\n%s", one, err)
		}
	}
}

// identity is the file by which an engine's log knows itself.
const identity = "engine/log/causeway.log"

func TestRow131TheDataOfAnotherProductIsLeftAlone(t *testing.T) {
	d := newDesk(t, "")
	theirs := dataOf(t, identity, bytes.Repeat([]byte("theirs "), 1000))
	d.notStartedOn(theirs, "causeway.log was not written by this product")
	d.notStartedOn(dataOf(t, "control/control.db", bytes.Repeat([]byte("theirs "), 1000)), "control.db")
	if text, err := os.ReadFile(filepath.Join(theirs, identity)); err != nil || !bytes.HasPrefix(text, []byte("theirs ")) {
		t.Errorf("it was written over: %v", err)
	}
}

func TestRow132DataThatIsInUseIsNotOpenedTwice(t *testing.T) {
	d := live(t)
	d.notStartedOn(d.data, "already running on this data (process ", d.data, "--data")
}

func TestRow133DataOfANewerVersionIsNotTouched(t *testing.T) {
	d := live(t)
	copied := t.TempDir()
	if err := os.CopyFS(copied, os.DirFS(d.data)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(copied, identity)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// Both copies of the identity say a version that does not exist yet; their sums are right.
	for at := 0; at+64 <= len(raw); at += 512 {
		if bytes.Equal(raw[at:at+8], raw[:8]) {
			binary.LittleEndian.PutUint32(raw[at+8:], 1<<20)
			binary.LittleEndian.PutUint32(raw[at+60:], crc32.Checksum(raw[at:at+60], crc32.MakeTable(crc32.Castagnoli)))
		}
	}
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	d.notStartedOn(copied, "causeway.log", "1048576")
}

func TestRow134DataInMemoryIsWarnedOf(t *testing.T) {
	dir, err := os.MkdirTemp("/dev/shm", "causeway")
	if err != nil {
		t.Skip("this machine has no volume in memory at /dev/shm: ", err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	up := &firstWrite{stop: cancel}
	var talk bytes.Buffer
	if code := Run(ctx, Env{Args: []string{"up", "--data", dir, "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--log-level", "warn"},
		In: strings.NewReader(""), Out: up, Err: &talk, Getenv: func(string) string { return "" }}); code != ExitOK {
		t.Fatalf("exit %d\n%s", code, &talk)
	}
	if !strings.Contains(talk.String(), "the data directory loses data: it is in memory") {
		t.Errorf("nothing was said:\n%s", &talk)
	}
}

func TestRow135AClusterWithoutACLIsNotForProduction(t *testing.T) {
	d := newDesk(t, "")
	d.notStarted("proxy", "clusters: [{name: c, namesrv: ['127.0.0.1:9876']}]\nproduction: true\nauthentication: true\ntoken: 0123456789abcdef\n", "clusters[0].access_key", "required in production")
	d.notStarted("control", "clusters: [{name: c, namesrv: ['127.0.0.1:9876']}]\nproxy_tokens: ['the token of proxies']\nproduction: true\ntoken: 0123456789abcdef\n", "clusters[0].access_key", "required in production")
}

// The plane's user at the brokers is an administrator there, and where both files can be seen, no proxy signs as that one.
func TestRow136FilesOfOneMachineAreHeldAgainstEachOther(t *testing.T) {
	d := newDesk(t, "")
	const signed = "clusters: [{name: %c, namesrv: ['127.0.0.1:9876'], access_key: %u, secret_key: 0123456789abcdef}]\ntoken: 0123456789abcdef\n"
	file := func(name, cluster, user, more string) string {
		return d.file(name, strings.NewReplacer("%c", cluster, "%u", user).Replace(signed)+more)
	}
	const plane = "proxy_tokens: ['the token of proxies']\n"
	const told = "clusters[0].access_key: is the user of the control plane"
	ruler, proxy := file("control.yaml", "east", "root", plane), file("proxy.yaml", "east", "root", "listen: 0.0.0.0:8081\n")
	code, out, err := d.run("config", "check", ruler, proxy)
	if code != ExitOK || strings.Count(out, "is good") != 2 || !strings.Contains(err, "proxy.yaml: "+told) {
		t.Errorf("to try things out: exit %d\n%s%s", code, out, err)
	}
	strict := file("control.yaml", "east", "root", plane+"production: true\n")
	for _, files := range [][]string{{strict, proxy}, {proxy, strict}} {
		if code, _, err := d.run(append([]string{"config", "check"}, files...)...); code != ExitConfig || !strings.Contains(err, "proxy.yaml: "+told) || !strings.Contains(err, "cluster east") || strings.Contains(err, "0123456789abcdef") {
			t.Errorf("in production: exit %d\n%s", code, err)
		}
	}
	for name, other := range map[string]string{
		"a user of its own": file("own.yaml", "east", "proxies", "listen: 0.0.0.0:8081\n"), "the name at another cluster": file("west.yaml", "west", "root", "listen: 0.0.0.0:8081\n"),
	} {
		if code, _, err := d.run("config", "check", strict, other); code != ExitOK || strings.Contains(err, told) {
			t.Errorf("%s: exit %d\n%s", name, code, err)
		}
	}
}

func TestRow137NoTenantsNamesLieAmongAnothers(t *testing.T) {
	d := newDesk(t, "")
	const text = "format: 1\nversion: 1\ntenants:\n- {id: pay}\n- id: fin\n  topics:\n  - {name: orders, physical: %s, cluster: c}\n"
	if code, _, err := d.run("config", "check", d.file("catalog.yaml", strings.Replace(text, "%s", "pay%orders", 1))); code != ExitConfig || !strings.Contains(err, "catalog.yaml") ||
		!strings.Contains(err, "tenants[1].topics[0].physical") || !strings.Contains(err, `begins with "pay%", as all names of the tenant at tenants[0] do`) {
		t.Errorf("exit %d\n%s", code, err)
	}
	d.ok("config", "check", d.file("good.yaml", strings.Replace(text, "%s", "legacy%orders", 1)))
	if code, _, err := d.run("config", "check", d.file("joined.yaml", strings.NewReplacer("id: pay", "id: 'pay%x'", "%s", "legacy").Replace(text))); code != ExitConfig || !strings.Contains(err, "tenants[0].id") {
		t.Errorf("the joiner in a tenant's name: exit %d\n%s", code, err)
	}
}

func TestRow138ASmallFileDoesNotBecomeALargeOne(t *testing.T) {
	d := newDesk(t, "")
	bomb := "advertise: &a [x, x, x]\ntls: &b [*a, *a, *a]\nproxy_protocol: [*b, *b]\n"
	large := strings.Repeat("#", 10<<20+1)
	d.notStarted("up", bomb, "line 1: advertise", "anchors and aliases are not allowed")
	d.notStarted("up", large, "the limit is 10485760")
	d.notStarted("proxy", bomb, "line 1: advertise", "anchors and aliases are not allowed")
	d.notStarted("proxy", large, "the limit is 10485760")
	d.notStarted("control", bomb, "line 2: tls", "anchors and aliases are not allowed")
	d.notStarted("control", large, "the limit is 10485760")
	for _, verb := range []string{"apply", "diff"} {
		for text, says := range map[string]string{bomb: "kind: ", large: "the limit is 10485760", "kind: &k Topic\nname: *k\n": "anchors and aliases"} {
			d.in = text
			if code, out, err := d.run(verb, "-f", "-"); code != ExitUsage || out != "" || !strings.Contains(err, says) {
				t.Errorf("%s: exit %d\n%.300s", verb, code, err)
			}
		}
	}
}

func TestRow140ASecretIsNeverPrinted(t *testing.T) {
	d := newDesk(t, "").home()
	file := d.file("causeway.yaml", "token: open-sesame-open-sesame\n")
	proxy := d.file("proxy.yaml", cluster+"token: open-sesame-open-sesame\n")
	if out := d.ok("config", "print", proxy, "--for", "proxy"); strings.Contains(out, "sesame") || strings.Contains(out, "hush") || strings.Count(out, "(redacted)") != 2 {
		t.Errorf("a proxy's:\n%s", out)
	}
	control := d.file("control.yaml", ruler+"token: open-sesame-open-sesame\nproduction: true\n")
	if out := d.ok("config", "print", control); strings.Contains(out, "sesame") || strings.Contains(out, "hush") || strings.Contains(out, "the token of proxies") || strings.Count(out, "(redacted)") != 3 {
		t.Errorf("a control plane's:\n%s", out)
	}
	for _, form := range []string{"table", "json", "yaml"} {
		if out := d.ok("config", "print", file, "-o", form); strings.Contains(out, "sesame") || !strings.Contains(out, "(redacted)") {
			t.Errorf("%s:\n%s", form, out)
		}
	}
	d.notStarted("up", "token: [open-sesame]\n", "line 1: token")
	if _, _, err := d.run("config", "check", d.file("bad.yaml", "token: 'open-sesame'\nhttp: 0.0.0.0:1\nlisen: x\n")); strings.Contains(err, "sesame") {
		t.Errorf("a problem shows the secret:\n%s", err)
	}
	d.ok("context", "add", "prod", "--server", "http://127.0.0.1:1", "--token", "open-sesame")
	for _, line := range []string{"context list", "context show", "context list -o json", "context show -o yaml", "topic list"} {
		if _, out, err := d.run(strings.Fields(line)...); strings.Contains(out+err, "sesame") {
			t.Errorf("%s:\n%s%s", line, out, err)
		}
	}
}
