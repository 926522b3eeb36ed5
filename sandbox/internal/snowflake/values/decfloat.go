package values

import (
	"math/big"
	"strconv"
	"strings"

	"tapline.dev/sandbox/internal/snowflake/sferr"
)

// decfloatDigits is the number of significant digits of a DECFLOAT.
const decfloatDigits = 38

// Decfloat returns a number as the text of a DECFLOAT: digits without zeros at either end,
// and a power of ten.
func Decfloat(text string) (string, error) {
	significand, exponent, err := SplitDecfloat(text)
	if err != nil {
		return "", err
	}
	return significand.String() + "e" + strconv.Itoa(exponent), nil
}

// SplitDecfloat returns significand and exponent of a number, rounded to decfloatDigits.
func SplitDecfloat(text string) (*big.Int, int, error) {
	bad := sferr.Coded("100038", "22018", "Numeric value '"+text+"' is not recognized")
	mantissa, power, hasPower := strings.Cut(strings.ToLower(strings.TrimSpace(text)), "e")
	exponent := 0
	if hasPower {
		n, err := strconv.Atoi(power)
		if err != nil || n > 16384 || n < -16383-decfloatDigits {
			return nil, 0, bad
		}
		exponent = n
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole, "+-") + fraction
	v, ok := new(big.Int).SetString(digits, 10)
	if !IsAllDigits(digits) || !ok {
		return nil, 0, bad
	}
	exponent -= len(fraction)
	ten := big.NewInt(10)
	if extra := len(v.String()) - decfloatDigits; extra > 0 {
		unit := new(big.Int).Exp(ten, big.NewInt(int64(extra)), nil)
		half := new(big.Int).Quo(unit, big.NewInt(2))
		v.Quo(v.Add(v, half), unit)
		exponent += extra
	}
	for v.Sign() != 0 {
		q, rest := new(big.Int).QuoRem(v, ten, new(big.Int))
		if rest.Sign() != 0 {
			break
		}
		v, exponent = q, exponent+1
	}
	if v.Sign() == 0 {
		exponent = 0
	}
	if strings.HasPrefix(whole, "-") {
		v.Neg(v)
	}
	return v, exponent, nil
}
