package api

import (
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/access"
)

// documentVersion is the version of the API's contract, which the OpenAPI
// document carries. The program's own version is no part of it, so that the
// committed document changes only when the contract does.
const documentVersion = "1"

const documentText = "Imports of profiles and events from Snowflake into CleverTap: definitions, runs, rejects, and who may do what. " +
	"Every refusal is one schema, Problem (RFC 9457), and its code says which it is. " +
	"Every answer carries X-Request-Id, which the audit topic names, and RateLimit."

// sharedRefusals are the refusals that every operation may answer with.
var sharedRefusals = []int{
	http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusMisdirectedRequest, http.StatusUnprocessableEntity,
	http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable,
}

// bodyRefusals are the refusals that an operation with a body may answer with in
// addition.
var bodyRefusals = []int{http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType}

// refusalTexts say in the OpenAPI document what each refusal means.
var refusalTexts = map[int]string{
	http.StatusBadRequest:            "The request is not understood.",
	http.StatusUnauthorized:          "No valid credential came with the request. The text is the same for one that is missing, expired, revoked, unknown, malformed or given twice.",
	http.StatusForbidden:             "The caller's role does not suffice, the import is outside the caller's selector, or the request comes from another site's page.",
	http.StatusNotFound:              "There is nothing of this name.",
	http.StatusRequestTimeout:        "The body did not arrive in time.",
	http.StatusConflict:              "What is there now does not allow it.",
	http.StatusPreconditionFailed:    "It was changed since it was read.",
	http.StatusRequestEntityTooLarge: "The body is too large.",
	http.StatusUnsupportedMediaType:  "The body is not JSON.",
	http.StatusMisdirectedRequest:    "The server is not reached under this name.",
	http.StatusUnprocessableEntity:   "The request is understood and refused for its content; errors lists every problem.",
	http.StatusPreconditionRequired:  "The request has to agree to what it does, as confirmation says, or to say which version it changes.",
	http.StatusTooManyRequests:       "The caller has sent too many requests.",
	http.StatusInternalServerError:   "The service met a fault of its own; its log says which, by the trace id.",
	http.StatusServiceUnavailable:    "Kafka, Redis, Snowflake or the OpenID provider does not answer; try again.",
	http.StatusGatewayTimeout:        "The service that has to answer did not do so in time; a command that was written still counts.",
}

// describeDocument completes the OpenAPI document: who may call what, one response for
// each kind of refusal that all operations refer to, and schemas that say exactly
// what encoding/json writes.
func (h *handlers) describeDocument(doc *huma.OpenAPI) {
	components := doc.Components
	components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"bearer": {Type: "http", Scheme: "bearer", Description: "A key of `tapline keys create`, or a token of the OpenID provider"},
	}
	problem := components.Schemas.Schema(reflect.TypeFor[Problem](), true, "")
	h.nameRoles(components.Schemas)
	settle(components.Schemas)
	components.Responses = map[string]*huma.Response{}
	for status, text := range refusalTexts {
		components.Responses[responseName(status)] = &huma.Response{
			Description: text, Headers: refusalHeaders(status),
			Content: map[string]*huma.MediaType{"application/problem+json": {Schema: problem}},
		}
	}
	for _, item := range doc.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Put, item.Post, item.Delete, item.Patch} {
			if op != nil {
				h.describeOperation(op)
			}
		}
	}
}

// nameRoles lets a key be made with the deployment's names of the roles as well.
func (h *handlers) nameRoles(registry huma.Registry) {
	role := registry.Map()["CreateKeyInputBody"].Properties["role"]
	for _, name := range h.RoleNames.Accepted() {
		if !slices.Contains(role.Enum, any(name)) {
			role.Enum = append(role.Enum, name)
		}
	}
}

