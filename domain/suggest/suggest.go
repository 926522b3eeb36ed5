// Package suggest makes a first mapping of a query's columns, with a reason for each
// choice, from the columns' names, their types and, where there are some, sample rows.
// The same input gives the same suggestion.
package suggest

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"tapline.dev/domain/mapping"
	"tapline.dev/schemas"
)

// Suggestion is a first mapping of an import's columns. Each choice has its reason.
type Suggestion struct {
	Spec     schemas.ImportSpec
	Identity string // why this column
	Cursor   string // why this column, or why none
	// Lines are those of Spec.Mapping, in its order.
	Lines   []Line
	LeftOut []LeftOut
}

// Line is a suggested line of a mapping. Reason may be empty where the column's type
// alone decides.
type Line struct {
	Property schemas.Property
	Reason   string
	// Sure is false where a person has to look: a guess, or sample values that do not fit.
	Sure bool
}

// LeftOut is a column that is not mapped, and why.
type LeftOut struct{ Column, Why string }

// folded is a column's name without the differences of spelling that the lists ignore.
func folded(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(name))
}

// Each list is in order of preference.
func identityNames() []string {
	return []string{"identity", "customerid", "userid", "profileid", "memberid", "accountid", "clientid", "contactid", "personid", "uuid", "id", "email", "emailaddress"}
}

func cursorNames() []string {
	return []string{"updatedat", "updatedon", "updated", "lastupdated", "lastupdatedat", "modifiedat", "modifiedon", "lastmodified", "lastmodifiedat", "changedat", "lastchange", "updatetime", "updatetimestamp", "loadedat", "syncedat"}
}

func eventTimeNames() []string {
	return []string{"eventtime", "eventtimestamp", "eventat", "occurredat", "happenedat", "createdat", "createdon", "timestamp", "orderedat", "purchasedat", "boughtat", "time", "ts", "date"}
}

// systemTarget is the property of CleverTap's own that a column with this folded name fills.
func systemTarget(name string) string {
	return map[string]string{
		"email": "Email", "emailaddress": "Email", "mail": "Email",
		"phone": "Phone", "phonenumber": "Phone", "mobile": "Phone", "mobilenumber": "Phone",
		"name": "Name", "fullname": "Name", "displayname": "Name", "customername": "Name",
		"gender": "Gender", "sex": "Gender", "dob": "DOB", "dateofbirth": "DOB", "birthdate": "DOB", "birthday": "DOB",
		"education": "Education", "employed": "Employed", "married": "Married",
	}[name]
}

var secretName = regexp.MustCompile(`passw|secret|token|apikey|ssn|socialsecurity|iban|cardnumber|creditcard|cvv|salt`)

// Make suggests a mapping of columns for an import that has source, destination and
// zone already. The identity is one of the columns, or "" to be suggested. Rows are
// sample rows as the rows topic carries them; without any, names and types decide.
func Make(spec schemas.ImportSpec, identity string, columns []schemas.Column, rows []json.RawMessage) (Suggestion, error) {
	s := Suggestion{Spec: spec}
	event := spec.Destination.Type == schemas.TypeEvent
	why := "as you said"
	if identity == "" {
		identity, why = pick(columns, identityNames(), isIdentity)
	}
	if identity == "" {
		return s, fmt.Errorf("no column can be the identity: it is a text or a NUMBER without decimals; name one with --identity")
	}
	s.Spec.Identity.Column, s.Identity = identity, why
	s.cursor(columns)
	if event {
		if at, why := pick(columns, eventTimeNames(), isTime); at != "" && slices.Contains(eventTimeNames(), folded(at)) {
			s.Spec.Destination.Event.CreatedOn = &schemas.CreatedOn{Column: at}
			s.Cursor += "; the event's time is " + at + ": " + why
		}
	}
	s.properties(columns, event, newSamples(columns, rows))
	s.leaveOutWhatIsRefused(columns)
	if len(s.Spec.Mapping) == 0 {
		return s, fmt.Errorf("no column can be mapped; %d were left out, the first because: %s", len(s.LeftOut), s.LeftOut[0].Why)
	}
	return s, nil
}

func (s *Suggestion) cursor(columns []schemas.Column) {
	if s.Spec.Source.Cursor != nil {
		s.Cursor = "as you said"
		return
	}
	names := cursorNames()
	if s.Spec.Destination.Type == schemas.TypeEvent {
		names = append(names, eventTimeNames()...)
	}
	column, why := pick(columns, names, isTime)
	if column == "" || !slices.Contains(names, folded(column)) {
		s.Cursor = "no column says when a row was changed: every run reads everything"
		return
	}
	s.Spec.Source.Cursor, s.Cursor = &schemas.Cursor{Column: column}, why
}

// pick takes the column whose name stands first in a list; without one, the first column
// of the right type.
func pick(columns []schemas.Column, names []string, fits func(schemas.Column) bool) (column, why string) {
	for _, name := range names {
		for _, c := range columns {
			if folded(c.Name) == name && fits(c) {
				return c.Name, "its name says so, and " + c.Type + " can be one"
			}
		}
	}
	for _, c := range columns {
		if fits(c) {
			return c.Name, "no name says so; it is the first column that can be one: check it"
		}
	}
	return "", ""
}

