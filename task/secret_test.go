package task

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/longhaul/longhaul/job"
)

const secretVariable = "LONGHAUL_TEST_SECRET"

func TestASecretIsTheWorkersVariable(t *testing.T) {
	for given, want := range map[string]string{secretVariable: "s3 cret", "Bearer " + secretVariable: "Bearer s3 cret", "A B  " + secretVariable: "A B  s3 cret"} {
		t.Setenv(secretVariable, "s3 cret")
		made := requesting(t, arguments{"headerEnv": map[string]string{"authorization": given}}, func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, r.Header.Get("Authorization"))
		})
		if err := made.(interface{ Check() error }).Check(); err != nil {
			t.Fatal(err)
		}
		t.Setenv(secretVariable, "changed") // it is taken once
		r, err := do(t.Context(), made, "x")
		wantValue(t, r, err, want)
	}
}

func TestAMissingSecretIsRefusedByName(t *testing.T) {
	for name, c := range map[string]struct{ value, want string }{
		"not set":       {"", "is not set on this worker, or empty"},
		"two lines":     {"hush\nhush", "contains a line break, which no header can"},
		"a last line":   {"hush\n", "contains a line break, which no header can"},
		"a NUL or such": {"hush\x01", "contains a control character, which no header can"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(secretVariable, c.value)
			made := requesting(t, arguments{"headerEnv": map[string]string{"X": "Bearer " + secretVariable}}, func(http.ResponseWriter, *http.Request) { t.Error("it was sent") })
			want := "spec: task http: headerEnv: X: the environment variable " + secretVariable + " " + c.want + " (set it where every worker is started; the same command goes on)"
			if err := made.(interface{ Check() error }).Check(); err == nil || err.Error() != want || job.KindOf(err) != job.InvalidSpec {
				t.Errorf("got  %v\nwant %s", err, want)
			}
			_, err := do(t.Context(), made, "x")
			wantFailure(t, err, Permanent, want)
		})
	}
}

// TestNoErrorTellsASecret, however the far side quotes it.
func TestNoErrorTellsASecret(t *testing.T) {
	const secret = `s3cr<t"/ é+%`
	quoted, err := json.Marshal(secret)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(secretVariable, secret)
	spaces := strings.Repeat(" ", maxErrorBody-3)
	for name, answer := range map[string]http.HandlerFunc{
		"in a body":         status(401, "bad token "+secret),
		"in JSON":           status(403, `{"token":`+string(quoted)+`}`),
		"in HTML":           status(404, "<p>"+html.EscapeString(secret)),
		"in a query":        status(400, "/?token="+url.QueryEscape(secret)),
		"in a path":         status(400, "/token/"+url.PathEscape(secret)),
		"with a class":      status(503, "busy "+secret),
		"where text is cut": status(400, strings.Repeat("x", 195)+secret),
		"where bodies are":  status(400, spaces+secret),
		"often":             status(400, strings.Repeat(secret, maxErrorBody/len(secret)+1)),
		"in a redirect": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "ftp://h/"+url.PathEscape(secret))
			w.WriteHeader(302)
		},
		"in the status": statusLine("401 " + secret),
		"in no header":  statusLine("200 OK\r\n" + secret),
	} {
		t.Run(name, func(t *testing.T) {
			made := requesting(t, arguments{"headerEnv": map[string]string{"X-Token": secretVariable}}, answer)
			_, err := do(t.Context(), made, "x")
			if err == nil {
				t.Fatal("it did not fail")
			}
			for e := err; e != nil; e = errors.Unwrap(e) {
				for _, part := range []string{"s3cr", `t"/`} {
					if strings.Contains(e.Error(), part) {
						t.Fatalf("%v", e)
					}
				}
			}
			if !strings.Contains(name, "cut") && name != "where bodies are" && !strings.Contains(err.Error(), "["+secretVariable+"]") {
				t.Errorf("it is not said that something is left out: %v", err)
			}
		})
	}
}

func status(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		io.WriteString(w, body)
	}
}

// statusLine answers with a line of one's own.
func statusLine(line string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		defer c.Close()
		fmt.Fprintf(c, "HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n", line)
	}
}

// TestAnErrorWithoutItsSecretIsStillThatError, as far as what becomes of the record.
func TestAnErrorWithoutItsSecretIsStillThatError(t *testing.T) {
	s := newSecrets(map[string]string{"A": "abc", "B": "abcdef"})
	err := s.hide(&Error{Err: errors.New("x abcdef y abc"), Class: Transient, After: time.Minute})
	if class, after := Classify(err); class != Transient || after != time.Minute || err.Error() != "x [B] y [A]" {
		t.Errorf("%v: %d, %s", err, class, after)
	}
	same := errors.New("nothing of the kind")
	if s.hide(same) != same || s.hide(nil) != nil || (secrets{}).hide(same) != same {
		t.Error("an error that tells none became another")
	}
}
