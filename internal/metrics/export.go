package metrics

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// sum is a number of a Task as an instrument.
type sum struct {
	name, unit, description string
	value                   func(*Task) int64
	outcome                 string
}

// sums of the tasks. Neighbours of one name are one instrument.
var sums = []sum{
	{"longhaul.records", "{record}", "Records done, by outcome", func(t *Task) int64 { return t.Succeeded.Load() }, "ok"},
	{"longhaul.records", "{record}", "Records done, by outcome", func(t *Task) int64 { return t.Failed.Load() }, "failed"},
	{"longhaul.retries", "{try}", "Tries that failed and that another follows", func(t *Task) int64 { return t.Retries.Load() }, ""},
	{"longhaul.starved", "{try}", "Tries that the worker's machine could not make", func(t *Task) int64 { return t.Starved.Load() }, ""},
	{"longhaul.outages", "{attempt}", "Attempts at a chunk that ended since the far side seemed to be down", func(t *Task) int64 { return t.Outages.Load() }, ""},
	{"longhaul.chunks", "{chunk}", "Chunks finished", func(t *Task) int64 { return t.Chunks.Load() }, ""},
	{"longhaul.input", "By", "Input of the chunks finished", func(t *Task) int64 { return t.InputBytes.Load() }, ""},
	{"longhaul.committed.records", "{record}", "Records whose line is in the output", func(t *Task) int64 { return t.Committed.Load() }, ""},
	{"longhaul.output", "By", "Lines written to outputs", func(t *Task) int64 { return t.OutputBytes.Load() }, ""},
}

// level is a number of a Job as an instrument.
type level struct {
	name, unit, description string
	value                   func(Job) int64
	fromDisk                bool
}

var levels = []level{
	{"longhaul.slots.granted", "{slot}", "Slots that the job's chunks on this worker brought", func(j Job) int64 { return int64(j.Granted) }, false},
	{"longhaul.slots.used", "{slot}", "Slots of this worker that have a task in flight for the job", func(j Job) int64 { return int64(j.Used) }, false},
	{"longhaul.chunks.running", "{chunk}", "Chunks of the job on this worker", func(j Job) int64 { return int64(j.Chunks) }, false},
	{"longhaul.position.records", "{record}", "Records that the output answers, in the input's order", func(j Job) int64 { return j.Position }, true},
	{"longhaul.ahead.records", "{record}", "Records that are done and wait for one before them", func(j Job) int64 { return j.AheadRecords }, true},
	{"longhaul.ahead.chunks", "{chunk}", "Chunks that are done and wait for one before them", func(j Job) int64 { return j.AheadChunks }, true},
	{"longhaul.ahead", "By", "Disk space of what waits", func(j Job) int64 { return j.AheadBytes }, true},
}

// instruments has a meter ask for the numbers at each collection.
func (m *Metrics) instruments(meter metric.Meter) error {
	counters := map[string]metric.Int64ObservableCounter{}
	var all []metric.Observable
	for _, s := range sums {
		if counters[s.name] != nil {
			continue
		}
		c, err := meter.Int64ObservableCounter(s.name, metric.WithUnit(s.unit), metric.WithDescription(s.description))
		if err != nil {
			return err
		}
		counters[s.name] = c
		all = append(all, c)
	}
	var gauges []metric.Int64ObservableGauge
	for _, l := range levels {
		g, err := meter.Int64ObservableGauge(l.name, metric.WithUnit(l.unit), metric.WithDescription(l.description))
		if err != nil {
			return err
		}
		gauges = append(gauges, g)
		all = append(all, g)
	}
	_, err := meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		tasks, jobs := m.now()
		for _, t := range tasks {
			for _, s := range sums {
				labels := []attribute.KeyValue{attribute.String("task", t.name)}
				if s.outcome != "" {
					labels = append(labels, attribute.String("outcome", s.outcome))
				}
				o.ObserveInt64(counters[s.name], s.value(t), metric.WithAttributes(labels...))
			}
		}
		for _, j := range jobs {
			for i, l := range levels {
				if j.Known || !l.fromDisk {
					o.ObserveInt64(gauges[i], l.value(j), metric.WithAttributes(attribute.String("job", j.ID)))
				}
			}
		}
		return nil
	}, all...)
	return err
}

// latencies gives the exporter the histograms, which were counted by the batch: OpenTelemetry's own take single values only.
type latencies struct {
	metrics *Metrics
	since   time.Time
}

// Produce implements sdk.Producer.
func (l latencies) Produce(context.Context) ([]metricdata.ScopeMetrics, error) {
	l.metrics.mu.Lock()
	defer l.metrics.mu.Unlock()
	h := metricdata.Histogram[float64]{Temporality: metricdata.CumulativeTemporality}
	for name, t := range l.metrics.tasks {
		h.DataPoints = append(h.DataPoints, l.point(name, &t.Latency))
	}
	return []metricdata.ScopeMetrics{{Metrics: []metricdata.Metrics{
		{Name: "longhaul.task.duration", Unit: "s", Description: "Time that a try of a task took", Data: h},
	}}}, nil
}

func (l latencies) point(name string, h *Histogram) metricdata.HistogramDataPoint[float64] {
	p := metricdata.HistogramDataPoint[float64]{
		Attributes: attribute.NewSet(attribute.String("task", name)), StartTime: l.since, Time: time.Now(),
		Sum: time.Duration(h.sum.Load()).Seconds(),
	}
	for _, b := range bounds {
		p.Bounds = append(p.Bounds, b.Seconds())
	}
	for i := range h.buckets {
		n := h.buckets[i].Load()
		p.BucketCounts = append(p.BucketCounts, n)
		p.Count += n
	}
	return p
}

// inSeconds gives the SDK's timers buckets for seconds; OpenTelemetry's default ones are for milliseconds.
func inSeconds() sdk.View {
	aggregation := sdk.AggregationExplicitBucketHistogram{NoMinMax: true}
	for _, b := range bounds {
		aggregation.Boundaries = append(aggregation.Boundaries, b.Seconds())
	}
	return sdk.NewView(sdk.Instrument{Name: "temporal_*", Kind: sdk.InstrumentKindHistogram}, sdk.Stream{Aggregation: aggregation})
}
