package codec

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	common "go.temporal.io/api/common/v1"
	"google.golang.org/protobuf/encoding/protojson"
)

const allowed = "http://127.0.0.1:8233"

func serve(t *testing.T, keys Keys) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(NewServer(keys, []string{allowed}).Handler)
	t.Cleanup(s.Close)
	return s
}

// ask sends a request of a page of that origin.
func ask(t *testing.T, method, url, origin, body string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if origin != "" {
		r.Header.Set("Origin", origin)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(answer)
}

func sealedJSON(t *testing.T, keys Keys) string {
	t.Helper()
	sealed, err := keys.Encode([]*common.Payload{{Metadata: map[string][]byte{"encoding": []byte("json/plain")}, Data: []byte(`"secret"`)}})
	if err != nil {
		t.Fatal(err)
	}
	body, err := protojson.Marshal(&common.Payloads{Payloads: sealed})
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestTheServerDecryptsWhatItEncrypted(t *testing.T) {
	keys := parse(t, text(1))
	s := serve(t, keys)
	body := sealedJSON(t, keys)
	for _, origin := range []string{"", allowed} {
		resp, answer := ask(t, http.MethodPost, s.URL+"/decode", origin, body)
		var got common.Payloads
		if err := protojson.Unmarshal([]byte(answer), &got); err != nil {
			t.Fatalf("%v: %s", err, answer)
		}
		if resp.StatusCode != http.StatusOK || string(got.GetPayloads()[0].GetData()) != `"secret"` || resp.Header.Get("Access-Control-Allow-Origin") != origin {
			t.Errorf("%s: %s %v", resp.Status, answer, resp.Header)
		}
		resp, answer = ask(t, http.MethodPost, s.URL+"/encode", origin, answer)
		if resp.StatusCode != http.StatusOK || !strings.Contains(answer, "encryption-key-id") {
			t.Errorf("%s: %s", resp.Status, answer)
		}
	}
}

func TestWhatTheServerRefuses(t *testing.T) {
	keys := parse(t, text(1))
	s := serve(t, keys)
	body := sealedJSON(t, keys)
	for name, c := range map[string]struct {
		method, path, origin, body string
		status                     int
		said                       string
	}{
		"a page of another site":     {"POST", "/decode", "https://evil.example", body, 403, "pages of https://evil.example may not ask (--cors-origin"},
		"a page of no origin":        {"POST", "/decode", "null", body, 403, "pages of null may not ask"},
		"its question before that":   {"OPTIONS", "/decode", "https://evil.example", "", 403, "may not ask"},
		"an origin like the allowed": {"POST", "/decode", allowed + ".evil.example", body, 403, "may not ask"},
		"another method":             {"GET", "/decode", "", "", 405, ""},
		"another path":               {"POST", "/keys", "", "", 404, ""},
		"no JSON":                    {"POST", "/decode", "", "no JSON", 400, ""},
		"a request too large":        {"POST", "/decode", "", strings.Repeat(" ", MaxRequest+1), 413, "a request may have 16777216 bytes"},
		"another's key":              {"POST", "/decode", "", sealedJSON(t, parse(t, text(2))), 400, "it is encrypted with key "},
	} {
		t.Run(name, func(t *testing.T) {
			resp, answer := ask(t, c.method, s.URL+c.path, c.origin, c.body)
			if resp.StatusCode != c.status || !strings.Contains(answer, c.said) || strings.Contains(answer, "secret") {
				t.Errorf("%s: %s", resp.Status, answer)
			}
			if resp.Header.Get("Access-Control-Allow-Origin") != "" {
				t.Error("the page may read the answer")
			}
		})
	}
	if resp, answer := ask(t, http.MethodPost, s.URL+"/decode", "", strings.Repeat(" ", MaxRequest-2)+"{}"); resp.StatusCode != http.StatusOK {
		t.Errorf("the largest request: %s: %s", resp.Status, answer)
	}
}

func TestABrowserIsToldThatAPageMayAsk(t *testing.T) {
	resp, _ := ask(t, http.MethodOptions, serve(t, parse(t, text(1))).URL+"/decode", allowed, "")
	h := resp.Header
	if resp.StatusCode != http.StatusNoContent || h.Get("Access-Control-Allow-Origin") != allowed || h.Get("Access-Control-Allow-Methods") != "POST" ||
		!strings.Contains(strings.ToLower(h.Get("Access-Control-Allow-Headers")), "x-namespace") || h.Get("Vary") != "Origin" {
		t.Errorf("%s: %v", resp.Status, h)
	}
}

func TestOrigins(t *testing.T) {
	for text, good := range map[string]bool{
		allowed: true, "https://cloud.temporal.io": true, "http://[::1]:8233": true,
		"": false, "*": false, "null": false, "cloud.temporal.io": false, "https://cloud.temporal.io/": false, "https://user@cloud.temporal.io": false, "ftp://x": false, "http://": false, "http://x?y": false,
	} {
		if err := Origin(text); (err == nil) != good {
			t.Errorf("%q: %v", text, err)
		}
	}
}
