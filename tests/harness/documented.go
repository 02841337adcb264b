package harness

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// docs is the documentation, from the folder of a package of tests.
var docs = filepath.Join("..", "..", "docs")

// DocumentedRow is a row of a table of docs/guarantees.md.
type DocumentedRow struct {
	// Name is its first cell.
	Name string
	// Said is the text in its second cell that programs say; empty where they say nothing.
	Said string
	// Exit is the exit status in its last cell, 0 where it names none.
	Exit int
	// Cells are all of them.
	Cells []string
}

// DocumentedTable returns the rows of the first table under a heading of docs/guarantees.md.
func DocumentedTable(heading string) ([]DocumentedRow, error) {
	return TableOf("guarantees.md", heading)
}

// TableOf returns the rows of the first table under a heading of a page of the documentation.
func TableOf(page, heading string) ([]DocumentedRow, error) {
	data, err := os.ReadFile(filepath.Join(docs, page))
	if err != nil {
		return nil, err
	}
	_, rest, found := strings.Cut(string(data), "\n## "+heading+"\n")
	if !found {
		return nil, fmt.Errorf("docs/%s has no heading %q", page, heading)
	}
	var rows []DocumentedRow
	for i, line := range tableLines(rest) {
		if i < 2 { // the head and the rule under it
			continue
		}
		cells := strings.Split(strings.Trim(line, "| "), " | ")
		row := DocumentedRow{Name: strings.TrimSpace(cells[0]), Cells: cells}
		if parts := strings.Split(cells[1], "`"); len(parts) > 1 {
			row.Said = parts[1]
		}
		if m := exitIn.FindStringSubmatch(cells[len(cells)-1]); m != nil {
			row.Exit, _ = strconv.Atoi(m[1])
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("docs/%s has no table under %q", page, heading)
	}
	return rows, nil
}

var exitIn = regexp.MustCompile(`exit (\d+)`)

func tableLines(text string) (lines []string) {
	for line := range strings.Lines(text) {
		switch line = strings.TrimSpace(line); {
		case strings.HasPrefix(line, "|"):
			lines = append(lines, line)
		case len(lines) > 0 || strings.HasPrefix(line, "## "):
			return lines
		}
	}
	return lines
}

// Headings of docs/guarantees.md under which there is a table: the errors, what becomes of damaged files, and what longhaul verify says.
const (
	ErrorsHeading  = "Errors, word for word"
	DamagesHeading = "Damages"
	VerifyHeading  = "Verify"
)

// Documented checks that a process ended, or will, with the exit status that docs/guarantees.md gives for the error of that name, and
// said its text.
func (b *Bench) Documented(name string, p *Process) {
	b.T.Helper()
	row := b.row(ErrorsHeading, name)
	p.Ended(row.Exit)
	b.Matches(row.Said, p.Errs())
}

// SaidMeanwhile waits until a process that goes on has said the text that docs/guarantees.md gives for the error of that name.
func (b *Bench) SaidMeanwhile(name string, p *Process) {
	b.T.Helper()
	row := b.row(ErrorsHeading, name)
	b.Until(fmt.Sprintf("%q said", row.Said), func() bool { return pattern(row.Said).MatchString(p.Errs()) })
}

// Matches checks that a text contains what the documentation says.
func (b *Bench) Matches(documented, said string) {
	b.T.Helper()
	if documented == "" || !pattern(documented).MatchString(said) {
		b.T.Errorf("documented: %s\nsaid: %s", documented, said)
	}
}

func (b *Bench) row(heading, name string) DocumentedRow {
	b.T.Helper()
	rows, err := DocumentedTable(heading)
	Must(b.T, err)
	for _, row := range rows {
		if row.Name == name {
			return row
		}
	}
	b.T.Fatalf("docs/guarantees.md has no row %q under %q", name, heading)
	return DocumentedRow{}
}

var number = regexp.MustCompile(`\b[NM]\b`)

// pattern makes a documented text a pattern: … is any text, N and M are numbers.
func pattern(documented string) *regexp.Regexp {
	p := strings.ReplaceAll(regexp.QuoteMeta(documented), "…", ".*")
	return regexp.MustCompile(number.ReplaceAllString(p, `[0-9,]+`))
}
