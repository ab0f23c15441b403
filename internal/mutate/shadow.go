package main

import (
	"os"
	"path/filepath"
	"strings"
)

// where returns the program in a copy of the module, in which files other than Go have the mutation. The copy
// consists of links, except for the folders of those files and of the package.
func (p program) where(s *source, m mutation, work string) (program, error) {
	places, err := s.places(m)
	if err != nil {
		return p, err
	}
	c := shadow{from: s.root, to: work, ways: []string{p.folder}, changed: make(map[string]string)}
	for _, at := range places {
		if !at.file.isGo() {
			c.changed[at.file.path] = at.file.changed(0, len(at.file.text), []place{at})
			c.ways = append(c.ways, at.file.path)
		}
	}
	if len(c.changed) == 0 {
		return p, nil
	}
	p.folder = filepath.Join(work, strings.TrimPrefix(p.folder, s.root))
	return p, c.mirror(s.root)
}

// shadow is a copy of a folder.
type shadow struct {
	from, to string
	ways     []string          // the folders and files that must not be links
	changed  map[string]string // the text of files, by their path
}

func (c shadow) mirror(folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	if err := os.Mkdir(c.at(folder), 0o700); err != nil {
		return err
	}
	for _, entry := range entries {
		path := filepath.Join(folder, entry.Name())
		text, changed := c.changed[path]
		switch {
		case changed:
			err = os.WriteFile(c.at(path), []byte(text), 0o600)
		case entry.IsDir() && c.onTheWay(path):
			err = c.mirror(path)
		default:
			err = os.Symlink(path, c.at(path))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c shadow) at(path string) string { return filepath.Join(c.to, strings.TrimPrefix(path, c.from)) }

func (c shadow) onTheWay(folder string) bool {
	for _, way := range c.ways {
		if way == folder || strings.HasPrefix(way, folder+string(filepath.Separator)) {
			return true
		}
	}
	return false
}
