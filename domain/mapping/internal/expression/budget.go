package expression

import (
	"errors"
	"math/bits"
	"reflect"
)

// A row's budget counts work and not time, so that all replicas refuse the same
// rows, however busy they are.
const (
	// MaxSteps is how many steps the expressions of one row may take together.
	// A step is one node of the tree, one element of a list, or a stretch of text.
	MaxSteps = 200_000
	// MaxBytes is how much text and how many list elements they may make.
	MaxBytes = 16 << 20
)

const (
	bytesPerStep   = 256 // of a text that is read or copied
	elementBytes   = 16  // of a list
	matchPerStep   = 32  // characters times instructions of a pattern
	maxTreeNesting = 10_000
)

// ErrBudget says that a row needs more than its budget.
var ErrBudget = errors.New("the expression takes more steps or memory for this row than a row may")

// Budget is what is left for the expressions of one row.
type Budget struct{ steps, bytes int }

// NewBudget is a row's whole budget.
func NewBudget() Budget { return Budget{steps: MaxSteps, bytes: MaxBytes} }

func (b *Budget) step(n int) error {
	if n < 0 || n > b.steps {
		b.steps = 0
		return ErrBudget
	}
	b.steps -= n
	return nil
}

// read pays for looking at a text of n bytes.
func (b *Budget) read(n int) error { return b.step(n / bytesPerStep) }

// text pays for making a text of n bytes, before it is made.
func (b *Budget) text(n int) error {
	if n < 0 || n > b.bytes {
		b.bytes = 0
		return ErrBudget
	}
	b.bytes -= n
	return b.read(n)
}

// list pays for making a list of n elements, before it is made.
func (b *Budget) list(n int) error {
	if n < 0 || n > b.bytes/elementBytes {
		return ErrBudget
	}
	b.bytes -= n * elementBytes
	return b.step(n)
}

// match pays for matching a text against a pattern.
func (b *Budget) match(text, cost int) error {
	if text > MaxBytes {
		return ErrBudget
	}
	return b.step(1 + text*cost/matchPerStep)
}

// sort pays for sorting a list of n elements by values.
func (b *Budget) sort(n int, values any) error {
	if err := b.list(n); err != nil {
		return err
	}
	return b.repeat(values, bits.Len(uint(n)))
}

// repeat pays for visiting a value several times.
func (b *Budget) repeat(v any, times int) error {
	before := b.steps
	if err := b.weigh(v); err != nil {
		return err
	}
	return b.step((before - b.steps) * times)
}

// weigh pays for visiting a whole value with everything inside it. Lists can
// share their elements, so a few steps can build a value that takes for ever to
// visit. A function that visits a whole value therefore calls weigh first.
func (b *Budget) weigh(v any) error { return b.weighAt(v, 0) }

func (b *Budget) weighAt(v any, depth int) error {
	if depth > maxTreeNesting {
		return ErrBudget
	}
	if err := b.step(1); err != nil {
		return err
	}
	switch v := v.(type) {
	case nil, bool, int, float64:
		return nil
	case string:
		return b.read(len(v))
	case []any:
		for _, item := range v {
			if err := b.weighAt(item, depth+1); err != nil {
				return err
			}
		}
		return nil
	case map[string]any:
		for key, item := range v {
			if err := b.weighMember(key, item, depth); err != nil {
				return err
			}
		}
		return nil
	}
	return b.weighOther(reflect.ValueOf(v), depth)
}

func (b *Budget) weighMember(key string, item any, depth int) error {
	if err := b.read(len(key)); err != nil {
		return err
	}
	return b.weighAt(item, depth+1)
}

// weighOther visits the lists and maps of other types that expr-lang makes.
func (b *Budget) weighOther(v reflect.Value, depth int) error {
	switch v.Kind() {
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if err := b.weighAt(v.Index(i).Interface(), depth+1); err != nil {
				return err
			}
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			if err := b.weighAt(v.MapIndex(key).Interface(), depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}
