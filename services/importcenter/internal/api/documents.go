package api

import (
	"bytes"
	"encoding/json"
	"fmt"

	"tapline.dev/schemas"

	"tapline.dev/services/importcenter/internal/plan"
)

// document is the envelope of every kind.
type document struct {
	APIVersion string           `json:"apiVersion"`
	Kind       string           `json:"kind"`
	Metadata   schemas.Metadata `json:"metadata"`
	Spec       json.RawMessage  `json:"spec"`
}

// parse reads documents strictly and returns every problem it finds.
func (h *handlers) parse(documents []json.RawMessage) (plan.Set, []Detail) {
	var set plan.Set
	var details []Detail
	for i, raw := range documents {
		at := fmt.Sprintf("documents[%d]", i)
		var d document
		if err := strictly(raw, &d); err != nil {
			details = append(details, Detail{Location: at, Code: codeRefused, Message: err.Error()})
			continue
		}
		if err := h.take(d, &set); err != nil {
			details = append(details, Detail{Location: schemas.ResourceKey(d.Kind, d.Metadata.Name), Code: codeRefused, Message: err.Error()})
		}
	}
	return set, details
}

func (h *handlers) take(d document, set *plan.Set) error {
	if d.APIVersion != schemas.APIVersion {
		return fmt.Errorf("apiVersion must be %s", schemas.APIVersion)
	}
	if d.Kind == schemas.KindImport {
		var spec schemas.ImportSpec
		if err := strictly(d.Spec, &spec); err != nil {
			return err
		}
		set.Imports = append(set.Imports, schemas.Definition{Metadata: d.Metadata, Spec: spec})
		return nil
	}
	if err := h.checkResource(d); err != nil {
		return err
	}
	set.Resources = append(set.Resources, schemas.Resource{Kind: d.Kind, Metadata: d.Metadata, Spec: d.Spec})
	return nil
}

func (h *handlers) checkResource(d document) error {
	switch d.Kind {
	case schemas.KindSnowflakeConnection:
		var spec schemas.SnowflakeConnectionSpec
		if err := strictly(d.Spec, &spec); err != nil {
			return err
		}
		if !h.AllowCustomEndpoints && (spec.Host != "" || spec.Port != 0 || spec.Protocol != "") {
			return errCustomEndpoint("host, port and protocol")
		}
		return nil
	case schemas.KindCleverTapAccount:
		var spec schemas.CleverTapAccountSpec
		if err := strictly(d.Spec, &spec); err != nil {
			return err
		}
		if !h.AllowCustomEndpoints && spec.Endpoint != "" {
			return errCustomEndpoint("endpoint")
		}
		return nil
	case schemas.KindImportDefaults:
		return strictly(d.Spec, &schemas.ImportSpec{})
	}
	return fmt.Errorf("kind is one of Import, ImportDefaults, SnowflakeConnection and CleverTapAccount")
}

func errCustomEndpoint(what string) error {
	return fmt.Errorf("%s may not be set here: this deployment allows no custom endpoints (allowCustomEndpoints)", what)
}

func strictly(raw []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	return dec.Decode(into)
}
