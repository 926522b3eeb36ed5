package expression

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzExact computes with arbitrary numbers and compares with big.Rat. The bytes
// say which expression is made.
func FuzzExact(f *testing.F) {
	for _, seed := range []string{"", "+1*2-3", "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c", strings.Repeat("*9", 30), strings.Repeat("\xff\x80", 40)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, seed []byte) {
		if len(seed) > 300 {
			return
		}
		g := generator{seed: seed, values: map[string]string{}, columns: map[string]Column{}}
		text, want := g.sum(0)
		p, err := compileTest(t, text, Exact, g.columns)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		got, err := evaluate(t, p, g.columns, g.values)
		if err != nil {
			if text := Reason(err); text != string(errTooManyDigits) && text != string(errDivisionBy0) {
				t.Fatalf("%s: %v", text, err)
			}
			return
		}
		r, ok := new(big.Rat).SetString(got)
		if !ok || r.Cmp(want) != 0 {
			t.Fatalf("%s with %v = %s, want %s", text, g.values, got, want.RatString())
		}
	})
}

// generator makes an expression and its value.
type generator struct {
	seed    []byte
	values  map[string]string
	columns map[string]Column
}

func (g *generator) next(n int) int {
	if len(g.seed) == 0 {
		return 0
	}
	b := g.seed[0]
	g.seed = g.seed[1:]
	return int(b) % n
}

func (g *generator) sum(depth int) (string, *big.Rat) {
	if depth > 5 || g.next(4) == 0 {
		return g.number()
	}
	left, x := g.sum(depth + 1)
	right, y := g.sum(depth + 1)
	switch operator := "+-*?M"[g.next(5)]; operator {
	case '+':
		return "(" + left + " + " + right + ")", new(big.Rat).Add(x, y)
	case '-':
		return "(" + left + " - " + right + ")", new(big.Rat).Sub(x, y)
	case '*':
		return "(" + left + " * " + right + ")", new(big.Rat).Mul(x, y)
	case '?':
		if x.Cmp(y) < 0 {
			return "(" + left + " < " + right + " ? " + left + " : -" + right + ")", x
		}
		return "(" + left + " < " + right + " ? " + left + " : -" + right + ")", new(big.Rat).Neg(y)
	}
	if x.Cmp(y) < 0 {
		x = y
	}
	return "max(" + left + ", " + right + ")", x
}

func (g *generator) number() (string, *big.Rat) {
	digits := "" + "123456789"[g.next(9):][:1]
	for range g.next(38) {
		digits += "0123456789"[g.next(10):][:1]
	}
	scale := g.next(min(len(digits), 20))
	if scale > 0 {
		digits = digits[:len(digits)-scale] + "." + digits[len(digits)-scale:]
	}
	negative := g.next(2) == 1
	r, _ := new(big.Rat).SetString(digits)
	if g.next(2) == 0 && (scale > 0 || len(digits) < 19) {
		return "(" + digits + ")", r
	}
	if negative {
		digits = "-" + digits
		r.Neg(r)
	}
	name := fmt.Sprintf("C%d", len(g.values))
	g.values[name], g.columns[name] = digits, Column{Number: true, Precision: 38, Scale: scale}
	return name, r
}

// FuzzRun evaluates any text in both languages: it ends, within its budget, and
// what comes out is JSON in UTF-8.
func FuzzRun(f *testing.F) {
	for _, text := range append(append([]string{}, formerSamples...), hostile...) {
		f.Add(text)
	}
	columns, values := row()
	columns["SMALL"], values["SMALL"] = Column{Number: true, Precision: 9}, "7"
	f.Fuzz(func(t *testing.T, text string) {
		for _, language := range []Language{Exact, Former} {
			for _, known := range []map[string]Column{columns, nil} {
				p, err := compileTest(t, text, language, known)
				if err != nil {
					continue
				}
				got, err := evaluate(t, p, columns, values)
				if err == nil && (!json.Valid([]byte(got)) || !utf8.ValidString(got)) {
					t.Fatalf("%s = %q", text, got)
				}
			}
		}
	})
}
