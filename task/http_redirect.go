package task

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
)

// maxRedirects is how many redirects of one request are followed where nothing else is said.
const maxRedirects = 10

// redirects decides which redirects of a request are followed, and what they take along.
type redirects struct {
	limit int
	// secret is the headers that no other site gets, beside those that never go there.
	secret []string
}

// private is the headers that never go to another site. The Referer, which net/http adds, tells the query of the page before.
var private = []string{"Authorization", "Cookie", "Cookie2", "Referer", "Www-Authenticate"}

// check implements http.Client.CheckRedirect. What it refuses is the record's own matter: the far side answers, so it is no sign of an outage.
func (p redirects) check(req *http.Request, via []*http.Request) error {
	if p.limit == 0 {
		return http.ErrUseLastResponse
	}
	if len(via) >= p.limit+1 {
		return Fail(Permanent, fmt.Errorf("stopped after %d redirects", p.limit))
	}
	if err := fetchable(req.URL); err != nil {
		return Fail(Permanent, err)
	}
	home := site(via[0].URL)
	if slices.ContainsFunc(append(via[1:len(via):len(via)], req), func(r *http.Request) bool { return site(r.URL) != home }) {
		for _, name := range slices.Concat(private, p.secret) {
			req.Header.Del(name)
		}
	}
	return nil
}

// site is what a URL has in common with those that secrets may go to: scheme, host and port.
func site(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + net.JoinHostPort(u.Hostname(), port)
}
