package job_test

import (
	"fmt"

	"github.com/longhaul/longhaul/job"
)

func ExampleParseSpec() {
	s, err := job.ParseSpec([]byte(`{
		"input":  "/data/urls.txt",
		"output": "/data/pages.jsonl",
		"task":   {"name": "http", "args": {"url": "{{.}}"}},
		"timeout": "10s"
	}`))
	fmt.Println(s.Format, s.Concurrency, s.Timeout, s.Retry.MaximumAttempts, err)

	_, err = job.ParseSpec([]byte(`{"input": "/in", "output": "/out", "task": {"name": "echo"}, "concurrency": 1000000}`))
	fmt.Println(err)
	_, err = job.ParseSpec([]byte(`{"input": "/in", "output": "/out", "task": {"name": "echo"}, "cuncurrency": 8}`))
	fmt.Println(err)
	// Output:
	// json 64 10s 5 <nil>
	// spec: concurrency: 1000000 is not within 1 to 100000
	// spec: unknown field "cuncurrency"
}

func ExampleIDOf() {
	fmt.Println(job.IDOf("/monday/out.jsonl"))
	fmt.Println(job.IDOf("/tuesday/out.jsonl"))
	// Output:
	// longhaul-out.jsonl-75c83f3b76
	// longhaul-out.jsonl-d4eb6d0234
}
