package caddymodule

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"strings"

	"github.com/caddy-itsme/caddy-itsme/caddymodule/internal/block"
	"github.com/caddy-itsme/caddy-itsme/internal/regularfile"
)

// RedisTLS says which certificates to trust, and which one to present. A reload reads its files again.
type RedisTLS struct {
	// CA is a file with the certificates, in PEM, of authorities that may sign the server's. Default:
	// the system's certificates.
	CA string `json:"ca,omitempty"`

	// Certificate is a file with the certificate, in PEM, that the gateway presents as a client. Needs
	// key. Default: none.
	Certificate string `json:"certificate,omitempty"`

	// Key is a file with the private key of certificate, in PEM. Default: none.
	Key string `json:"key,omitempty"`

	// ServerName is the name that the server's certificate must have. Default: the host of each address.
	ServerName string `json:"server_name,omitempty"`
}

// redisFiles are the contents of the files of a RedisTLS. A file may change before a reload.
type redisFiles struct{ CA, Certificate, Key []byte }

// config reads the files. Nil is no TLS.
func (t *RedisTLS) config(e *expander) (config *tls.Config, files redisFiles, err error) {
	if t == nil {
		return nil, files, nil
	}
	config = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: e.text("store redis tls server_name", t.ServerName)}
	for _, file := range []struct {
		what, path string
		content    *[]byte
	}{
		{"store redis tls ca", t.CA, &files.CA},
		{"store redis tls certificate", t.Certificate, &files.Certificate},
		{"store redis tls key", t.Key, &files.Key},
	} {
		if *file.content, err = readFile(e, file.what, file.path); err != nil {
			return nil, files, err
		}
	}
	return config, files, t.apply(config, files)
}

// readFile returns the content of a file, nil for none.
func readFile(e *expander, what, path string) ([]byte, error) {
	path = e.text(what, path)
	switch {
	case e.err != nil || path == "":
		return nil, e.err
	case strings.Contains(path, "://"): // it may hold a password
		return nil, fmt.Errorf("%s: a URL; name a file", what)
	}
	content, _, err := regularfile.Read(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return content, nil
}

// apply takes the contents over.
func (t *RedisTLS) apply(config *tls.Config, files redisFiles) error {
	if files.CA != nil {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(files.CA) {
			return fmt.Errorf("store redis tls ca: %s holds no certificate in PEM; name the file of the authority that signed the server's", t.CA)
		}
	}
	if files.Certificate == nil && files.Key == nil {
		return nil
	}
	if files.Certificate == nil || files.Key == nil {
		return fmt.Errorf("store redis tls: a certificate without its key, or a key without its certificate; write: certificate <file> <key file>")
	}
	pair, err := tls.X509KeyPair(files.Certificate, files.Key)
	if err != nil {
		return fmt.Errorf("store redis tls certificate: %s and %s: %w", t.Certificate, t.Key, err)
	}
	config.Certificates = []tls.Certificate{pair}
	return nil
}

func (t *RedisTLS) rows() []block.Subdirective {
	return []block.Subdirective{
		{Name: "ca", Example: "ca /etc/redis/ca.pem", Read: block.Text(&t.CA)},
		{Name: "certificate", Example: "certificate /etc/redis/gateway.pem /etc/redis/gateway.key", Read: t.readCertificate},
		{Name: "server_name", Example: "server_name redis.example.be", Read: block.Text(&t.ServerName)},
	}
}

func (t *RedisTLS) readCertificate(a block.Arguments) error {
	args, err := a.Take(2, "a file and the file of its key")
	if err != nil {
		return err
	}
	t.Certificate, t.Key = args[0], args[1]
	return nil
}

// readTLS reads nothing, a file, or a block.
func (s *RedisStore) readTLS(a block.Arguments) error {
	args := a.RemainingArgs()
	if len(args) > 1 {
		return a.Wrong("takes one file at most, got %d", len(args))
	}
	s.TLS = new(RedisTLS)
	if len(args) == 1 {
		s.TLS.CA = args[0]
		return nil
	}
	return a.Block(s.TLS.rows())
}
