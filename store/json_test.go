package store

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
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
		Kind:                    Kind(rapid.Uint8Range(0, 2).Draw(t, "kind")),
		Phase:                   Phase(rapid.Uint8Range(0, uint8(Failed)).Draw(t, "phase")),
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
		Unknown:                 Members(rapid.SampledFrom([]string{"", `{"later":1}`, `{"a":[{}],"b":"&"}`}).Draw(t, "unknown")),
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

// TestNamesAreTheFormat: another release reads these names and forms. A change of them needs a word in
// Needs, or members beside.
func TestNamesAreTheFormat(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 19, 8, 0, 0, 120_000_000, time.FixedZone("", 3600))
	r := &Record{
		ID: "id", Version: 7, Kind: Browser, Phase: Validating, Client: "192.0.2.1", SignicatID: "s", AuthorizationRequestURL: "https://a/?b=c&d=e",
		Challenge: "c", CookieHash: Bytes32{1}, CreatedAt: at, Fence: 1 << 63, Subject: "Zoë", Unknown: `{"later":{"a":1}}`,
	}
	const record = `{"kind":"browser","phase":"validating","client":"192.0.2.1",` +
		`"authorization_request_url":"https://a/?b=c&d=e","signicat_session_id":"s","code_challenge":"c",` +
		`"cookie_hash":"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","created_at":"2026-03-19T07:00:00.12Z",` +
		`"fence":9223372036854775808,"subject":"Zoë","later":{"a":1}}`
	if got, err := Encode(r); string(got) != record || err != nil {
		t.Errorf("the record is\n%s, %v, want\n%s", got, err, record)
	}
	f := &Family{ID: "id", Version: 7, Secret: Bytes32{1}, Serial: 2, AnsweredAt: at, Kind: App, ACR: "high", Claims: `{"name":"n"}`}
	const family = `{"secret":"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","serial":2,"answered_at":"2026-03-19T07:00:00.12Z",` +
		`"kind":"app","acr":"high","claims":"{\"name\":\"n\"}"}`
	if got, err := EncodeFamily(f); string(got) != family || err != nil {
		t.Errorf("the family is\n%s, %v, want\n%s", got, err, family)
	}
}

// TestBoundLoginNeedsThisRelease: an older release, or one before a key was a part of a login, would give the login to a
// client without the key.
func TestBoundLoginNeedsThisRelease(t *testing.T) {
	t.Parallel()
	r, f := &Record{ID: "id"}, &Family{ID: "id"}
	for range 2 {
		r.BindKey("thumbprint")
		f.BindKey("thumbprint")
	}
	const want = `{"dpop_jkt":"thumbprint","needs":"dpop"}`
	if got, err := Encode(r); string(got) != want || err != nil {
		t.Errorf("the record is %s, %v, want %s", got, err, want)
	}
	if got, err := EncodeFamily(f); string(got) != want || err != nil {
		t.Errorf("the family is %s, %v, want %s", got, err, want)
	}
	r.Needs = "later"
	if r.BindKey("other"); r.Needs != "later dpop" {
		t.Errorf("the needs are %q", r.Needs)
	}
	if got, err := Decode([]byte(want)); err != nil || got.KeyThumbprint != "thumbprint" {
		t.Errorf("this release reads %v, %v", got, err)
	}
}

// TestNamesAreTheirOwn: encoding/json takes the member Token for token.
func TestNamesAreTheirOwn(t *testing.T) {
	t.Parallel()
	for _, kind := range []reflect.Type{reflect.TypeFor[Record](), reflect.TypeFor[Family]()} {
		for field := range kind.Fields() {
			name, option, _ := strings.Cut(field.Tag.Get("json"), ",")
			if name == "" || name != strings.ToLower(name) || name != "-" && option != "omitzero" {
				t.Errorf("%v.%s has the tag %q", kind, field.Name, field.Tag.Get("json"))
			}
		}
	}
}

