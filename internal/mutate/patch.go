package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// row is a row of SECURITY.md with its mutations.
type row struct {
	Threat    string // as SECURITY.md writes it
	Mutations []mutation
	// Elsewhere names, for tests that no mutation fails, the software with their defence.
	Elsewhere map[string]string
}

// mutation deletes one defence of the product.
type mutation struct {
	Name  string   // what is deleted; unique within the row
	Fails []string // the tests that must fail
	Hunks []hunk
	file  string // where it is written
}

// ID names the mutation in the report.
func (m mutation) ID() string {
	return strings.TrimSuffix(filepath.Base(m.file), ".txt") + ": " + m.Name
}

// hunk replaces consecutive lines. Old stands once in the product.
type hunk struct {
	Old, New []string
}

// readPatches returns the rows of all files in a folder, in the order of the files' names.
func readPatches(folder string) (rows []row, err error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.txt"))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		r, err := parseRow(file, string(text))
		if err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// parseRow reads the patches of one row:
//
//	row: the threat, as SECURITY.md writes it
//	elsewhere: TestThree: which software holds the defence
//
//	mutation: what is deleted
//	fails: TestOne, TestTwo
//	 a line that stays
//	-a line that goes
//	+a line that comes
//	@@
//	-a line elsewhere that goes as well
func parseRow(file, text string) (row, error) {
	r := row{Elsewhere: make(map[string]string)}
	for i, line := range strings.Split(text, "\n") {
		if err := r.line(file, line); err != nil {
			return row{}, fmt.Errorf("%s:%d: %w", file, 1+i, err)
		}
	}
	for _, m := range r.Mutations {
		if err := m.complete(); err != nil {
			return row{}, fmt.Errorf("%s: %w", m.ID(), err)
		}
	}
	return r, nil
}

func (r *row) line(file, line string) error {
	key, value, _ := strings.Cut(line, ": ")
	switch {
	case line == "":
	case key == "row" && r.Threat == "":
		r.Threat = value
	case key == "elsewhere" && len(r.Mutations) == 0:
		test, whose, _ := strings.Cut(value, ": ")
		r.Elsewhere[test] = whose
	case key == "mutation":
		r.Mutations = append(r.Mutations, mutation{Name: value, Hunks: make([]hunk, 1), file: file})
	case len(r.Mutations) == 0:
		return fmt.Errorf("%q stands before the first mutation", line)
	default:
		return r.Mutations[len(r.Mutations)-1].line(line)
	}
	return nil
}

func (m *mutation) line(line string) error {
	h := &m.Hunks[len(m.Hunks)-1]
	switch rest, fails := strings.CutPrefix(line, "fails: "); {
	case fails:
		m.Fails = append(m.Fails, strings.Split(rest, ", ")...)
	case line == "@@":
		m.Hunks = append(m.Hunks, hunk{})
	case line[0] == ' ':
		h.Old, h.New = append(h.Old, line[1:]), append(h.New, line[1:])
	case line[0] == '-':
		h.Old = append(h.Old, line[1:])
	case line[0] == '+':
		h.New = append(h.New, line[1:])
	default:
		return fmt.Errorf("%q is no line of a patch", line)
	}
	return nil
}

func (m mutation) complete() error {
	if len(m.Fails) == 0 {
		return errors.New("it names no test that fails")
	}
	for _, h := range m.Hunks {
		if len(h.Old) == 0 {
			return errors.New("it replaces nothing")
		}
	}
	return nil
}

// mutationsOf returns the mutations of all rows.
func mutationsOf(rows []row) (all []mutation) {
	for _, r := range rows {
		all = append(all, r.Mutations...)
	}
	return all
}
