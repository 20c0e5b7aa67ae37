// SPDX-License-Identifier: Apache-2.0

package grpcfront

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/causeway-mq/causeway/internal/clock"
)

// lookEvery is how often the files of a certificate are looked at, at most. Handshakes look, so that no goroutine has to.
const lookEvery = 10 * time.Second

// Certificates is a certificate and its key in two PEM files. Both may be replaced while the process runs: the next handshake
// finds them within lookEvery. As long as the new ones can't be used the old ones stay.
type Certificates struct {
	certFile, keyFile string
	clock             clock.Clock
	log               *slog.Logger
	now               atomic.Pointer[tls.Certificate]

	mu     sync.Mutex // guards all below; held over the reading of two small files, at most once in lookEvery
	looked time.Time
	stamps [2]stamp
}

// stamp tells one version of a file from another.
type stamp struct {
	at   time.Time
	size int64
}

// LoadCertificates reads both files. A file that is missing, a key that does not fit or a certificate that has expired is an
// error, so that a process never starts with one.
func LoadCertificates(certFile, keyFile string, c clock.Clock, log *slog.Logger) (*Certificates, error) {
	s := &Certificates{certFile: certFile, keyFile: keyFile, clock: c, log: log}
	if err := s.Reload(); err != nil {
		return nil, err
	}
	return s, nil
}

// Reload reads both files now and keeps the old certificate when it returns an error.
func (s *Certificates) Reload() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reload()
}

// reload needs mu.
func (s *Certificates) reload() error {
	s.looked = s.clock.Now()
	s.stamps = s.stampsNow()
	pair, err := tls.LoadX509KeyPair(s.certFile, s.keyFile)
	if err != nil {
		return fmt.Errorf("certificate %s with key %s: %w", s.certFile, s.keyFile, err)
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return fmt.Errorf("certificate %s: %w", s.certFile, err)
	}
	if now := s.clock.Now(); now.After(leaf.NotAfter) {
		return fmt.Errorf("certificate %s: expired at %s", s.certFile, leaf.NotAfter.Format(time.RFC3339))
	}
	pair.Leaf = leaf
	s.now.Store(&pair)
	return nil
}

func (s *Certificates) stampsNow() (stamps [2]stamp) {
	for i, name := range []string{s.certFile, s.keyFile} {
		if info, err := os.Stat(name); err == nil {
			stamps[i] = stamp{info.ModTime(), info.Size()}
		}
	}
	return stamps
}

// Expires is when the certificate in use ends.
func (s *Certificates) Expires() time.Time { return s.now.Load().Leaf.NotAfter }

func (s *Certificates) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if s.mu.TryLock() { // another handshake looks already
		if s.clock.Now().Sub(s.looked) >= lookEvery {
			s.look()
		}
		s.mu.Unlock()
	}
	return s.now.Load(), nil
}

// look needs mu.
func (s *Certificates) look() {
	s.looked = s.clock.Now()
	if s.stampsNow() == s.stamps {
		return
	}
	if err := s.reload(); err != nil {
		s.log.Error("the new certificate can't be used, the old one stays", "err", err)
		return
	}
	s.log.Info("the certificate was replaced", "expires", s.Expires())
}

// Config is the TLS configuration of a port that speaks these protocols.
func (s *Certificates) Config(protocols ...string) *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     protocols,
		GetCertificate: s.get,
	}
}
