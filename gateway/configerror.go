package gateway

import (
	"errors"
	"fmt"
	"strings"
)

// ErrConfig is returned when a configuration cannot be used; its text begins with the name of
// the subdirective and ends with the remedy.
var ErrConfig = errors.New("configuration")

// configError keeps the text free of the sentinel's own, which would only repeat the obvious.
type configError struct {
	text  string
	cause error // of another package; nil where the gateway itself refuses
}

func (e *configError) Error() string        { return e.text }
func (e *configError) Is(target error) bool { return target == ErrConfig }
func (e *configError) Unwrap() error        { return e.cause }

func configErrorf(format string, args ...any) error {
	return &configError{text: fmt.Sprintf(format, args...)}
}

// configErrorFrom returns the error of a package that refused a part of the configuration, without the text of that
// package's sentinel. The text then begins with the subdirective.
func configErrorFrom(err, sentinel error, subdirective string) error {
	return &configError{text: subdirective + strings.TrimPrefix(err.Error(), sentinel.Error()+": "), cause: err}
}