// TestEveryTimeIsInUTC: a time with a zone that another replica does not know would be another one there.
func TestEveryTimeIsInUTC(t *testing.T) {
	t.Parallel()
	r, f := new(Record), new(Family)
	for _, row := range []struct {
		value any
		times []*time.Time
		want  int
	}{{r, r.times(), 10}, {f, f.times(), 6 + CountedRepeats}} {
		listed := make(map[*time.Time]bool)
		for _, at := range row.times {
			listed[at] = true
		}
		if len(listed) != row.want {
			t.Errorf("%T lists %d times, want %d", row.value, len(listed), row.want)
		}
		v := reflect.ValueOf(row.value).Elem()
		for i := range v.NumField() {
			at, ok := v.Field(i).Addr().Interface().(*time.Time)
			if ok && !listed[at] && v.Type().Field(i).Tag.Get("json") != "-" {
				t.Errorf("%T does not list %s", row.value, v.Type().Field(i).Name)
			}
		}
	}
}

// TestWhatIsNoRecordIsRefused: half a record must not pass for one with less in it.
func TestWhatIsNoRecordIsRefused(t *testing.T) {
	t.Parallel()
	whole, err := Encode(&Record{ID: "x", Kind: App, Client: "192.0.2.1", CodeHash: Bytes32{1}, ExpiresAt: time.Unix(1, 0), Subject: "s"})
	if err != nil {
		t.Fatal(err)
	}
	refused := []string{
		string(whole) + "x", string(whole) + string(whole), "null", "[]", `"x"`, "\x03binary",
		`{"kind":"tablet"}`, `{"kind":1}`, `{"phase":"pending "}`, `{"phase":"unknown"}`, `{"fence":-1}`, `{"fence":1.5}`, `{"needs":["x"]}`,
		`{"expires_at":"tomorrow"}`, `{"expires_at":1700000000}`, `{"expires_at":"0000-01-01T00:00:00+01:00"}`,
		`{"code_hash":""}`, `{"code_hash":"AQ"}`, `{"code_hash":"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB"}`, `{"later":1,"kind":"tablet"}`,
	}
	for n := range len(whole) {
		refused = append(refused, string(whole[:n]))
	}
	for _, data := range refused {
		if r, err := Decode([]byte(data)); !errors.Is(err, errCorrupt) || r != nil {
			t.Errorf("decoding %q: %v, want %v", data, err, errCorrupt)
		}
	}
	for _, data := range []string{"null", `{}x`, `{"kind":"tablet"}`, `{"secret":"AQ"}`, `{"expires_at":"0000-01-01T00:00:00+01:00"}`} {
		if f, err := DecodeFamily([]byte(data)); !errors.Is(err, errCorrupt) || f != nil {
			t.Errorf("decoding the family %q: %v, want %v", data, err, errCorrupt)
		}
	}
}

// TestNewerIsRefused: a record that needs what this release does not know is not read, whatever its
// other members are.
func TestNewerIsRefused(t *testing.T) {
	t.Parallel()
	for _, data := range []string{
		`{"needs":"later"}`, `{"\u006eeeds":"later"}`, `{"kind":"tablet","needs":"  later"}`, `{"needs":"later","phase":["a"],"more":1}`,
	} {
		r, err := Decode([]byte(data))
		if !errors.Is(err, ErrNewer) || !errors.Is(err, ErrUnavailable) || errors.Is(err, errCorrupt) || r != nil {
			t.Errorf("decoding the record %s: %v, %v", data, r, err)
		}
		f, err := DecodeFamily([]byte(data))
		if !errors.Is(err, ErrNewer) || !errors.Is(err, ErrUnavailable) || errors.Is(err, errCorrupt) || f != nil {
			t.Errorf("decoding the family %s: %v, %v", data, f, err)
		}
	}
	for _, data := range []string{`{}`, `{"needs":""}`, `{"needs":" "}`, `{"later":"needs"}`, `{"reason":"\"needs\":\"x\""}`} {
		if _, err := Decode([]byte(data)); err != nil {
			t.Errorf("decoding %s: %v", data, err)
		}
	}
}

