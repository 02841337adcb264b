package output_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/output"
)

// real is a manifest with something committed.
func real(t tb) output.Manifest {
	t.Helper()
	w := newWorld(t)
	r := request("job", "run")
	w.mustClaim(t, r)
	return w.commit(t, r.Claim, `{"a":1}`, `!{"error":"no"}`)
}

func encode(t tb, m output.Manifest) []byte {
	t.Helper()
	b, err := m.Encode()
	must(t, err)
	return b
}

// headed puts the right first line before a body.
func headed(body []byte) []byte {
	sum := crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli))
	return append(fmt.Appendf(nil, "longhaul-manifest 1 crc32c:%08x\n", sum), body...)
}

func TestManifestRoundTrip(t *testing.T) {
	base := real(t)
	rapid.Check(t, func(t *rapid.T) {
		m := base
		text, n := rapid.String(), rapid.Int64Min(0)
		m.Claim = output.Claim{
			Cluster: text.Draw(t, "cluster"), Namespace: text.Draw(t, "namespace"),
			WorkflowID: text.Draw(t, "workflow"), RunID: text.Draw(t, "run"),
		}
		m.BegunBy = text.Draw(t, "begun by")
		m.Input = slices.Clone(base.Input)
		m.Input[0].Path = text.Draw(t, "input")
		m.Input[0].Modified = time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "modified"), n.Draw(t, "ns")%1e9).UTC()
		args, err := json.Marshal(rapid.MapOf(rapid.String(), rapid.String()).Draw(t, "args"))
		if err != nil {
			t.Fatal(err)
		}
		m.Spec = output.Identity{Task: text.Draw(t, "task"), Args: args, Format: job.FormatText}
		m.Position = job.Position{
			Records: n.Draw(t, "records"), InputOffset: n.Draw(t, "offset"), OutputBytes: n.Draw(t, "bytes"), ErrorBytes: n.Draw(t, "errors"),
		}
		m.Totals = job.Totals{Failed: n.Draw(t, "failed"), Tries: n.Draw(t, "tries"), TaskMicros: n.Draw(t, "micros")}
		m.Complete = rapid.Bool().Draw(t, "complete")
		b, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := output.Decode(b)
		if err != nil || !reflect.DeepEqual(got, m) {
			t.Fatalf("%v\n%+v, want\n%+v", err, got, m)
		}
	})
}

func TestManifestCanBeReadByAPerson(t *testing.T) {
	b := encode(t, real(t))
	head, body, _ := bytes.Cut(b, []byte("\n"))
	if !strings.HasPrefix(string(head), "longhaul-manifest 1 crc32c:") {
		t.Errorf("first line %q", head)
	}
	if !json.Valid(body) || !bytes.Contains(body, []byte("\n  \"position\": {\n")) || !bytes.HasSuffix(body, []byte("}\n")) {
		t.Errorf("the body is not indented JSON that ends with a newline:\n%s", body)
	}
}

func TestDecodeNamesEachDamage(t *testing.T) {
	m := real(t)
	whole := encode(t, m)
	_, body, _ := bytes.Cut(whole, []byte("\n"))
	text := func(old, new string) []byte {
		if !bytes.Contains(whole, []byte(old)) {
			t.Fatalf("the manifest does not contain %q", old)
		}
		return bytes.Replace(whole, []byte(old), []byte(new), 1)
	}
	// with encodes a manifest that is impossible but undamaged.
	with := func(edit func(*output.Manifest)) []byte {
		m := m
		edit(&m)
		return encode(t, m)
	}
	tests := map[string]struct {
		bytes []byte
		want  error
	}{
		"nothing":                  {nil, output.ErrMagic},
		"zeros":                    {make([]byte, 4096), output.ErrMagic},
		"no newline":               {[]byte("longhaul-manifest 1 crc32c:00000000"), output.ErrMagic},
		"another file":             {[]byte("hello\nworld\n"), output.ErrMagic},
		"another word":             {text("longhaul-manifest", "longhaul-manifesto"), output.ErrMagic},
		"no version":               {text("longhaul-manifest 1 ", "longhaul-manifest x "), output.ErrMagic},
		"an endless first line":    {append(bytes.Repeat([]byte("longhaul-manifest 1 "), 10), whole...), output.ErrMagic},
		"version 2":                {text("longhaul-manifest 1 ", "longhaul-manifest 2 "), output.ErrVersion},
		"version 2, nothing known": {[]byte("longhaul-manifest 2\n\x00\x01"), output.ErrVersion},
		"version 0":                {text("longhaul-manifest 1 ", "longhaul-manifest 0 "), output.ErrVersion},
		"no checksum":              {append([]byte("longhaul-manifest 1\n"), body...), output.ErrChecksum},
		"another checksum":         {append([]byte("longhaul-manifest 1 crc32c:00000000\n"), body...), output.ErrChecksum},
		"an odd first line":        {text("longhaul-manifest 1 ", "longhaul-manifest  1 "), output.ErrChecksum},
		"edited by hand":           {text(`"records": 2`, `"records": 3`), output.ErrChecksum},
		"cut short":                {whole[:len(whole)-1], output.ErrChecksum},
		"lengthened":               {append(bytes.Clone(whole), '\n'), output.ErrChecksum},
		"no JSON":                  {headed([]byte("{")), output.ErrContent},
		"empty":                    {headed(nil), output.ErrContent},
		"nothing in it":            {headed([]byte("{}")), output.ErrContent},
		"null":                     {headed([]byte("null")), output.ErrContent},
		"an unknown field":         {headed(bytes.Replace(body, []byte("{"), []byte(`{"later": 1,`), 1)), output.ErrContent},
		"records at the position": {with(func(m *output.Manifest) {
			m.Ahead = job.Ahead{{First: m.Position.Records, Records: 1, Offset: 99, Length: 1}}
		}), output.ErrContent},
		"no records ahead":        {with(func(m *output.Manifest) { m.Ahead = job.Ahead{{First: 99, Records: 0, Offset: 99, Length: 1}} }), output.ErrContent},
		"a short generation":      {with(func(m *output.Manifest) { m.Generation = m.Generation[2:] }), output.ErrContent},
		"a generation not in hex": {with(func(m *output.Manifest) { m.Generation = strings.Repeat("x", 32) }), output.ErrContent},
		"negative records":        {with(func(m *output.Manifest) { m.Position.Records = -1 }), output.ErrContent},
		"a negative offset":       {with(func(m *output.Manifest) { m.Position.InputOffset = -1 }), output.ErrContent},
		"negative output":         {with(func(m *output.Manifest) { m.Position.OutputBytes = -1 }), output.ErrContent},
		"negative errors":         {with(func(m *output.Manifest) { m.Position.ErrorBytes = -1 }), output.ErrContent},
		"no digest state":         {with(func(m *output.Manifest) { m.OutputDigest.State = nil }), output.ErrContent},
		"no errors digest":        {with(func(m *output.Manifest) { m.ErrorsDigest = output.Digest{} }), output.ErrContent},
		"a cut digest state":      {with(func(m *output.Manifest) { m.OutputDigest.State = m.OutputDigest.State[1:] }), output.ErrContent},
		"another's digest state":  {with(func(m *output.Manifest) { m.OutputDigest.State = m.ErrorsDigest.State }), output.ErrContent},
		"another digest":          {with(func(m *output.Manifest) { m.ErrorsDigest.SHA256 = m.OutputDigest.SHA256 }), output.ErrContent},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := output.Decode(tt.bytes)
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			for _, e := range []error{output.ErrMagic, output.ErrVersion, output.ErrChecksum, output.ErrContent} {
				if e != tt.want && errors.Is(err, e) {
					t.Errorf("%v is %v too", err, e)
				}
			}
		})
	}
	if _, err := output.Decode(text("longhaul-manifest 1 ", "longhaul-manifest 2 ")); !strings.Contains(fmt.Sprint(err), "version 2") {
		t.Errorf("the error does not name the version: %v", err)
	}
}

