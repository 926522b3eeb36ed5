package mapping

import (
	"testing"

	"tapline.dev/schemas"
)

func benchSpec() (schemas.ImportSpec, []schemas.Column, []byte) {
	spec := schemas.ImportSpec{
		Destination: schemas.Destination{Type: schemas.TypeProfile},
		Identity:    schemas.Identity{Column: "CUSTOMER_ID"},
		Mapping: []schemas.Property{
			{From: "NAME", To: "Name"}, {From: "EMAIL", To: "Email"}, {From: "PHONE", To: "Phone"},
			{From: "PLAN", To: "plan tier"}, {From: "BORN", To: "DOB", Type: "date", Format: "yyyy/MM/dd"},
			{From: "SPEND", To: "spend"}, {From: "ORDERS", To: "orders"}, {From: "ACTIVE", To: "active"},
			{From: "SCORE", To: "score"}, {From: "CITY", To: "city"}, {From: "SMS", To: "MSG-sms"}, {From: "UPDATED_AT", To: "updated"},
		},
	}
	columns := []schemas.Column{
		{Name: "CUSTOMER_ID", Type: "FIXED", Precision: 38}, {Name: "NAME", Type: "TEXT"}, {Name: "EMAIL", Type: "TEXT"},
		{Name: "PHONE", Type: "TEXT"}, {Name: "PLAN", Type: "TEXT"}, {Name: "BORN", Type: "TEXT"},
		{Name: "SPEND", Type: "FIXED", Precision: 12, Scale: 2}, {Name: "ORDERS", Type: "FIXED", Precision: 10},
		{Name: "ACTIVE", Type: "BOOLEAN"}, {Name: "SCORE", Type: "REAL"}, {Name: "CITY", Type: "TEXT"},
		{Name: "SMS", Type: "FIXED", Precision: 1}, {Name: "UPDATED_AT", Type: "TIMESTAMP_NTZ"},
	}
	row := []byte(`{"CUSTOMER_ID":1234567,"NAME":"Asha Verma","EMAIL":"asha.verma@example.com","PHONE":"+919876543210","PLAN":"platinum",` +
		`"BORN":"1987/03/21","SPEND":1234.50,"ORDERS":17,"ACTIVE":true,"SCORE":0.7531,"CITY":"Bengaluru","SMS":1,"UPDATED_AT":"2026-11-23T10:00:00.123456789"}`)
	return spec, columns, row
}

func BenchmarkMap(b *testing.B) {
	spec, columns, row := benchSpec()
	for _, bench := range []struct {
		name    string
		columns []schemas.Column
	}{{"columns", columns}, {"offline", nil}} {
		b.Run(bench.name, func(b *testing.B) {
			m, problems := Compile(spec, bench.columns, Options{})
			if problems != nil {
				b.Fatal(problems)
			}
			var dst []byte
			b.ReportAllocs()
			for b.Loop() {
				var rejects []Reject
				if dst, rejects = m.Map(dst[:0], row, 1); rejects != nil {
					b.Fatal(rejects)
				}
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	spec, columns, _ := benchSpec()
	for b.Loop() {
		if _, problems := Compile(spec, columns, Options{}); problems != nil {
			b.Fatal(problems)
		}
	}
}
