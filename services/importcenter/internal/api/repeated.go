package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tapline.dev/services/importcenter/internal/access"
	"tapline.dev/services/importcenter/internal/idempotency"
)

const (
	idempotencyHeader = "Idempotency-Key"
	maxIdempotencyKey = 200
	// finishTimeout bounds how long noting an answer takes, which its reader waits for.
	finishTimeout = 5 * time.Second
)

// requests remembers requests by their Idempotency-Key.
type requests interface {
	Begin(ctx context.Context, r idempotency.Request) (idempotency.Outcome, []byte, error)
	requestLease
	Answer(ctx context.Context, r idempotency.Request, answer []byte) error
	Forget(ctx context.Context, r idempotency.Request) error
}

// requestLease keeps a request that is being served from being begun by another replica.
type requestLease interface {
	Renew(ctx context.Context, r idempotency.Request) error
	Leave(ctx context.Context, r idempotency.Request) error
}

// reads are the operations with POST that write nothing. They take no Idempotency-Key: a
// repetition is harmless and shows what is there now, and Redis must not keep their
// answers, which may hold rows.
var reads = map[string]bool{
	"plan": true, "preview": true, "describe": true, "try-mapping": true, "suggest-mapping": true, "plan-replay": true,
	"show-schedule": true, "check-suppressions": true, "test-connection": true, "test-account": true, "why": true,
}

// inLog are the operations whose key is written with the command. The scheduler carries a
// command out once for each key, so these operations work while Redis does not answer.
var inLog = map[string]bool{
	"start-run": true, "cancel-run": true, "pause-import": true, "resume-import": true, "stop-import": true, "reset-import": true,
	"start-backfill": true, "start-resend": true, "start-replay": true, "plan-run": true, "approve-run": true, "decline-run": true, "dismiss-rejects": true,
	"start-dry-run": true, "sync-dry-run": true, "start-verification": true, "start-repair": true, "start-reconciliation": true,
}

// secretAnswers are the operations whose answer holds a secret, which is kept nowhere.
var secretAnswers = map[string]bool{"create-key": true}

// takesKey reports whether an operation obeys an Idempotency-Key.
func takesKey(op *huma.Operation) bool { return op.Method == http.MethodPost && !reads[op.OperationID] }

// keptAnswer is an answer as Redis keeps it.
type keptAnswer struct {
	Status int         `json:"status"`
	Header http.Header `json:"header"`
	Body   []byte      `json:"body"`
}

// once answers a request with a key once. The same request with the same key gets the
// same answer, and another request with it none.
func (h *handlers) once(ctx huma.Context, next func(huma.Context)) {
	key := ctx.Header(idempotencyHeader)
	if key == "" || !takesKey(ctx.Operation()) {
		next(ctx)
		return
	}
	if len(key) > maxIdempotencyKey {
		refuse(ctx, problem(http.StatusUnprocessableEntity, codeInvalidRequest, "Idempotency-Key has more than 200 characters"))
		return
	}
	body := readBody(ctx)
	r := idempotency.New(access.CallerOf(ctx.Context()).Name, key, fingerprint(ctx, body.text))
	outcome, answer, err := h.Requests.Begin(ctx.Context(), r)
	recorder := &recorder{answering: ctx, body: body}
	switch {
	case err != nil && inLog[ctx.Operation().OperationID]:
		h.logFailure(ctx.Context(), codeRedis, err)
		next(recorder)
	case err != nil:
		ctx.SetHeader("Retry-After", retryAfter)
		refuse(ctx, h.fail(ctx.Context(), codeRedis,
			"Redis does not answer, so it is not known whether this was done under the Idempotency-Key before, and nothing was done now; ask again, or leave the key out", err))
	case outcome == idempotency.Begun:
		h.serveOnce(recorder, r, next)
	case outcome == idempotency.Answered:
		h.answerAgain(ctx, answer)
	default:
		if outcome == idempotency.InFlight {
			ctx.SetHeader("Retry-After", "1")
		}
		refuse(ctx, keyRefused(outcome))
	}
}

func keyRefused(outcome idempotency.Outcome) *Problem {
	switch outcome {
	case idempotency.Reused:
		return problem(http.StatusUnprocessableEntity, codeKeyReused,
			"this Idempotency-Key was given to another request: another operation, import or body; use a new key for what is new")
	case idempotency.NotKept:
		return problem(http.StatusConflict, codeAnswerNotKept,
			"the request with this Idempotency-Key was done and answered, and its answer was not kept, because it holds a secret or is too long; read what is there now")
	}
	return problem(http.StatusConflict, codeInFlight, "the first request with this Idempotency-Key is under way; ask again when it is done, to get its answer")
}

// serveOnce serves the request and notes its answer. A refused request (4xx) has done
// nothing, so its key is free again. Of a failed one (5xx) it is not known what it did.
func (h *handlers) serveOnce(ctx *recorder, r idempotency.Request, next func(huma.Context)) {
	noted := false
	note := func(what func(context.Context) error) {
		noted = true
		// A caller who has disconnected may ask again, so the note does not end with the request.
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx.Context()), finishTimeout)
		defer cancel()
		if err := what(bounded); err != nil {
			h.logFailure(bounded, codeRedis, err)
		}
	}
	stop := h.renew(ctx.Context(), r)
	defer func() {
		stop()
		if !noted { // it panicked
			note(func(ctx context.Context) error { return h.Requests.Leave(ctx, r) })
		}
	}()
	next(ctx)
	stop()
	switch status := ctx.Status(); {
	case status >= http.StatusInternalServerError || status == 0:
		note(func(ctx context.Context) error { return h.Requests.Leave(ctx, r) })
	case status >= http.StatusBadRequest:
		note(func(ctx context.Context) error { return h.Requests.Forget(ctx, r) })
	default:
		kept := ctx.kept()
		note(func(ctx context.Context) error { return h.Requests.Answer(ctx, r, kept) })
	}
}

