package command

import (
	"errors"
	"strings"
	"testing"
)

func TestReadToken(t *testing.T) {
	t.Parallel()
	longest := strings.Repeat("A", maxTokenRead)
	for _, row := range []struct {
		name, input string
		args        []string
		want        string
		wantErr     error
	}{
		{"a line", "a.b.c\n", nil, "a.b.c", nil},
		{"a field's value", "bearer  a.b.c \n", nil, "a.b.c", nil},
		{"an argument", "x.y.z", []string{"a.b.c"}, "a.b.c", nil},
		{"a dash for the input", "a.b.c", []string{"-"}, "a.b.c", nil},
		{"as much as is read", longest, nil, longest, nil},
		{"nothing", "", nil, "", errNoToken},
		{"a blank line", " \n", nil, "", errNoToken},
		{"an empty argument", "a.b.c", []string{""}, "", errNoToken},
		{"a byte too many", longest + "A", nil, "", errTokenTooLong},
		{"an argument with a byte too many", "", []string{longest + "A"}, "", errTokenTooLong},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			got, err := readToken(strings.NewReader(row.input), row.args)
			if got != row.want || !errors.Is(err, row.wantErr) {
				t.Errorf("got %d bytes %.20q, %v; want %d bytes %.20q, %v", len(got), got, err, len(row.want), row.want, row.wantErr)
			}
		})
	}
}
