// SPDX-License-Identifier: Apache-2.0

// Package selfsigned makes the certificate of a port for which nobody brought one.
package selfsigned

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

const life = 10 * 365 * 24 * time.Hour

// Certificate names the files of a certificate in the data directory, which is made where it is not there yet: most official clients speak TLS by
// default and trust any certificate. It protects against listeners, not against impostors; production brings its own.
func Certificate(data string, now time.Time) (cert, key string, err error) {
	cert, key = filepath.Join(data, "tls", "cert.pem"), filepath.Join(data, "tls", "key.pem")
	if present(cert) && present(key) {
		return cert, key, nil
	}
	if err := os.MkdirAll(filepath.Dir(cert), 0o700); err != nil {
		return "", "", fmt.Errorf("self-signed certificate: %w", err)
	}
	if err := write(cert, key, now); err != nil {
		return "", "", fmt.Errorf("self-signed certificate: %w", err)
	}
	return cert, key, nil
}

func present(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func write(certFile, keyFile string, now time.Time) error {
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
		NotAfter:     now.Add(life),
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
