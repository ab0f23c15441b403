package doctor

import (
	"testing"

	"github.com/caddy-itsme/caddy-itsme/keyring"
)

// TestOfflineDoctorLeavesStorageElsewhereAlone has storage that would fail the test if it were asked.
func TestOfflineDoctorLeavesStorageElsewhereAlone(t *testing.T) {
	t.Parallel()
	d := &doctor{offline: true} // the storage is not local
	for name, got := range map[string][]Finding{
		"storage": d.checkStorage(t.Context()), "keys": d.checkKeys(t.Context(), &Gateway{Keys: new(keyring.Keyring)}),
	} {
		if len(got) != 1 || got[0].Name != leftOut {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestOldRedisIsFound(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]bool{"5": true, "6": false, "7": false, "": false, "255": false, "x": false} {
		if older(version, minRedis) != want {
			t.Errorf("%q: %t", version, !want)
		}
	}
}
