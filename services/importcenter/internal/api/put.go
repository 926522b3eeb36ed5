package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/plan"
)

// mergePatch is the content type of RFC 7396.
const mergePatch = "application/merge-patch+json"

// maxPatchDepth bounds a merge patch: every level of it is read once more.
const maxPatchDepth = 32

// changeErrors are the refusals of a request that changes one definition.
var changeErrors = []int{
	http.StatusUnprocessableEntity, http.StatusPreconditionFailed, http.StatusPreconditionRequired, http.StatusConflict, http.StatusServiceUnavailable,
}

// putting is a change of one definition.
type putting struct {
	kind, name string
	offline    bool
	conditions ConditionHeaders
}

// put applies one document if the version that is there now meets the conditions.
// A request that was sent before, and whose answer was lost, finds its own change
// there and is answered as the first time (RFC 9110, section 13.1.1).
func (h *handlers) put(ctx context.Context, actor string, document json.RawMessage, p putting) ([]plan.Change, error) {
	if refusal := p.conditions.required(); refusal != nil {
		return nil, refusal
	}
	w := wanted{ChangeSet: ChangeSet{Documents: []json.RawMessage{document}}}
	w.Offline = p.offline
	w.unless = func(changes []plan.Change) *Problem {
		if len(changes) != 1 || changes[0].Kind != p.kind || changes[0].Name != p.name {
			return problem(http.StatusUnprocessableEntity, codeRefused,
				"the body is one document of kind "+p.kind+" whose metadata.name is the name in the path")
		}
		if changes[0].Outcome == plan.Unchanged && p.conditions.IfNoneMatch == "" {
			return nil
		}
		return p.conditions.unmet("the "+p.kind+" "+p.name, h.etagNow(p.kind, p.name))
	}
	return h.apply(ctx, actor, w)
}

// patch lays a merge patch over a definition as it is written and applies the result.
func (h *handlers) patch(ctx context.Context, actor string, before any, patch json.RawMessage, p putting) ([]plan.Change, error) {
	if refusal := (IfMatchHeader{p.conditions.IfMatch}).required(); refusal != nil {
		return nil, refusal
	}
	written, err := json.Marshal(before)
	if err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(bytes.TrimSpace(patch), []byte("{")) {
		return nil, problem(http.StatusUnprocessableEntity, codeRefused, "a merge patch is an object with what changes, such as {\"spec\":{\"priority\":5}}")
	}
	document, err := patched(written, patch, maxPatchDepth)
	if err != nil {
		return nil, problem(http.StatusUnprocessableEntity, codeRefused, "the merge patch cannot be laid over the definition: "+err.Error())
	}
	return h.put(ctx, actor, document, p)
}

// etagNow is the ETag of what is applied now, "" if nothing is.
func (h *handlers) etagNow(kind, name string) string {
	if kind == schemas.KindImport {
		if d, ok := h.Catalog.Import(name); ok {
			return etag(d.Generation)
		}
		return ""
	}
	if r, ok := h.Catalog.Resource(kind, name); ok {
		return resourceETag(r)
	}
	return ""
}

// written is a definition as its author writes it, without what applying adds.
type written struct {
	APIVersion string           `json:"apiVersion"`
	Kind       string           `json:"kind"`
	Metadata   schemas.Metadata `json:"metadata"`
	Spec       any              `json:"spec"`
}

func writtenImport(d schemas.Definition) written {
	return written{schemas.APIVersion, schemas.KindImport, d.Metadata, d.Spec}
}

func writtenResource(r schemas.Resource) written {
	return written{schemas.APIVersion, r.Kind, r.Metadata, r.Spec}
}

// patched applies a merge patch: null removes a key, objects are merged, and every
// other value, lists too, is replaced.
func patched(target, patch json.RawMessage, depth int) (json.RawMessage, error) {
	var changes map[string]json.RawMessage
	if depth == 0 {
		return nil, errors.New("it is nested too deeply")
	}
	if !bytes.HasPrefix(bytes.TrimSpace(patch), []byte("{")) {
		return patch, nil
	}
	if err := json.Unmarshal(patch, &changes); err != nil {
		return nil, err
	}
	object := map[string]json.RawMessage{}
	if bytes.HasPrefix(bytes.TrimSpace(target), []byte("{")) {
		if err := json.Unmarshal(target, &object); err != nil {
			return nil, err
		}
	}
	for key, change := range changes {
		if string(bytes.TrimSpace(change)) == "null" {
			delete(object, key)
			continue
		}
		merged, err := patched(object[key], change, depth-1)
		if err != nil {
			return nil, err
		}
		object[key] = merged
	}
	return json.Marshal(object)
}
