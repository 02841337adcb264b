package task

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestRedirectsAreFollowedToALimit(t *testing.T) {
	for name, c := range map[string]struct {
		args  arguments
		steps string // how many redirects there are
		want  string // the answer, or
		fails string // the error
	}{
		"as many as by default":   {arguments{}, "10", "there", ""},
		"one more":                {arguments{}, "11", "", "stopped after 10 redirects"},
		"as many as are allowed":  {arguments{"redirects": 2}, "2", "there", ""},
		"more than are allowed":   {arguments{"redirects": 2}, "3", "", "stopped after 2 redirects"},
		"none":                    {arguments{"redirects": 0}, "1", "", "HTTP 307 Temporary Redirect: go on"},
		"none, which is expected": {arguments{"redirects": 0, "expect": "307"}, "1", "go on", ""},
		"none, as there is none":  {arguments{"redirects": 0}, "0", "there", ""},
	} {
		for kind, more := range map[string]arguments{"GET": {}, "POST": {"body": "x"}} {
			t.Run(name+", "+kind, func(t *testing.T) {
				args := arguments{}
				for _, from := range []arguments{c.args, more} {
					for k, v := range from {
						args[k] = v
					}
				}
				made := requesting(t, args, func(w http.ResponseWriter, r *http.Request) {
					var n int
					fmt.Sscan(r.URL.Path[1:], &n)
					if n > 0 {
						w.Header().Set("Location", fmt.Sprintf("/%d", n-1))
						w.WriteHeader(http.StatusTemporaryRedirect)
						io.WriteString(w, "go on")
						return
					}
					if b, err := io.ReadAll(r.Body); r.Method != kind || err != nil || kind == "POST" && string(b) != "x" {
						t.Errorf("%s %q, %v", r.Method, b, err)
					}
					io.WriteString(w, "there")
				})
				r, err := do(t.Context(), made, c.steps)
				if c.fails != "" {
					wantFailure(t, err, Permanent, c.fails)
					return
				}
				wantValue(t, r, err, c.want)
			})
		}
	}
}

// TestAfterASeeOtherTheAnswerIsGotten: by GET, without the body.
func TestAfterASeeOtherTheAnswerIsGotten(t *testing.T) {
	made := requesting(t, arguments{"body": "x"}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/a" {
			http.Redirect(w, r, "/b", http.StatusSeeOther)
			return
		}
		b, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %q", r.Method, r.URL.Path, b)
	})
	r, err := do(t.Context(), made, "a")
	wantValue(t, r, err, `GET /b ""`)
}

// TestSecretsStayAtHome: what is secret goes to no other site, nor to one from which a redirect leads back.
func TestSecretsStayAtHome(t *testing.T) {
	t.Setenv("LONGHAUL_TEST_TOKEN", "t0ken")
	var got []string
	look := func(at string, r *http.Request) {
		got = append(got, fmt.Sprintf("%s X-Token=%s Authorization=%s Cookie=%s X-Open=%s Referer=%v",
			at, r.Header.Get("X-Token"), r.Header.Get("Authorization"), r.Header.Get("Cookie"), r.Header.Get("X-Open"), r.Header.Get("Referer") != ""))
	}
	var home, away *httptest.Server
	away = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		look("away", r)
		if r.URL.Path == "/back" {
			http.Redirect(w, r, home.URL+"/end", http.StatusFound)
		}
	}))
	defer away.Close()
	home = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		look("home", r)
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, away.URL+"/end", http.StatusFound)
		case "/there-and-back":
			http.Redirect(w, r, away.URL+"/back", http.StatusFound)
		case "/other":
			http.Redirect(w, r, "/end", http.StatusFound)
		}
	}))
	defer home.Close()
	made := builtin(t, "http", mustJSON(arguments{
		"url": home.URL + "/{{.}}?key=secret", "headers": map[string]string{"Authorization": "Basic x", "Cookie": "c=1", "X-Open": "o"},
		"headerEnv": map[string]string{"X-Token": "LONGHAUL_TEST_TOKEN"},
	}))
	const all = " X-Token=t0ken Authorization=Basic x Cookie=c=1 X-Open=o Referer="
	const open = " X-Token= Authorization= Cookie= X-Open=o Referer=false"
	for record, want := range map[string][]string{
		"other":          {"home" + all + "false", "home" + all + "true"},
		"away":           {"home" + all + "false", "away" + open},
		"there-and-back": {"home" + all + "false", "away" + open, "home" + open},
	} {
		got = nil
		if _, err := do(t.Context(), made, record); err != nil {
			t.Fatal(err)
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%s:\n%s\nwant\n%s", record, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	// A plain GET has a password in its URL at the most, and the page before.
	got = nil
	plain := asking(t, strings.Replace(home.URL, "://", "://user:word@", 1)+"/{{.}}?key=secret")
	if _, err := do(t.Context(), plain, "away"); err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || !strings.Contains(got[0], "Authorization=Basic dXNlcjp3b3Jk") || got[1] != "away X-Token= Authorization= Cookie= X-Open= Referer=false" {
		t.Errorf("plain: %q", got)
	}
}
