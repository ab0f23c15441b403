//go:build measure

package waiting_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/store/storetest"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// served is a gateway on plain net/http in a process of its own. It reads commands on its standard input, and answers
// each line with a line of JSON.
type served struct {
	ahead atomic.Int64 // of the real clock
	store *store.Memory
	next  int // record
}

// measured is an answer of the process.
type measured struct {
	Address, Token, Session string
	Pending                 int
	Heap                    int64 // bytes
	SweptIn                 time.Duration
}

const publicURL = "http://127.0.0.1"

// serveGateway is the program. It ends with its standard input.
func serveGateway() {
	s := new(served)
	s.store = store.NewMemory(s.now)
	answers := json.NewEncoder(os.Stdout)
	_ = answers.Encode(s.serve())
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		command, number, _ := strings.Cut(lines.Text(), " ")
		_ = answers.Encode(s.do(command, must(strconv.Atoi(number))))
	}
}

func (s *served) now() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) }

// do runs one command.
func (s *served) do(command string, n int) measured {
	var answer measured
	switch command {
	case "fill":
		s.fill(n)
		answer.Heap = heap()
	case "expire": // n minutes pass at once
		s.ahead.Add(int64(n) * int64(time.Minute))
		var began time.Time
		for before := s.pending(); s.pending() > 0; <-time.After(5 * time.Millisecond) { // seldom: it takes the store's lock
			if began.IsZero() && s.pending() < before {
				began = time.Now()
			}
		}
		answer.SweptIn = time.Since(began)
	case "pass":
		s.ahead.Add(int64(n) * int64(time.Minute))
	default:
		panic("unknown command " + command)
	}
	answer.Pending = s.pending()
	return answer
}

func (s *served) pending() int { return must(s.store.Len(context.Background())) }

// fill starts logins, with values as random as real ones, each of a client of its own.
func (s *served) fill(n int) {
	for range n {
		s.next++
		sum := sha256.Sum256(binary.AppendUvarint(nil, uint64(s.next)))
		id := base64.RawURLEncoding.EncodeToString(sum[:])
		r := storetest.NewRecord(id, netip.AddrFrom4([4]byte(sum[:4])).String(), s.now())
		r.SignicatID = fmt.Sprintf("%x", sum[:16])
		r.TransactionID = fmt.Sprintf("%x", sum[16:])
		r.Challenge = id[1:] + "x"
		must(s.store.Create(context.Background(), r, store.Bounds{Total: n, PerClient: 1}))
	}
}

// heap returns the live heap, after a collection.
func heap() int64 {
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// serve starts the gateway in front of an upstream that answers 204, and issues a token.
func (s *served) serve() measured {
	inForce := new(token.Keys)
	inForce.Set(must(token.NewKeySet(must(token.GenerateKey(token.ES256)))))
	g := must(gateway.New(gateway.Config{
		PublicURL:  publicURL,
		Signicat:   signicat.Config{ClientID: "id", ClientSecret: "secret", APIURL: "http://127.0.0.1:1"},
		Attributes: []string{"name"},
		Store:      s.store,
		Keys:       inForce,
	}))
	site := must(g.NewSite(gateway.SiteConfig{}))
	authority := must(token.NewAuthority(token.Config{
		Issuer: publicURL, Audience: []string{publicURL}, ClientID: "127.0.0.1", SessionAudience: publicURL + "/itsme",
		Lifetime: time.Hour, SessionLifetime: time.Hour, Now: time.Now,
	}, inForce))
	bearer, _, err := authority.IssueAccess(token.Claims{Subject: "measured", AuthTime: time.Now(), ACR: "substantial"})
	if err != nil {
		panic(err)
	}
	l := must(net.Listen("tcp", "127.0.0.1:0"))
	upstream := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	go func() { panic(http.Serve(l, site.Handler(upstream))) }()
	return measured{Address: l.Addr().String(), Token: bearer, Session: s.ended()}
}

// ended keeps a login that ended: a poll of its status reads nothing at Signicat. It outlives the others.
func (s *served) ended() (id string) {
	r := storetest.NewRecord(strings.Repeat("e", 43), "measured", s.now())
	r.Phase, r.EndedAt = store.Cancelled, s.now().Add(1000*time.Hour)
	must(s.store.Create(context.Background(), r, store.Bounds{Total: 1, PerClient: 1}))
	return r.ID
}

// must panics on an error that cannot happen here.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
