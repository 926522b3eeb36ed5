package expression

import (
	"fmt"
	"regexp/syntax"
)

// The bounds of a definition. They are checked before an expression is compiled,
// because a short pattern such as (a|b|c){0,900} compiles to a large program.
const (
	maxNodes       = 500    // nodes of one expression's tree
	maxSource      = 8_192  // bytes of one expression
	maxPattern     = 1_000  // bytes of one pattern
	maxPatternCost = 10_000 // instructions of one pattern
	// MaxExpressions is how many expressions a mapping may have.
	MaxExpressions = 300
	// maxCost is what all expressions of a mapping may cost together: their nodes
	// and their patterns' instructions.
	maxCost = 50_000
)

// LimitError says which bound a definition exceeds.
type LimitError string

func (e LimitError) Error() string { return string(e) }

// Work counts what a definition's expressions cost together.
type Work struct {
	// Ended says why the compiling is to end, such as a context's Err; nil means
	// that it may go on for ever.
	Ended             func() error
	cost, expressions int
}

func (w *Work) add(cost int) error {
	if w.cost += cost; w.cost > maxCost {
		return LimitError(fmt.Sprintf("the expressions of this import are too large together: they have more than %d nodes and pattern instructions", maxCost))
	}
	return nil
}

func (w *Work) expression(source string) error {
	if w.Ended != nil {
		if err := w.Ended(); err != nil {
			return fmt.Errorf("compiling an expression: %w", err)
		}
	}
	if w.expressions++; w.expressions > MaxExpressions {
		return LimitError(fmt.Sprintf("the mapping has more than %d expressions; compute some of them in the query", MaxExpressions))
	}
	if len(source) > maxSource {
		return LimitError(fmt.Sprintf("the expression has %d bytes and may have %d; compute it in the query", len(source), maxSource))
	}
	return nil
}

// patternCost bounds how many instructions a pattern compiles to, without
// compiling it.
func patternCost(pattern string) (int, error) {
	if len(pattern) > maxPattern {
		return 0, LimitError(fmt.Sprintf("a pattern has %d bytes and may have %d", len(pattern), maxPattern))
	}
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return 0, fmt.Errorf("parsing a pattern: %w", err)
	}
	cost := instructions(parsed)
	if cost > maxPatternCost {
		return 0, LimitError("a pattern's repetitions make it too large; repeat less, or match in the query")
	}
	return cost, nil
}

func instructions(re *syntax.Regexp) int {
	n := 1 + len(re.Rune)/2
	if re.Op == syntax.OpLiteral {
		n = 1 + len(re.Rune)
	}
	for _, sub := range re.Sub {
		n = min(n+instructions(sub), maxPatternCost+1)
	}
	if re.Op == syntax.OpRepeat {
		times := max(re.Min, re.Max)
		n *= max(times, 1) + 1
	}
	return min(n, maxPatternCost+1)
}
