package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/access"
)

// auditDays is how far back the audit is read where no date is given.
const auditDays = 1

type listAuditInput struct {
	Accept    string    `header:"Accept" doc:"application/x-ndjson streams all of them, a line each"`
	Since     time.Time `query:"since" doc:"From this instant on; a day ago if absent"`
	Until     time.Time `query:"until" doc:"Before this instant"`
	Actor     string    `query:"actor" maxLength:"200" doc:"Only of this actor, such as key:ci"`
	Action    string    `query:"action" enum:"apply,delete,command,read,sign-in,sign-out" doc:"Only this action"`
	Name      string    `query:"name" maxLength:"80" doc:"Only about this import, run, connection, account or key"`
	PageSize  int       `query:"pageSize" minimum:"1" maximum:"1000" default:"100" doc:"How many at most"`
	PageToken string    `query:"pageToken" doc:"nextPageToken of the page before; the first page if absent"`
}

type auditPage struct {
	Items         []schemas.AuditEntry `json:"items"`
	NextPageToken string               `json:"nextPageToken"`
}

func (h *handlers) registerAudit(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "list-audit", Method: http.MethodGet, Path: "/v1/audit",
		Summary:   "List who changed what and who looked at rows, oldest first",
		Errors:    []int{http.StatusBadRequest, http.StatusServiceUnavailable},
		Responses: pageOrLines[auditPage, schemas.AuditEntry](api),
	}, h.listAudit)
}

func (h *handlers) listAudit(ctx context.Context, in *listAuditInput) (*huma.StreamResponse, error) {
	tp := kafka.TP{Topic: h.Topics.Audit(), Partition: 0}
	since := in.Since
	if since.IsZero() {
		since = h.Now().AddDate(0, 0, -auditDays)
	}
	from, err := h.Partitions.OffsetAt(ctx, tp, since)
	if err != nil {
		return nil, h.kafkaFailed(ctx, err)
	}
	if in.PageToken != "" {
		if from, err = strconv.ParseInt(in.PageToken, 10, 64); err != nil || from < 1 {
			return nil, problem(http.StatusBadRequest, codeInvalidRequest, "pageToken is the nextPageToken of the page before, unchanged")
		}
	}
	if strings.Contains(in.Accept, ndjson) {
		return &huma.StreamResponse{Body: func(c huma.Context) {
			h.stream(c, func(write func(any) error) error {
				return h.walkAudit(ctx, tp, from, in, func(e schemas.AuditEntry, _ int64) error { return write(e) })
			})
		}}, nil
	}
	page := auditPage{Items: []schemas.AuditEntry{}}
	err = h.walkAudit(ctx, tp, from, in, func(e schemas.AuditEntry, offset int64) error {
		if len(page.Items) == in.PageSize {
			page.NextPageToken = strconv.FormatInt(offset, 10)
			return errEnough
		}
		page.Items = append(page.Items, e)
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, h.kafkaFailed(ctx, err)
	}
	return &huma.StreamResponse{Body: func(c huma.Context) {
		c.SetHeader("Content-Type", "application/json")
		// The reader is gone if this fails; nobody is left to tell.
		_ = json.NewEncoder(c.BodyWriter()).Encode(page)
	}}, nil
}

// errEnough ends a reading whose page is full.
var errEnough = errors.New("the page is full")

// walkAudit calls take with each entry that the query asks for.
func (h *handlers) walkAudit(ctx context.Context, tp kafka.TP, from int64, in *listAuditInput, take func(schemas.AuditEntry, int64) error) error {
	_, err := h.Partitions.ReadTo(ctx, tp, from, func(r *kafka.Record) error {
		var e schemas.AuditEntry
		if err := json.Unmarshal(r.Value, &e); err != nil {
			return fmt.Errorf("decoding the audit entry at offset %d: %w", r.Offset, err)
		}
		switch {
		case !in.Since.IsZero() && e.Time.Before(in.Since), !in.Until.IsZero() && !e.Time.Before(in.Until),
			in.Actor != "" && e.Actor != in.Actor, in.Action != "" && e.Action != in.Action, in.Name != "" && e.Name != in.Name:
			return nil
		}
		return take(e, r.Offset)
	})
	return err
}

// auditRead writes that the caller is about to be shown rows of people. What is
// not written is not shown.
func (h *handlers) auditRead(ctx context.Context, kind, name string) *Problem {
	record, err := h.auditRecord(ctx, schemas.AuditEntry{
		Actor: access.CallerOf(ctx).Name, Action: schemas.AuditRead, Kind: kind, Name: name,
	}, nil)
	if err == nil {
		err = h.Audit(ctx, record)
	}
	if err != nil {
		return h.kafkaFailed(ctx, err)
	}
	return nil
}

// streamWriteTimeout bounds the writing of one line of a stream, if its reader does not read.
const streamWriteTimeout = 30 * time.Second

// stream writes a line for each value that walk writes, for as long as the
// caller's credential holds. Once the first line is out a failure can only be
// shown by breaking the connection off, so that no reader takes a part for the
// whole.
func (h *handlers) stream(c huma.Context, walk func(write func(any) error) error) {
	c.SetHeader("Content-Type", ndjson)
	caller := access.CallerOf(c.Context())
	encoder := json.NewEncoder(c.BodyWriter())
	encoder.SetEscapeHTML(false)
	err := walk(func(v any) error {
		if err := caller.StillHolds(h.Now()); err != nil {
			return errors.Join(errCredential, err)
		}
		if w, ok := c.BodyWriter().(http.ResponseWriter); ok {
			// A stream outlasts http.writeTimeout as long as it is read.
			_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(streamWriteTimeout))
		}
		return encoder.Encode(v)
	})
	if err != nil {
		h.logFailure(c.Context(), codeKafka, err)
		panic(http.ErrAbortHandler)
	}
}
