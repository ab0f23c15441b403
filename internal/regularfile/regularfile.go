// Package regularfile reads small files that an operator names.
package regularfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// MaxSize bounds the bytes of a file that Read returns: a wrong path must not fill memory.
const MaxSize = 1 << 20

var (
	errNotRegular = errors.New("not a regular file")
	errContent    = errors.New("the text is the content of a file; name the file")
	errTooLarge   = fmt.Errorf("larger than %d bytes", MaxSize)
)

// Read returns the content and the mode of a file of at most MaxSize bytes. Its error names the path, unless that looks like
// a key: an operator may give the key itself. It refuses a named pipe before it opens it, because opening one waits for a
// writer.
func Read(path string) ([]byte, fs.FileMode, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil && isContent(path):
		return nil, 0, errContent
	case err != nil:
		return nil, 0, err
	case !info.Mode().IsRegular():
		return nil, 0, &fs.PathError{Op: "read", Path: path, Err: errNotRegular}
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = file.Close() }() // nothing was written
	data, err := io.ReadAll(io.LimitReader(file, MaxSize+1))
	if err == nil && len(data) > MaxSize {
		err = &fs.PathError{Op: "read", Path: path, Err: errTooLarge}
	}
	if err != nil {
		return nil, 0, err
	}
	return data, info.Mode(), nil
}

// isContent reports whether a text looks like a PEM, a JWK or lines, and not like a path.
func isContent(text string) bool {
	return strings.ContainsAny(text, "\r\n{") || strings.Contains(text, "-----BEGIN")
}