// TestUnknownIsWhatItWas: of the members of a newer release, none is lost, and none of ours is twice.
func TestUnknownIsWhatItWas(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]struct {
		unknown Members
		written string
	}{
		`{"kind":"app","later":{"b": 1,"a":[2]},"z":"&"}`: {`{"later":{"b":1,"a":[2]},"z":"&"}`, `{"kind":"app","later":{"b":1,"a":[2]},"z":"&"}`},
		`{"later":1}`:           {`{"later":1}`, `{"later":1}`},
		`{"Kind":"app"}`:        {"", `{"kind":"app"}`},
		`{"Kind":"app","x":""}`: {`{"x":""}`, `{"kind":"app","x":""}`},
		` { } `:                 {"", `{}`},
	} {
		r, err := Decode([]byte(data))
		if err != nil {
			t.Errorf("decoding %s: %v", data, err)
			continue
		}
		r.ID = "x"
		if written, err := Encode(r); r.Unknown != want.unknown || string(written) != want.written || err != nil {
			t.Errorf("%s has unknown %s and becomes %s, %v", data, r.Unknown, written, err)
		}
	}
}

// growth bounds what JSON may grow by when it is written again: U+2028, of three bytes, is written in six.
const growth = 3

// FuzzDecode: what decodes at all is a record that is kept as it is, and takes hardly more than it was
// written in: a store that an attacker writes to cannot fill the memory.
func FuzzDecode(f *testing.F) {
	whole, err := encode(&Record{Phase: Issued, Token: "t", CookieHash: Bytes32{1}, ExpiresAt: time.Unix(1, 1), Fence: 1, Unknown: `{"later":1}`})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"{}", string(whole), `{"needs":"x"}`, `{"Kind":"app","later":"\u2028&"}`, "{\"reason\":\"\xff\"}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data string) {
		r, err := Decode([]byte(data))
		if err != nil {
			return
		}
		if _, err := Decode([]byte(data + "{}")); !errors.Is(err, errCorrupt) {
			t.Errorf("with an object behind it: %v", err)
		}
		written, err := encode(r)
		if err != nil {
			t.Fatalf("encoding what was decoded: %v", err)
		}
		again, err := Decode(written)
		if err != nil {
			t.Fatalf("decoding what was encoded: %v", err)
		}
		if diff := cmp.Diff(r, again); diff != "" {
			t.Errorf("record changed (-first +second):\n%s", diff)
		}
		size := len(written)
		if size > growth*len(data) {
			t.Errorf("%d bytes became %d", len(data), size)
		}
		r.ID = "x"
		fits := len(r.Token) <= MaxTokenSize && size-len(r.Token) <= MaxRecordSize
		if _, err := Encode(r); (err == nil) != fits {
			t.Errorf("a record of %d bytes, a token of %d: %v", size, len(r.Token), err)
		}
	})
}

// FuzzDecodeFamily: what decodes at all is a family that is kept as it is, whole.
func FuzzDecodeFamily(f *testing.F) {
	whole, err := EncodeFamily(&Family{
		ID: "x", Secret: [32]byte{1}, Serial: 7, Token: "t", AnsweredAt: time.Unix(1, 0), Kind: Browser, Subject: "s", ACR: "high", AuthTime: time.Unix(2, 0), Claims: `{"name":"n"}`,
		CreatedAt: time.Unix(3, 0), ExpiresAt: time.Unix(4, 0), Unknown: `{"later":1}`,
	})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range [][]byte{whole, whole[:len(whole)-1], append(whole, 0), []byte("{}"), {1}, {}, []byte(`{"needs":"x"}`)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		family, err := DecodeFamily(data)
		if err != nil {
			if family != nil || !errors.Is(err, errCorrupt) && !errors.Is(err, ErrNewer) {
				t.Errorf("got %v and %v", family, err)
			}
			return
		}
		if _, err := DecodeFamily(append(bytes.Clone(data), "{}"...)); !errors.Is(err, errCorrupt) {
			t.Errorf("with an object behind it: %v", err)
		}
		family.ID = "x"
		written, err := EncodeFamily(family)
		if growth*len(data) <= MaxFamilySize && (err != nil || len(written) > growth*len(data)+len(`"repeated_at":[]`)+CountedRepeats*len(`"0001-01-01T00:00:00Z",`)) {
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
			if _, err := DecodeFamily(written[:n]); !errors.Is(err, errCorrupt) {
				t.Fatalf("%d of %d bytes: %v", n, len(written), err)
			}
		}
	})
}
