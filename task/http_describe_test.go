package task

import (
	"strings"
	"testing"
)

// TestARequestIsShownAsItWouldBeMade, without the secret and without what the worker's machine would have to have.
func TestARequestIsShownAsItWouldBeMade(t *testing.T) {
	t.Setenv(secretVariable, "s3cret")
	const usual = "\nAccept-Encoding: gzip"
	for name, c := range map[string]struct {
		args          arguments
		record        string
		json          bool
		want, refused string
	}{
		"a method":   {args: arguments{"method": "HEAD"}, record: "a b", want: "HEAD http://h/a%20b" + usual + "\nUser-Agent: longhaul"},
		"a password": {args: arguments{"url": "http://u:word@h/", "method": "PUT"}, want: "PUT http://u:xxxxx@h/" + usual + "\nUser-Agent: longhaul"},
		"a secret": {
			args:   arguments{"headerEnv": map[string]string{"authorization": "Bearer " + secretVariable}, "caFile": "/nowhere"},
			record: "x", want: "GET http://h/x" + usual + "\nAuthorization: Bearer [" + secretVariable + "]\nUser-Agent: longhaul",
		},
		"everything": {
			args:   arguments{"url": "http://h/", "body": "{\"v\":{{json .v}}}", "headers": map[string]string{"Host": "{{len .v}}.test", "X": "<{{.v}}>"}, "idempotencyKey": true},
			record: `{"v":"é"}`, json: true,
			want: "POST http://h/\nHost: 2.test" + usual + "\nContent-Type: application/json\nIdempotency-Key: job:7\nUser-Agent: longhaul\nX: <é>\n\n{\"v\":\"é\"}",
		},
		"bytes":         {args: arguments{"bodyRecord": true, "url": "http://h/"}, record: "\x00\xff", want: "POST http://h/" + usual + "\nUser-Agent: longhaul\n\n\"\\x00\\xff\""},
		"a long body":   {args: arguments{"bodyRecord": true, "url": "http://h/"}, record: "x" + strings.Repeat("é", 1000), want: "POST http://h/" + usual + "\nUser-Agent: longhaul\n\nx" + strings.Repeat("é", 511) + "… (2001 bytes)"},
		"a bad record":  {args: arguments{"headers": map[string]string{"X": "{{.}}"}, "url": "http://h/"}, record: "a\nb", refused: `header X: "a\nb" contains a line break, which no header can`},
		"no URL at all": {args: arguments{"method": "PUT", "url": "{{.}}"}, record: "x", refused: `"x" is not an http or https URL`},
	} {
		t.Run(name, func(t *testing.T) {
			if c.args["url"] == nil {
				c.args["url"] = "http://h/{{.}}"
			}
			got, err := made(t, mustJSON(c.args)).Describe(t.Context(), Record{Number: 7, Input: []byte(c.record), JSON: c.json, Job: "job"})
			if c.refused != "" {
				if err == nil || err.Error() != c.refused {
					t.Errorf("got %v, want %s", err, c.refused)
				}
				return
			}
			if err != nil || got != c.want {
				t.Errorf("got  %q, %v\nwant %q", got, err, c.want)
			}
		})
	}
}
