// Package mappingtest makes imports with rows at random, for property tests:
// rows that are valid by construction, which no mapping may reject, and rows of
// any kind, of which CleverTap must take whatever a mapping lets pass.
package mappingtest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"unicode"

	"tapline.dev/domain/mapping"
	"tapline.dev/schemas"
)

// Import is an import with its query's columns and a source of rows.
type Import struct {
	Spec    schemas.ImportSpec
	Columns []schemas.Column
	Options mapping.Options

	random *rand.Rand
	valid  bool
	makers []maker // by column
}

// maker makes a column's value as JSON that its property takes.
type maker func(r *rand.Rand) string

// New makes an import. Its rows are valid by construction, or anything.
func New(r *rand.Rand, valid bool) *Import {
	i := &Import{random: r, valid: valid, Options: mapping.Options{Nested: r.IntN(3) == 0}}
	i.Spec.Timezone = pick(r, "", "UTC", "Europe/Berlin", "Asia/Kolkata", "America/New_York")
	i.Spec.Destination = schemas.Destination{AccountRef: "clevertap", Type: schemas.TypeProfile}
	i.identity()
	if r.IntN(3) == 0 {
		i.event()
	}
	taken := map[string]bool{}
	for n := range 1 + r.IntN(20) {
		i.property(n, taken)
	}
	i.Spec.Expressions = pick(r, "", schemas.ExpressionsExact)
	return i
}

func (i *Import) column(typ string, precision, scale int, m maker) string {
	name := fmt.Sprintf("C%d", len(i.Columns))
	i.Columns = append(i.Columns, schemas.Column{Name: name, Type: typ, Precision: precision, Scale: scale, Nullable: true})
	i.makers = append(i.makers, m)
	return name
}

func (i *Import) identity() {
	if i.random.IntN(2) == 0 {
		i.Spec.Identity.Column = i.column("FIXED", 38, 0, func(r *rand.Rand) string {
			return fmt.Sprint(1 + r.Uint64N(1<<40))
		})
		return
	}
	i.Spec.Identity.Column = i.column("TEXT", 0, 0, func(r *rand.Rand) string {
		return quote(r, "id"+visible(text(r, 1000)))
	})
	if i.random.IntN(5) == 0 {
		i.Spec.Identity.Kind = "clevertapId"
		i.makers[len(i.makers)-1] = func(r *rand.Rand) string { return fmt.Sprintf(`"_%x"`, r.Uint64()) }
	}
}

func (i *Import) event() {
	e := &schemas.EventSpec{}
	i.Spec.Destination.Type, i.Spec.Destination.Event = schemas.TypeEvent, e
	name := func(r *rand.Rand) string { return pick(r, "Purchase", "Cart viewed", "Été", "Charged", "a_b-c (d)") }
	if i.random.IntN(2) == 0 {
		e.Name = name(i.random)
	} else {
		e.NameColumn = i.column("TEXT", 0, 0, func(r *rand.Rand) string { return quote(r, name(r)) })
	}
	switch i.random.IntN(3) {
	case 0:
		e.CreatedOn = &schemas.CreatedOn{Column: i.column("TIMESTAMP_NTZ", 0, 9, recent(ntz))}
	case 1:
		format := pick(i.random, mapping.Formats()...)
		e.CreatedOn = &schemas.CreatedOn{Format: format, Timezone: "UTC", Column: i.column("TEXT", 0, 0, recent(formatted(format)))}
	}
}

// property adds a line to the mapping.
func (i *Import) property(n int, taken map[string]bool) {
	r := i.random
	all := kinds()
	k := all[r.IntN(len(all))]
	if k.profileOnly && i.Spec.Destination.Type == schemas.TypeEvent || k.nested && !i.Options.Nested || taken[k.property.To] {
		return
	}
	p := k.property
	if p.To == "" {
		p.To = fmt.Sprintf("%s %d", name(r), n)
	} else {
		taken[p.To] = true
	}
	if k.column != "" {
		p.From = i.column(k.column, k.precision, k.scale, k.make)
	}
	if k.expr != "" {
		column := i.column("TEXT", 0, 0, func(r *rand.Rand) string { return quote(r, text(r, 100)) })
		p.Expr = fmt.Sprintf(k.expr, column)
	}
	if !i.valid {
		p.OnInvalid = pick(r, "", "", "reject", "omit")
	}
	i.Spec.Mapping = append(i.Spec.Mapping, p)
}

// Row makes a row as the rows topic carries it.
func (i *Import) Row() []byte {
	row := []byte{'{'}
	for n, c := range i.Columns {
		if n > 0 {
			row = append(row, ',')
		}
		row = append(row, `"`+c.Name+`":`...)
		isProperty := n >= i.fixedColumns()
		switch {
		case isProperty && i.random.IntN(8) == 0:
			row = append(row, "null"...)
		case !i.valid && i.random.IntN(12) == 0:
			row = append(row, junk(i.random)...)
		default:
			row = append(row, i.makers[n](i.random)...)
		}
	}
	return append(row, '}')
}

// fixedColumns counts the columns that may not be NULL: identity, event name,
// Created On.
func (i *Import) fixedColumns() int {
	n := 1
	if e := i.Spec.Destination.Event; e != nil {
		if e.NameColumn != "" {
			n++
		}
		if e.CreatedOn != nil {
			n++
		}
	}
	return n
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

// text makes up to about n bytes of any script.
func text(r *rand.Rand, n int) string {
	runes := []rune("abcdefghijklmnopqrstuvwxyzABCXYZ 0123456789<>&\"'\\/\n\t\u0001éß€漢😀\u2028")
	var out []rune
	for bytes := r.IntN(n / 4 * 3); bytes > 0; {
		c := runes[r.IntN(len(runes))]
		out = append(out, c)
		bytes -= len(string(c))
	}
	return string(out)
}

// visible drops what has no place in an identity.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' {
			return -1
		}
		return r
	}, s)
}

// name makes a property's name of at most 100 bytes.
func name(r *rand.Rand) string {
	letters := []rune("abcdefgh ABCDEFGH_-()+*é漢0123456789")
	out := []rune{'p'}
	for range r.IntN(25) {
		out = append(out, letters[r.IntN(len(letters))])
	}
	return string(out)
}

// quote writes a JSON string, now and then with escapes that nobody needs.
func quote(r *rand.Rand, s string) string {
	plain, err := json.Marshal(s)
	if err != nil || r.IntN(4) > 0 {
		return string(plain)
	}
	out := []byte{'"'}
	for _, c := range s {
		if c < 0x10000 && r.IntN(3) == 0 {
			out = fmt.Appendf(out, `\u%04x`, c)
			continue
		}
		one, _ := json.Marshal(string(c))
		out = append(out, one[1:len(one)-1]...)
	}
	return string(append(out, '"'))
}
