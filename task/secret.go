package task

import (
	"cmp"
	"encoding/json"
	"errors"
	"html"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// secrets is values that no error may tell.
type secrets struct {
	replacer *strings.Replacer // nil where there are none
	longest  int
}

// newSecrets makes secrets of values, by the names that stand in their places. Besides the value itself it knows how a far side may quote it: in
// JSON, in HTML, in a URL; and how Go does.
func newSecrets(values map[string]string) secrets {
	type form struct{ text, name string }
	var forms []form
	for name, value := range values {
		inJSON, _ := json.Marshal(value) // of a string
		inGo := strconv.Quote(value)
		for _, text := range []string{value, string(inJSON[1 : len(inJSON)-1]), inGo[1 : len(inGo)-1], html.EscapeString(value), url.QueryEscape(value), url.PathEscape(value)} {
			forms = append(forms, form{text, name})
		}
	}
	if len(forms) == 0 {
		return secrets{}
	}
	// One may begin with another.
	slices.SortFunc(forms, func(a, b form) int {
		return cmp.Or(cmp.Compare(len(b.text), len(a.text)), strings.Compare(a.name, b.name))
	})
	pairs := make([]string, 0, 2*len(forms))
	for _, f := range forms {
		pairs = append(pairs, f.text, "["+f.name+"]")
	}
	return secrets{replacer: strings.NewReplacer(pairs...), longest: len(forms[0].text)}
}

// hide returns an error without the secrets in its text, and without the causes that would tell them.
func (s secrets) hide(err error) error {
	if err == nil || s.replacer == nil {
		return err
	}
	text := s.replacer.Replace(err.Error())
	if text == err.Error() {
		return err
	}
	class, after := Classify(err)
	return &Error{Err: errors.New(text), Class: class, After: after}
}

// hideBytes returns the beginning of a body without the secrets in it. Where a longer body was cut, a secret may have been.
func (s secrets) hideBytes(body []byte) []byte {
	if s.replacer == nil {
		return body
	}
	if len(body) >= maxErrorBody {
		body = body[:max(0, len(body)-s.longest)]
	}
	return []byte(s.replacer.Replace(string(body)))
}
