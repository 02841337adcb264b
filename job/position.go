package job

import "fmt"

// Position is how far an output got: everything before it is answered and on disk. Records are counted among those taken (see Selection).
type Position struct {
	// Records answered: records [0, Records) have their line.
	Records int64 `json:"records"`
	// InputOffset is the byte offset in the input, its files one after the other, at which record Records-1 ends.
	InputOffset int64 `json:"inputOffset"`
	// OutputBytes is the length in bytes of the output's committed part.
	OutputBytes int64 `json:"outputBytes"`
	// ErrorBytes is the length in bytes of the errors file's committed part.
	ErrorBytes int64 `json:"errorBytes"`
}

// Totals counts what stands behind a Position.
type Totals struct {
	// Failed records among those answered.
	Failed int64 `json:"failed"`
	// Tries made for the records answered.
	Tries int64 `json:"tries"`
	// TaskMicros is the time spent in those tries, in microseconds: about what one by one would have taken.
	TaskMicros int64 `json:"taskMicros"`
}

// Add returns the sum of both.
func (t Totals) Add(u Totals) Totals {
	return Totals{Failed: t.Failed + u.Failed, Tries: t.Tries + u.Tries, TaskMicros: t.TaskMicros + u.TaskMicros}
}

// Chunk is neighbouring records of one file of the input that one activity handles. Records are counted among those taken (see Selection).
type Chunk struct {
	// First is the number of its first record.
	First int64 `json:"first"`
	// Records in the chunk, at least 1.
	Records int `json:"records"`
	// Offset is the byte offset of the chunk in the input, its files one after the other: that of its first record.
	Offset int64 `json:"offset"`
	// Length of the chunk in bytes.
	Length int64 `json:"length"`
	// Checksum is the CRC-32C of the chunk's bytes.
	Checksum uint32 `json:"checksum"`
}

// End is the number of the first record after the chunk.
func (c Chunk) End() int64 { return c.First + int64(c.Records) }

// EndOffset is the byte offset of the first byte after the chunk.
func (c Chunk) EndOffset() int64 { return c.Offset + c.Length }

// String names the chunk's records as people count them in a log: "records 2000 to 2499".
func (c Chunk) String() string {
	if c.Records == 1 {
		return fmt.Sprintf("record %d", c.First)
	}
	return fmt.Sprintf("records %d to %d", c.First, c.End()-1)
}

// ErrorsPath is the path of the errors file of an output.
func ErrorsPath(output string) string { return output + ".longhaul/errors.jsonl" }
