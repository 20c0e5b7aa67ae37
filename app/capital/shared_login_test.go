// SPDX-License-Identifier: Apache-2.0

package capital

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/app"
	"github.com/causeway-mq/causeway/control/identity/oidc"
	"github.com/causeway-mq/causeway/internal/testkit/optest"
	"github.com/causeway-mq/causeway/test/crowd"
)

// sessionFresh is how long a session may outlive its end at another control plane (docs/api.md).
const sessionFresh = 2 * time.Second

// browser is somebody's, as he goes from one control plane to the other: cookies do not know ports.
type browser struct {
	t *testing.T
	http.Client
	csrf string
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	return &browser{t: t, Client: http.Client{Jar: crowd.Must(cookiejar.New(nil))}}
}

// again is another browser with the same cookies.
func (b *browser) again(at string) *browser {
	b.t.Helper()
	other, where := newBrowser(b.t), crowd.Must(url.Parse(at))
	other.Jar.SetCookies(where, b.Jar.Cookies(where))
	other.csrf = b.csrf
	return other
}

// sends makes a request and gives its answer, and when it began.
func (b *browser) sends(method, at, body string) (status int, text string, began time.Time) {
	b.t.Helper()
	q := crowd.Must(http.NewRequestWithContext(b.t.Context(), method, at, strings.NewReader(body)))
	q.Header.Set("Content-Type", "application/json")
	q.Header.Set("X-CSRF-Token", b.csrf)
	began = time.Now()
	a, err := b.Do(q)
	if err != nil {
		b.t.Fatal(err)
	}
	defer a.Body.Close()
	return a.StatusCode, string(crowd.Must(io.ReadAll(a.Body))), began
}

// is who somebody is at a control plane; "" where his session is over.
func (b *browser) is(r *ruled) (name string, began time.Time) {
	b.t.Helper()
	status, text, began := b.sends("GET", r.url+"/v1/session", "")
	var s struct{ Kind, Name, CSRF string }
	if err := json.Unmarshal([]byte(text), &s); err != nil || status != http.StatusOK && status != http.StatusUnauthorized {
		b.t.Fatalf("%d %s: %v", status, text, err)
	}
	if b.csrf == "" {
		b.csrf = s.CSRF
	}
	return s.Name, began
}

// dies waits until a session is over at a control plane. Whoever came there sessionFresh after its end, or later, found it over.
func (b *browser) dies(r *ruled, ended time.Time) {
	b.t.Helper()
	crowd.Eventually(b.t, "the session is over at the other control plane", func() bool {
		name, began := b.is(r)
		if name != "" && began.After(ended.Add(sessionFresh)) {
			b.t.Errorf("%v after the end of his session %s is let in", began.Sub(ended), name)
			return true
		}
		return name == ""
	})
}

// Two control planes over one database, behind something that sends browsers to either of them: who begins a login at one ends it at the other, works at both, and when his
// session ends at one it is over at the other.
func TestTheStoreCarriesLoginsFromOneControlPlaneToTheOther(t *testing.T) {
	database := postgres.Database(t)
	a, b := good(t), good(t)
	op := optest.New(t, "http://"+b.HTTP+oidc.ReturnPath)
	op.Is(optest.User{ID: "u-1", Email: "anna@shop.example", Verified: true})
	keys := sealingKeys(t)
	var planes []*ruled
	for _, c := range []app.ControlConfig{a, b} {
		c.Store.Postgres.URL, c.Store.Keys = database, keys
		c.OIDC.Issuer, c.OIDC.ClientID, c.OIDC.ClientSecret, c.OIDC.RedirectURL = op.URL, optest.ClientID, optest.Secret, "http://"+b.HTTP+oidc.ReturnPath
		planes = append(planes, rule(t, c))
	}
	first, second := planes[0], planes[1]
	for _, r := range planes {
		crowd.Eventually(t, "the control plane is ready", func() bool { return strings.Contains(ask(t, r.url+"/readyz"), `"ready"`) })
	}
	const password = "correct horse battery"
	const members = "/v1/tenants/default/members"
	first.do("POST", members, map[string]any{"name": "anna@shop.example", "role": "tenant-admin"})
	second.do("POST", members, map[string]any{"name": "bert", "role": "tenant-admin", "password": password})
	crowd.Eventually(t, "the first one knows the member", func() bool { return strings.Contains(ask(t, first.url+members+"/bert"), `"name": "bert"`) })

	anna, bert := newBrowser(t), newBrowser(t)
	if status, text, _ := anna.sends("GET", first.url+"/v1/session/provider?tenant=default", ""); status != http.StatusOK || !strings.Contains(text, "You are logged in") {
		t.Fatalf("a login that began at one and ended at the other: %d %s", status, text)
	}
	if status, text, _ := bert.sends("POST", first.url+"/v1/session", `{"tenant":"default","name":"bert","password":"`+password+`"}`); status != http.StatusCreated {
		t.Fatalf("a login with a password at one, of whom the other one made a member: %d %s", status, text)
	}
	for who, one := range map[string]*browser{"anna@shop.example": anna, "bert": bert} {
		for i, r := range planes {
			if name, _ := one.is(r); name != "default/"+who {
				t.Errorf("%s is %q at control plane %d", who, name, i)
			}
			if status, text, _ := one.sends("POST", r.url+"/v1/tenants/default/apps", fmt.Sprintf(`{"name":"of-%s-%d"}`, who[:4], i)); status != http.StatusCreated {
				t.Errorf("%s works at control plane %d: %d %s", who, i, status, text)
			}
		}
	}
	kept := anna.again(first.url) // since a logout takes the cookie
	if status, text, _ := anna.sends("DELETE", second.url+"/v1/session", ""); status != http.StatusNoContent {
		t.Fatalf("she leaves at the second: %d %s", status, text)
	}
	second.do("DELETE", members+"/bert/sessions", nil)
	ended := time.Now()
	kept.dies(first, ended)
	bert.dies(first, ended)
	if name, _ := bert.is(second); name != "" {
		t.Errorf("where his sessions were ended he is %q", name)
	}
}
