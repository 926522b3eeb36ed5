package access

// Scope says how a route relates to imports, and so how a caller's import
// selector bounds it.
type Scope string

// The scopes of routes.
const (
	// ScopeNone has nothing to do with imports: a selector does not bound it.
	ScopeNone Scope = "none"
	// ScopeNamed names an import or a run in the path or the query: refused for an
	// import that the selector leaves out.
	ScopeNamed Scope = "named"
	// ScopeListed lists several imports: those that the selector leaves out are
	// missing.
	ScopeListed Scope = "listed"
	// ScopeDocuments takes documents: refused if one is outside the selector.
	ScopeDocuments Scope = "documents"
	// ScopeApproval names a change that waits: refused if one of its imports is
	// outside the selector.
	ScopeApproval Scope = "approval"
	// ScopeWhole concerns the whole deployment: refused for whoever has a selector.
	ScopeWhole Scope = "whole"
)

// Route is what a route needs of its caller.
type Route struct {
	Role  Role
	Scope Scope
	// ShowsRows is true of answers with personal data: each is written to the audit
	// topic before it is given.
	ShowsRows bool
	// Note says what the table's row leaves out.
	Note string
}

// Routes is the one table of who may do what, by operation id. The API refuses an
// operation that is missing here, and a test fails for it. The OpenAPI document's
// security, the table in docs/access.md and the tests of every role come from it.
var Routes = map[string]Route{
	"list-imports": {Role: Viewer, Scope: ScopeListed},
	"get-import":   {Role: Viewer, Scope: ScopeNamed},
	"list-runs":    {Role: Viewer, Scope: ScopeListed},
	"get-run":      {Role: Viewer, Scope: ScopeNamed},
	"get-defaults": {Role: Viewer, Scope: ScopeNone},

	"start-run":       {Role: Operator, Scope: ScopeNamed},
	"cancel-run":      {Role: Operator, Scope: ScopeNamed},
	"pause-import":    {Role: Operator, Scope: ScopeNamed},
	"resume-import":   {Role: Operator, Scope: ScopeNamed},
	"reset-import":    {Role: Operator, Scope: ScopeNamed},
	"approve-run":     {Role: Operator, Scope: ScopeNamed},
	"decline-run":     {Role: Operator, Scope: ScopeNamed},
	"dismiss-rejects": {Role: Operator, Scope: ScopeNamed},
	"sync-dry-run":    {Role: Operator, Scope: ScopeNamed},

	"list-freezes":  {Role: Viewer, Scope: ScopeWhole, Note: "the listing and the runs show what holds an import to everybody"},
	"create-freeze": {Role: Operator, Scope: ScopeWhole},
	"delete-freeze": {Role: Operator, Scope: ScopeWhole},

	"list-approvals": {Role: Viewer, Scope: ScopeListed},
	"get-approval":   {Role: Editor, Scope: ScopeApproval, Note: "shows definitions before and after the change"},
	"approve-approval": {Role: Operator, Scope: ScopeApproval,
		Note: "needs the role that the change itself needs, and not the one who asked for it"},
	"decline-approval": {Role: Operator, Scope: ScopeApproval},

	"start-dry-run": {Role: Analyst, Scope: ScopeNamed},
	"get-dry-run":   {Role: Analyst, Scope: ScopeNamed, ShowsRows: true},
	"list-rejects":  {Role: Analyst, Scope: ScopeNamed, ShowsRows: true},
	"preview": {Role: Analyst, Scope: ScopeDocuments, ShowsRows: true,
		Note: "documents that are not applied need editor; a connection among them that differs from the applied one, admin"},

	"apply": {Role: Editor, Scope: ScopeDocuments,
		Note: "a connection or an account that is new or changed needs admin"},
	"put-import":       {Role: Editor, Scope: ScopeDocuments},
	"delete-import":    {Role: Editor, Scope: ScopeNamed},
	"list-connections": {Role: Editor, Scope: ScopeNone},
	"get-connections":  {Role: Editor, Scope: ScopeNone},
	"test-connection":  {Role: Editor, Scope: ScopeNone},
	"list-accounts":    {Role: Editor, Scope: ScopeNone},
	"get-accounts":     {Role: Editor, Scope: ScopeNone},
	"list-defaults":    {Role: Viewer, Scope: ScopeNone},
	"delete-defaults":  {Role: Editor, Scope: ScopeWhole},

	"list-sign-in": {Role: Anyone, Scope: ScopeNone},
	"get-caller":   {Role: Viewer, Scope: ScopeNone},

	"put-secret": {Role: Admin, Scope: ScopeWhole},

	"list-keys":  {Role: Admin, Scope: ScopeWhole},
	"create-key": {Role: Admin, Scope: ScopeWhole},
	"revoke-key": {Role: Admin, Scope: ScopeWhole},
	"list-audit": {Role: Admin, Scope: ScopeWhole, Note: "shows definitions before and after each change"},

	"add-suppressions":    {Role: Admin, Scope: ScopeWhole},
	"remove-suppressions": {Role: Admin, Scope: ScopeWhole},
	"check-suppressions":  {Role: Admin, Scope: ScopeWhole, Note: "tells whether people are suppressed; audited"},
	"count-suppressions":  {Role: Admin, Scope: ScopeWhole},

	"delete-connections": {Role: Admin, Scope: ScopeWhole},
	"delete-accounts":    {Role: Admin, Scope: ScopeWhole},
}
