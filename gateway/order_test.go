package gateway

import (
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/pending"
	"github.com/caddy-itsme/caddy-itsme/signicat"
)

// replica is as much of a gateway as learns and tells the order.
func replica(t *testing.T, store pending.Store, apiURL string) *Gateway {
	t.Helper()
	return &Gateway{
		store:  store,
		config: Config{Signicat: signicat.Config{APIURL: apiURL}, Order: new(Order)}.WithDefaults(),
	}
}

func TestReplicasTellEachOtherTheOrder(t *testing.T) {
	t.Parallel()
	store := pending.NewMemory(time.Now)
	defer store.Close()
	ctx := t.Context()
	first, second := replica(t, store, "https://api.example.be"), replica(t, store, "https://api.example.be")
	second.recallOrder(ctx)
	if second.config.Order.known() {
		t.Fatal("the order is known before anybody saw it")
	}
	first.proveOrder(ctx)
	second.recallOrder(ctx)
	if !second.config.Order.conclusive() {
		t.Error("the second replica does not know what the first one proved")
	}
	first.disproveOrder(ctx)
	third := replica(t, store, "https://api.example.be")
	third.recallOrder(ctx)
	if !third.config.Order.known() || third.config.Order.conclusive() {
		t.Error("the third replica trusts an order that was disproved")
	}
	other := replica(t, store, "http://127.0.0.1:1")
	other.recallOrder(ctx)
	if other.config.Order.known() {
		t.Error("what one Signicat does is believed of another")
	}
}

// The memory of one disproof outweighs every proof: what proved the order may have been chance.
func TestDisprovedOrderStaysDisproved(t *testing.T) {
	t.Parallel()
	var o Order
	o.prove()
	o.disprove()
	o.prove()
	if o.conclusive() || !o.known() {
		t.Error("the order is trusted again")
	}
}
