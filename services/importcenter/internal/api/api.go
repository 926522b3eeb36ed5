// Package api is the HTTP API under /v1: OpenAPI 3.1 generated from the Go
// types at /openapi.json, and every refusal an RFC 9457 problem with a code.
package api

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"tapline.dev/domain/projection"
	"tapline.dev/domain/suppression"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/nearest"
	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/access"
	"tapline.dev/services/importcenter/internal/catalog"
	"tapline.dev/services/importcenter/internal/guard"
	"tapline.dev/services/importcenter/internal/store"
)

// view applies the control topics to the catalog up to their present end.
type view interface {
	ReadToEnd(ctx context.Context) error
}

// transactions reads to the end of the log, asks decide for records, and writes all
// of them or none.
type transactions interface {
	Write(ctx context.Context, decide func(ctx context.Context) ([]*kafka.Record, error)) error
}

// projected reads what the scheduler writes to Redis. The bool is false if Redis
// answered and does not hold what was asked for.
type projected interface {
	Run(ctx context.Context, run string) (schemas.Run, bool, error)
	Runs(ctx context.Context, q projection.Query) (projection.Page, error)
	Listings(ctx context.Context) ([]schemas.Listing, error)
	// Named returns those of the runs that Redis holds.
	Named(ctx context.Context, runs []string) ([]schemas.Run, error)
}

// webPage serves the requests for which Has is true.
type webPage interface {
	http.Handler
	Has(r *http.Request) bool
}

// partitions reads ranges of offsets of a partition.
type partitions interface {
	ReadTo(ctx context.Context, tp kafka.TP, from int64, fn func(*kafka.Record) error) (next int64, err error)
	EndOffset(ctx context.Context, tp kafka.TP) (int64, error)
	StartOffset(ctx context.Context, tp kafka.TP) (int64, error)
	OffsetAt(ctx context.Context, tp kafka.TP, t time.Time) (int64, error)
}

// hidden tells of each partition how many records an open transaction hides.
type hidden interface {
	Hidden(ctx context.Context, topics ...string) (map[kafka.TP]int64, error)
}

// Config holds the settings of the deployment.
type Config struct {
	// AllowCustomEndpoints lets connections and accounts name other hosts than
	// Snowflake's and CleverTap's.
	AllowCustomEndpoints bool
	// LoopbackEndpointsOnly restricts those hosts to addresses of this machine.
	LoopbackEndpointsOnly bool
	// Guard holds the host names that requests may ask for and the sites that may send
	// them.
	Guard guard.Config
	// MinInterval is the least time between two due instants of new and changed schedules.
	MinInterval time.Duration
	// AnswerTimeout bounds the wait for the scheduler to take a command.
	AnswerTimeout time.Duration
	// CheckTimeout bounds how long apply waits for the extractor's next answer; with 0
	// apply does not check queries at all. PreviewTimeout bounds a preview.
	CheckTimeout   time.Duration
	PreviewTimeout time.Duration
	// CreateTopics says whether MakeTopics makes topics that are missing.
	CreateTopics bool
	// Store keeps secrets for the services.
	Store store.Store
	// Approvals say which changes need a second person.
	Approvals Approvals
	// SignIn says how to sign in.
	SignIn SignIn
	// TraceURL is where traces are seen, with {traceId}; "" if nowhere.
	TraceURL string
	// Required is the least role of operations that the deployment has narrowed.
	Required map[string]access.Role
	// RoleNames are what the deployment calls the roles.
	RoleNames access.Names
}

// Deps are what the handlers call.
type Deps struct {
	Log *slog.Logger
	// Authenticate finds out who sends a request. It returns a caller with the role
	// Anyone if the request has no credential, and an error if the credential is not
	// valid.
	Authenticate func(r *http.Request) (access.Caller, error)
	Limiter      *guard.Limiter
	// Questions bounds how many requests that query Snowflake a caller has in flight.
	Questions *guard.Places
	// Requests remember what was asked with an Idempotency-Key.
	Requests requests
	// Streams bounds how many streams of events a caller follows. Stopping closes when
	// the service stops, which ends them.
	Streams  *guard.Places
	Stopping <-chan struct{}
	// Pages serves /auth/, where people sign in with a browser; nil if this deployment
	// has no sign-in with a browser.
	Pages *http.ServeMux
	// Page serves the web page.
	Page         webPage
	Catalog      *catalog.Catalog
	Suppressions *suppression.List
	View         view
	Transactions transactions
	Projection   projected
	Partitions   partitions
	Hidden       hidden
	Rejects      rejectIndex
	Topics       schemas.Topics
	// Follow calls fn for each record from the offsets on, until ctx ends or fn
	// returns an error. It returns that error.
	Follow func(ctx context.Context, from map[kafka.TP]int64, fn func(*kafka.Record) error) error
	// Audit writes a record to the audit topic outside of a transaction.
	Audit func(ctx context.Context, record *kafka.Record) error
	// Sessions are those of browsers; nil if this deployment has no sign-in with one.
	Sessions Sessions
	// LastUsed returns when each key was used last; the zero time if that is not known.
	LastUsed func(ctx context.Context, names []string) []time.Time
	// Inspect checks what the deployment stands on, as far as Import Center sees it.
	Inspect func(ctx context.Context) []schemas.Check
	// MakeTopics creates the topics that are missing, and returns those that it made.
	MakeTopics func(ctx context.Context, specs []schemas.TopicSpec) ([]string, error)
	// PartitionCounts returns how many partitions topics have, those that exist.
	PartitionCounts func(ctx context.Context, topics []string) (map[string]int, error)
	// SendNotification sends a message once, by the channel of a notification.
	SendNotification func(ctx context.Context, spec schemas.NotificationSpec, n schemas.Notice) error
	// Assignments describes the consumer groups of services.
	Assignments func(ctx context.Context, services ...string) (map[string]kafka.Assignment, error)
	// RemoveTopics deletes topics; one that is not there is no error.
	RemoveTopics func(ctx context.Context, names ...string) error
	Now          func() time.Time
	// Count counts a request by operation and status.
	Count func(ctx context.Context, operation string, status int, took time.Duration)
}

