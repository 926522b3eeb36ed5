package schemas

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Unknown are the fields of a record that this version does not know: a newer one has
// written them. Whoever rewrites the record adds them again, so that an older service that
// runs beside newer ones, or after them, erases nothing.
type Unknown struct {
	fields   map[string]json.RawMessage
	children map[string]*Unknown // by field, key of a map, or element of a list
	// identity is of an object whose fields are kept only as long as it is the same one.
	identity string
	// kin and place are of an element of a list that may be changed and stay what it is:
	// what such elements have in common, and where in the list it stood.
	kin   string
	place int
	// elements are of such a list: those in which this version knows everything.
	elements map[string]bool
}

// everyField says that an object counts as another one as soon as any known field differs.
const everyField = "*"

// identities names the field, or the fields, that say which object it is, of types whose object may be
// replaced while the record that it is in stays. Objects of other types belong to what
// they are in.
var identities = map[reflect.Type]string{
	reflect.TypeFor[ActiveRun](): "run", reflect.TypeFor[QueuedRun](): "key", reflect.TypeFor[EndedRun](): "run",
	reflect.TypeFor[PlannedRun](): "key", reflect.TypeFor[InterruptedRun](): "number", reflect.TypeFor[Sample](): "run",
	reflect.TypeFor[Run](): "run", reflect.TypeFor[DayOfSnowflake](): "day", reflect.TypeFor[LedgerRef](): everyField,
	reflect.TypeFor[PendingEpoch](): everyField, reflect.TypeFor[Place](): everyField, reflect.TypeFor[SkippedDue](): everyField,
	reflect.TypeFor[DueSpan](): everyField, reflect.TypeFor[Hold](): everyField, reflect.TypeFor[Approved](): everyField,
	reflect.TypeFor[Ending](): everyField, reflect.TypeFor[RunError](): everyField, reflect.TypeFor[Range](): everyField,
	reflect.TypeFor[Schedule](): everyField, reflect.TypeFor[Property](): "op|to", reflect.TypeFor[Notice](): "id",
}

// kins are of types whose element of a list, once changed, is the same one still if it is of
// the same kind: without a name of its own, nothing else tells.
var kins = map[reflect.Type]func(text json.RawMessage) string{reflect.TypeFor[Schedule](): kindOfSchedule}

// kindOfSchedule is which of its forms a schedule has.
func kindOfSchedule(text json.RawMessage) string {
	var object map[string]json.RawMessage
	if json.Unmarshal(text, &object) != nil {
		return ""
	}
	for _, kind := range []string{"every", "cron", "at", "daysOfWeek", "daysOfMonth"} {
		if _, ok := object[kind]; ok {
			return kind
		}
	}
	return "times"
}

// UnknownOf returns the fields of a record that V does not have, nil if it has all.
func UnknownOf[V any](record []byte) *Unknown { return unknownOf(reflect.TypeFor[V](), record) }

// Child is what is unknown in a field of the record; nil if nothing is.
func (u *Unknown) Child(field string) *Unknown {
	if u == nil {
		return nil
	}
	return u.children[field]
}

// Within is what is unknown in a record if something is unknown in one of its fields.
func Within(field string, unknown *Unknown) *Unknown {
	return &Unknown{children: map[string]*Unknown{field: unknown}}
}

// AddTo adds the unknown fields to the JSON of a record of type V.
func AddTo[V any](u *Unknown, record []byte) ([]byte, error) {
	if u == nil {
		return record, nil
	}
	return u.addTo(reflect.TypeFor[V](), record)
}

func unknownOf(typ reflect.Type, text json.RawMessage) *Unknown {
	for typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	u := &Unknown{fields: map[string]json.RawMessage{}, children: map[string]*Unknown{}, elements: map[string]bool{}}
	for name, part := range parts(typ, text) {
		if part.typ == nil {
			u.fields[name] = part.text
		} else if child := unknownOf(part.typ, part.text); child != nil {
			if kin, ok := kins[part.typ]; ok {
				child.kin, child.place = kin(part.text), part.place
			}
			u.children[name] = child
		} else if _, ok := kins[part.typ]; ok {
			u.elements[name] = true
		}
	}
	if len(u.fields) == 0 && len(u.children) == 0 {
		return nil
	}
	u.identity = identity(typ, text)
	return u
}

// part is a field of an object, a value of a map or an element of a list. Its type is nil
// if this version does not know the field.
type part struct {
	typ   reflect.Type
	text  json.RawMessage
	place int // in a list
}