func isIdentity(c schemas.Column) bool {
	return c.Type == "TEXT" || c.Type == "FIXED" && c.Scale == 0
}

func isTime(c schemas.Column) bool {
	return c.Type == "DATE" || strings.HasPrefix(c.Type, "TIMESTAMP")
}

// invisible reports whether a character cannot be seen; definitions refuse it in names.
func invisible(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029'
}

func (s *Suggestion) properties(columns []schemas.Column, event bool, samples samples) {
	used, named := map[string]bool{}, map[string]bool{}
	for _, c := range columns {
		named[systemTarget(folded(c.Name))] = true
	}
	for _, c := range columns {
		name := folded(c.Name)
		switch {
		case c.Name == s.Spec.Identity.Column && systemTarget(name) == "":
			s.LeftOut = append(s.LeftOut, LeftOut{c.Name, "it is the identity"})
			continue
		case event && s.Spec.Destination.Event.CreatedOn != nil && c.Name == s.Spec.Destination.Event.CreatedOn.Column:
			s.LeftOut = append(s.LeftOut, LeftOut{c.Name, "it is the event's time"})
			continue
		case s.Spec.Source.Cursor != nil && c.Name == s.Spec.Source.Cursor.Column:
			s.LeftOut = append(s.LeftOut, LeftOut{c.Name, "it is the cursor"})
			continue
		case strings.ContainsFunc(c.Name, invisible):
			s.LeftOut = append(s.LeftOut, LeftOut{c.Name, "its name holds a character that nobody sees; give it another one in a query"})
			continue
		case secretName.MatchString(name):
			s.LeftOut = append(s.LeftOut, LeftOut{c.Name, "by its name it may hold a secret; map it only if CleverTap is to have it"})
			continue
		}
		line := property(c, event)
		if values := samples[c.Name]; len(values) > 0 {
			line = judge(line, c, event, values, named)
		}
		if used[folded(line.Property.To)] {
			s.LeftOut = append(s.LeftOut, LeftOut{c.Name, "another column has the property " + line.Property.To})
			continue
		}
		used[folded(line.Property.To)] = true
		s.Lines = append(s.Lines, line)
	}
}

// property suggests the property of a column by its name and its type.
func property(c schemas.Column, event bool) Line {
	p := schemas.Property{From: c.Name, To: target(c.Name)}
	if system := systemTarget(folded(c.Name)); system != "" && !event {
		p.To = system
		if system == "DOB" {
			p.Type = "date"
			if c.Type == "TEXT" {
				p.Format = "yyyy/MM/dd"
				return Line{Property: p, Reason: "CleverTap's own property; the format is a guess"}
			}
		}
		return Line{Property: p, Reason: "CleverTap's own property", Sure: true}
	}
	switch {
	case c.Type == "FIXED" && c.Scale == 0:
		p.Type = "integer"
	case c.Type == "FIXED", c.Type == "REAL":
		p.Type = "float"
	case c.Type == "BOOLEAN":
		p.Type = "boolean"
	case isTime(c):
		p.Type = "date"
	case c.Type == "OBJECT", c.Type == "ARRAY", c.Type == "VARIANT":
		p.Type = "string"
		return Line{Property: p, Reason: c.Type + " is sent as its JSON text"}
	}
	return Line{Property: p, Sure: true}
}

var prohibited = strings.NewReplacer("%", " ", ">", " ", "<", " ", "!", " ", "|", " ", "&", " ", ".", " ", ":", " ", ";", " ", "$", " ", "'", " ", `"`, " ", `\`, " ", "#", " ", "_", " ")

// target is a property's name made of a column's: in small letters, with blanks.
func target(column string) string {
	return strings.Join(strings.Fields(strings.ToLower(prohibited.Replace(column))), " ")
}

var mappingIndex = regexp.MustCompile(`^spec\.mapping\[(\d+)\]`)

// leaveOutWhatIsRefused compiles the mapping with the columns, as apply does, and leaves
// out the lines that the compiler refuses.
func (s *Suggestion) leaveOutWhatIsRefused(columns []schemas.Column) {
	s.Spec.Mapping = nil
	for _, l := range s.Lines {
		s.Spec.Mapping = append(s.Spec.Mapping, l.Property)
	}
	_, problems := mapping.Compile(s.Spec, columns, mapping.Options{})
	out := map[int]string{}
	for _, p := range problems {
		if m := mappingIndex.FindStringSubmatch(p.Path); m != nil {
			if i, err := strconv.Atoi(m[1]); err == nil && out[i] == "" {
				out[i] = p.Message
			}
		}
	}
	var kept []schemas.Property
	var lines []Line
	for i, l := range s.Lines {
		if reason, refused := out[i]; refused {
			s.LeftOut = append(s.LeftOut, LeftOut{l.Property.From, reason})
			continue
		}
		kept, lines = append(kept, l.Property), append(lines, l)
	}
	s.Spec.Mapping, s.Lines = kept, lines
}
