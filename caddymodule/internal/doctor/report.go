package doctor

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"
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

// WriteText writes a block for the whole configuration and one for each gateway, and the number of problems
// and warnings. A finding has a line, and a second one with its remedy. Findings of one name share the second.
func WriteText(out io.Writer, findings []Finding) error {
	w := bufio.NewWriter(out) // keeps the error of any line
	counts := make(map[Level]int)
	var blocks []string
	for _, f := range findings {
		counts[f.Level]++
		if !slices.Contains(blocks, f.Gateway) {
			blocks = append(blocks, f.Gateway)
		}
	}
	for _, gateway := range blocks {
		block := slices.DeleteFunc(slices.Clone(findings), func(f Finding) bool { return f.Gateway != gateway })
		writeBlock(w, gateway, block)
	}
	_, _ = fmt.Fprintf(w, "problems: %d, warnings: %d\n", counts[Problem], counts[Warning])
	return w.Flush()
}

func writeBlock(w io.Writer, gateway string, block []Finding) {
	title := "configuration"
	if gateway != "" {
		title = "gateway " + gateway
	}
	_, _ = fmt.Fprintln(w, title)
	for i, f := range block {
		_, _ = fmt.Fprintf(w, "  %-7s  %s: %s.\n", f.Level, f.Name, f.Message)
		last := i+1 == len(block) || block[i+1].Name != f.Name
		if f.Remedy != "" && last {
			_, _ = fmt.Fprintf(w, "           %s\n", f.Remedy)
		}
	}
	_, _ = fmt.Fprintln(w)
}

// once returns the findings without repetitions. Checks of several sites, servers or steps may find the same.
func once(findings []Finding) (all []Finding) {
	for _, f := range findings {
		if !slices.Contains(all, f) {
			all = append(all, f)
		}
	}
	return all
}