type handlers struct {
	Config
	Deps
	// Feed is the listing for all streams that follow it, and RunFeeds the runs.
	Feed     *feed[listingSnapshot]
	RunFeeds *feeds[runSnapshot]
}

// New returns the handler of the whole API.
func New(cfg Config, deps Deps) http.Handler {
	mux := http.NewServeMux()
	config := huma.DefaultConfig("Tapline Import Center", documentVersion)
	config.Info.Description = documentText
	registerTexts(config.Components.Schemas)
	config.CreateHooks = nil // no $schema keys in answers: their schemas are published as contracts already
	config.Transformers = append(config.Transformers, asProblem)
	config.RejectUnknownQueryParameters = true
	config.DocsPath = "" // the page of huma loads scripts from another host
	config.OpenAPIPath = ""
	api := humago.New(mux, config)
	h := &handlers{Config: cfg, Deps: deps}
	h.Feed, h.RunFeeds = newFeed(h.readListing), newFeeds(h.readRun)
	api.UseMiddleware(h.count, h.authorize, h.once)
	h.registerApply(api)
	h.registerPlan(api)
	h.registerUnmanage(api)
	h.registerImports(api)
	h.registerGenerations(api)
	h.registerResources(api)
	h.registerCommands(api)
	h.registerLife(api)
	h.registerPlanAction(api)
	h.registerDeletion(api)
	h.registerRuns(api)
	h.registerStats(api)
	h.registerEvents(api)
	h.registerSchedule(api)
	h.registerRunLog(api)
	h.registerRunTimeline(api)
	h.registerRejects(api)
	h.registerReplays(api)
	h.registerRows(api)
	h.registerRowExport(api)
	h.registerWhy(api)
	h.registerWhyLate(api)
	h.registerVerifications(api)
	h.registerNotifications(api)
	h.registerReconciliations(api)
	h.registerFreezes(api)
	h.registerApprovals(api)
	h.registerSuppressions(api)
	h.registerSecrets(api)
	h.registerSessions(api)
	h.registerConnectionTest(api)
	h.registerTables(api)
	h.registerAccountTest(api)
	h.registerDeployment(api)
	h.registerClocks(api)
	h.registerPreview(api)
	h.registerMappings(api)
	h.registerDryRuns(api)
	h.registerCaller(api)
	h.registerKeys(api)
	h.registerAudit(api)
	h.describeDocument(api.OpenAPI())
	serveDocument(mux, api.OpenAPI())
	return h.protect(onlyRoutes(mux))
}

func (h *handlers) count(ctx huma.Context, next func(huma.Context)) {
	began := time.Now()
	next(ctx)
	h.Count(ctx.Context(), ctx.Operation().OperationID, ctx.Status(), time.Since(began))
}

// fail turns an internal error into a problem for the caller. It logs the cause,
// which is logged nowhere else; the caller is told only the sentence.
func (h *handlers) fail(ctx context.Context, code, sentence string, err error) *Problem {
	h.logFailure(ctx, code, err)
	if refusal := notAllowedAnyMore(ctx); refusal != nil {
		return refusal
	}
	status := http.StatusInternalServerError
	if code == codeKafka || code == codeRedis || code == codeIndex {
		status = http.StatusServiceUnavailable
	}
	return problem(status, code, sentence)
}

func (h *handlers) logFailure(ctx context.Context, code string, err error) {
	if why := errors.Join(err, context.Cause(ctx)); errors.Is(why, errCredential) {
		h.Log.WarnContext(ctx, "an answer was ended before its end", slog.String("caller", access.CallerOf(ctx).Name), slog.Any("error", why))
		return
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		// The caller closed the connection, as `| head` does. That is no failure.
		h.Log.DebugContext(ctx, "the caller disconnected before the answer", slog.String("code", code))
		return
	}
	if code == codeRedis {
		// What follows comes from the log, and Redis' outage has lines of its own.
		h.Log.WarnContext(ctx, "the projection could not be read", slog.Any("error", err))
		return
	}
	h.Log.ErrorContext(ctx, "a request could not be served", slog.String("code", code), slog.Any("error", err))
}

func (h *handlers) kafkaFailed(ctx context.Context, err error) *Problem {
	return h.fail(ctx, codeKafka, "Kafka does not answer, so nothing was changed or read; try again", err)
}

// noImport names no import that the caller's selector excludes.
func (h *handlers) noImport(ctx context.Context, name string) *Problem {
	if h.Catalog.Broken(name) != nil {
		return problem(http.StatusConflict, codeRefused,
			"the definition of the import "+name+" is there but cannot be read; apply it again")
	}
	return problem(http.StatusNotFound, codeNotFound,
		"there is no import named "+name+nearest.Question(name, h.nearImports(ctx))+"; the list of imports (tapline get imports) names those that there are")
}

// nearImports are the names of the imports that the caller may see.
func (h *handlers) nearImports(ctx context.Context) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, d := range h.Catalog.Imports() {
			if access.CallerOf(ctx).Reaches(d.Metadata) && !yield(d.Metadata.Name) {
				return
			}
		}
	}
}
