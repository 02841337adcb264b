package codec

import (
	"context"

	common "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
)

// Converters returns the two converters of a client's options: that of data, and that of failures, whose messages are encrypted where there
// are keys.
func (keys Keys) Converters() (converter.DataConverter, converter.FailureConverter) {
	data := &dataConverter{keys.over(keys), keys}
	return data, temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{
		DataConverter: data, EncodeCommonAttributes: len(keys) > 0,
	})
}

// SealedMessage is what stands in the place of a failure's encrypted message, by Temporal's SDK, where it cannot be read.
const SealedMessage = "Encoded failure"

func (keys Keys) over(c converter.PayloadCodec) converter.DataConverter {
	return converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), c)
}

// dataConverter implements converter.ContextAware.
type dataConverter struct {
	converter.DataConverter
	keys Keys
}

// WithWorkflowContext returns what workflows use.
func (d *dataConverter) WithWorkflowContext(converter.WorkflowContext) converter.DataConverter {
	return d.keys.over(waiting{d.keys})
}

// WithContext returns what activities and clients use.
func (d *dataConverter) WithContext(context.Context) converter.DataConverter { return d }

// waiting is the codec of workflows. An error of theirs would end the job, for which one worker without the right key were enough; a panic fails the
// workflow's task, which Temporal gives out again, until a worker can read it.
type waiting struct{ Keys }

func (w waiting) Decode(payloads []*common.Payload) ([]*common.Payload, error) {
	opened, err := w.Keys.Decode(payloads)
	if err != nil {
		panic(err)
	}
	return opened, nil
}
