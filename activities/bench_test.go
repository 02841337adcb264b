package activities

import (
	"errors"
	"testing"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/task"
)

// BenchmarkLine makes results lines of the output.
func BenchmarkLine(b *testing.B) {
	for name, t := range map[string]struct {
		format job.Format
		result task.Result
	}{
		"text":         {job.FormatText, task.Result{Value: []byte("result 123456\n")}},
		"JSON of JSON": {job.FormatJSON, task.Result{Value: []byte(`{"id": 123456, "name": "somebody", "tags": ["a", "b"], "score": 1.25}`), JSON: true}},
		"JSON of text": {job.FormatJSON, task.Result{Value: []byte(`result "123456"`)}},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := line(t.format, t.result); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkErrorLine makes the line of a failed record.
func BenchmarkErrorLine(b *testing.B) {
	r, cause := task.Record{Number: 123456, Input: []byte("some record"), Try: 5}, errors.New("HTTP 503 Service Unavailable: try later")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := errorLine(r, cause); err != nil {
			b.Fatal(err)
		}
	}
}
