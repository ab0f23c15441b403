//go:build unix

package redistest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// Authority signs the certificates of a server and of its clients.
type Authority struct {
	// CAFile has the authority's certificate, in PEM.
	CAFile string
	// CertFile and KeyFile are those of a client.
	CertFile, KeyFile string

	dir         string
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	files       int
}

// StartTLS starts a server that speaks TLS alone, and wants a certificate of its clients.
func StartTLS(t testing.TB, options ...string) (*Server, *Authority) {
	t.Helper()
	a := NewAuthority(t)
	files := a.ServerOptions(t, "localhost")
	return launch(t, func() *Server {
		return &Server{
			program: "redis-server", admin: adminOptions{authority: a},
			options: slices.Concat([]string{"--port", "0", "--tls-port", "PORT", "--tls-auth-clients", "yes"}, files, options),
		}
	}), a
}

// NewAuthority makes an authority and a client's certificate.
func NewAuthority(t testing.TB) *Authority {
	t.Helper()
	a := &Authority{dir: t.TempDir()}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	a.key = newKey(t)
	der := sign(t, template, template, a.key, a.key)
	var err error
	if a.certificate, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.CAFile = a.write(t, "CERTIFICATE", der)
	a.CertFile, a.KeyFile = a.Issue(t, "client")
	return a
}

// ServerOptions returns the options of redis-server for a certificate of that name and of 127.0.0.1.
func (a *Authority) ServerOptions(t testing.TB, name string) []string {
	t.Helper()
	cert, key := a.Issue(t, name, net.IPv4(127, 0, 0, 1))
	return []string{"--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", a.CAFile}
}

// Issue signs a certificate and returns the files of it and of its key.
func (a *Authority) Issue(t testing.TB, name string, addresses ...net.IP) (cert, key string) {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{name}, IPAddresses: addresses,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	private := newKey(t)
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return a.write(t, "CERTIFICATE", sign(t, template, a.certificate, private, a.key)), a.write(t, "PRIVATE KEY", der)
}

// Config trusts the authority and presents the client's certificate.
func (a *Authority) Config() *tls.Config {
	roots := x509.NewCertPool()
	roots.AddCert(a.certificate)
	return &tls.Config{
		RootCAs: roots, MinVersion: tls.VersionTLS12,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(a.CertFile, a.KeyFile)
			return &pair, err
		},
	}
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func sign(t testing.TB, template, parent *x509.Certificate, key, by *ecdsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), by)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func (a *Authority) write(t testing.TB, kind string, der []byte) string {
	t.Helper()
	a.files++
	path := filepath.Join(a.dir, string(rune('a'+a.files))+".pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
