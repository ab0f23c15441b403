package caddymodule

import "testing"

func TestWhatWasLearnedIsKeptForOneSignicat(t *testing.T) {
	t.Parallel()
	live := lastingKey{gateway: "lasting", apiURL: "https://api.signicat.com"}
	simulator := lastingKey{gateway: "lasting", apiURL: "http://127.0.0.1:1"}
	first := live.keep()
	if again := live.keep(); again != first || again.instance != first.instance || first.instance == "" {
		t.Error("a reload forgets")
	}
	if simulator.keep() == first {
		t.Error("what a simulator showed is taken for Signicat's")
	}
	for _, key := range []lastingKey{live, live, simulator} {
		if err := key.release(); err != nil {
			t.Error(err)
		}
	}
	if later := live.keep(); later == first || later.instance == first.instance {
		t.Error("what nobody uses is kept")
	}
	if err := live.release(); err != nil {
		t.Error(err)
	}
}
