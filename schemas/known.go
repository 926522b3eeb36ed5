package schemas

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// specTypes are the specs of resources, which hold them as JSON, by kind.
var specTypes = map[string]reflect.Type{
	KindSnowflakeConnection: reflect.TypeFor[SnowflakeConnectionSpec](), KindCleverTapAccount: reflect.TypeFor[CleverTapAccountSpec](),
	KindImportDefaults: reflect.TypeFor[ImportSpec](), KindNotification: reflect.TypeFor[NotificationSpec](),
	KindAcknowledgement: reflect.TypeFor[AcknowledgementSpec](), KindAccessKey: reflect.TypeFor[AccessKeySpec](),
	KindApproval: reflect.TypeFor[ApprovalSpec](), KindFreeze: reflect.TypeFor[FreezeSpec](),
}

// specType is the type of a resource's spec. Of a kind that this version does not know,
// everything is taken as it is.
func specType(kind json.RawMessage) reflect.Type {
	var name string
	if json.Unmarshal(kind, &name) != nil || specTypes[name] == nil {
		return reflect.TypeFor[json.RawMessage]()
	}
	return specTypes[name]
}

// Known returns a record without the fields that V does not have, so that what a person
// reads is what this version accepts when they write it.
func Known[V any](record []byte) ([]byte, error) { return knownOnly(reflect.TypeFor[V](), record) }

func knownOnly(typ reflect.Type, text json.RawMessage) (json.RawMessage, error) {
	for typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	if unknownOf(typ, text) == nil {
		return text, nil
	}
	if typ.Kind() == reflect.Slice {
		return knownOfList(typ.Elem(), text)
	}
	object := map[string]json.RawMessage{}
	for name, part := range parts(typ, text) {
		if part.typ == nil {
			continue
		}
		known, err := knownOnly(part.typ, part.text)
		if err != nil {
			return nil, err
		}
		object[name] = known
	}
	out, err := json.Marshal(object)
	if err != nil {
		return nil, fmt.Errorf("leaving unknown fields out: %w", err)
	}
	return out, nil
}

func knownOfList(element reflect.Type, text json.RawMessage) (json.RawMessage, error) {
	var list []json.RawMessage
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, fmt.Errorf("leaving unknown fields out: %w", err)
	}
	for i := range list {
		known, err := knownOnly(element, list[i])
		if err != nil {
			return nil, err
		}
		list[i] = known
	}
	out, err := json.Marshal(list)
	if err != nil {
		return nil, fmt.Errorf("leaving unknown fields out: %w", err)
	}
	return out, nil
}

// Paths are the unknown fields, such as spec.source.sampling or spec.mapping["Email"].mask,
// in order.
func (u *Unknown) Paths() []string { return slices.Sorted(maps.Keys(u.paths("", map[string]bool{}))) }

func (u *Unknown) paths(under string, found map[string]bool) map[string]bool {
	if u == nil {
		return found
	}
	for name := range u.fields {
		found[under+name] = true
	}
	for name, child := range u.children {
		within := under + name + "."
		if strings.HasPrefix(name, `"`) || strings.HasPrefix(name, "{") { // an element of a list
			within = strings.TrimSuffix(under, ".") + "[" + name + "]."
		}
		child.paths(within, found)
	}
	return found
}
