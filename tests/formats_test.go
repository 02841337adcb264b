package tests

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/longhaul/longhaul/internal/fsys"
	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/output"
	"github.com/longhaul/longhaul/segment"
)

const formatsPage = "../docs/formats.md"

// exampleGeneration, exampleInput and exampleChunk are those that the page tells of.
const (
	exampleGeneration = "000102030405060708090a0b0c0d0e0f"
	exampleInput      = "a\nbb\n"
)

var exampleChunk = job.Chunk{
	First: 0, Records: 2, Offset: 0, Length: int64(len(exampleInput)),
	Checksum: crc32.Checksum([]byte(exampleInput), crc32.MakeTable(crc32.Castagnoli)),
}

// TestFormatsPage builds the examples of docs/formats.md and compares them with what stands there, so that page and code cannot part.
func TestFormatsPage(t *testing.T) {
	page, err := os.ReadFile(formatsPage)
	if err != nil {
		t.Fatal(err)
	}
	for name, build := range map[string]func(*testing.T) string{"segment": exampleSegment, "manifest": exampleManifest} {
		t.Run(name, func(t *testing.T) {
			want := build(t)
			_, after, found := strings.Cut(string(page), "<!-- example: "+name+" -->\n```\n")
			got, _, closed := strings.Cut(after, "```\n")
			if !found || !closed {
				t.Fatalf("%s has no code block after the line <!-- example: %s -->", formatsPage, name)
			}
			if got != want {
				t.Errorf("%s shows\n%s\nwhere this must stand:\n%s", formatsPage, got, want)
			}
		})
	}
}

func exampleSegment(t *testing.T) string {
	t.Helper()
	raw, err := hex.DecodeString(exampleGeneration)
	check(t, err)
	dir := t.TempDir()
	w, err := segment.Open(context.Background(), fsys.OS, dir, segment.Generation(raw), exampleChunk)
	check(t, err)
	for _, f := range []segment.Frame{{Index: 1, Payload: []byte("bb")}, {Index: 0, Payload: []byte("a")}} {
		f.Status, f.Tries, f.Micros = segment.Result, 1, 1_000
		check(t, w.Append(f))
	}
	_, err = w.Seal()
	check(t, err)
	check(t, w.Close())
	b, err := os.ReadFile(filepath.Join(dir, segment.Name(exampleChunk)))
	check(t, err)
	return hex.Dump(b)
}

// exampleManifest commits the segment of the other example.
func exampleManifest(t *testing.T) string {
	t.Helper()
	sum := sha256.Sum256([]byte(exampleInput)) // of an input shorter than 64 KiB head and tail are the whole
	headAndTail := hex.EncodeToString(sum[:])
	o := output.At(fsys.OS, filepath.Join(t.TempDir(), "out.txt"))
	claim := output.Claim{
		Cluster: "8d3c6f0a-5b0e-4a53-9d0e-3d5a4f1c2b7e", Namespace: "default",
		WorkflowID: "longhaul-out.txt-5c1f0e9ab2", RunID: "0199f3a2-7c44-7d0e-8a51-6f2b9c3d4e5f",
	}
	m, err := o.Claim(context.Background(), output.ClaimRequest{
		Claim: claim, Job: claim.RunID,
		Spec: output.Identity{Task: "exec", Args: json.RawMessage(`{"command":["cat"]}`), Format: job.FormatText},
		Input: job.InputSet{{
			Path: "/data/in.txt", Size: exampleChunk.Length, Modified: time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC),
			HeadSHA256: headAndTail, TailSHA256: headAndTail,
		}},
	})
	check(t, err)
	a, _, err := o.Append(context.Background(), claim, m.Position)
	check(t, err)
	for _, line := range []string{"a", "bb"} {
		check(t, a.Line([]byte(line)))
	}
	m, err = a.Commit(2, exampleChunk.Length, job.Totals{Tries: 2, TaskMicros: 2_000}, true)
	check(t, err)
	check(t, a.Close())
	m.Generation = exampleGeneration // which is drawn at random
	b, err := m.Encode()
	check(t, err)
	return string(b)
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
