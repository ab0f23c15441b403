package caddymodule

import "testing"

func TestKeysAreKeptForOneSignicat(t *testing.T) {
	t.Parallel()
	live := lastingKey{gateway: "lasting", apiURL: "https://api.signicat.com"}
	simulator := lastingKey{gateway: "lasting", apiURL: "http://127.0.0.1:1"}
	first := live.keep()
	if live.keep() != first {
		t.Error("a reload forgets")
	}
	if simulator.keep() == first {
		t.Error("a gateway at a simulator shares keys with one at Signicat")
	}
	for _, key := range []lastingKey{live, live, simulator} {
		if err := key.release(); err != nil {
			t.Error(err)
		}
	}
	if live.keep() == first {
		t.Error("what nobody uses is kept")
	}
	if err := live.release(); err != nil {
		t.Error(err)
	}
}
