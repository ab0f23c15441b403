package signicat_test

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// TestIPv6BlackHole is of a network whose IPv6 leads nowhere: the name has an address of each kind, and connecting to
// the IPv6 one hangs. The client's own dialer tries the other one beside it.
func TestIPv6BlackHole(t *testing.T) {
	t.Parallel()
	dialer := signicat.NewDialer(signicat.DefaultTimeout)
	dialer.Resolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		go answerNames(far)
		return near, nil
	}}
	var gaveUp atomic.Bool
	dialer.ControlContext = func(ctx context.Context, network, _ string, _ syscall.RawConn) error {
		if network == "tcp6" {
			<-ctx.Done()
			gaveUp.Store(true)
			return ctx.Err()
		}
		if gaveUp.Load() {
			t.Error("IPv4 was tried only after IPv6 gave up")
		}
		return nil
	}
	sim, err := signicattest.Start(signicattest.Config{TLS: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sim.Close)
	_, port, err := net.SplitHostPort(sim.URL[len("https://"):])
	if err != nil {
		t.Fatal(err)
	}
	client := connect(t, "https://localhost:"+port, func(config *signicat.Config) {
		config.ClientID, config.ClientSecret = signicattest.DefaultClientID, signicattest.DefaultClientSecret
		config.RootCAs = sim.RootCAs()
		config.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, net.JoinHostPort("signicat.example.", port))
		}
	})
	if err := client.CheckCredentials(t.Context()); err != nil {
		t.Error(err)
	}
}

// answerNames answers one query, in the form of DNS over TCP (RFC 1035 section 4.2.2), with the loopback address of the
// family that it asks for.
func answerNames(conn net.Conn) {
	defer conn.Close()
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return
	}
	query := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(conn, query); err != nil {
		return
	}
	var message dnsmessage.Message
	if err := message.Unpack(query); err != nil || len(message.Questions) != 1 {
		return
	}
	question := message.Questions[0]
	message.Response, message.Additionals = true, nil
	resource := dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: question.Name, Class: question.Class, TTL: 60}}
	switch question.Type {
	case dnsmessage.TypeA:
		resource.Body = &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}}
	case dnsmessage.TypeAAAA:
		resource.Body = &dnsmessage.AAAAResource{AAAA: [16]byte(net.IPv6loopback)}
	default:
		return
	}
	message.Answers = []dnsmessage.Resource{resource}
	if answer, err := message.Pack(); err == nil {
		_, _ = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...))
	}
}
