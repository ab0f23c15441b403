package doctor

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
)

// selfSigned makes a certificate of that organisation, if any, for 127.0.0.1, which is its own authority.
func selfSigned(t *testing.T, organization []string) (der []byte, key *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{Organization: organization, CommonName: "127.0.0.1"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err = x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return der, key
}

// serveTLS serves with a certificate of that organisation, if any, and returns what trusts it.
func serveTLS(t *testing.T, organization []string, handler http.HandlerFunc) (url string, roots *x509.CertPool) {
	t.Helper()
	der, key := selfSigned(t, organization)
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	roots.AddCert(certificate)
	server := httptest.NewUnstartedServer(handler)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL, roots
}

// TestDoctorKnowsThisMachine: itsme sends no user back to this machine, whatever the scheme and name of it.
func TestDoctorKnowsThisMachine(t *testing.T) {
	t.Parallel()
	for publicURL, want := range map[string]bool{
		"http://127.0.0.1:8080": true, "https://localhost": true, "https://app.localhost:8443": true, "https://[::1]": true,
		"https://app.example.be": false, "https://localhost.example.be": false,
	} {
		g := &Gateway{Config: gateway.Config{PublicURL: publicURL}.WithDefaults()}
		found := slices.ContainsFunc(new(doctor).checkRedirectURLs(t.Context(), g), func(d Finding) bool { return d.Name == publicURLLocal })
		if found != want {
			t.Errorf("%s is this machine: %t, want %t", publicURL, found, want)
		}
	}
}

func TestDoctorLooksAtCertificates(t *testing.T) {
	t.Parallel()
	noContent := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }
	for _, row := range []struct {
		name         string
		organization []string
		trusted      bool
		want         Name
	}{
		{"one that names the organisation", []string{"Voorbeeld NV"}, true, certificateNamesOwner},
		{"one that names the domain alone", nil, true, certificateNamesDomain},
		{"one that is not trusted", []string{"Voorbeeld NV"}, false, certificateUnknown},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			url, roots := serveTLS(t, row.organization, noContent)
			if !row.trusted {
				roots = x509.NewCertPool()
			}
			d := &doctor{fetch: newFetcher(roots)}
			got := d.checkCertificates(t.Context(), &Gateway{Config: gateway.Config{
				RedirectURL: url + "/itsme/callback", AppRedirectURLs: []string{url + "/app", "http://127.0.0.1:1/app"},
			}})
			if len(got) != 1 || got[0].Name != row.want || !strings.Contains(got[0].Message, url) {
				t.Errorf("got %+v, want %s", got, row.want)
			}
		})
	}
}

// TestDoctorFollowsNoRedirect checks that an answer decides neither where the doctor asks next nor how
// much it reads.
func TestDoctorFollowsNoRedirect(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		handle http.HandlerFunc
		want   string
	}{
		{"a redirect", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != jwksPath {
				t.Errorf("it asks for %s", r.URL.Path)
			}
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		}, "answers with status 302"},
		{"an answer without end", func(w http.ResponseWriter, _ *http.Request) {
			// What fits into the buffers of the connection is beside the point.
			for written, part := 0, make([]byte, 64<<10); written < 32*maxFetched; written += len(part) {
				if _, err := w.Write(part); err != nil {
					return
				}
			}
			t.Error("it reads on")
		}, errTooLong.Error()},
		{"an answer that is cut", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("{"))
		}, "reading the response: unexpected EOF"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(row.handle)
			t.Cleanup(server.Close)
			d := &doctor{fetch: newFetcher(nil), now: time.Now}
			got := d.checkPublicURL(t.Context(), &Gateway{Config: gateway.Config{PublicURL: server.URL}})
			if len(got) != 1 || got[0].Name != publicURLUnreachable || !strings.Contains(got[0].Message, row.want) {
				t.Errorf("got %+v, want %s", got, row.want)
			}
		})
	}
}

func TestDoctorReadsDiscovery(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, path, answer string
		want               Name
	}{
		{"an issuer with a path", "/a/b", `{"issuer": "URL/a/b", "jwks_uri": "URL/.well-known/jwks.json"}`, discoveryServed},
		{"another issuer", "", `{"issuer": "https://other.example.be", "jwks_uri": "URL/.well-known/jwks.json"}`, discoveryWrong},
		{"other keys", "", `{"issuer": "URL", "jwks_uri": "https://other.example.be/jwks"}`, discoveryWrong},
		{"no JSON", "", `<html>`, discoveryWrong},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			var url string
			mux := http.NewServeMux()
			mux.HandleFunc("/.well-known/oauth-authorization-server"+row.path, func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, strings.ReplaceAll(row.answer, "URL", url))
			})
			server := httptest.NewServer(mux)
			t.Cleanup(server.Close)
			url = server.URL
			d := &doctor{fetch: newFetcher(nil)}
			g := &Gateway{Config: gateway.Config{PublicURL: url, Token: gateway.TokenConfig{Issuer: url + row.path}}}
			if got := d.checkDiscovery(t.Context(), g); got.Name != row.want {
				t.Errorf("got %+v, want %s", got, row.want)
			}
		})
	}
}
