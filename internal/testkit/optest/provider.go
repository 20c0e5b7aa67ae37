// SPDX-License-Identifier: Apache-2.0

// Package optest is a real OpenID provider in the process of a test, which can be made to lie.
package optest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// The client that the provider knows.
const (
	ClientID = "causeway"
	Secret   = "the client's own secret"
)

// User is a person as the provider knows him.
type User struct {
	ID       string // the subject
	Email    string
	Verified bool
	Groups   []string
}

// Provider is a running provider. Whoever comes to it is logged in as the present user, without a question.
type Provider struct {
	URL string // its issuer

	server *httptest.Server

	mu   sync.Mutex // guards all below
	user User
	key  signingKey
	lie  func(*Token)
	left []string // subjects
	mute []string // fields
	no   bool
}

type signingKey struct {
	id  string
	key *ecdsa.PrivateKey
}

func (k signingKey) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.ES256 }
func (k signingKey) Algorithm() jose.SignatureAlgorithm          { return jose.ES256 }
func (k signingKey) Key() any                                    { return k.key }
func (k signingKey) ID() string                                  { return k.id }
func (k signingKey) Use() string                                 { return "sig" }

// publicKey is what of a signing key everybody may see.
type publicKey struct{ signingKey }

func (k publicKey) Key() any { return &k.key.PublicKey }

// New starts a provider that ends with the test; back is the URL to which it sends browsers.
func New(t *testing.T, back string) *Provider {
	t.Helper()
	p := &Provider{}
	p.Rotate()
	var handler http.Handler
	p.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(p.server.Close)
	p.URL = p.server.URL
	kept := &store{storage.NewStorageWithClients(p, map[string]*storage.Client{ClientID: storage.WebClient(ClientID, Secret, back)}), p}
	config := &op.Config{CodeMethodS256: true, AuthMethodPost: true, CryptoKeyId: "k"}
	_, _ = rand.Read(config.CryptoKey[:]) // never fails: the process ends first
	provider, err := op.NewProvider(config, kept, op.StaticIssuer(p.URL), op.WithAllowInsecure(), op.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	issuer := op.NewIssuerInterceptor(provider.IssuerFromRequest)
	mux.HandleFunc("/login/username", issuer.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.FormValue("authRequestID")
		if p.denied() {
			kept.denies(w, r, id)
			return
		}
		if err := kept.CheckUsernamePassword("", "", id); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		http.Redirect(w, r, op.AuthCallbackURL(provider)(r.Context(), id), http.StatusFound)
	}))
	mux.Handle("/oauth/token", p.lying(provider))
	mux.Handle(oidc.DiscoveryEndpoint, p.silent(provider))
	mux.Handle("/", provider)
	handler = mux
	return p
}

// Is says who comes from now on.
func (p *Provider) Is(u User) { p.set(func() { p.user = u }) }

// Lies changes the id tokens from now on; nil: none.
func (p *Provider) Lies(how func(*Token)) { p.set(func() { p.lie = how }) }

// Rotate signs with a new key from now on; those of before are not published any more.
func (p *Provider) Rotate() {
	p.set(func() { p.key = signingKey{rand.Text(), NewKey()} })
}

// Hides leaves fields out of what the provider says of itself from now on.
func (p *Provider) Hides(fields ...string) { p.set(func() { p.mute = fields }) }

// Denies lets nobody log in from now on.
func (p *Provider) Denies() { p.set(func() { p.no = true }) }

// Left lists whose sessions ended at the provider, by subject; "" where nobody said whose.
func (p *Provider) Left() (subjects []string) {
	p.set(func() { subjects = slices.Clone(p.left) })
	return subjects
}

// Stop takes the provider away.
func (p *Provider) Stop() { p.server.Close() }

// NewKey draws a key that signs ES256.
func NewKey() *ecdsa.PrivateKey {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err) // the curve is known
	}
	return k
}

func (p *Provider) set(do func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	do()
}

func (p *Provider) now() (u User, lie func(*Token), key signingKey) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.user, p.lie, p.key
}

func (p *Provider) denied() (no bool) {
	p.set(func() { no = p.no })
	return no
}

// denies sends a browser back with a refusal.
func (s *store) denies(w http.ResponseWriter, r *http.Request, id string) {
	asked, err := s.AuthRequestByID(r.Context(), id)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	http.Redirect(w, r, asked.GetRedirectURI()+"?"+url.Values{"error": {"access_denied"}, "state": {asked.GetState()}}.Encode(), http.StatusFound)
}

// GetUserByID implements storage.UserStore.
func (p *Provider) GetUserByID(id string) *storage.User {
	u, _, _ := p.now()
	if u.ID != id {
		return nil
	}
	return &storage.User{ID: u.ID, Email: u.Email, EmailVerified: u.Verified}
}

// GetUserByUsername implements storage.UserStore: whoever comes is the present user.
func (p *Provider) GetUserByUsername(string) *storage.User {
	u, _, _ := p.now()
	return p.GetUserByID(u.ID)
}

// ExampleClientID implements storage.UserStore.
func (p *Provider) ExampleClientID() string { return "none" }

// store is the provider's store, with our keys and the groups of people.
type store struct {
	*storage.Storage
	of *Provider
}

func (s *store) SigningKey(context.Context) (op.SigningKey, error) {
	_, _, key := s.of.now()
	return key, nil
}

func (s *store) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{jose.ES256}, nil
}

func (s *store) KeySet(context.Context) ([]op.Key, error) {
	_, _, key := s.of.now()
	return []op.Key{publicKey{key}}, nil
}

func (s *store) SetUserinfoFromToken(ctx context.Context, info *oidc.UserInfo, tokenID, subject, origin string) error {
	err := s.Storage.SetUserinfoFromToken(ctx, info, tokenID, subject, origin)
	if u, _, _ := s.of.now(); len(u.Groups) > 0 {
		info.AppendClaims("groups", u.Groups)
	}
	return err
}

func (s *store) TerminateSession(ctx context.Context, subject, client string) error {
	s.of.set(func() { s.of.left = append(s.of.left, subject) })
	return s.Storage.TerminateSession(ctx, subject, client)
}

// silent leaves out of what a handler says what the provider hides.
func (p *Provider) silent(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		told := httptest.NewRecorder()
		next.ServeHTTP(told, r)
		var said map[string]any
		if err := json.Unmarshal(told.Body.Bytes(), &said); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		p.set(func() {
			for _, field := range p.mute {
				delete(said, field)
			}
		})
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(marshaled(said)) // a client who is gone needs no answer
	})
}

// lying changes the id tokens that a handler gives, if they are to be changed.
func (p *Provider) lying(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, lie, key := p.now()
		if lie == nil {
			next.ServeHTTP(w, r)
			return
		}
		told := httptest.NewRecorder()
		next.ServeHTTP(told, r)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(told.Code)
		_, _ = w.Write(changed(told.Body.Bytes(), lie, key)) // a client who is gone needs no answer
	})
}
