package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// Healthy reports whether no finding is a problem.
func Healthy(findings []Finding) bool {
	return !slices.ContainsFunc(findings, func(f Finding) bool { return f.Level == Problem })
}

// WriteJSON writes each finding as a line of JSON.
func WriteJSON(out io.Writer, findings []Finding) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for _, finding := range findings {
		if err := encoder.Encode(finding); err != nil {
			return err
		}
	}
	return nil
}

// WriteText writes each finding as a line in columns, and the number of problems and warnings.
func WriteText(out io.Writer, findings []Finding) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	counts := make(map[Level]int)
	for _, finding := range findings {
		counts[finding.Level]++
		text := finding.Message + "."
		if finding.Remedy != "" {
			text += " " + finding.Remedy
		}
		gateway := finding.Gateway
		if gateway == "" {
			gateway = "-"
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", finding.Level, gateway, finding.Name, text)
	}
	_, _ = fmt.Fprintf(table, "\nproblems: %d, warnings: %d\n", counts[Problem], counts[Warning])
	return table.Flush() // with the error of any line before
}
