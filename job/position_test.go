package job

import "testing"

func TestChunkNamesItsRecords(t *testing.T) {
	for want, c := range map[string]Chunk{
		"record 0":             {First: 0, Records: 1},
		"record 1999":          {First: 1999, Records: 1, Offset: 5, Length: 3},
		"records 2000 to 2499": {First: 2000, Records: 500},
		"records 0 to 1":       {First: 0, Records: 2},
	} {
		t.Run(want, func(t *testing.T) {
			if got := c.String(); got != want {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestChunkEndsWhereTheNextBegins(t *testing.T) {
	c := Chunk{First: 1 << 40, Records: 3, Offset: 1 << 50, Length: 1 << 33}
	if c.End() != 1<<40+3 || c.EndOffset() != 1<<50+1<<33 {
		t.Errorf("got record %d, byte %d", c.End(), c.EndOffset())
	}
}

func TestTotalsAdd(t *testing.T) {
	a, b := Totals{Failed: 1, Tries: 20, TaskMicros: 300}, Totals{Failed: 4000, Tries: 50_000, TaskMicros: 600_000}
	want := Totals{Failed: 4001, Tries: 50_020, TaskMicros: 600_300}
	if got := a.Add(b); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := a.Add(Totals{}); got != a {
		t.Errorf("with nothing: got %+v, want %+v", got, a)
	}
}

func TestErrorsPathIsInTheOutputsFolder(t *testing.T) {
	if got := ErrorsPath("/data/out.jsonl"); got != "/data/out.jsonl.longhaul/errors.jsonl" {
		t.Errorf("got %s", got)
	}
}
