package cli

import (
	"github.com/spf13/pflag"

	"github.com/longhaul/longhaul/job"
)

// outputOptions is the flags of longhaul run that say what becomes of the results.
type outputOptions struct {
	format, order string
	print0        bool

	selectInput, selectResult string
}

func (o *outputOptions) register(f *pflag.FlagSet) {
	f.StringVar(&o.format, "format", "", "output `format`: text, json, or record, an object with number, input, output or error, tries and ms (default json with --http, else text)")
	f.BoolVar(&o.print0, "print0", false, "end each line of the output with a NUL byte, so that text may hold line breaks")
	f.StringVar(&o.order, "order", string(job.OrderInput), "`order` of the results: input, line N for record N, or completion, as they come")
	f.Lookup("order").DefValue = string(job.OrderInput)
	f.StringVar(&o.selectInput, "select-input", "", "give the task what this jq `expression` makes of the record, as in .url")
	f.StringVar(&o.selectResult, "select", "", "write what this jq `expression` makes of the result, as in '.items | length'")
}

// set sets the fields of a Spec.
func (o *outputOptions) set(s *job.Spec) {
	s.Format = job.Format(o.format)
	s.Order, s.SelectInput, s.Select = job.Order(o.order), o.selectInput, o.selectResult
	if o.print0 {
		s.OutputDelimiter = job.DelimiterNUL
	}
}
