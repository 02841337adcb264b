package task

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// shownBody is how many bytes of a body are shown.
const shownBody = 1 << 10

// Describe shows the request of a record as it would be made: its method and URL, its headers and its body. In the place of a secret stands its
// variable's name. It takes nothing of this machine.
func (t *fullRequest) Describe(ctx context.Context, r Record) (string, error) {
	header := t.fixed.Clone()
	for name, given := range t.args.HeaderEnv {
		before, variable := secretOf(given)
		header.Set(name, before+"["+variable+"]")
	}
	req, err := t.build(ctx, r, header)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", req.Method, req.URL.Redacted())
	if req.Host != req.URL.Host {
		fmt.Fprintf(&b, "\nHost: %s", req.Host)
	}
	for _, name := range slices.Sorted(maps.Keys(req.Header)) {
		fmt.Fprintf(&b, "\n%s: %s", name, strings.Join(req.Header[name], ", "))
	}
	if req.ContentLength > 0 {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return "", err
		}
		b.WriteString("\n\n" + shown(body))
	}
	return b.String(), nil
}

// shown is the beginning of a body, and how long it is where that is not all.
func shown(body []byte) string {
	text := string(body[:min(len(body), shownBody)])
	if utf8.Valid(body) {
		text = strings.ToValidUTF8(text, "") // a character may be cut
	} else {
		text = fmt.Sprintf("%q", text)
	}
	if len(body) > shownBody {
		text += fmt.Sprintf("… (%d bytes)", len(body))
	}
	return text
}
