// SPDX-License-Identifier: Apache-2.0

package app

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

const selfSignedLife = 10 * 365 * 24 * time.Hour

// certificate names the files of the gRPC port's certificate. Without configured ones a self-signed certificate is made in
// the data directory: most official clients speak TLS by default and trust any certificate. It protects against
// listeners, not against impostors; production brings its own.
func certificate(c Config, now time.Time) (cert, key string, err error) {
	if c.TLS.Cert != "" {
		return c.TLS.Cert, c.TLS.Key, nil
	}
	cert, key = filepath.Join(c.Data, "tls", "cert.pem"), filepath.Join(c.Data, "tls", "key.pem")
	if present(cert) && present(key) {
		return cert, key, nil
	}
	if err := os.MkdirAll(filepath.Dir(cert), 0o700); err != nil {
		return "", "", fmt.Errorf("self-signed certificate: %w", err)
	}
	if err := writeSelfSigned(cert, key, now); err != nil {
		return "", "", fmt.Errorf("self-signed certificate: %w", err)
	}
	return cert, key, nil
}

func present(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func writeSelfSigned(certFile, keyFile string, now time.Time) error {
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "causeway (self-signed)"},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(selfSignedLife),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:     []string{"localhost", host},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &secret.PublicKey, secret)
	if err != nil {
		return err
	}
	raw, err := x509.MarshalECPrivateKey(secret)
	if err != nil {
		return err
	}
	// The key first: a pair is used only when both files are there.
	return errors.Join(
		os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: raw}), 0o600),
		os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644),
	)
}
