package task

import (
	"encoding/json"
	"errors"
	"net/http"
	"runtime"
	"strings"
	"testing"
)

// bombs are templates that would take hours, or all memory.
var bombs = map[string]string{
	"a loop over a number":          `{{range 1000000000000}}{{end}}`,
	"loops in loops":                `{{range 100000}}{{range 100000}}{{range 100000}}{{end}}{{end}}{{end}}`,
	"a loop behind a condition":     `{{if true}}{{with 1}}{{range 1000000000000}}{{continue}}{{end}}{{end}}{{end}}`,
	"a loop in an else":             `{{if false}}{{else}}{{range 1000000000000}}{{end}}{{end}}`,
	"a variable that is doubled":    `{{$x := "0123456789"}}{{range 60}}{{$x = print $x $x}}{{end}}`,
	"doubled by printf":             `{{$x := "0123456789"}}{{range 60}}{{$x = printf "%s%[1]s" $x}}{{end}}`,
	"doubled by with":               strings.Repeat(`{{with print . . . . . . . . . .}}`, 12) + strings.Repeat(`{{end}}`, 12),
	"one width after the other":     `{{$x := printf "` + strings.Repeat("%999999d", 200) + `" ` + strings.Repeat("1 ", 200) + `}}`,
	"a width that is an argument":   `{{$x := printf "` + strings.Repeat("%*d", 200) + `" ` + strings.Repeat("999999 1 ", 200) + `}}`,
	"a large value again and again": `{{$x := printf "%999999d" 1}}{{$x = print ` + strings.Repeat("$x ", 100) + `}}`,
	"escaped":                       `{{$x := "<<<<<<<<<<"}}{{range 60}}{{$x = html $x $x}}{{end}}`,
	"JSON of JSON":                  `{{$x := "\"\"\"\"\"\"\"\""}}{{range 60}}{{$x = json $x}}{{end}}`,
	"escaped for scripts":           `{{$x := "''''''''"}}{{range 60}}{{$x = js $x $x}}{{end}}`,
	"lines":                         `{{$x := "x"}}{{range 60}}{{$x = println $x $x}}{{end}}`,
	"many variables":                `{{$x := printf "%999999d" 1}}` + strings.Repeat(`{{$a := print $x}}`, 1000),
}

// nested are more of them, which a URL cannot have.
var nested = map[string]string{
	"a template that calls itself twice": `{{define "x"}}{{if lt (len .) 60}}{{template "x" (print . 1)}}{{template "x" (print . 1)}}{{end}}{{end}}{{template "x" ""}}`,
	"the whole calls itself":             `{{template "template" .}}`,
	"doubled from call to call":          `{{define "x"}}{{template "x" (print . .)}}{{end}}{{template "x" "0123456789"}}`,
}

// allocated is how many MiB f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return (after.TotalAlloc - before.TotalAlloc) >> 20
}

// TestATemplateBombIsRefused in a URL, before the job begins, and when a record meets it in a header or a body.
func TestATemplateBombIsRefused(t *testing.T) {
	refused := func(t *testing.T, f func() error) {
		t.Helper()
		var err error
		if mib := allocated(func() { err = f() }); mib > 8<<10 { // in sum, not at once; unbounded ones make terabytes
			t.Errorf("it took %d MiB", mib)
		}
		if err == nil || !strings.Contains(err.Error(), "the template takes too much: ") && !strings.Contains(err.Error(), "exceeded maximum template depth") {
			t.Errorf("%v", err)
		}
	}
	for name, bomb := range bombs {
		t.Run(name+", in a URL", func(t *testing.T) {
			refused(t, func() error {
				_, err := newHTTP(Config{Args: json.RawMessage(mustJSON(arguments{"url": "http://h/" + bomb}))})
				return err
			})
		})
		nested[name] = bomb
	}
	for name, bomb := range nested {
		for _, of := range []string{"header", "body"} {
			t.Run(name+", in a "+of, func(t *testing.T) {
				args := arguments{"headers": map[string]string{"X": bomb + "{{.}}"}}
				if of == "body" {
					args = arguments{"body": bomb + "{{.}}"}
				}
				made := requesting(t, args, func(http.ResponseWriter, *http.Request) { t.Error("it was sent") })
				refused(t, func() error {
					_, err := do(t.Context(), made, "x")
					if class, _ := Classify(err); class != Permanent {
						t.Errorf("class %d: it is tried again", class)
					}
					return err
				})
			})
		}
	}
}

// TestALargeRecordIsNoBomb: what may be made grows with it.
func TestALargeRecordIsNoBomb(t *testing.T) {
	list := `[` + strings.Repeat(`{"a":"<&>"},`, 1_000_000) + `1]`
	made, err := parseText(`{{range .}}{{json .}}{{end}}`)
	if err != nil {
		t.Fatal(err)
	}
	b, err := made.execute(&subject{Record: Record{Input: []byte(list), JSON: true}}, maxRequestBody)
	if err != nil || len(b) != 11*1_000_000+1 {
		t.Errorf("%d bytes, %v", len(b), err)
	}
}

// TestEachExecutionHasABudgetOfItsOwn, though one may have the copy of the template that another had.
func TestEachExecutionHasABudgetOfItsOwn(t *testing.T) {
	made, err := parseText(`{{range .}}x{{end}}`)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := made.execute(&subject{Record: Record{Input: []byte("100000000"), JSON: true}}, 10); err == nil { // which ends by its size
			t.Error("it has no end")
		}
		if b, err := made.execute(&subject{Record: Record{Input: []byte("[1,2]"), JSON: true}}, 10); err != nil || string(b) != "xx" {
			t.Errorf("%q, %v", b, err)
		}
	}
	loop, err := parseText(`{{range 600000}}{{end}}`)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := loop.execute(&subject{}, 10); err != nil {
			t.Error(err)
		}
	}
	if _, err := made.execute(&subject{Record: Record{Input: []byte("x")}}, 10); err == nil || errors.Is(err, errBound) {
		t.Errorf("%v", err) // text is no list
	}
}
