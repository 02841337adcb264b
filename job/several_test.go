package job

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestPathsAreAStringOrAList(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want Paths
		back string
	}{
		"one":           {`"/a"`, Paths{"/a"}, `"/a"`},
		"a list of one": {`["/a"]`, Paths{"/a"}, `"/a"`},
		"several":       {`["/a","/b/*.csv"]`, Paths{"/a", "/b/*.csv"}, `["/a","/b/*.csv"]`},
	} {
		t.Run(name, func(t *testing.T) {
			var p Paths
			if err := json.Unmarshal([]byte(c.text), &p); err != nil || !slices.Equal(p, c.want) {
				t.Fatalf("got %v, %v", p, err)
			}
			if b, err := json.Marshal(p); err != nil || string(b) != c.back {
				t.Errorf("back: %s, %v", b, err)
			}
		})
	}
}

func TestParseSpecRefusesInputsByName(t *testing.T) {
	spec := func(input string) string { return `{"input":` + input + `,"output":"/out","task":{"name":"x"}}` }
	many := `["/a"` + strings.Repeat(`,"/a"`, MaxInputs) + `]`
	for name, c := range map[string]struct{ spec, want string }{
		"a number":               {spec(`5`), "input: a JSON number does not fit (want string)"},
		"a list with a number":   {spec(`["/a",5]`), "input: a JSON number does not fit (want string)"},
		"an object":              {spec(`{}`), "input: a JSON object does not fit (want string)"},
		"an empty list":          {spec(`[]`), "input: missing"},
		"an empty path":          {spec(`["/a",""]`), "input: missing"},
		"a relative one":         {spec(`["/a","b"]`), `input: "b" is not an absolute path`},
		"the output among them":  {spec(`["/a","/out"]`), "output: the same file as the input"},
		"too many":               {spec(many), "input: 1001 paths are more than 1000"},
		"an unknown format":      {specJSON(`,"inputFormat":"xml"`), `inputFormat: "xml" is none of lines nul csv tsv jsonl`},
		"a format of another":    {specJSON(`,"inputFormat":5`), "inputFormat: a JSON number does not fit"},
		"a seed below 0":         {specJSON(`,"seed":-1`), "seed: a JSON number -1 does not fit"},
		"a sample in percent":    {specJSON(`,"sample":"1%"`), "sample: a JSON string does not fit"},
		"a fraction of a record": {specJSON(`,"limit":1.5`), "limit: a JSON number 1.5 does not fit"},
	} {
		t.Run(name, func(t *testing.T) { refused(t, c.spec, "spec: "+c.want) })
	}
}

func TestInputSetsDiffer(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	set := func(files ...string) (s InputSet) {
		for _, f := range files {
			path, head, _ := strings.Cut(f, "=")
			s = append(s, InputIdentity{Path: path, Size: 5, Modified: at, HeadSHA256: head})
		}
		return s
	}
	for name, c := range map[string]struct {
		old, now InputSet
		want     string
		file     int
	}{
		"the same":                  {set("/a=1", "/b=2"), set("/a=1", "/b=2"), "", -1},
		"moved":                     {set("/a=1", "/b=2"), set("/x/a=1", "/x/b=2"), "", -1},
		"another content":           {set("/a=1", "/b=2"), set("/a=1", "/b=3"), "its beginning differs", 1},
		"one replaced":              {set("/a=1", "/b=2"), set("/a=1", "/c=3"), "/c is new", -1},
		"one more":                  {set("/a=1"), set("/a=1", "/b=2"), "it had 1 files and has 2: /b is new", -1},
		"one less":                  {set("/a=1", "/b=2"), set("/b=2"), "it had 2 files and has 1: /a is gone", -1},
		"one of the same name less": {set("/a=1", "/a=1"), set("/a=1"), "it had 2 files and has 1", -1},
		"in another order":          {set("/a=1", "/b=2"), set("/b=2", "/a=1"), "its beginning differs", 0},
		"one file by another name":  {set("/a=1"), set("/b=2"), "its beginning differs", 0},
	} {
		t.Run(name, func(t *testing.T) {
			if got, file := c.old.Difference(c.now); got != c.want || file != c.file {
				t.Errorf("got %q of %d, want %q of %d", got, file, c.want, c.file)
			}
		})
	}
}