func (h *handlers) describeOperation(op *huma.Operation) {
	route, _ := h.route(op.OperationID)
	op.Security = []map[string][]string{}
	if route.Role > access.Anyone {
		op.Security = []map[string][]string{{"bearer": {route.Role.String()}}}
	}
	op.Extensions = map[string]any{"x-tapline-role": route.Role.String(), "x-tapline-scope": string(route.Scope)}
	if name := h.RoleNames.Other(route.Role); name != "" {
		op.Extensions["x-tapline-role-name"] = name
	}
	delete(op.Responses, "default")
	shared := sharedRefusals
	if op.RequestBody != nil {
		shared = append(append([]int{}, shared...), bodyRefusals...)
		describeBody(op)
	}
	if takesKey(op) {
		describeKey(op)
		shared = append(append([]int{}, shared...), http.StatusConflict)
	}
	for _, status := range shared {
		op.Responses[strconv.Itoa(status)] = nil
	}
	for text := range op.Responses {
		if status, err := strconv.Atoi(text); err == nil && status >= http.StatusBadRequest {
			op.Responses[text] = &huma.Response{Ref: "#/components/responses/" + responseName(status)}
		}
	}
}

const keyText = "The same request with the same key changes nothing and gets the same answer, for a day; another request with it is refused (422), and so is a second one while the first is under way (409)"

// describeKey names the header that makes a repetition harmless, unless the operation
// does so itself.
func describeKey(op *huma.Operation) {
	for _, p := range op.Parameters {
		if p.Name == idempotencyHeader {
			return
		}
	}
	most := maxIdempotencyKey
	op.Parameters = append(op.Parameters, &huma.Param{
		Name: idempotencyHeader, In: "header", Description: keyText, Schema: &huma.Schema{Type: huma.TypeString, MaxLength: &most},
	})
}

// describeBody names the schema of a body that is a definition as it was written.
func describeBody(op *huma.Operation) {
	for contentType, content := range op.RequestBody.Content {
		if contentType == mergePatch {
			content.Schema = &huma.Schema{
				Type: huma.TypeObject, AdditionalProperties: true,
				Description: "What changes: a value replaces, an object goes into the object that is there, null removes",
				Examples:    []any{map[string]any{"metadata": map[string]any{"owner": "growth"}}},
			}
			continue
		}
		if content.Schema != nil && content.Schema.Ref == "" && content.Schema.Type == "" {
			content.Schema = &huma.Schema{Ref: documentRef}
		}
	}
}

func responseName(status int) string { return strings.ReplaceAll(http.StatusText(status), " ", "") }

func refusalHeaders(status int) map[string]*huma.Param {
	text := &huma.Schema{Type: huma.TypeString}
	switch status {
	case http.StatusUnauthorized:
		return map[string]*huma.Param{"WWW-Authenticate": {Description: "Bearer", Schema: text}}
	case http.StatusServiceUnavailable:
		return map[string]*huma.Param{"Retry-After": {Description: "Seconds until it is worth asking again", Schema: text}}
	case http.StatusTooManyRequests:
		return map[string]*huma.Param{"Retry-After": {Description: "Seconds until the next request is answered", Schema: text}}
	}
	return nil
}

// settle makes each component say what encoding/json writes: a pointer that is not
// left out when it holds nothing is null, and a list is never null. It also drops
// the schema of the library's own refusals, which asProblem replaces.
func settle(registry huma.Registry) {
	all := registry.Map()
	delete(all, "ErrorModel")
	delete(all, "ErrorDetail")
	all["Code"] = codeSchema()
	for name, schema := range all {
		if schema.Description == "" {
			schema.Description = componentTexts[name]
		}
		for key, text := range fieldTexts[name] {
			if property := schema.Properties[key]; property != nil && property.Description == "" {
				property.Description = text
			}
		}
		typ := registry.TypeFromRef("#/components/schemas/" + name)
		if typ == nil || typ.Kind() != reflect.Struct {
			continue
		}
		for _, field := range reflect.VisibleFields(typ) {
			key, options, _ := strings.Cut(field.Tag.Get("json"), ",")
			property := schema.Properties[key]
			switch {
			case property == nil:
			case key == "code" && (name == "Problem" || name == "Detail"):
				schema.Properties[key] = &huma.Schema{Description: property.Description, Ref: "#/components/schemas/Code"}
			case property.Type == huma.TypeArray:
				property.Nullable = false
				if key == "documents" {
					property.Items = &huma.Schema{Ref: documentRef}
				}
			case property.Ref != "" && field.Type.Kind() == reflect.Pointer && !strings.Contains(options, "omit"):
				schema.Properties[key] = &huma.Schema{
					Description: property.Description, AnyOf: []*huma.Schema{{Ref: property.Ref}, {Type: "null"}},
				}
			}
		}
		schema.PrecomputeMessages()
	}
}

