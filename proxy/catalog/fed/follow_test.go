// SPDX-License-Identifier: Apache-2.0

package fed_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/internal/fsys"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog"
	"github.com/causeway-mq/causeway/proxy/catalog/fed"
	"github.com/causeway-mq/causeway/proxy/catalog/wire"
)

func first() wire.Epoch  { return wire.Epoch{ID: "first"} }
func second() wire.Epoch { return wire.Epoch{ID: "second"} }

func forced(at int64) wire.Epoch { return wire.Epoch{ID: "forced", Forced: at} }

func TestDeltasAreFollowedAndOldSnapshotsStayAsTheyWere(t *testing.T) {
	s := newStation(t)
	s.says(first(), 10, catalogOf("a", "b"))
	p := follow(t, t.TempDir(), s.URL)
	before := p.serves("a", "b")
	s.says(first(), 11, catalogOf("a", "b", "c"))
	p.serves("a", "b", "c")
	s.says(first(), 15, catalogOf("a", "c"))
	now := p.serves("a", "c")
	if got := s.sent(); got != 2 {
		t.Errorf("%d deltas were sent", got)
	}
	if !slices.Equal(known(before), []string{"a", "b"}) || before.Version() != 10 || now.Version() != 15 {
		t.Errorf("version %d has %v, version %d %v", before.Version(), known(before), now.Version(), known(now))
	}
	a, b := must(mq.ParseTenant("a")), must(mq.ParseTenant("b"))
	if now.Touched(a) != 10 || now.Touched(b) != 15 {
		t.Errorf("tenant a was touched at %d, b at %d", now.Touched(a), now.Touched(b))
	}
	last := s.questions()[len(s.questions())-1]
	if v := p.Status().Version; v != 15 || last.Get("sum") == "" || last.Get("epoch") != "first" {
		t.Errorf("it stands at %d and asks %v", v, last)
	}
}

func TestADeltaThatDoesNotFitIsAskedForWhole(t *testing.T) {
	s := newStation(t)
	s.says(first(), 10, catalogOf("a"))
	p := follow(t, t.TempDir(), s.URL)
	p.serves("a")
	s.mangles(func(doc []byte) []byte { return bytes.Replace(doc, []byte(`"after":10`), []byte(`"after":9`), 1) })
	s.says(first(), 11, catalogOf("a", "b"))
	p.serves("a", "b")
	if last := s.questions(); !slices.ContainsFunc(last[1:], func(q url.Values) bool { return q.Get("after") == "0" }) {
		t.Errorf("it asked %v", last)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.refused) > 0 {
		t.Errorf("that was refused as %v", p.refused)
	}
}

func TestADamagedDocumentLeavesWhatIsServed(t *testing.T) {
	s := newStation(t)
	s.says(first(), 10, catalogOf("a"))
	p := follow(t, t.TempDir(), s.URL)
	p.serves("a")
	s.mangles(func(doc []byte) []byte { return doc[:len(doc)-1] })
	s.says(first(), 11, catalogOf("a", "b"))
	p.refuses(fed.Damaged)
	p.serves("a")
	s.mangles(nil)
	p.serves("a", "b")
	until(t, "it has nothing to complain of", func() bool { return p.Refused() == nil })
}