// renew says that a request is under way until the returned function is called, which
// waits for its end.
func (h *handlers) renew(ctx context.Context, r idempotency.Request) func() {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(idempotency.RenewEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				if err := h.Requests.Renew(ctx, r); err != nil && ctx.Err() == nil {
					h.logFailure(ctx, codeRedis, err)
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

func (h *handlers) answerAgain(ctx huma.Context, text []byte) {
	var kept keptAnswer
	if err := json.Unmarshal(text, &kept); err != nil {
		h.Log.ErrorContext(ctx.Context(), "a kept answer cannot be read", slog.Any("error", err))
		refuse(ctx, keyRefused(idempotency.NotKept))
		return
	}
	for name, values := range kept.Header {
		for _, value := range values {
			ctx.SetHeader(name, value)
		}
	}
	ctx.SetHeader("Idempotency-Replayed", "true")
	ctx.SetStatus(kept.Status)
	// The reader is gone if this fails; nobody is left to tell.
	_, _ = ctx.BodyWriter().Write(kept.Body)
}

func refuse(ctx huma.Context, p *Problem) {
	ctx.SetHeader("Content-Type", p.ContentType(""))
	ctx.SetStatus(p.Status)
	// The reader is gone if this fails; nobody is left to tell.
	_ = json.NewEncoder(ctx.BodyWriter()).Encode(p)
}

// agreements are the parameters with which a caller confirms a request that was answered
// with 428. They are no part of the fingerprint: it is still the same request.
var agreements = []string{"confirm", "repeats"}

// fingerprint stands for what a request asks for.
func fingerprint(ctx huma.Context, body []byte) [sha256.Size]byte {
	address := ctx.URL()
	query, _ := url.ParseQuery(address.RawQuery)
	for _, name := range agreements {
		query.Del(name)
	}
	sum := sha256.Sum256(body)
	return sha256.Sum256([]byte(ctx.Operation().OperationID + "\x00" + address.Path + "\x00" + query.Encode() + "\x00" + string(sum[:])))
}

// requestBody is a body that was read, with the error that ended the reading.
type requestBody struct {
	text []byte
	err  error
}

func (b requestBody) reader() io.Reader {
	if b.err != nil {
		return io.MultiReader(bytes.NewReader(b.text), failing{b.err})
	}
	return bytes.NewReader(b.text)
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// readBody reads a body as far as the operation takes it, in the operation's time. A body
// that is too long, or that does not arrive, is refused by whoever reads it next.
func readBody(ctx huma.Context) requestBody {
	op := ctx.Operation()
	if op.RequestBody == nil || ctx.BodyReader() == nil {
		return requestBody{}
	}
	if op.BodyReadTimeout > 0 {
		_ = ctx.SetReadDeadline(time.Now().Add(op.BodyReadTimeout)) // without deadlines http.readTimeout counts
	}
	text, err := io.ReadAll(io.LimitReader(ctx.BodyReader(), max(op.MaxBodyBytes, 1)))
	return requestBody{text, err}
}

// answering is huma's context under another name, because it has a method Context.
type answering = huma.Context

// recorder passes a request on whose body was read already, and copies its answer.
type recorder struct {
	answering
	body   requestBody
	header http.Header
	out    bytes.Buffer
	long   bool
}

// Unwrap is the context that the answer is written to.
func (r *recorder) Unwrap() huma.Context { return r.answering }

// BodyReader reads the body again.
func (r *recorder) BodyReader() io.Reader { return r.body.reader() }

// SetHeader copies what is set.
func (r *recorder) SetHeader(name, value string) {
	r.note().Set(name, value)
	r.answering.SetHeader(name, value)
}

// AppendHeader copies what is appended.
func (r *recorder) AppendHeader(name, value string) {
	r.note().Add(name, value)
	r.answering.AppendHeader(name, value)
}

func (r *recorder) note() http.Header {
	if r.header == nil {
		r.header = http.Header{}
	}
	return r.header
}

// BodyWriter writes the answer and its copy.
func (r *recorder) BodyWriter() io.Writer { return tee{r} }

type tee struct{ *recorder }

func (t tee) Write(p []byte) (int, error) {
	if t.out.Len()+len(p) > idempotency.MaxAnswer {
		t.long = true
	} else {
		t.out.Write(p)
	}
	return t.answering.BodyWriter().Write(p)
}

// kept is the answer as Redis keeps it, nil if it is not kept.
func (r *recorder) kept() []byte {
	if r.long || secretAnswers[r.Operation().OperationID] {
		return nil
	}
	text, err := json.Marshal(keptAnswer{Status: r.Status(), Header: r.header, Body: r.out.Bytes()})
	if err != nil {
		return nil // it is answered as one that was not kept
	}
	return text
}
