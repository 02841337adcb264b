package job

import (
	"testing"
	"time"
)

func TestDifferenceNamesTheFirst(t *testing.T) {
	day := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	was := InputIdentity{Path: "/in", Size: 10, Modified: day, HeadSHA256: "head", TailSHA256: "tail"}
	for name, c := range map[string]struct {
		change  func(*InputIdentity)
		want    string
		touched bool // OnlyTouched
	}{
		"none":         {func(*InputIdentity) {}, "", true},
		"another path": {func(i *InputIdentity) { i.Path = "/moved" }, "", true},
		"another zone": {func(i *InputIdentity) { i.Modified = day.In(time.FixedZone("", 3600)) }, "", true},
		"modified": {
			func(i *InputIdentity) { i.Modified = day.Add(1) },
			"its modification time was 2026-01-02T03:04:05.000000006Z and is 2026-01-02T03:04:05.000000007Z", true,
		},
		"size":              {func(i *InputIdentity) { i.Size = 11 }, "its size was 10 bytes and is 11", false},
		"head":              {func(i *InputIdentity) { i.HeadSHA256 = "" }, "its beginning differs", false},
		"tail":              {func(i *InputIdentity) { i.TailSHA256 = "" }, "its end differs", false},
		"tail and modified": {func(i *InputIdentity) { i.TailSHA256, i.Modified = "", day.Add(1) }, "its end differs", false},
		"all":               {func(i *InputIdentity) { *i = InputIdentity{} }, "its size was 10 bytes and is 0", false},
	} {
		t.Run(name, func(t *testing.T) {
			is := was
			c.change(&is)
			if got := was.Difference(is); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if got := was.OnlyTouched(is); got != c.touched {
				t.Errorf("only touched: got %t, want %t", got, c.touched)
			}
		})
	}
}
