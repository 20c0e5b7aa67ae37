// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Certificate is what a cluster that speaks nothing but TLS shows to everybody, its own processes among them. The zero value is none.
type Certificate struct {
	File string // PEM; it vouches for itself
	key  string // PEM file, PKCS #8
	pool *x509.CertPool
}

// NewCertificate makes one for the loopback address, valid for a day, in dir.
func NewCertificate(dir string) (Certificate, error) {
	c := Certificate{File: filepath.Join(dir, "cluster.pem"), key: filepath.Join(dir, "cluster.key"), pool: x509.NewCertPool()}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return c, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a test's cluster"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return c, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return c, err
	}
	shown := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	c.pool.AppendCertsFromPEM(shown)
	return c, errors.Join(
		os.WriteFile(c.File, shown, 0o600),
		os.WriteFile(c.key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600))
}

// TLS is how to speak to the cluster, nil in clear.
func (c Certificate) TLS() *tls.Config {
	if c.File == "" {
		return nil
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: c.pool}
}

// words tell a Java process. Without a certificate no TLS is spoken at all: a server that may speak it makes a key and a certificate of its own when it
// starts, a second of the processor or more.
func (c Certificate) words() []string {
	if c.File == "" {
		return []string{"-Dtls.server.mode=disabled"}
	}
	return []string{
		"-Dtls.server.mode=enforcing", "-Dtls.test.mode.enable=false", "-Dtls.server.certPath=" + c.File, "-Dtls.server.keyPath=" + c.key,
		"-Dtls.enable=true", "-Dtls.client.authServer=true", "-Dtls.client.trustCertPath=" + c.File,
	}
}
