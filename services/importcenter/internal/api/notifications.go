package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/access"
	"tapline.dev/services/importcenter/internal/whylate"
)

// maxAcknowledged bounds how far ahead a known failure may be muted: what is muted for good
// is not known any more.
const maxAcknowledged = 90 * 24 * time.Hour

// auditNotificationTest is the kind of audit entries about test messages.
const auditNotificationTest = "test-notification"

type testNotificationInput struct {
	ResourcePath
	ActorHeader
}

// NotificationTest is whether a test message arrived.
type NotificationTest struct {
	Notification string `json:"notification"`
	ID           string `json:"id" doc:"Of the message, for its receiver to be asked about"`
	Delivered    bool   `json:"delivered" doc:"Its channel has taken the message"`
	Reason       string `json:"reason,omitempty" doc:"Why it has not"`
	Millis       int64  `json:"millis"`
}

type notificationTestOutput struct{ Body NotificationTest }

type acknowledgeInput struct {
	ImportPath
	ActorHeader
	Body struct {
		Until  time.Time `json:"until" doc:"Until then nobody is told of what is known; at most 90 days ahead"`
		Reason string    `json:"reason,omitempty" maxLength:"500" doc:"Shown in the listing"`
	}
}

type unacknowledgeInput struct {
	ImportPath
	ActorHeader
}

type acknowledgementOutput struct{ Body schemas.AcknowledgementSpec }

func (h *handlers) registerNotifications(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "test-notification", Method: http.MethodPost, Path: "/v1/notifications/{name}/test",
		Summary: "Send a test message by a notification's channel, once", Errors: []int{http.StatusNotFound, http.StatusServiceUnavailable},
	}, h.testNotification)
	huma.Register(api, huma.Operation{
		OperationID: "acknowledge-import", Method: http.MethodPut, Path: "/v1/imports/{import}/acknowledgement",
		Summary: "Mute the notifications of what is known of an import, until an instant or until a run of it has succeeded",
		Errors:  []int{http.StatusNotFound, http.StatusUnprocessableEntity, http.StatusServiceUnavailable},
	}, h.acknowledge)
	huma.Register(api, huma.Operation{
		OperationID: "unacknowledge-import", Method: http.MethodDelete, Path: "/v1/imports/{import}/acknowledgement",
		Summary: "Take an acknowledgement back: people are told again", DefaultStatus: http.StatusNoContent,
		Errors: []int{http.StatusNotFound, http.StatusServiceUnavailable},
	}, h.unacknowledge)
}

func (h *handlers) testNotification(ctx context.Context, in *testNotificationInput) (*notificationTestOutput, error) {
	if err := h.View.ReadToEnd(ctx); err != nil {
		return nil, h.kafkaFailed(ctx, err)
	}
	r, ok := h.Catalog.Resource(schemas.KindNotification, in.Name)
	if !ok {
		return nil, h.noResource(schemas.KindNotification, in.Name)
	}
	var spec schemas.NotificationSpec
	if !decodeSpec(r.Spec, &spec) {
		return nil, problem(http.StatusConflict, codeRefused, "the definition of the notification cannot be read; apply it again")
	}
	// A message reaches people outside: who had it sent is kept, and what is not kept is not sent.
	record, err := h.auditRecord(ctx, schemas.AuditEntry{Actor: in.Actor, Action: schemas.AuditCommand, Kind: auditNotificationTest, Name: in.Name}, nil)
	if err == nil {
		err = h.Audit(ctx, record)
	}
	if err != nil {
		return nil, h.kafkaFailed(ctx, err)
	}
	began := h.Now()
	n := schemas.Notice{
		ID: fmt.Sprintf("%s.test.%d", in.Name, began.UnixNano()), Notification: in.Name, Condition: schemas.NotifyTest, Time: began,
		Cause: in.Actor + " has asked for this message; nothing is wrong", Next: "nothing",
	}
	err = h.SendNotification(ctx, spec, n)
	out := NotificationTest{Notification: in.Name, ID: n.ID, Delivered: err == nil, Millis: h.Now().Sub(began).Milliseconds()}
	if err != nil {
		out.Reason = err.Error()
	}
	return &notificationTestOutput{Body: out}, nil
}

func (h *handlers) acknowledge(ctx context.Context, in *acknowledgeInput) (*acknowledgementOutput, error) {
	now := h.Now().UTC().Truncate(time.Second)
	if !in.Body.Until.After(now) || in.Body.Until.After(now.Add(maxAcknowledged)) {
		return nil, problem(http.StatusUnprocessableEntity, codeInvalidRequest, "until is an instant from now on, at most 90 days ahead",
			Detail{Location: "body.until", Code: codeInvalidRequest, Message: "must lie in the next 90 days"})
	}
	spec := schemas.AcknowledgementSpec{Until: in.Body.Until.UTC(), Reason: in.Body.Reason, By: in.Actor, Since: now}
	raw, err := json.Marshal(spec)
	if err != nil {
		return nil, h.fail(ctx, codeInternal, "the acknowledgement could not be made", err)
	}
	err = h.write(ctx, func(ctx context.Context) ([]*kafka.Record, error) {
		if _, ok := h.Catalog.Import(in.Import); !ok {
			return nil, h.noImport(ctx, in.Import)
		}
		record, err := h.resourceRecord(schemas.KindAcknowledgement, in.Import, schemas.Resource{
			APIVersion: schemas.APIVersion, Kind: schemas.KindAcknowledgement, Metadata: schemas.Metadata{Name: in.Import}, Spec: raw, Generation: 1, AppliedAt: now,
		})
		if err != nil {
			return nil, err
		}
		audit, err := h.auditRecord(ctx, schemas.AuditEntry{Actor: in.Actor, Action: schemas.AuditApply, Kind: schemas.KindAcknowledgement, Name: in.Import}, spec)
		return []*kafka.Record{record, audit}, err
	})
	if err != nil {
		return nil, h.writeFailed(ctx, err)
	}
	return &acknowledgementOutput{Body: spec}, nil
}

func (h *handlers) unacknowledge(ctx context.Context, in *unacknowledgeInput) (*struct{}, error) {
	err := h.write(ctx, func(ctx context.Context) ([]*kafka.Record, error) {
		before, ok := h.Catalog.Resource(schemas.KindAcknowledgement, in.Import)
		if !ok {
			return nil, problem(http.StatusNotFound, codeNotFound, "nothing of the import "+in.Import+" is acknowledged")
		}
		return h.removalRecords(ctx, access.CallerOf(ctx).Name, schemas.KindAcknowledgement, in.Import, before.Spec)
	})
	if err != nil {
		return nil, h.writeFailed(ctx, err)
	}
	return nil, nil
}

// Explainer explains why an import is late, for whoever is no caller of the API.
func Explainer(cfg Config, deps Deps) func(ctx context.Context, importName string) (whylate.Explanation, bool) {
	h := &handlers{Config: cfg, Deps: deps}
	return func(ctx context.Context, importName string) (whylate.Explanation, bool) {
		d, ok := h.Catalog.Import(importName)
		if !ok {
			return whylate.Explanation{}, false
		}
		return whylate.Explain(h.lateFacts(ctx, d, nil)), true
	}
}