func TestWhoLosesMostTenantsIsNotFollowed(t *testing.T) {
	for name, mangle := range map[string]func(*station){
		"by a delta": func(*station) {},
		"by a snapshot": func(s *station) { // deltas do not fit, so that the whole is asked for
			s.mangles(func(doc []byte) []byte { return bytes.Replace(doc, []byte(`"after":10`), []byte(`"after":9`), 1) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStation(t)
			s.says(first(), 10, catalogOf("a", "b", "c", "d", "e"))
			p := follow(t, t.TempDir(), s.URL)
			p.serves("a", "b", "c", "d", "e")
			mangle(s)
			s.says(first(), 11, catalogOf("a", "b"))
			p.refuses(fed.Shrinks)
			if err := p.Refused(); !strings.Contains(err.Error(), "3 of 5 tenants") {
				t.Errorf("it says %v", err)
			}
			p.serves("a", "b", "c", "d", "e")
			s.says(first(), 12, catalogOf("a", "b", "c"))
			p.serves("a", "b", "c")
			s.says(first(), 13, catalogOf("a", "b", "c", "f"))
			p.serves("a", "b", "c", "f")
		})
	}
}

func TestEpochsDoNotComeBack(t *testing.T) {
	s, dir := newStation(t), t.TempDir()
	s.says(first(), 10, catalogOf("a", "b", "c"))
	p := follow(t, dir, s.URL)
	p.serves("a", "b", "c")
	s.says(second(), 20, catalogOf("d"))
	p.refuses(fed.Foreign)
	s.says(first(), 9, catalogOf("e"))
	p.refuses(fed.Older)
	p.serves("a", "b", "c")
	s.says(forced(1000), 5, catalogOf("d"))
	now := p.serves("d")
	gone := must(mq.ParseTenant("a"))
	if now.Version() <= 10 || p.Status().Version != 5 || now.Touched(must(mq.ParseTenant("d"))) != now.Version() || now.Touched(gone) != now.Version() {
		t.Errorf("what is served is version %d, here %d, and was judged before: %d", p.Status().Version, now.Version(), now.Touched(gone))
	}
	s.says(first(), 99, catalogOf("a"))
	p.serves("d")
	p.stop()
	p = follow(t, dir, s.URL) // the disk knows the epoch, too
	p.serves("d")
	p.refuses(fed.Older)
}

// cached is a directory with the cache of a catalog in it.
func cached(t *testing.T, tenants ...string) (dir, file string) {
	t.Helper()
	dir = t.TempDir()
	s := newStation(t)
	s.says(first(), 10, catalogOf(tenants...))
	p := follow(t, dir, s.URL)
	p.serves(tenants...)
	p.stop() // which ends with a last write
	return dir, filepath.Join(dir, cacheName)
}

// nobody is an address where no control plane answers.
func nobody(t *testing.T) string {
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	return s.URL
}

func TestTheDiskServesWhileNoControlPlaneAnswers(t *testing.T) {
	dir, _ := cached(t, "a", "b")
	p := follow(t, dir, nobody(t))
	p.serves("a", "b")
	if st := p.Status(); !st.Heard.IsZero() || st.Version != 10 || st.Epoch != first() || st.Refused != nil {
		t.Errorf("it stands at %+v", st)
	}
	p.stop()
	s := newStation(t)
	s.says(first(), 10, catalogOf("a", "b"))
	s.says(first(), 12, catalogOf("a", "b", "c"))
	p = follow(t, dir, nobody(t), s.URL) // the second one is asked when the first does not answer
	p.serves("a", "b", "c")
	if q := s.questions()[0]; q.Get("after") != "10" || q.Get("epoch") != "first" || s.sent() != 1 {
		t.Errorf("after a start from disk it asks %v and got %d deltas", q, s.sent())
	}
}

func TestADamagedFileIsToldAndNotUsed(t *testing.T) {
	dir, file := cached(t, "a", "b")
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	flipped := slices.Clone(good)
	flipped[len(flipped)/2] ^= 0x01
	old := edition{first(), 9, catalogOf("a")}
	for name, data := range map[string][]byte{
		"a flipped bit":   flipped,
		"cut":             good[:len(good)-10],
		"empty":           {},
		"not ours":        []byte("tenants: [a]\n"),
		"a delta alone":   edition{first(), 10, catalogOf("a", "b")}.since(old),
		"a newer program": bytes.Replace(good, []byte(`"format":1`), []byte(`"format":2`), 1),
	} {
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		s := newStation(t)
		p := follow(t, dir, s.URL)
		p.refuses(fed.Damaged)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := p.Next(ctx, 0); err == nil {
			t.Errorf("%s: it is served", name)
		}
		s.says(first(), 10, catalogOf("a", "b"))
		p.serves("a", "b")
		if q := s.questions()[0]; q.Get("after") != "0" || q.Get("epoch") != "" {
			t.Errorf("%s: it asks %v", name, q)
		}
		p.stop()
		if now, err := os.ReadFile(file); err != nil || len(now) != len(good) {
			t.Errorf("%s: the file is not mended: %d bytes of %d, %v", name, len(now), len(good), err)
		}
	}
}

func TestTheTokenGoesNowhereElse(t *testing.T) {
	other := newStation(t)
	other.says(first(), 10, catalogOf("a"))
	led := httptest.NewServer(http.RedirectHandler(other.URL+wire.Path, http.StatusFound))
	t.Cleanup(led.Close)
	failed := make(chan struct{}, 100)
	p := must(fed.Open(fed.Options{
		URLs: []string{led.URL}, Token: token, Disk: fsys.OS(t.TempDir()), Cache: cacheName, Clock: clock.System(),
		Events: fed.Events{Failed: func() { failed <- struct{}{} }},
	}))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	<-failed
	<-failed
	cancel()
	<-ended
	if n := len(other.questions()); n != 0 {
		t.Errorf("%d questions followed a redirect", n)
	}
}

func TestSourcesThatMakeNoSenseAreRefused(t *testing.T) {
	for _, o := range []fed.Options{
		{Token: token},
		{URLs: []string{"http://a:1"}},
		{URLs: []string{"a:1"}, Token: token},
		{URLs: []string{"ftp://a:1"}, Token: token},
	} {
		o.Disk, o.Cache, o.Clock = fsys.OS(t.TempDir()), cacheName, clock.System()
		if _, err := fed.Open(o); mq.KindOf(err) != mq.BadRequest {
			t.Errorf("%v with token %q: %v", o.URLs, o.Token, err)
		}
	}
}

var _ catalog.Source = (*fed.Source)(nil)
