package api

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"tapline.dev/schemas"
)

// maxFreezeName keeps a freeze's name readable, however many imports it selects.
const maxFreezeName = 80

// nameOfFreeze returns the freeze that holds the same account and the same selection, if
// there is one: freezing the same twice makes one freeze. Else it returns a name that no
// other freeze has.
func (h *handlers) nameOfFreeze(spec schemas.FreezeSpec) (string, *schemas.Resource) {
	wanted, taken := frozenPart(spec), map[string]bool{}
	for _, r := range h.Catalog.Resources(schemas.KindFreeze) {
		var known schemas.FreezeSpec
		if decodeSpec(r.Spec, &known) && frozenPart(known) == wanted {
			return r.Metadata.Name, &r
		}
		taken[r.Metadata.Name] = true
	}
	name := freezeName(spec)
	if len(name) <= maxFreezeName && !taken[name] {
		return name, nil
	}
	sum := sha256.Sum256([]byte(wanted))
	return strings.TrimRight(name[:min(len(name), maxFreezeName)], "-") + "-" + hex.EncodeToString(sum[:8]), nil
}

// frozenPart is what a freeze holds, without who made it, when and why.
func frozenPart(spec schemas.FreezeSpec) string {
	part := schemas.FreezeSpec{Account: spec.Account}
	if s := spec.Selector; s != nil && len(s.Names)+len(s.Labels) > 0 {
		part.Selector = &schemas.Selector{Names: slices.Compact(slices.Sorted(slices.Values(s.Names))), Labels: s.Labels}
	}
	text, _ := json.Marshal(part) // everything in it came out of JSON
	return string(text)
}

// freezeName says what is frozen. Different freezes may have the same: a star and an x are
// one letter in it.
func freezeName(spec schemas.FreezeSpec) string {
	var parts []string
	if spec.Account != "" {
		parts = append(parts, "account", spec.Account)
	}
	if s := spec.Selector; s != nil {
		if len(s.Names) > 0 {
			parts = append(parts, "import")
			parts = append(parts, s.Names...)
		}
		for _, key := range slices.Sorted(maps.Keys(s.Labels)) {
			parts = append(parts, "label", key, s.Labels[key])
		}
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r == '*':
			return 'x'
		}
		return '-'
	}, strings.Join(parts, "-"))
}