// registerTexts registers the types whose JSON form differs from their Go type.
func registerTexts(registry huma.Registry) {
	registry.RegisterTypeAlias(reflect.TypeFor[schemas.Duration](), reflect.TypeFor[durationText]())
	registry.RegisterTypeAlias(reflect.TypeFor[schemas.RejectRef](), reflect.TypeFor[rejectRefText]())
	registry.RegisterTypeAlias(reflect.TypeFor[schemas.Bytes](), reflect.TypeFor[bytesText]())
	registry.RegisterTypeAlias(reflect.TypeFor[schemas.MonthDay](), reflect.TypeFor[monthDay]())
	registry.RegisterTypeAlias(reflect.TypeFor[schemas.Nulls](), reflect.TypeFor[nulls]())
	registry.Map()["Document"] = documentSchema()
}

type (
	durationText  string
	rejectRefText string
	bytesText     string
	monthDay      int
	nulls         struct{}
)

// Schema is a duration as text.
func (durationText) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Examples: []any{"15m", "2d"}}
}

// Schema is a partition and an offset as text.
func (rejectRefText) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Pattern: "^[0-9]+-[0-9]+$", Examples: []any{"3-18273"}}
}

// Schema is a size as text.
func (bytesText) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Examples: []any{"4MiB"}}
}

// Schema is a number, or last.
func (monthDay) Schema(huma.Registry) *huma.Schema {
	first, last := 1.0, 31.0
	return &huma.Schema{AnyOf: []*huma.Schema{{Type: huma.TypeInteger, Minimum: &first, Maximum: &last}, {Type: huma.TypeString, Enum: []any{"last"}}}}
}

// Schema is a word, or what stands in for a NULL.
func (nulls) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{AnyOf: []*huma.Schema{
		{Type: huma.TypeString, Enum: []any{"fail", "always"}},
		{Type: huma.TypeObject, Properties: map[string]*huma.Schema{"coalesce": {Type: huma.TypeString}}, Required: []string{"coalesce"}},
	}}
}

const documentRef = "#/components/schemas/Document"

// documentSchema is a definition as its author wrote it. Its content is checked by
// package definition, whose messages say better what is wrong.
func documentSchema() *huma.Schema {
	return &huma.Schema{
		Type:        huma.TypeObject,
		Description: "A definition as its author wrote it; schemas/definitions.v1alpha1.schema.json describes each kind in full.",
		Properties: map[string]*huma.Schema{
			"apiVersion": {Description: schemas.APIVersion},
			"kind":       {Description: "Import, ImportDefaults, SnowflakeConnection, CleverTapAccount or Notification"},
			"metadata":   {Description: "name, and for an import displayName, owner and labels"},
			"spec":       {Description: "What the kind takes"},
		},
		AdditionalProperties: true,
		Examples: []any{map[string]any{
			"apiVersion": schemas.APIVersion, "kind": schemas.KindSnowflakeConnection, "metadata": map[string]any{"name": "warehouse"},
			"spec": map[string]any{"account": "acme-eu1", "user": "TAPLINE", "password": "ref+env://SNOWFLAKE_PASSWORD"},
		}},
	}
}

// codeSchema is every code of the catalogue.
func codeSchema() *huma.Schema {
	s := &huma.Schema{Type: huma.TypeString}
	for _, info := range schemas.ErrorCatalogue() {
		s.Enum = append(s.Enum, info.Code)
	}
	return s
}
