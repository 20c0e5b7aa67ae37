// SPDX-License-Identifier: Apache-2.0

package capital

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"

	"github.com/causeway-mq/causeway/app"
	"github.com/causeway-mq/causeway/app/follow"
	"github.com/causeway-mq/causeway/internal/obs"
	"github.com/causeway-mq/causeway/test/crowd"
)

func freeAddress(t *testing.T) string {
	t.Helper()
	l := crowd.Must(net.Listen("tcp", "127.0.0.1:0"))
	defer l.Close()
	return l.Addr().String()
}

func written(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// certificate is one for this machine that vouches for itself.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	secret := crowd.Must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "control"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der := crowd.Must(x509.CreateCertificate(rand.Reader, template, template, &secret.PublicKey, secret))
	raw := crowd.Must(x509.MarshalECPrivateKey(secret))
	return written(t, "cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))), written(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: raw})))
}

// testWriter is a log that belongs to a test.
type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Logf("%s", bytes.TrimSpace(p))
	return len(p), nil
}

const proxyToken = "a proxy's own token"

func good(t *testing.T) app.ControlConfig {
	t.Helper()
	c := app.DefaultControlConfig()
	c.Data, c.HTTP = filepath.Join(t.TempDir(), "data"), freeAddress(t)
	c.ProxyTokens = []string{proxyToken}
	c.Clusters = []app.ClusterConfig{{Name: "east", NameServers: []string{freeAddress(t)}}} // nobody listens there
	return c
}

func TestAControlPlaneSaysAllThatIsWrong(t *testing.T) {
	c := good(t)
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	c.Data, c.HTTP, c.LogLevel, c.Token = "", "0.0.0.0:8090", "loud", ""
	c.ProxyTokens = []string{"short", proxyToken, proxyToken}
	c.Clusters = append(c.Clusters, c.Clusters[0])
	err := c.Validate()
	for _, want := range []string{
		"data: ", "token: required because http", "tls: required because http", "proxy_tokens[0]: at least 16", "proxy_tokens[2]: is there twice",
		"clusters[1].name: ", "log_level: ",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("nothing about %q in:\n%v", want, err)
		}
	}
	c = good(t)
	if c.Token, c.ProxyTokens = proxyToken, []string{proxyToken}; c.Validate() == nil {
		t.Error("the proxies' token opens the API")
	}
	if c.ProxyTokens = nil; c.Validate() == nil || !strings.Contains(c.Validate().Error(), "CAUSEWAY_PROXY_TOKEN") {
		t.Error("a feed without a token")
	}
}

func TestTheExampleOfAControlPlaneIsAConfiguration(t *testing.T) {
	c, err := app.LoadControlConfig("../../docs/examples/control.yaml")
	if err != nil {
		t.Fatal(err)
	}
	cert, key := certificate(t)
	c.TLS, c.Token, c.ProxyTokens = app.TLSConfig{Cert: cert, Key: key}, "the token of the API", []string{proxyToken}
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	if c.Production = true; c.Validate() == nil || !strings.Contains(c.Validate().Error(), "access_key") {
		t.Errorf("in production: %v", c.Validate())
	}
}

