package failures

import (
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const (
	// maxMessage is how many bytes of an error its cause is made of.
	maxMessage = 2 << 10
	// maxCause is how many bytes a cause has at most.
	maxCause = 200
	// minQuoted is the length from which the record's text is taken for a quotation though no quotes stand around it: shorter ones occur by chance.
	minQuoted = 3
)

// Cause is what an error says of any record: the same for all that failed in the same way. The record's own text, what stands in quotes, addresses and
// paths become "…", numbers and ids "N". The status of an HTTP answer, of a program's exit, and the number of a signal stay. It has maxCause bytes at most.
func Cause(message string, input []byte) string {
	s := strings.Join(strings.Fields(string(shorten([]byte(message), maxMessage))), " ")
	s = status.ReplaceAllStringFunc(s, hide)
	for _, q := range quotations(input) {
		s = replaceWords(s, q)
	}
	for _, rule := range rules {
		s = rule.pattern.ReplaceAllString(s, rule.by)
	}
	s = word.ReplaceAllStringFunc(s, number)
	s = strings.Map(show, s)
	if len(s) > maxCause {
		s = string(shorten([]byte(s), maxCause-len("…"))) + "…"
	}
	return s
}

// status is the numbers that tell causes apart.
var status = regexp.MustCompile(`\b(?:HTTP|exit status|exit code|status|signal) \d+\b`)

// rules replace what differs from record to record. Their order matters.
var rules = []struct {
	pattern *regexp.Regexp
	by      string
}{
	{regexp.MustCompile(`"(?:[^"\\]|\\.)*"`), `"…"`},
	{regexp.MustCompile("`[^`]*`"), "`…`"},
	{regexp.MustCompile(`(^|[^\pL\pN])'[^']*'`), `$1'…'`},
	{regexp.MustCompile(`\b[a-zA-Z][a-zA-Z0-9+.-]*://[^\s"'<>]*[^\s"'<>,;:.)]`), `…`},
	{regexp.MustCompile(`\[[0-9a-fA-F:]*:[0-9a-fA-F:.%a-z]*\](?::\d+)?`), `…`},                           // an IPv6 address
	{regexp.MustCompile(`\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b`), `…`},                                    // an IPv4 address
	{regexp.MustCompile(`\b(?:[a-zA-Z0-9_-]+\.)+[a-zA-Z][a-zA-Z-]*[a-zA-Z](?::\d+)?\b`), `…`},            // a host, or a file's name
	{regexp.MustCompile(`(^|[\s("'=:>\[])(?:\.{0,2}/[^\s"',;:()\[\]]+)+`), `${1}…`},                      // a path
	{regexp.MustCompile(`\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b`), `N`},                // a UUID
	{regexp.MustCompile(`\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?`), `N`}, // a time
}

// word is letters and digits, or a number with its separators.
var word = regexp.MustCompile(`[0-9]+(?:[.,][0-9]+)*[\pL0-9_]*|[\pL0-9_]+`)

var (
	digits = regexp.MustCompile(`[0-9]+(?:[.,][0-9]+)*`)
	hex    = regexp.MustCompile(`^(?:0x)?[0-9a-fA-F]{6,}$`)
)

// number takes the numbers out of a word: all of it, where it is an id.
func number(w string) string {
	runs := digits.FindAllStringIndex(w, -1)
	switch {
	case len(runs) == 0:
		return w
	case hex.MatchString(w), len(runs) > 2, len(runs) == 2 && len(w) >= 8:
		return "N"
	}
	return digits.ReplaceAllString(w, "N")
}

// hide puts digits where no rule sees them; show brings them back. The characters are of the private use area.
func hide(s string) string {
	return strings.Map(func(c rune) rune {
		if c >= '0' && c <= '9' {
			return c - '0' + 0xE000
		}
		return c
	}, s)
}

func show(c rune) rune {
	if c >= 0xE000 && c <= 0xE009 {
		return c - 0xE000 + '0'
	}
	return control(c)
}

// quotations is how a record may stand in an error's text, the longest first.
func quotations(input []byte) (q []string) {
	add := func(s string) {
		s = strings.Join(strings.Fields(s), " ")
		quoted := strconv.Quote(s)
		for _, v := range []string{s, quoted[1 : len(quoted)-1], url.PathEscape(s), url.QueryEscape(s)} {
			if len(v) >= minQuoted && !slices.Contains(q, v) {
				q = append(q, v)
			}
		}
	}
	add(string(input))
	var fields map[string]any
	if len(input) > 0 && input[0] == '{' && json.Unmarshal(input, &fields) == nil {
		for _, v := range fields {
			if s, ok := v.(string); ok {
				add(s)
			}
		}
	}
	slices.SortFunc(q, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	return q
}

// replaceWords replaces q by "…" wherever it does not stand within a longer word.
func replaceWords(s, q string) string {
	var b strings.Builder
	for at := 0; ; {
		i := strings.Index(s[at:], q)
		if i < 0 {
			b.WriteString(s[at:])
			return b.String()
		}
		i += at
		b.WriteString(s[at:i])
		if i > 0 && wordByte(s[i-1]) && wordByte(q[0]) || i+len(q) < len(s) && wordByte(s[i+len(q)]) && wordByte(q[len(q)-1]) {
			b.WriteString(q)
		} else {
			b.WriteString("…")
		}
		at = i + len(q)
	}
}

func wordByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}