func TestDecodeNoticesAnEditOfAnyByte(t *testing.T) {
	whole := encode(t, real(t))
	for at := range whole {
		for _, flip := range []byte{1, 0x20, 0x80} {
			b := bytes.Clone(whole)
			b[at] ^= flip
			_, err := output.Decode(b)
			head := bytes.IndexByte(whole, '\n')
			if err == nil || at > head && !errors.Is(err, output.ErrChecksum) {
				t.Fatalf("byte %d, %q made %q: %v", at, whole[at], b[at], err)
			}
		}
	}
}

func TestLoadSaysWhatIsWrongWithTheManifest(t *testing.T) {
	tests := map[string]struct {
		content string
		kind    job.Kind
		cause   error
	}{
		"damaged":            {"hello\n", job.Corrupt, output.ErrMagic},
		"empty":              {"", job.Corrupt, output.ErrMagic},
		"huge":               {strings.Repeat("x", 1<<20+1), job.Corrupt, output.ErrContent},
		"of a later version": {"longhaul-manifest 7 crc32c:0\n", job.UnknownVersion, output.ErrVersion},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.mustClaim(t, request("job", "run"))
			manifest := w.Dir() + "/manifest"
			put(t, manifest, tt.content)
			_, err := w.Load()
			wantKind(t, err, tt.kind, manifest, "--overwrite")
			if !errors.Is(err, tt.cause) {
				t.Errorf("got %v, want the cause %v", err, tt.cause)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	body := []byte(`{"generation":"000102030405060708090a0b0c0d0e0f","claim":{"cluster":"c","namespace":"n","workflowId":"w","runId":"r"},` +
		`"begunBy":"r","input":{"path":"/in","size":1,"modified":"2026-01-02T03:04:05Z","headSha256":"a","tailSha256":"b"},` +
		`"spec":{"task":"http","args":{"url":"x"},"format":"json"},"position":{"records":0,"inputOffset":0,"outputBytes":0,"errorBytes":0},` +
		`"totals":{"failed":0,"tries":0,"taskMicros":0},"outputDigest":EMPTY,"errorsDigest":EMPTY,"complete":false}`)
	state, err := json.Marshal(emptyDigest(f))
	must(f, err)
	body = bytes.ReplaceAll(body, []byte("EMPTY"), state)
	if _, err := output.Decode(headed(body)); err != nil {
		f.Fatalf("the seed is no manifest: %v", err)
	}
	f.Add(headed(body), false)
	f.Add(body, true)
	f.Add([]byte("longhaul-manifest 2 crc32c:00000000\n{}\n"), false)
	f.Add([]byte("{}"), true)
	f.Add([]byte(""), false)
	f.Fuzz(func(t *testing.T, b []byte, fitted bool) {
		if fitted { // get the fuzzer past the checksum
			b = headed(b)
		}
		m, err := output.Decode(b)
		if err != nil {
			for _, e := range []error{output.ErrMagic, output.ErrVersion, output.ErrChecksum, output.ErrContent} {
				if errors.Is(err, e) {
					return
				}
			}
			t.Fatalf("an error without a name: %v", err)
		}
		again, err := output.Decode(encode(t, m))
		if err != nil || !bytes.Equal(encode(t, again), encode(t, m)) {
			t.Fatalf("%+v does not come back: %+v, %v", m, again, err)
		}
	})
}