// parts are those of a value that may hold something unknown. A text that has another form
// than the type, such as a short form, has none.
func parts(typ reflect.Type, text json.RawMessage) map[string]part {
	out := map[string]part{}
	switch typ.Kind() {
	case reflect.Struct:
		var object map[string]json.RawMessage
		if json.Unmarshal(text, &object) != nil {
			return nil
		}
		if reflect.PointerTo(typ).Implements(reflect.TypeFor[json.Marshaler]()) {
			return nil // a type that writes itself, such as time.Time, has keys of its own
		}
		known := knownFields(typ)
		if typ == reflect.TypeFor[Resource]() {
			known["spec"] = specType(object["kind"])
		}
		for name, value := range object {
			out[name] = part{typ: known[name], text: value}
		}
	case reflect.Map:
		var object map[string]json.RawMessage
		if json.Unmarshal(text, &object) != nil {
			return nil
		}
		for name, value := range object {
			out[name] = part{typ: typ.Elem(), text: value}
		}
	case reflect.Slice:
		var list []json.RawMessage
		if json.Unmarshal(text, &list) != nil {
			return nil
		}
		for i, value := range list {
			name := strconv.Itoa(i)
			if same := identity(typ.Elem(), value); same != "" {
				name = same
			}
			out[name] = part{typ.Elem(), value, i}
		}
	}
	return out
}

// knownFields are the fields of a type by their names in JSON.
func knownFields(typ reflect.Type) map[string]reflect.Type {
	out := map[string]reflect.Type{}
	for _, field := range reflect.VisibleFields(typ) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if field.Anonymous || !field.IsExported() || name == "-" {
			continue
		}
		if name == "" {
			name = field.Name
		}
		out[name] = field.Type
	}
	return out
}

// identity is the value that tells an object from others of its type; "" if its type is not
// in identities.
func identity(typ reflect.Type, text json.RawMessage) string {
	for typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	field, ok := identities[typ]
	if !ok {
		return ""
	}
	if field == everyField {
		known := reflect.New(typ)
		if json.Unmarshal(text, known.Interface()) != nil {
			return string(text)
		}
		again, err := json.Marshal(known.Interface())
		if err != nil {
			return string(text)
		}
		return string(again)
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(text, &object) != nil {
		return string(text)
	}
	var values []string
	for name := range strings.SplitSeq(field, "|") {
		if value, ok := object[name]; ok {
			values = append(values, string(value))
		}
	}
	return strings.Join(values, " ")
}

func (u *Unknown) addTo(typ reflect.Type, text json.RawMessage) (json.RawMessage, error) {
	for typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	if u.identity != "" && u.identity != identity(typ, text) {
		return text, nil
	}
	if typ.Kind() == reflect.Slice {
		return u.addToList(typ.Elem(), text)
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(text, &object) != nil || object == nil {
		return text, nil
	}
	for name, part := range parts(typ, text) {
		child := u.children[name]
		if child == nil || part.typ == nil {
			continue
		}
		with, err := child.addTo(part.typ, part.text)
		if err != nil {
			return nil, err
		}
		object[name] = with
	}
	for name, value := range u.fields {
		if _, taken := object[name]; !taken {
			object[name] = value
		}
	}
	out, err := json.Marshal(object)
	if err != nil {
		return nil, fmt.Errorf("keeping unknown fields: %w", err)
	}
	return out, nil
}

func (u *Unknown) addToList(element reflect.Type, text json.RawMessage) (json.RawMessage, error) {
	var list []json.RawMessage
	if json.Unmarshal(text, &list) != nil {
		return text, nil
	}
	for i, child := range u.ofElements(element, list) {
		with, err := child.addTo(element, list[i])
		if err != nil {
			return nil, err
		}
		list[i] = with
	}
	out, err := json.Marshal(list)
	if err != nil {
		return nil, fmt.Errorf("keeping unknown fields: %w", err)
	}
	return out, nil
}

// ofElements finds what is unknown in the elements of a list: by what tells them from each
// other, or else in elements that were changed, by their kin and where they stand.
func (u *Unknown) ofElements(element reflect.Type, list []json.RawMessage) map[int]*Unknown {
	found, left := map[int]*Unknown{}, maps.Clone(u.children)
	for i, value := range list {
		name := cmp.Or(identity(element, value), strconv.Itoa(i))
		if child := u.children[name]; child != nil {
			found[i] = child
			delete(left, name)
		}
	}
	kin, ok := kins[element]
	if !ok {
		return found
	}
	byPlace := func(a, b *Unknown) int { return a.place - b.place }
	for _, child := range slices.SortedFunc(maps.Values(left), byPlace) {
		nearest := -1
		for i, value := range list {
			if found[i] == nil && !u.elements[identity(element, value)] && kin(value) == child.kin && (nearest < 0 || i == child.place) {
				nearest = i
			}
		}
		if nearest >= 0 {
			changed := *child
			changed.identity = "" // it is another text, and the same element
			found[nearest] = &changed
		}
	}
	return found
}
