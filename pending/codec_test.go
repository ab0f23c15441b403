package pending

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// anyRecord draws a record as a caller might store it.
func anyRecord(t *rapid.T) *Record {
	text := func(name string) string { return rapid.StringN(0, 40, 200).Draw(t, name) }
	instant := func(name string) time.Time {
		if rapid.Bool().Draw(t, name+" is zero") {
			return time.Time{}
		}
		return time.Unix(rapid.Int64Range(1, 1<<32).Draw(t, name), rapid.Int64Range(0, 999_999_999).Draw(t, name)).UTC()
	}
	r := &Record{
		ID:                      "x" + text("ID"),
		Kind:                    Kind(rapid.Uint8().Draw(t, "kind")),
		Phase:                   Phase(rapid.Uint8().Draw(t, "phase")),
		Client:                  text("client"),
		RedirectURL:             text("redirect URL"),
		AuthorizationRequestURL: rapid.SampledFrom([]string{"", "https://idp/?a=b&state=", "&state=&state="}).Draw(t, "start") + text("link"),
		AccountID:               text("account ID"),
		CreatedAt:               instant("created"),
		ExpiresAt:               instant("expires"),
		LeaseUntil:              instant("lease"),
		Fence:                   rapid.Uint64().Draw(t, "fence"),
		Token:                   text("token"),
		Subject:                 text("subject"),
	}
	r.CodeHash[31] = rapid.Byte().Draw(t, "code hash")
	return r
}

func TestPackedRecordIsTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := anyRecord(t)
		p, err := pack(r)
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.unpack()
		if err != nil {
			t.Fatal(err)
		}
		got.ID = r.ID // the store's key
		if diff := cmp.Diff(r, got); diff != "" {
			t.Errorf("unpacked record differs (-packed +unpacked):\n%s", diff)
		}
	})
}

func TestTruncatedRecordIsRefused(t *testing.T) {
	t.Parallel()
	whole := string(encode(&Record{Kind: App, Client: "192.0.2.1", CodeHash: [32]byte{1}, ExpiresAt: time.Unix(1, 0), Subject: "s"}))
	for n := range len(whole) {
		if _, err := decode(whole[:n]); !errors.Is(err, ErrCorrupt) {
			t.Errorf("decoding %d of %d bytes: %v, want %v", n, len(whole), err, ErrCorrupt)
		}
	}
	for name, data := range map[string]string{
		"one byte more":   whole + "\x00",
		"another version": "\x01" + whole[1:],
	} {
		if _, err := decode(data); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v, want %v", name, err, ErrCorrupt)
		}
	}
}

// FuzzDecode: what decodes at all is a record that is kept as it is, and takes no more than it was
// written in: a store that somebody else writes to cannot fill the memory.
func FuzzDecode(f *testing.F) {
	f.Add(string(encode(&Record{})))
	f.Add(string(encode(&Record{Phase: Issued, Token: "t", CookieHash: [32]byte{1}, ExpiresAt: time.Unix(1, 1), Fence: 1})))
	f.Add("\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")
	f.Fuzz(func(t *testing.T, data string) {
		r, err := decode(data)
		if err != nil {
			return
		}
		again, err := decode(string(encode(r)))
		if err != nil {
			t.Fatalf("decoding what was encoded: %v", err)
		}
		if diff := cmp.Diff(r, again); diff != "" {
			t.Errorf("record changed (-first +second):\n%s", diff)
		}
		size := len(encode(r))
		if size > len(data) {
			t.Errorf("%d bytes became %d", len(data), size)
		}
		r.ID = "x"
		fits := len(r.Token) <= MaxTokenSize && size-len(r.Token) <= MaxSize
		if _, err := Encode(r); (err == nil) != fits {
			t.Errorf("a record of %d bytes, a token of %d: %v", size, len(r.Token), err)
		}
	})
}

// FuzzDecodeFamily: what decodes at all is a family that is kept as it is, whole.
func FuzzDecodeFamily(f *testing.F) {
	whole, err := EncodeFamily(&Family{
		ID: "x", Secret: [32]byte{1}, Serial: 7, Token: "t", AnsweredAt: time.Unix(1, 0), Kind: Browser, Subject: "s", ACR: "high", AuthTime: time.Unix(2, 0), Claims: `{"name":"n"}`,
		CreatedAt: time.Unix(3, 0), ExpiresAt: time.Unix(4, 0),
	})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range [][]byte{whole, whole[:len(whole)-1], append(whole, 0), {codecVersion}, {1}, {}, {codecVersion, 1, 2, 3}} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		family, err := DecodeFamily(data)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) || family != nil {
				t.Errorf("got %v and %v", family, err)
			}
			return
		}
		family.ID = "x"
		written, err := EncodeFamily(family)
		if len(data) <= MaxFamilySize && (err != nil || len(written) > len(data)) {
			t.Fatalf("%d bytes became %d: %v", len(data), len(written), err)
		}
		if err != nil {
			return
		}
		again, err := DecodeFamily(written)
		if err != nil {
			t.Fatalf("decoding what was encoded: %v", err)
		}
		again.ID = "x"
		if diff := cmp.Diff(family, again); diff != "" {
			t.Errorf("family changed (-first +second):\n%s", diff)
		}
		for n := range written {
			if _, err := DecodeFamily(written[:n]); !errors.Is(err, ErrCorrupt) {
				t.Fatalf("%d of %d bytes: %v", n, len(written), err)
			}
		}
	})
}
