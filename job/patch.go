package job

// Patch says that a job runs the failed records of a complete output, and puts their results into their places: longhaul retry. The job's own input and output are then files in
// the folder beside that output, made for it: the records, and their results.
type Patch struct {
	// Output is the absolute path of the output to be patched.
	Output string `json:"output"`
	// Job is the id of the job that wrote it, for the idempotency keys of its records.
	Job string `json:"job"`
	// JSON says that its records are JSON values.
	JSON bool `json:"json,omitempty"`
}

// validate checks the paths.
func (p *Patch) validate() error {
	if p == nil {
		return nil
	}
	if err := validPath("patch.output", p.Output); err != nil {
		return err
	}
	if p.Job == "" {
		return invalid("patch.job: missing")
	}
	return nil
}

// PatchRequest asks to put the results of the job whose output is From into their places in Output.
type PatchRequest struct {
	Output string `json:"output"`
	From   string `json:"from"`
}

// Patched is where the patched output stands.
type Patched struct {
	Position     Position `json:"position"`
	Totals       Totals   `json:"totals"`
	OutputDigest string   `json:"outputDigest"`
}
