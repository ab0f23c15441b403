package caddymodule_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/caddytest"
)

// redisWith is a configuration whose store redis has those lines.
func redisWith(lines string) string {
	return "{\nitsme {\npublic_url https://app.example.be\nsignicat {\nclient_id x\nclient_secret y\n}\nattributes name\n" +
		lines + "\n}\n}\nhttp://app.example.be {\nitsme\nrespond ok\n}\n"
}

// TestRedisPasswordIsNotShown puts a password into addresses that do not parse, wherever an operator may
// put one: in a Caddyfile, in JSON, in the environment. No error and no line of the log shows it.
func TestRedisPasswordIsNotShown(t *testing.T) {
	const secret = "secret 0123456789abcdef0123456789abcdef\n"
	t.Setenv("ITSME_TEST_REDIS", "redis://gateway:hunter2@10.0.0.1:port")
	caddyfiles := map[string]string{
		"from the environment":  "store redis {\naddress {env.ITSME_TEST_REDIS}\n" + secret + "}",
		"with braces in it":     "store redis {\naddress redis://gateway:{hunter2}@10.0.0.1\n" + secret + "}",
		"as the file of tls":    "store redis {\naddress 10.0.0.1:6379\ntls redis://gateway:hunter2@10.0.0.1\n" + secret + "}",
		"as a certificate":      "store redis {\naddress 10.0.0.1:6379\ntls {\ncertificate redis://gateway:hunter2@10.0.0.1 key.pem\n}\n" + secret + "}",
		"on the line of prefix": "store redis {\nprefix {redis://gateway:hunter2@10.0.0.1}\n" + secret + "}",
	}
	for _, address := range []string{
		"hunter2", "gateway:hunter2@10.0.0.1:6379", "redis://gateway:hunter2@10.0.0.1:port", "redis://gateway:hunter2@10.0.0.1/one",
		"redis://gateway:%zzhunter2@10.0.0.1", "http://gateway:hunter2@10.0.0.1", "unix://gateway:hunter2@host/run/redis.sock",
		`"redis://gateway:hunter2@10.0.0.1 "`, "redis://gateway:hunter2@10.0.0.1:6379,10.0.0.2:6379", "redis://gateway:hunter2@",
	} {
		caddyfiles["address "+address] = "store redis {\naddress " + address + "\n" + secret + "}"
		if strings.ContainsAny(address, ":/") {
			for _, name := range []string{"", "database ", "timeout ", "staleness ", "sentinel mymaster ", "tls a.pem ", "secret x "} {
				caddyfiles[name+address] = "store redis {\n" + name + address + "\n}"
			}
			caddyfiles["block behind "+address] = "store redis {\naddress " + address + " {\nuser x\n}\n}"
			caddyfiles["store redis "+address] = "store redis " + address
			caddyfiles["store "+address] = "store " + address
		}
	}
	for name, lines := range caddyfiles {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			config, err := caddytest.Adapt(redisWith(lines))
			if err == nil {
				err = caddytest.Validate(config, dir)
			}
			wantNoPassword(t, dir, err)
		})
	}
}

// TestRedisPasswordIsNotShownByJSON does so where operators write JSON.
func TestRedisPasswordIsNotShownByJSON(t *testing.T) {
	const address = "redis://gateway:hunter2@10.0.0.1:6379"
	for i, store := range []string{
		`{"module":"redis","address":"%s"}`, `{"module":"redis","address":{"%s":1}}`, `{"module":"redis","%s":1}`,
		`{"module":"%s"}`, `{"module":"redis","tls":"%s"}`, `{"module":"redis","tls":{"%s":{}}}`, `{"module":"redis","sentinel":{"%s":1}}`,
		`{"module":"redis","timeout":"%s"}`, `{"module":"redis","staleness":"%sd"}`, `{"module":"redis","database":"%s"}`, `{"module":"redis","address":["%s",1]}`, `"%s"`, `["%s"]`,
		`{"module":"redis","address":["10.0.0.1:6379","%s:1"]}`, `{"module":"redis","tls":{"ca":"%s"}}`,
	} {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			dir := t.TempDir()
			gateway := `{"public_url":"https://app.example.be","signicat":{"client_id":"x","client_secret":"y"},"attributes":["name"],"store":%s}`
			config := fmt.Sprintf(`{"apps":{"itsme":{"gateways":{"default":%s}}}}`, fmt.Sprintf(gateway, fmt.Sprintf(store, address)))
			wantNoPassword(t, dir, caddytest.Validate([]byte(config), dir))
		})
	}
}

func wantNoPassword(t *testing.T, dir string, err error) {
	t.Helper()
	if err == nil {
		t.Fatal("the configuration is accepted")
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the error is %q", err)
	}
	if strings.Contains(err.Error(), "default log") {
		t.Errorf("the configuration does not come to the store: %v", err)
	}
	if log, _ := os.ReadFile(filepath.Join(dir, "caddy.log")); strings.Contains(string(log), "hunter2") {
		t.Errorf("the log is\n%s", log)
	}
}
