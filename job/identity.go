package job

import (
	"fmt"
	"time"
)

// InputIdentity tells whether an input is the one that an output was begun with.
type InputIdentity struct {
	Path     string    `json:"path"`
	Size     int64     `json:"size"`
	Modified time.Time `json:"modified"`
	// HeadSHA256 and TailSHA256 are of the first and the last 64 KiB.
	HeadSHA256 string `json:"headSha256"`
	TailSHA256 string `json:"tailSha256"`
}

// Difference names the first difference between two inputs, old first; "" where there is none. Their paths do not count.
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
