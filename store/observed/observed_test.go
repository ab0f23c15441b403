package observed_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/store/observed"
	"github.com/caddy-itsme/caddy-itsme/store/storetest"
)

// TestObservedIsTheStore runs the suite: the decorator changes nothing.
func TestObservedIsTheStore(t *testing.T) {
	t.Parallel()
	begin := func(ctx context.Context, _ string) (context.Context, func(error)) { return ctx, func(error) {} }
	storetest.Run(t, func(t *testing.T, test func(*testing.T, storetest.Harness)) {
		synctest.Test(t, func(t *testing.T) {
			s := store.NewMemory(time.Now)
			defer s.Close()
			advance := func(d time.Duration) {
				<-time.After(d)
				synctest.Wait()
			}
			test(t, storetest.Harness{Store: observed.Store(s, begin), Now: time.Now, Advance: advance})
		})
	})
}

// unobserved are the methods that are none of [observed.Operations].
var unobserved = []string{"Close", "Mark", "Revoked"}

// TestEveryOperationIsObserved calls every method of a closed store, by reflection: a method that is
// added later must be observed, or named above.
func TestEveryOperationIsObserved(t *testing.T) {
	t.Parallel()
	memory := store.NewMemory(time.Now)
	if err := memory.Close(); err != nil {
		t.Fatal(err)
	}
	var begun, ended []string
	s := observed.Store(memory, func(ctx context.Context, operation string) (context.Context, func(error)) {
		begun = append(begun, operation)
		return ctx, func(err error) {
			if !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("%s ended with %v, want %v", operation, err, store.ErrUnavailable)
			}
			ended = append(ended, operation)
		}
	})
	var want []string
	v := reflect.ValueOf(s)
	for i := range v.NumMethod() {
		name := v.Type().Method(i).Name
		if slices.Contains(unobserved, name) {
			continue
		}
		want = append(want, snake(name))
		call(t.Context(), v.Method(i))
	}
	operations := observed.Operations()
	for _, names := range [][]string{want, operations, begun, ended} {
		slices.Sort(names)
	}
	for what, got := range map[string][]string{"operations": operations, "begun": begun, "ended": ended} {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-methods +%s):\n%s", what, what, diff)
		}
	}
}

// call calls a method with a context and zero values. Pointers point to zero values.
func call(ctx context.Context, method reflect.Value) {
	args := []reflect.Value{reflect.ValueOf(ctx)}
	for i := 1; i < method.Type().NumIn(); i++ {
		kind := method.Type().In(i)
		if method.Type().IsVariadic() && i == method.Type().NumIn()-1 {
			break
		}
		if kind.Kind() == reflect.Pointer {
			args = append(args, reflect.New(kind.Elem()))
		} else {
			args = append(args, reflect.Zero(kind))
		}
	}
	method.Call(args)
}

func snake(name string) string {
	var b strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// TestOperationRunsInTheContextOfBegin: a span that begins around an operation is the parent of what the
// store does in it.
func TestOperationRunsInTheContextOfBegin(t *testing.T) {
	t.Parallel()
	memory := store.NewMemory(time.Now)
	defer memory.Close()
	var got error
	s := observed.Store(memory, func(ctx context.Context, _ string) (context.Context, func(error)) {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		return ctx, func(err error) { got = err }
	})
	if _, err := s.Load(t.Context(), "a"); !errors.Is(err, context.Canceled) || !errors.Is(got, context.Canceled) {
		t.Errorf("loading: %v, and it ended with %v, want %v", err, got, context.Canceled)
	}
}
