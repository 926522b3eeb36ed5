package expression

import (
	"math"
	"strconv"
	"strings"

	"github.com/cockroachdb/apd/v3"
)

// A number of Exact is an int while it fits one, else an exact decimal; a
// FLOAT is a float64. An operation with a FLOAT gives a FLOAT.

// maxDigits bounds an exact number. The product of two NUMBERs has 76 digits, so
// a computation on real data does not reach the bound.
const maxDigits = 512

// divisionDigits is the precision of Snowflake's NUMBER.
const divisionDigits = 38

// exactly returns a context that makes every rounding an error, so that
// arithmetic is exact or fails.
func exactly() *apd.Context {
	return &apd.Context{
		Precision: maxDigits, MaxExponent: maxDigits, MinExponent: -maxDigits, Rounding: apd.RoundHalfEven,
		Traps: apd.Inexact | apd.Overflow | apd.Underflow | apd.InvalidOperation | apd.DivisionByZero | apd.DivisionUndefined | apd.SystemOverflow | apd.SystemUnderflow,
	}
}

// dividing returns a context that rounds to 38 significant digits, half to even.
func dividing() *apd.Context {
	c := exactly()
	c.Precision = divisionDigits
	c.Traps &^= apd.Inexact
	return c
}

var (
	errTooManyDigits = failure("a number has more digits than an expression computes with")
	errDivisionBy0   = failure("a division by zero")
)

// parseNumber reads a JSON number or a literal of the language.
func parseNumber(text string) (any, error) {
	if len(text) <= 18 && !strings.ContainsAny(text, ".eE") {
		n, err := strconv.Atoi(text)
		if err != nil {
			return nil, failure("a text is no number")
		}
		return n, nil
	}
	if len(text) > maxDigits+16 {
		return nil, errTooManyDigits
	}
	d, _, err := apd.NewFromString(text)
	if err != nil || d.Form != apd.Finite {
		return nil, failure("a text is no number")
	}
	return bounded(d)
}

// bounded returns an int if the number fits one, and refuses a number that is
// too long.
func bounded(d *apd.Decimal) (any, error) {
	if d.IsZero() && (d.Exponent > 0 || d.Exponent < -maxDigits) {
		return 0, nil
	}
	if d.Exponent > maxDigits || d.Exponent < -maxDigits || d.NumDigits() > maxDigits || d.NumDigits()+int64(d.Exponent) > maxDigits {
		return nil, errTooManyDigits
	}
	if d.Exponent == 0 && d.Coeff.IsInt64() {
		n := d.Coeff.Int64()
		if d.Negative {
			n = -n
		}
		return int(n), nil
	}
	return d, nil
}

// decimal returns a number as a decimal. It returns false for a FLOAT and for a
// value that is no number.
func decimal(v any) (*apd.Decimal, bool) {
	switch v := v.(type) {
	case int:
		return apd.New(int64(v), 0), true
	case *apd.Decimal:
		return v, true
	}
	return nil, false
}

func isNumber(v any) bool {
	switch v.(type) {
	case int, float64, *apd.Decimal:
		return true
	}
	return false
}

// float is a number as a FLOAT.
func float(v any) (float64, error) {
	switch v := v.(type) {
	case int:
		return float64(v), nil
	case float64:
		return v, nil
	case *apd.Decimal:
		f, err := strconv.ParseFloat(v.Text('E'), 64)
		if err != nil {
			return 0, failure("a number is beyond a FLOAT")
		}
		return f, nil
	}
	return 0, failure("a value is no number")
}

// whole is a number as an int, for positions and counts.
func whole(v any) (int, error) {
	switch v := v.(type) {
	case int:
		return v, nil
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int(v), nil
		}
	case *apd.Decimal:
		if n, err := v.Int64(); err == nil {
			return int(n), nil
		}
	}
	return 0, failure("a value is not a whole number of 64 bits")
}

// add, subtract and multiply are the fast paths; false if the result overflows.
func add(a, b int) (int, bool) {
	sum := a + b
	return sum, (sum > a) == (b > 0)
}

func subtract(a, b int) (int, bool) {
	difference := a - b
	return difference, (difference < a) == (b > 0)
}

func multiply(a, b int) (int, bool) {
	if a == 0 || b == 0 {
		return 0, true
	}
	product := a * b
	return product, product/b == a && !(a == -1 && b == math.MinInt) && !(b == -1 && a == math.MinInt)
}

