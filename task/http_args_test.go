package task

import (
	"strings"
	"testing"
)

// TestArgumentsOfHTTPAreRefusedByName is the bad cases, word for word.
func TestArgumentsOfHTTPAreRefusedByName(t *testing.T) {
	for name, c := range map[string]struct{ args, want string }{
		"no URL":                     {`{"method":"POST"}`, "args: url: missing"},
		"a method in small letters":  {`{"url":"http://h","method":"post"}`, `args: method: "post" is no method (want capital letters, as in POST)`},
		"a method with a blank":      {`{"url":"http://h","method":"GET /"}`, `args: method: "GET /" is no method (want capital letters, as in POST)`},
		"CONNECT":                    {`{"url":"http://h","method":"CONNECT"}`, "args: method: CONNECT is for proxies, which the environment names"},
		"two bodies":                 {`{"url":"http://h","body":"x","bodyRecord":true}`, "args: body and bodyRecord: choose one"},
		"a body that is no template": {`{"url":"http://h","body":"{{.x"}`, "args: body: template: template:1: unclosed action"},
		"a file in a template":       {`{"url":"http://h","body":"{{readFile \"/etc/passwd\"}}"}`, `args: body: template: template:1: function "readFile" not defined`},
		"the environment in one":     {`{"url":"http://h","body":"{{env \"HOME\"}}"}`, `args: body: template: template:1: function "env" not defined`},
		"no status":                  {`{"url":"http://h","expect":"ok"}`, `args: expect: "ok" is no status and no range of them (want 200 to 999, as in 200-299,404)`},
		"an interim status":          {`{"url":"http://h","expect":"200,100"}`, `args: expect: "100" is no status and no range of them (want 200 to 999, as in 200-299,404)`},
		"a status too many":          {`{"url":"http://h","expect":"200,"}`, `args: expect: "" is no status and no range of them (want 200 to 999, as in 200-299,404)`},
		"a range backwards":          {`{"url":"http://h","expect":"299-200"}`, `args: expect: "299-200" is no status and no range of them (want 200 to 999, as in 200-299,404)`},
		"a status too high":          {`{"url":"http://h","expect":"200-1000"}`, `args: expect: "200-1000" is no status and no range of them (want 200 to 999, as in 200-299,404)`},
		"fewer redirects than none":  {`{"url":"http://h","redirects":-1}`, "args: redirects: -1 is not within 0 to 100"},
		"too many redirects":         {`{"url":"http://h","redirects":101}`, "args: redirects: 101 is not within 0 to 100"},
		"a negative limit":           {`{"url":"http://h","maxBody":-1}`, "args: maxBody: -1 is not within 1 to 67108864"},
		"a limit too high":           {`{"url":"http://h","maxBody":67108865}`, "args: maxBody: 67108865 is not within 1 to 67108864"},
		"a relative path":            {`{"url":"http://h","caFile":"ca.pem"}`, `args: caFile: "ca.pem" is not an absolute path`},
		"a path with a NUL byte":     {`{"url":"http://h","certFile":"/\u0000"}`, `args: certFile: "/\x00" is not an absolute path`},
		"a key without certificate":  {`{"url":"http://h","keyFile":"/key.pem"}`, "args: keyFile: it goes with certFile"},
		"no name of a header":        {`{"url":"http://h","headers":{"A B":"x"}}`, `args: headers: "A B" is no name of a header`},
		"a name that ends a line":    {`{"url":"http://h","headers":{"A\r\nB":"x"}}`, `args: headers: "A\r\nB" is no name of a header`},
		"an empty name":              {`{"url":"http://h","headers":{"":"x"}}`, `args: headers: "" is no name of a header`},
		"a length":                   {`{"url":"http://h","headers":{"content-length":"1"}}`, "args: headers: content-length: it follows from how the request is sent, and cannot be set"},
		"an encoding":                {`{"url":"http://h","headers":{"Transfer-Encoding":"chunked"}}`, "args: headers: Transfer-Encoding: it follows from how the request is sent, and cannot be set"},
		"a secret connection":        {`{"url":"http://h","headerEnv":{"connection":"X"}}`, "args: headerEnv: connection: it follows from how the request is sent, and cannot be set"},
		"a header twice":             {`{"url":"http://h","headers":{"A":"x","a":"y"}}`, "args: headers: a: it is given twice"},
		"a header and a secret":      {`{"url":"http://h","headers":{"A":"x"},"headerEnv":{"a":"Y"}}`, "args: headerEnv: a: it is given twice"},
		"a key of its own":           {`{"url":"http://h","headers":{"idempotency-key":"x"},"idempotencyKey":true}`, "args: headers: idempotency-key: it is given twice"},
		"a header of two lines":      {`{"url":"http://h","headers":{"A":"x\r\nB: y"}}`, `args: headers: A: "x\r\nB: y" contains a carriage return, which no header can`},
		"a header with a NUL byte":   {`{"url":"http://h","headers":{"A":"\u0000"}}`, `args: headers: A: "\x00" contains a NUL byte, which no header can`},
		"a header that is unclosed":  {`{"url":"http://h","headers":{"A":"{{"}}`, "args: headers: A: template: template:1: unclosed action"},
		"a secret of no variable":    {`{"url":"http://h","headerEnv":{"A":"1X"}}`, "args: headerEnv: A: it does not name an environment variable (want as in API_TOKEN, or Bearer API_TOKEN)"},
		"a secret itself":            {`{"url":"http://h","headerEnv":{"A":"Bearer s3cr3t-v4lu3"}}`, "args: headerEnv: A: it does not name an environment variable (want as in API_TOKEN, or Bearer API_TOKEN)"},
		"a secret host":              {`{"url":"http://h","headerEnv":{"host":"X"}}`, "args: headerEnv: Host: it is no secret"},
		"an unknown field":           {`{"url":"http://h","header":{}}`, `args: unknown field "header"`},
		"a header that is a number":  {`{"url":"http://h","headers":{"A":1}}`, "args: cannot unmarshal number into Go struct field httpArgs.headers of type string"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Builtin().New("http", Config{Args: []byte(c.args)})
			if err == nil || err.Error() != "task http: "+c.want {
				t.Errorf("got  %v\nwant task http: %s", err, c.want)
			}
		})
	}
}

