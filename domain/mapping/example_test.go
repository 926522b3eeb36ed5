package mapping_test

import (
	"fmt"
	"os"
	"strings"

	"tapline.dev/domain/mapping"
	"tapline.dev/schemas"
)

func customers() schemas.ImportSpec {
	return schemas.ImportSpec{
		Destination: schemas.Destination{Type: schemas.TypeProfile},
		Identity:    schemas.Identity{Column: "ID"},
		Expressions: schemas.ExpressionsExact,
		Mapping: []schemas.Property{
			{From: "EMAIL", To: "Email"},
			{To: "spend with tax", Expr: "SPEND * 1.19"},
		},
	}
}

// Compile reports every problem at once, with the place in the definition.
func ExampleCompile() {
	spec := customers()
	spec.Mapping[1].Expr = `SPEND > "100"`
	columns := []schemas.Column{{Name: "ID", Type: "TEXT"}, {Name: "MAIL", Type: "TEXT"}, {Name: "SPEND", Type: "FIXED", Precision: 12, Scale: 2}}
	_, problems := mapping.Compile(spec, columns, mapping.Options{})
	for _, p := range problems {
		fmt.Println(p.Code, p)
	}
	// Output:
	// column_missing spec.mapping[0].from: the query has no column EMAIL; did you mean MAIL?
	// expression_invalid spec.mapping[1].expr: SPEND is a number and "100" is a text; write SPEND > 100
}

// Map gives the exact bytes for CleverTap, or why there are none.
func ExampleMapping_Map() {
	columns := []schemas.Column{{Name: "ID", Type: "TEXT"}, {Name: "EMAIL", Type: "TEXT"}, {Name: "SPEND", Type: "FIXED", Precision: 12, Scale: 2}}
	m, _ := mapping.Compile(customers(), columns, mapping.Options{})
	record, _ := m.Map(nil, []byte(`{"ID":"42","EMAIL":"asha@example.com","SPEND":1234.50}`), 1795435200)
	fmt.Println(string(record))
	_, rejects := m.Map(nil, []byte(`{"ID":"43","EMAIL":"asha@example","SPEND":null}`), 1795435200)
	fmt.Println(rejects[0].Code, rejects[0].Column, rejects[0].Reason)
	// Output:
	// {"type":"profile","identity":"42","profileData":{"Email":"asha@example.com","spend with tax":1469.0550}}
	// email_invalid EMAIL the value is not an e-mail address
}

// MapLines needs no service: rows of a file, in your own tests.
func ExampleMapping_MapLines() {
	m, _ := mapping.Compile(customers(), nil, mapping.Options{})
	rows := "{\"ID\":\"42\",\"EMAIL\":\"asha@example.com\",\"SPEND\":100}\n{\"ID\":\"null\"}\n"
	counts, err := m.MapLines(os.Stdout, strings.NewReader(rows), 1795435200)
	fmt.Println(counts.Mapped, counts.Rejected, err)
	// Output:
	// {"row":1,"record":{"type":"profile","identity":"42","profileData":{"Email":"asha@example.com","spend with tax":119.00}}}
	// {"row":2,"reject":{"code":"identity_denied","column":"ID","property":"","reason":"the identity is a placeholder that CleverTap refuses, such as null or 0"}}
	// 1 1 <nil>
}