// arithmetic is + - * / % on two numbers.
func arithmetic(operator string, a, b any) (any, error) {
	x, leftInt := a.(int)
	y, rightInt := b.(int)
	if leftInt && rightInt {
		if n, ok := fast(operator, x, y); ok {
			return n, nil
		}
	}
	l, leftExact := decimal(a)
	r, rightExact := decimal(b)
	if !leftExact || !rightExact {
		return floating(operator, a, b)
	}
	if (operator == "/" || operator == "%") && r.IsZero() {
		return nil, errDivisionBy0
	}
	out := new(apd.Decimal)
	var err error
	switch operator {
	case "+":
		_, err = exactly().Add(out, l, r)
	case "-":
		_, err = exactly().Sub(out, l, r)
	case "*":
		_, err = exactly().Mul(out, l, r)
	case "%":
		_, err = exactly().Rem(out, l, r)
	case "/":
		if _, err = dividing().Quo(out, l, r); err == nil {
			out.Reduce(out)
			expandExponent(out)
		}
	}
	if err != nil {
		return nil, errTooManyDigits
	}
	return bounded(out)
}

func fast(operator string, x, y int) (int, bool) {
	switch operator {
	case "+":
		return add(x, y)
	case "-":
		return subtract(x, y)
	case "*":
		return multiply(x, y)
	case "/":
		if y == 0 || y == -1 || x%y != 0 {
			return 0, false
		}
		return x / y, true
	case "%":
		if y == 0 || y == -1 {
			return 0, false
		}
		return x % y, true
	}
	return 0, false
}

// expandExponent writes a whole number without an exponent: 1E+2 is 100.
func expandExponent(d *apd.Decimal) {
	if d.Exponent > 0 && d.Exponent <= maxDigits {
		var scale apd.BigInt
		scale.Exp(apd.NewBigInt(10), apd.NewBigInt(int64(d.Exponent)), nil)
		d.Coeff.Mul(&d.Coeff, &scale)
		d.Exponent = 0
	}
}

func floating(operator string, a, b any) (any, error) {
	x, err := float(a)
	if err != nil {
		return nil, err
	}
	y, err := float(b)
	if err != nil {
		return nil, err
	}
	switch operator {
	case "+":
		return x + y, nil
	case "-":
		return x - y, nil
	case "*":
		return x * y, nil
	}
	if y == 0 {
		return nil, errDivisionBy0
	}
	if operator == "%" {
		return math.Mod(x, y), nil
	}
	return x / y, nil
}

// power is exact for whole exponents.
func (m *machine) power(a, b any) (any, error) {
	_, leftFloat := a.(float64)
	_, rightFloat := b.(float64)
	if leftFloat || rightFloat {
		x, err := float(a)
		if err != nil {
			return nil, err
		}
		y, err := float(b)
		if err != nil {
			return nil, err
		}
		return math.Pow(x, y), nil
	}
	n, err := whole(b)
	if err != nil {
		return nil, failure("an exact power needs a whole exponent; write float(…) for others")
	}
	result, count := any(1), n
	if n < 0 {
		count = -n
	}
	if count > 2*maxDigits || count < 0 {
		return nil, errTooManyDigits
	}
	for range count {
		if err := m.budget.step(8); err != nil {
			return nil, err
		}
		if result, err = arithmetic("*", result, a); err != nil {
			return nil, err
		}
	}
	if n < 0 {
		return arithmetic("/", 1, result)
	}
	return result, nil
}

// compareNumbers is negative, 0 or positive. With a FLOAT both are FLOATs.
func compareNumbers(a, b any) (int, error) {
	x, leftExact := decimal(a)
	y, rightExact := decimal(b)
	if leftExact && rightExact {
		return x.Cmp(y), nil
	}
	f, err := float(a)
	if err != nil {
		return 0, err
	}
	g, err := float(b)
	if err != nil {
		return 0, err
	}
	switch {
	case f < g:
		return -1, nil
	case f > g:
		return 1, nil
	case f == g:
		return 0, nil
	}
	return 0, failure("a number is not comparable, because it is NaN")
}

func negate(v any) (any, error) {
	switch v := v.(type) {
	case float64:
		return -v, nil
	case int:
		return arithmetic("-", 0, v)
	case *apd.Decimal:
		out := new(apd.Decimal)
		out.Neg(v)
		return bounded(out)
	}
	return nil, mismatch("-", v, nil)
}

// numberText writes a number without an exponent.
func numberText(v any) (string, bool) {
	switch v := v.(type) {
	case int:
		return strconv.Itoa(v), true
	case *apd.Decimal:
		return v.Text('f'), true
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return "", false
		}
		return strconv.FormatFloat(v, 'f', -1, 64), true
	}
	return "", false
}
