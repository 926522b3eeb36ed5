package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"tapline.dev/domain/definition"
	"tapline.dev/domain/mapping"
	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/guard"
)

// parse reads the documents, merges the applied defaults into the imports and
// checks everything that can be checked without Snowflake. It returns every problem
// it finds, each located as documents[N].path.
func (h *handlers) parse(ctx context.Context, documents []json.RawMessage, mappings *definition.MappingCheck) (*definition.Set, []Detail) {
	set, problems := h.read(documents)
	problems = append(problems, set.CheckReferences(h.appliedTo(ctx))...)
	problems = append(problems, h.endpoints(set)...)
	problems = append(problems, h.intervals(set)...)
	problems = append(problems, mappings.Check(ctx, set, func(account string) mapping.Options { return h.options(set, account) })...)
	return set, detailsOf(problems)
}

// read reads the documents and checks each by itself.
func (h *handlers) read(documents []json.RawMessage) (*definition.Set, []definition.Problem) {
	sources := make([]definition.Source, len(documents))
	for i, raw := range documents {
		sources[i] = definition.Source{Name: fmt.Sprintf("documents[%d]", i), Data: raw}
	}
	set, problems := definition.ParseAll(sources, definition.Options{
		Defaults: h.Catalog.Resources(schemas.KindImportDefaults),
	})
	set.SettleExpressions(h.Catalog.Import)
	return &set, problems
}

func detailsOf(problems []definition.Problem) []Detail {
	details := make([]Detail, len(problems))
	for i, p := range problems {
		details[i] = Detail{Location: p.File, Code: p.Code, Message: p.Message}
		if p.Path != "" {
			details[i].Location = strings.TrimPrefix(p.File+"."+p.Path, ".")
		}
	}
	return details
}

// account returns an applied account, and an empty one if there is none.
func (h *handlers) account(name string) (spec schemas.CleverTapAccountSpec) {
	if r, ok := h.Catalog.Resource(schemas.KindCleverTapAccount, name); !ok || !decodeSpec(r.Spec, &spec) {
		return schemas.CleverTapAccountSpec{}
	}
	return spec
}

func decodeSpec(raw json.RawMessage, into any) bool { return json.Unmarshal(raw, into) == nil }

// applied reports whether a definition of this kind and name is applied.
func (h *handlers) applied(kind, name string) bool {
	if kind == schemas.KindImport {
		_, ok := h.Catalog.Import(name)
		return ok
	}
	_, ok := h.Catalog.Resource(kind, name)
	return ok
}

// appliedTo is applied as a caller sees it: an import outside of their selector is not
// there, so that naming it in after: does not tell whether it exists. One that an import
// within the selector waits for already is no secret.
func (h *handlers) appliedTo(ctx context.Context) func(kind, name string) bool {
	return func(kind, name string) bool {
		if !h.applied(kind, name) || kind != schemas.KindImport || h.reaches(ctx, name) {
			return h.applied(kind, name)
		}
		return slices.ContainsFunc(h.Catalog.Imports(), func(d schemas.Definition) bool {
			return slices.Contains(d.Spec.After, name) && h.reaches(ctx, d.Metadata.Name)
		})
	}
}

// endpoints refuses custom hosts unless the deployment allows them: otherwise a
// person who may apply could have secrets sent to any host.
func (h *handlers) endpoints(set *definition.Set) []definition.Problem {
	if h.AllowCustomEndpoints && !h.LoopbackEndpointsOnly {
		return nil
	}
	var problems []definition.Problem
	for _, r := range set.Resources {
		var spec struct {
			schemas.SnowflakeConnectionSpec
			Endpoint string `json:"endpoint"`
		}
		if err := json.Unmarshal(r.Spec, &spec); err != nil {
			continue // reported by ParseAll
		}
		if h.AllowCustomEndpoints && onLoopback(spec.Host) && onLoopback(spec.Endpoint) {
			continue
		}
		own := map[string]bool{
			"host": spec.Host != "", "port": spec.Port != 0, "protocol": spec.Protocol != "", "endpoint": spec.Endpoint != "",
		}
		for _, key := range []string{"host", "port", "protocol", "endpoint"} {
			if own[key] && r.Kind != schemas.KindImportDefaults {
				problems = append(problems, set.Locate(r.Kind, r.Metadata.Name, []definition.Problem{{
					Path: "spec." + key, Code: "custom_endpoint",
					Message: h.endpointRule(key),
				}})...)
			}
		}
	}
	return problems
}

func (h *handlers) endpointRule(key string) string {
	if h.AllowCustomEndpoints {
		return "this deployment allows custom endpoints on loopback addresses only; leave " + key + " out, or name an address of this machine"
	}
	return "this deployment allows no custom endpoints; leave " + key + " out, or set allowCustomEndpoints for Import Center"
}

// onLoopback reports whether a host or a URL is on this machine; an empty text
// counts as such.
func onLoopback(text string) bool {
	host := text
	if u, err := url.Parse(text); err == nil && u.Host != "" {
		host = u.Hostname()
	}
	return text == "" || guard.Loopback(host)
}

// options returns what the import's account allows: the account of the set, or else
// the applied one.
func (h *handlers) options(set *definition.Set, account string) mapping.Options {
	raw := json.RawMessage(`{}`)
	if r, ok := h.Catalog.Resource(schemas.KindCleverTapAccount, account); ok {
		raw = r.Spec
	}
	for _, r := range set.Resources {
		if r.Kind == schemas.KindCleverTapAccount && r.Metadata.Name == account {
			raw = r.Spec
		}
	}
	var spec schemas.CleverTapAccountSpec
	if !decodeSpec(raw, &spec) {
		return mapping.Options{} // reported by ParseAll
	}
	return mapping.OptionsOf(spec)
}
