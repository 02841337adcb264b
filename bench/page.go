package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// page is docs/benchmarks.md: the results of all loads that were measured last, of which a run may bring some up to date.
type page struct{ results []result }

const (
	pageName  = "benchmarks.md"
	plotsName = "benchmarks" // and the raw figures
	rawName   = "figures.json"

	figuresBegin = "<!-- figures: written by `make bench` from here on -->\n"
	figuresEnd   = "<!-- figures: to here -->\n"
)

func readPage(docs string) (page, error) {
	var p page
	b, err := os.ReadFile(filepath.Join(docs, plotsName, rawName))
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return p, err
	}
	return p, json.Unmarshal(b, &p.results)
}

// put replaces the load's result, and keeps the order of the loads.
func (p *page) put(r result) {
	p.results = append(slices.DeleteFunc(p.results, func(o result) bool { return o.Load == r.Load }), r)
	names := loadNames()
	slices.SortStableFunc(p.results, func(a, b result) int { return slices.Index(names, a.Load) - slices.Index(names, b.Load) })
}

// write writes raw figures, plots and the page.
func (p *page) write(docs string) error {
	dir := filepath.Join(docs, plotsName)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	raw, err := json.MarshalIndent(p.results, "", " ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, rawName), append(raw, '\n'), 0o644); err != nil {
		return err
	}
	var b strings.Builder
	b.WriteString(tables(p.results))
	for _, r := range p.results {
		plots, err := plotsOf(r)
		if err != nil {
			return fmt.Errorf("plot %s: %w", r.Load, err)
		}
		for _, plot := range plots {
			if err := os.WriteFile(filepath.Join(dir, plot.name), plot.svg, 0o644); err != nil {
				return err
			}
			fmt.Fprintf(&b, "\n![%s](%s/%s)\n", plot.title, plotsName, plot.name)
		}
	}
	path := filepath.Join(docs, pageName)
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	now, err := replaceFigures(old, b.String())
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.WriteFile(path, now, 0o644)
}

// replaceFigures puts text between the two marks of a page.
func replaceFigures(old []byte, text string) ([]byte, error) {
	before, rest, begins := bytes.Cut(old, []byte(figuresBegin))
	_, after, ends := bytes.Cut(rest, []byte(figuresEnd))
	if !begins || !ends {
		return nil, fmt.Errorf("no place for the figures: want the lines %s and %s", strings.TrimSpace(figuresBegin), strings.TrimSpace(figuresEnd))
	}
	return slices.Concat(before, []byte(figuresBegin+"\n"+text+"\n"+figuresEnd), after), nil
}