// TestAPlainGetTakesTheShortWay: whatever says no more than that is the request that costs least.
func TestAPlainGetTakesTheShortWay(t *testing.T) {
	for args, want := range map[string]bool{
		`{"url":"http://h/{{.}}"}`:                               true,
		`{"url":"http://h/{{.}}","method":"GET","headers":null}`: true,
		`{"url":"http://h/{{.}}","body":""}`:                     false,
		`{"url":"http://h/{{.}}","maxBody":100}`:                 false,
		`{"url":"http://h/{{.}}","headers":{"A":"b"}}`:           false,
		`{"url":"http://h/{{.}}","redirects":0}`:                 false,
	} {
		if _, plain := builtin(t, "http", args).(*request); plain != want {
			t.Errorf("%s: plain %v", args, plain)
		}
	}
}

func TestListsOfNumbers(t *testing.T) {
	for list, want := range map[string]string{
		"1": "1", "1,3": "1 3", "2-4": "2 3 4", "1-2,2-3": "1 2 3", "5": "5", "3-3": "3",
		"0": "", "6": "", "": "", "1-": "", "-1": "", "1,,2": "", "1-6": "", "4-2": "", "1 ": "", "+1": "", "99999999999999999999": "",
	} {
		set, _ := numbers(list, 1, 5)
		var got []string
		for n, in := range set {
			if in {
				got = append(got, string(rune('0'+n)))
			}
		}
		if strings.Join(got, " ") != want || (set == nil) != (want == "") {
			t.Errorf("%q: %v, want %q", list, got, want)
		}
	}
}
