package gateway

import (
	"errors"
	"fmt"
	"strings"
)

// ErrConfig is returned when a configuration cannot be used. The text of such an error begins with the
// subdirective and ends with the remedy.
var ErrConfig = errors.New("configuration")

// configError is an [ErrConfig] whose text leaves the sentinel's own text out.
type configError struct {
	text  string
	cause error // from another package; nil when this package refuses
}

func (e *configError) Error() string        { return e.text }
func (e *configError) Is(target error) bool { return target == ErrConfig }
func (e *configError) Unwrap() error        { return e.cause }

func configErrorf(format string, args ...any) error {
	return &configError{text: fmt.Sprintf(format, args...)}
}

// configErrorFrom wraps the error of a package that refused a part of the configuration. The text begins with
// the subdirective, in the place of that package's sentinel.
func configErrorFrom(err, sentinel error, subdirective string) error {
	return &configError{text: subdirective + strings.TrimPrefix(err.Error(), sentinel.Error()+": "), cause: err}
}
