// Package oddity says what of a result a person should see before its first row is sent:
// it is larger than it should be, or other than the results before it.
package oddity

import (
	"fmt"
	"strconv"
	"strings"

	"tapline.dev/schemas"
)

// Size returns what is too large about a result of so many rows.
func Size(rows int64, mode string, limits *schemas.HoldLimits, check schemas.ResultCheck) []schemas.HoldFigure {
	var out []schemas.HoldFigure
	growth := schemas.DefaultGrowth
	if limits != nil {
		if limits.Growth != nil {
			growth = *limits.Growth
		}
		if limit := int64(limits.Rows); limit > 0 && rows > limit {
			out = append(out, schemas.HoldFigure{
				Code: schemas.HoldTooManyRows, Found: float64(rows), Limit: float64(limit),
				Reason: fmt.Sprintf("the result has %s rows and limits.hold.rows is %s", Number(rows), Number(limit)),
			})
		}
	}
	if limit := growth * float64(check.Largest); growth > 0 && check.Runs > 0 && rows > schemas.GrowthFrom && float64(rows) > limit {
		out = append(out, schemas.HoldFigure{
			Code: schemas.HoldRowsGrew, Found: float64(rows), Limit: limit,
			Reason: fmt.Sprintf("the result has %s rows, more than %s times the %s of the largest of the last %d %s runs",
				Number(rows), strconv.FormatFloat(growth, 'f', -1, 64), Number(check.Largest), check.Runs, mode),
		})
	}
	return out
}

// Columns returns which of the columns at these places have another type than in the
// columns before. A NUMBER of more digits is the same type, one of another scale is not.
func Columns(found []schemas.Column, places []int, before []schemas.Column) []schemas.HoldFigure {
	was := make(map[string]schemas.Column, len(before))
	for _, c := range before {
		was[c.Name] = c
	}
	var out []schemas.HoldFigure
	seen := map[int]bool{}
	for _, i := range places {
		c := found[i]
		old, known := was[c.Name]
		if seen[i] || !known || typeOf(old) == typeOf(c) {
			continue
		}
		seen[i] = true
		out = append(out, schemas.HoldFigure{
			Code: schemas.HoldColumnTypeChanged, Column: c.Name,
			Reason: fmt.Sprintf("column %s was %s and is %s now", c.Name, typeOf(old), typeOf(c)),
		})
	}
	return out
}

// typeOf is what decides how a column's values are mapped, as people write it.
func typeOf(c schemas.Column) string {
	switch c.Type {
	case "FIXED":
		if c.Scale == 0 {
			return "NUMBER without decimals"
		}
		return fmt.Sprintf("NUMBER with %d decimals", c.Scale)
	case "REAL":
		return "FLOAT"
	case "TEXT":
		return "VARCHAR"
	}
	return c.Type
}

// Number is a count with its thousands apart.
func Number(n int64) string {
	digits := strconv.FormatInt(n, 10)
	var out strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			out.WriteByte(',')
		}
		out.WriteRune(d)
	}
	return out.String()
}
