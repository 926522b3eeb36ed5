package resultset

import (
	"encoding/hex"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"tapline.dev/sandbox/internal/snowflake/sferr"
	"tapline.dev/sandbox/internal/snowflake/sftype"
)

// jsonColumn prints an encoded column as the texts of Snowflake's JSON results.
func jsonColumn(t sftype.Type, in arrow.Array) ([]*string, error) {
	out := make([]*string, in.Len())
	for i := range out {
		if in.IsNull(i) {
			continue
		}
		text, err := jsonCell(t, in, i)
		if err != nil {
			return nil, err
		}
		out[i] = &text
	}
	return out, nil
}

func jsonCell(t sftype.Type, in arrow.Array, i int) (string, error) {
	switch a := in.(type) {
	case *array.String:
		return a.Value(i), nil
	case *array.Binary:
		return strings.ToUpper(hex.EncodeToString(a.Value(i))), nil
	case *array.Boolean:
		if a.Value(i) {
			return "1", nil
		}
		return "0", nil
	case *array.Date32:
		return strconv.Itoa(int(a.Value(i))), nil
	case *array.Float64:
		v := a.Value(i)
		switch {
		case math.IsNaN(v):
			return "NaN", nil
		case math.IsInf(v, 1):
			return "inf", nil
		case math.IsInf(v, -1):
			return "-inf", nil
		}
		return strconv.FormatFloat(v, 'g', -1, 64), nil
	case *array.Struct:
		if t.Logical == "DECFLOAT" {
			return jsonDecfloat(a, i)
		}
		return jsonInstant(a, i, t.Scale)
	case *array.FixedSizeList:
		return a.ValueStr(i), nil
	}
	at, err := integers(in)
	if err != nil {
		return "", err
	}
	return scaled(at(i).BigInt(), t.Scale), nil
}

func scaled(v *big.Int, scale int) string {
	if scale == 0 {
		return v.String()
	}
	digits := new(big.Int).Abs(v).String()
	for len(digits) <= scale {
		digits = "0" + digits
	}
	sign := ""
	if v.Sign() < 0 {
		sign = "-"
	}
	return sign + digits[:len(digits)-scale] + "." + digits[len(digits)-scale:]
}

func jsonInstant(a *array.Struct, i, scale int) (string, error) {
	if zone, ok := a.Field(1).(*array.Int32); ok && a.NumField() == 2 && isZonedStruct(a) {
		epoch, ok := a.Field(0).(*array.Int64)
		if !ok {
			return "", sferr.Unsupported("a struct in a JSON result")
		}
		return fmt.Sprintf("%s %d", scaled(big.NewInt(epoch.Value(i)), scale), zone.Value(i)), nil
	}
	epoch, ok1 := a.Field(0).(*array.Int64)
	fraction, ok2 := a.Field(1).(*array.Int32)
	if !ok1 || !ok2 {
		return "", sferr.Unsupported("a struct in a JSON result")
	}
	v := new(big.Int).Mul(big.NewInt(epoch.Value(i)), big.NewInt(1e9))
	text := scaled(v.Add(v, big.NewInt(int64(fraction.Value(i)))), 9)
	if a.NumField() == 3 {
		zone, ok := a.Field(2).(*array.Int32)
		if !ok {
			return "", sferr.Unsupported("a struct in a JSON result")
		}
		return fmt.Sprintf("%s %d", text, zone.Value(i)), nil
	}
	return text, nil
}

// transpose turns columns of texts into rows.
func transpose(columns [][]*string, rows int) [][]*string {
	out := make([][]*string, rows)
	for i := range out {
		out[i] = make([]*string, len(columns))
		for k := range columns {
			out[i][k] = columns[k][i]
		}
	}
	return out
}

// isZonedStruct reports whether a struct is {epoch, timezone} and not {epoch, fraction}.
func isZonedStruct(a *array.Struct) bool {
	t, ok := a.DataType().(*arrow.StructType)
	return ok && t.Field(1).Name == "timezone"
}

func jsonDecfloat(a *array.Struct, i int) (string, error) {
	exponent, ok1 := a.Field(0).(*array.Int16)
	significand, ok2 := a.Field(1).(*array.Binary)
	if !ok1 || !ok2 {
		return "", sferr.Unsupported("a struct in a JSON result")
	}
	data := significand.Value(i)
	v := new(big.Int).SetBytes(data)
	if len(data) > 0 && data[0]&0x80 != 0 {
		v.Sub(v, new(big.Int).Lsh(big.NewInt(1), uint(8*len(data))))
	}
	return fmt.Sprintf("%se%d", v, exponent.Value(i)), nil
}
