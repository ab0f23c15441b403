package signicattest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"time"
)

// identity holds the certificate of a simulator with [Config].TLS, and the authority that its callers trust. It is zero
// without TLS.
type identity struct {
	authority   *x509.Certificate
	certificate tls.Certificate
}

// The validity of certificates is long, because a test may set any clock.
var (
	validFrom  = time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC)
	validUntil = time.Date(2190, 1, 1, 0, 0, 0, 0, time.UTC)
)

// newIdentity makes an authority and a certificate for loopback and the host of baseURL.
func newIdentity(baseURL string) (identity, error) {
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return identity{}, fmt.Errorf("making the key of the authority: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: validFrom, NotAfter: validUntil,
		Subject: pkix.Name{CommonName: "Simulator of Signicat, for tests"},
		IsCA:    true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	authority, err := certify(template, template, &authorityKey.PublicKey, authorityKey)
	if err != nil {
		return identity{}, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return identity{}, fmt.Errorf("making the key of the certificate: %w", err)
	}
	leaf, err := certify(serverTemplate(baseURL), authority, &key.PublicKey, authorityKey)
	if err != nil {
		return identity{}, err
	}
	return identity{authority, tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}}, nil
}

func serverTemplate(baseURL string) *x509.Certificate {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: validFrom, NotAfter: validUntil,
		DNSNames:    []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		KeyUsage:    x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if u, err := url.Parse(baseURL); err == nil && u.Hostname() != "" {
		if ip := net.ParseIP(u.Hostname()); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, u.Hostname())
		}
	}
	return template
}

func certify(template, parent *x509.Certificate, public *ecdsa.PublicKey, signer *ecdsa.PrivateKey) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, signer)
	if err != nil {
		return nil, fmt.Errorf("making a certificate: %w", err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("reading the certificate that was made: %w", err)
	}
	return certificate, nil
}

// RootCAs returns the authority that callers of a simulator with [Config].TLS trust. It is nil without TLS.
func (s *Server) RootCAs() *x509.CertPool {
	if s.identity.authority == nil {
		return nil
	}
	pool := x509.NewCertPool()
	pool.AddCert(s.identity.authority)
	return pool
}

// AuthorityPEM returns the certificate of the authority in PEM, such as for the file that the environment variable
// SSL_CERT_FILE names. It is empty without TLS.
func (s *Server) AuthorityPEM() []byte {
	if s.identity.authority == nil {
		return nil
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.identity.authority.Raw})
}

// tlsConfig returns a configuration that offers HTTP/2 before HTTP/1.1.
func (s *Server) tlsConfig() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{s.identity.certificate}, NextProtos: []string{"h2", "http/1.1"}}
}
