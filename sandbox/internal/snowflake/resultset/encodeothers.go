package resultset

import (
	"fmt"
	"math/big"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"tapline.dev/sandbox/internal/snowflake/sferr"
	"tapline.dev/sandbox/internal/snowflake/values"
)

// wrapped returns the texts in the structs that hold a type which DuckDB does not have.
func wrapped(in arrow.Array) (*array.String, error) {
	if s, ok := in.(*array.Struct); ok && s.NumField() == 1 {
		if text, ok := s.Field(0).(*array.String); ok {
			return text, nil
		}
	}
	return nil, sferr.Unsupported("a value of DuckDB's Arrow type %s", in.DataType())
}

// encodeDecfloat encodes a DECFLOAT as {exponent, significand}; the latter is a big-endian
// integer in two's complement.
func encodeDecfloat(in arrow.Array) (arrow.Array, error) {
	texts, err := wrapped(in)
	if err != nil {
		return nil, err
	}
	outer := array.NewStructBuilder(memory.DefaultAllocator, arrow.StructOf(
		arrow.Field{Name: "exponent", Type: arrow.PrimitiveTypes.Int16, Nullable: true},
		arrow.Field{Name: "significand", Type: arrow.BinaryTypes.Binary, Nullable: true}))
	exponents, _ := outer.FieldBuilder(0).(*array.Int16Builder)
	significands, _ := outer.FieldBuilder(1).(*array.BinaryBuilder)
	for i := range in.Len() {
		if in.IsNull(i) || texts.IsNull(i) {
			outer.AppendNull()
			continue
		}
		v, exponent, err := values.SplitDecfloat(texts.Value(i))
		if err != nil {
			return nil, fmt.Errorf("reading DECFLOAT: %w", err)
		}
		outer.Append(true)
		exponents.Append(int16(exponent))
		significands.Append(twosComplement(v))
	}
	return outer.NewArray(), nil
}

func twosComplement(v *big.Int) []byte {
	if v.Sign() >= 0 {
		return append([]byte{0}, v.Bytes()...)
	}
	size := v.BitLen()/8 + 1
	modulus := new(big.Int).Lsh(big.NewInt(1), uint(8*size))
	return new(big.Int).Add(modulus, v).Bytes()
}
