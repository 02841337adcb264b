package main

import (
	"bytes"
	"image/color"
	"math"
	"strings"

	"github.com/dustin/go-humanize"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// plotKind is what is drawn of a load.
type plotKind int

const (
	plotNone   plotKind = iota
	plotRates           // a bar a turn: records/s
	plotPeaks           // a bar a turn: peak memory
	plotSeries          // records and memory over time
)

// picture is a plot as a file.
type picture struct {
	name, title string
	svg         []byte
}

var (
	blue = color.NRGBA{0x1f, 0x77, 0xb4, 0xff}
	gray = color.NRGBA{0xb0, 0xb0, 0xb0, 0xff}
)

// plotsOf draws a result.
func plotsOf(r result) ([]picture, error) {
	l, _ := loadOf(r)
	if len(r.Samples) == 0 {
		return nil, nil
	}
	switch l.plot {
	case plotRates:
		return draws(r.Load, func() (*plot.Plot, error) { return bars(r, "records/s", sample.rate) })
	case plotPeaks:
		return draws(r.Load, func() (*plot.Plot, error) { return bars(r, "peak memory, MiB", peakOf) })
	case plotSeries:
		return draws(r.Load,
			func() (*plot.Plot, error) {
				return overTime(r, "million records committed", func(p point) float64 { return float64(p.Records) / 1e6 })
			},
			func() (*plot.Plot, error) {
				return overTime(r, "resident memory, MiB", func(p point) float64 { return p.MiB })
			})
	case plotNone:
	}
	return nil, nil
}

const margin = vg.Centimeter / 4

// draws makes files of plots, name.svg and name-2.svg.
func draws(name string, plots ...func() (*plot.Plot, error)) (pictures []picture, err error) {
	for i, make := range plots {
		p, err := make()
		if err != nil {
			return nil, err
		}
		c := vgsvg.New(18*vg.Centimeter, 9*vg.Centimeter)
		p.Draw(draw.Crop(draw.New(c), margin, -2*margin, margin, -margin))
		var b bytes.Buffer
		if _, err := c.WriteTo(&b); err != nil {
			return nil, err
		}
		file := name + strings.Repeat("-2", i) + ".svg"
		pictures = append(pictures, picture{file, p.Title.Text + ": " + p.Y.Label.Text, b.Bytes()})
	}
	return pictures, nil
}

func newPlot(title, x, y string) *plot.Plot {
	plot.DefaultFont.Variant, plotter.DefaultFont.Variant = "Sans", "Sans"
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, x, y
	p.Title.Padding = vg.Points(6)
	p.Y.Tick.Marker = plain{}
	p.Y.Min = 0
	return p
}

// plain writes the numbers of an axis out.
type plain struct{}

func (plain) Ticks(least, most float64) []plot.Tick {
	ticks := plot.DefaultTicks{}.Ticks(least, most)
	for i := range ticks {
		if ticks[i].Label != "" {
			ticks[i].Label = humanize.Commaf(math.Round(ticks[i].Value*1e6) / 1e6)
		}
	}
	return ticks
}

// bars draws the median of each turn, and the spread from the least to the most. longhaul's are coloured.
func bars(r result, what string, of func(sample) float64) (*plot.Plot, error) {
	p := newPlot(r.Title, "", what)
	l, _ := loadOf(r)
	names := turnsOf(r)
	our, their := make(plotter.Values, len(names)), make(plotter.Values, len(names))
	var spreads struct {
		plotter.XYs
		plotter.YErrors
	}
	var labels plotter.XYLabels
	for i, name := range names {
		s := over(r, name, of)
		if math.IsNaN(s.median) {
			continue
		}
		for _, t := range l.turns {
			if t.name == name && t.candidate == longhaul {
				our[i] = s.median
			}
		}
		their[i] = s.median - our[i]
		spreads.XYs = append(spreads.XYs, plotter.XY{X: float64(i), Y: s.median})
		spreads.YErrors = append(spreads.YErrors, struct{ Low, High float64 }{s.median - s.least, s.most - s.median})
		labels.XYs = append(labels.XYs, plotter.XY{X: float64(i), Y: s.most})
		labels.Labels = append(labels.Labels, number(s.median))
	}
	for _, set := range []struct {
		values plotter.Values
		color  color.Color
	}{{our, blue}, {their, gray}} {
		b, err := plotter.NewBarChart(set.values, 1.5*vg.Centimeter)
		if err != nil {
			return nil, err
		}
		b.Color, b.LineStyle.Width = set.color, 0
		p.Add(b)
	}
	if p.NominalX(names...); len(spreads.XYs) == 0 {
		return p, nil
	}
	e, err := plotter.NewYErrorBars(spreads)
	if err != nil {
		return nil, err
	}
	n, err := plotter.NewLabels(labels)
	if err != nil {
		return nil, err
	}
	for i := range n.TextStyle {
		n.TextStyle[i].XAlign = draw.XCenter
	}
	n.Offset.Y = vg.Points(3)
	p.Add(e, n)
	p.Y.Max *= 1.08 // room for the labels
	return p, nil
}

// overTime draws a number over the time of the first round's job.
func overTime(r result, what string, of func(point) float64) (*plot.Plot, error) {
	p := newPlot(r.Title, "seconds", what)
	p.X.Tick.Marker, p.X.Min = plain{}, 0
	var points plotter.XYs
	for _, s := range r.Samples[0].Series {
		if y := of(s); y > 0 {
			points = append(points, plotter.XY{X: s.Seconds, Y: y})
		}
	}
	if len(points) == 0 {
		return p, nil
	}
	line, err := plotter.NewLine(points)
	if err != nil {
		return nil, err
	}
	line.Color, line.Width = blue, vg.Points(1.5)
	p.Add(line)
	return p, nil
}
