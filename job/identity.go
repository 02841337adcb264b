package job

import (
	"fmt"
	"slices"
	"time"
)

// InputIdentity tells whether a file of an input is the one that an output was begun with.
type InputIdentity struct {
	Path     string    `json:"path"`
	Size     int64     `json:"size"`
	Modified time.Time `json:"modified"`
	// HeadSHA256 and TailSHA256 are of the first and the last 64 KiB.
	HeadSHA256 string `json:"headSha256"`
	TailSHA256 string `json:"tailSha256"`
	// Compression is "gzip" or "zstd" where the file is compressed, by its first bytes.
	Compression string `json:"compression,omitempty"`
}

// Difference names the first difference between two files, old first; "" where there is none. Their paths do not count.
func (i InputIdentity) Difference(j InputIdentity) string {
	switch {
	case i.Size != j.Size:
		return fmt.Sprintf("its size was %d bytes and is %d", i.Size, j.Size)
	case i.HeadSHA256 != j.HeadSHA256:
		return "its beginning differs"
	case i.TailSHA256 != j.TailSHA256:
		return "its end differs"
	case !i.Modified.Equal(j.Modified):
		return fmt.Sprintf("its modification time was %s and is %s", i.Modified.Format(time.RFC3339Nano), j.Modified.Format(time.RFC3339Nano))
	}
	return ""
}

// OnlyTouched says whether j differs from i in its modification time at most.
func (i InputIdentity) OnlyTouched(j InputIdentity) bool {
	i.Modified = j.Modified
	return i.Difference(j) == ""
}

// InputSet is the identities of an input's files in their order: in JSON one object, or a list where there are several.
type InputSet []InputIdentity

// MarshalJSON writes one file as an object, several as a list.
func (s InputSet) MarshalJSON() ([]byte, error) { return marshalSeveral(s) }

// UnmarshalJSON reads an object or a list of objects.
func (s *InputSet) UnmarshalJSON(data []byte) error {
	return unmarshalSeveral(data, (*[]InputIdentity)(s))
}

// Paths are the files' paths.
func (s InputSet) Paths() Paths {
	paths := make(Paths, len(s))
	for i, f := range s {
		paths[i] = f.Path
	}
	return paths
}

// Difference names the first difference between two sets, old first, and the file of u that differs, -1 where it is not one file's. "" says that there
// is none. Paths do not count, but they tell a file that came or went from one that changed.
func (s InputSet) Difference(u InputSet) (text string, file int) {
	if len(s) == len(u) {
		for i := range s {
			if diff := s[i].Difference(u[i]); diff != "" {
				if text := missing(s, u); text != "" && len(s) > 1 {
					return text, -1
				}
				return diff, i
			}
		}
		return "", -1
	}
	text = fmt.Sprintf("it had %d files and has %d", len(s), len(u))
	if m := missing(s, u); m != "" {
		text += ": " + m
	}
	return text, -1
}

// missing names a file that one of two sets has and the other has not.
func missing(old, now InputSet) string {
	before, after := old.Paths(), now.Paths()
	for _, p := range after {
		if !slices.Contains(before, p) {
			return p + " is new"
		}
	}
	for _, p := range before {
		if !slices.Contains(after, p) {
			return p + " is gone"
		}
	}
	return ""
}