func TestAProxyIsToldAllThatIsWrongWithItsControlPlane(t *testing.T) {
	base := app.DefaultProxyConfig()
	base.Clusters = []app.ClusterConfig{{Name: "a", NameServers: []string{"h:1"}}, {Name: "b", NameServers: []string{"h:2"}}}
	loose := written(t, "token", "secret of the proxy\n")
	if err := os.Chmod(loose, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		control follow.Config
		says    string
	}{
		"good":                  {follow.Config{URLs: []string{"https://c:8090", "http://127.0.0.1:8090"}, Token: "t", Cache: "x"}, ""},
		"from a file":           {follow.Config{URLs: []string{"https://c:8090"}, TokenFile: written(t, "token", "secret\n"), Cache: "x"}, ""},
		"in clear":              {follow.Config{URLs: []string{"http://control:8090"}, Token: "t", Cache: "x"}, "in clear"},
		"no URL":                {follow.Config{URLs: []string{"control:8090"}, Token: "t", Cache: "x"}, "https://HOST:PORT"},
		"a password in the URL": {follow.Config{URLs: []string{"https://a:b@c"}, Token: "t", Cache: "x"}, "https://HOST:PORT"},
		"no token":              {follow.Config{URLs: []string{"https://c"}, Cache: "x"}, "CAUSEWAY_PROXY_TOKEN"},
		"two tokens":            {follow.Config{URLs: []string{"https://c"}, Token: "t", TokenFile: "f", Cache: "x"}, "both"},
		"a token for all":       {follow.Config{URLs: []string{"https://c"}, TokenFile: loose, Cache: "x"}, "chmod 600"},
		"no cache":              {follow.Config{URLs: []string{"https://c"}, Token: "t"}, "control.cache"},
		"a directory":           {follow.Config{URLs: []string{"https://c"}, Token: "t", Cache: t.TempDir()}, "regular file"},
		"no authority":          {follow.Config{URLs: []string{"https://c"}, Token: "t", Cache: "x", CA: "/nowhere"}, "control.ca"},
		"a token for nothing":   {follow.Config{Token: "t"}, "no control plane"},
	} {
		p := base
		if p.Control = c.control; !c.control.Follows() {
			p.Clusters = p.Clusters[:1]
		}
		if err := p.Validate(); (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	both := base
	both.Catalog, both.Control = "catalog.yaml", follow.Config{URLs: []string{"https://c"}, Token: "t", Cache: "x"}
	if err := both.Validate(); err == nil || !strings.Contains(err.Error(), "cannot both") {
		t.Errorf("%v", err)
	}
}

// part is a process's worth of Causeway in this process.
type part struct {
	stop  context.CancelFunc
	ended chan error
}

func run(t *testing.T, do func(ctx context.Context) error) *part {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	p := &part{stop: cancel, ended: make(chan error, 1)}
	go func() { p.ended <- do(ctx); close(p.ended) }()
	t.Cleanup(p.end)
	return p
}

func (p *part) end() {
	p.stop()
	<-p.ended
}

// ruled is a control plane with what an operator sees of it.
type ruled struct {
	*part
	t   *testing.T
	url string
	http.Client
}

func rule(t *testing.T, c app.ControlConfig) *ruled {
	t.Helper()
	r := &ruled{t: t, url: "http://" + c.HTTP}
	r.part = run(t, func(ctx context.Context) error {
		return Run(ctx, Options{Config: c, Out: new(bytes.Buffer), Log: obs.NewLogger(testWriter{t}, slog.LevelError)})
	})
	return r
}

// do asks the API and reads its answer.
func (r *ruled) do(method, path string, body any) map[string]any {
	r.t.Helper()
	raw := crowd.Must(json.Marshal(body))
	q := crowd.Must(http.NewRequestWithContext(r.t.Context(), method, r.url+path, bytes.NewReader(raw)))
	q.Header.Set("Content-Type", "application/json")
	a, err := r.Do(q)
	if err != nil {
		r.t.Fatal(err)
	}
	defer a.Body.Close()
	text := crowd.Must(io.ReadAll(a.Body))
	if a.StatusCode >= 300 {
		r.t.Fatalf("%s %s: %s %s", method, path, a.Status, text)
	}
	out := map[string]any{}
	if len(text) > 0 {
		if err := json.Unmarshal(text, &out); err != nil {
			r.t.Fatal(err)
		}
	}
	return out
}

// follower is a proxy that follows a control plane.
func follower(t *testing.T, control follow.Config, change ...func(*app.ProxyConfig)) (*part, crowd.Elsewhere, string) {
	t.Helper()
	c := app.DefaultProxyConfig()
	c.Listen, c.HTTP, c.Control = freeAddress(t), freeAddress(t), control
	c.Clusters = []app.ClusterConfig{{Name: "east", NameServers: []string{freeAddress(t)}}}
	for _, f := range change {
		f(&c)
	}
	p := run(t, func(ctx context.Context) error {
		return app.Proxy(ctx, app.ProxyOptions{Config: c, Out: new(bytes.Buffer), Log: obs.NewLogger(testWriter{t}, slog.LevelError)})
	})
	return p, crowd.Elsewhere{Address: c.Listen}, c.HTTP
}

func ask(t *testing.T, url string) string {
	t.Helper()
	a, err := http.Get(url)
	if err != nil {
		return err.Error()
	}
	defer a.Body.Close()
	return string(crowd.Must(io.ReadAll(a.Body)))
}

func beats(c *crowd.Client) v2.Code {
	ctx, cancel := c.Context()
	defer cancel()
	out, err := c.Heartbeat(ctx, &v2.HeartbeatRequest{ClientType: v2.ClientType_PRODUCER})
	if err != nil {
		return v2.Code_INTERNAL_ERROR
	}
	return out.GetStatus().GetCode()
}

// A cluster of RocketMQ says by its engine's traits that it applies no retention of a topic: it is refused, whether the cluster answers or not.
func TestNoRetentionIsAskedOfATopicOnRocketMQ(t *testing.T) {
	plane := rule(t, good(t))
	crowd.Eventually(t, "the control plane is ready", func() bool { return strings.Contains(ask(t, plane.url+"/readyz"), `"ready"`) })
	a, err := plane.Post(plane.url+"/v1/tenants/default/topics", "application/json", strings.NewReader(`{"name":"orders","retention":"24h"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	if text := string(crowd.Must(io.ReadAll(a.Body))); a.StatusCode != http.StatusBadRequest || !strings.Contains(text, `"not_by_topic"`) {
		t.Errorf("%s: %s", a.Status, text)
	}
	if offered := fmt.Sprint(plane.do("GET", "/v1/tenants/default/clusters", nil)); !strings.Contains(offered, "brokerSettings:[durability retention]") {
		t.Error(offered)
	}
}

// Each process knows its own user at the brokers alone, and the control plane tells which proxy has the same.
func TestAProxyThatSignsAsTheControlPlaneIsToldOf(t *testing.T) {
	signs := func(cluster *app.ClusterConfig, user string) {
		cluster.AccessKey, cluster.SecretKey = user, "0123456789abcdef"
	}
	c := good(t)
	signs(&c.Clusters[0], "root")
	plane := rule(t, c)
	crowd.Eventually(t, "the control plane is ready", func() bool { return strings.Contains(ask(t, plane.url+"/readyz"), `"ready"`) })
	dir := t.TempDir()
	for _, user := range []string{"root", "proxies"} {
		follower(t, follow.Config{URLs: []string{plane.url}, Token: proxyToken, Cache: filepath.Join(dir, user)}, func(p *app.ProxyConfig) { signs(&p.Clusters[0], user) })
	}
	crowd.Eventually(t, "both follow", func() bool { return strings.Count(ask(t, plane.url+"/v1/proxies"), `"current": true`) == 2 })
	if text := ask(t, plane.url+"/v1/proxies"); strings.Count(text, "sharedUser") != 1 || strings.Contains(text, "root") {
		t.Error(text)
	}
	if text := ask(t, plane.url+"/v1/doctor"); !strings.Contains(text, "as this control plane's own user") || !strings.Contains(text, "at east") {
		t.Error(text)
	}
	if text := ask(t, plane.url+"/metrics"); !strings.Contains(text, "causeway_feed_proxies_shared_user 1\n") {
		t.Error("the figures do not tell")
	}
}

// Two proxies of a control plane: a key works at both, and within five seconds of its revocation at none, with the streams that are open.
func TestARevokedKeyIsShutOutOfEveryProxyWithinFiveSeconds(t *testing.T) {
	c := good(t)
	plane := rule(t, c)
	crowd.Eventually(t, "the control plane is ready", func() bool { return strings.Contains(ask(t, plane.url+"/readyz"), `"ready"`) })
	dir := t.TempDir()
	var clients []*crowd.Client
	var proxies []*part
	over := make(chan time.Time, 2)
	plane.do("POST", "/v1/tenants", map[string]any{"id": "pay"})
	key, _ := plane.do("POST", "/v1/tenants/pay/apps", map[string]any{"name": "ledger", "owner": true})["key"].(map[string]any)
	if key == nil {
		t.Fatal("no key came")
	}
	for i := range 2 {
		p, at, ops := follower(t, follow.Config{URLs: []string{plane.url}, Token: proxyToken, Cache: filepath.Join(dir, fmt.Sprint(i))})
		client := crowd.Dial(t, at, fmt.Sprint("host@1@0@", i))
		client.Key = [2]string{fmt.Sprint(key["id"]), fmt.Sprint(key["secret"])}
		crowd.Eventually(t, "the proxy knows the key", func() bool { return beats(client) == v2.Code_OK })
		err := client.Listen(crowd.ProducerOf(), func(c *v2.TelemetryCommand) {
			if c.GetStatus().GetCode() == v2.Code_UNAUTHORIZED {
				over <- time.Now()
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if text := ask(t, "http://"+ops+"/metrics"); !strings.Contains(text, `causeway_control_refused_total{why="shrinks"} 0`) || !strings.Contains(text, "causeway_control_version ") {
			t.Error("the feed has no figures")
		}
		if text := ask(t, "http://"+ops+"/v1/doctor"); !strings.Contains(text, "version ") {
			t.Error(text)
		}
		clients, proxies = append(clients, client), append(proxies, p)
	}
	crowd.Eventually(t, "the control plane's doctor sees both", func() bool { return strings.Contains(ask(t, plane.url+"/v1/doctor"), "2 follow, all at version") })
	begun := time.Now()
	plane.do("DELETE", "/v1/tenants/pay/apps/ledger/keys/"+fmt.Sprint(key["id"]), nil)
	for i, client := range clients {
		crowd.Eventually(t, "new calls are refused", func() bool { return beats(client) == v2.Code_UNAUTHORIZED })
		select {
		case at := <-over:
			t.Logf("stream %d was closed %v after the revocation was asked for", i, at.Sub(begun).Round(time.Millisecond))
		case <-time.After(5 * time.Second):
			t.Fatal("a stream stays open")
		}
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
	plane.end()
	proxies[0].end()
	_, at, ops := follower(t, follow.Config{URLs: []string{plane.url}, Token: proxyToken, Cache: filepath.Join(dir, "0")})
	again := crowd.Dial(t, at, "host@1@0@9")
	again.Key = clients[0].Key
	crowd.Eventually(t, "a proxy that starts without its control plane knows the revocation", func() bool { return beats(again) == v2.Code_UNAUTHORIZED })
	if text := ask(t, "http://"+ops+"/v1/doctor"); !strings.Contains(text, "from disk") {
		t.Error(text)
	}
}

// A proxy takes nothing from a control plane whose certificate nobody vouches for.
func TestAProxyFollowsNobodyWhoseCertificateItDoesNotTrust(t *testing.T) {
	c := good(t)
	cert, key := certificate(t)
	c.TLS = app.TLSConfig{Cert: cert, Key: key}
	rule(t, c)
	dir := t.TempDir()
	url := "https://" + c.HTTP
	_, _, trusting := follower(t, follow.Config{URLs: []string{url}, Token: proxyToken, Cache: filepath.Join(dir, "a"), CA: cert})
	_, _, wary := follower(t, follow.Config{URLs: []string{url}, Token: proxyToken, Cache: filepath.Join(dir, "b")})
	_, _, stranger := follower(t, follow.Config{URLs: []string{url}, Token: "the token of somebody else", Cache: filepath.Join(dir, "c"), CA: cert})
	crowd.Eventually(t, "who trusts the certificate has a catalog", func() bool { return strings.Contains(ask(t, "http://"+trusting+"/v1/doctor"), "of "+c.HTTP) })
	for name, ops := range map[string]string{"a proxy that does not": wary, "a proxy with another token": stranger} {
		var failures string
		crowd.Eventually(t, name+" has asked", func() bool {
			_, failures, _ = strings.Cut(ask(t, "http://"+ops+"/metrics"), "\ncauseway_control_failures_total ")
			return failures != "" && !strings.HasPrefix(failures, "0")
		})
		if text := ask(t, "http://"+ops+"/v1/doctor"); !strings.Contains(text, "nothing was read from the control plane yet") {
			t.Errorf("%s: %s", name, text)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "b")); err == nil {
		t.Error("it keeps a catalog of an impostor")
	}
	info, err := os.Stat(filepath.Join(dir, "a"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the cache, which holds secrets: %v, %v", info, err)
	}
}
