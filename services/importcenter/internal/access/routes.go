package access

// Scope says how a route relates to imports, and so how a caller's import
// selector bounds it.
type Scope string

// The scopes of routes.
const (
	// ScopeNone is for operations that concern no import: a caller's selector has no
	// effect on them.
	ScopeNone Scope = "none"
	// ScopeNamed is for operations with an import or a run in the path or the query.
	// They are refused if the selector excludes the import.
	ScopeNamed Scope = "named"
	// ScopeListed is for operations that list imports. Imports that the selector
	// excludes are missing from the answer, and asking for one of them is refused.
	ScopeListed Scope = "listed"
	// ScopeDocuments is for operations whose body holds documents. They are refused if
	// the selector excludes one of the documents.
	ScopeDocuments Scope = "documents"
	// ScopeApproval is for operations on a change that waits for approval. They are
	// refused if the selector excludes one of the change's imports.
	ScopeApproval Scope = "approval"
	// ScopeWhole is for operations that concern the whole deployment. They are refused
	// for every caller with a selector.
	ScopeWhole Scope = "whole"
)

// Route is what an operation requires of its caller.
type Route struct {
	Role  Role
	Scope Scope
	// ShowsRows says that the answer holds personal data. Each call is written to the
	// audit topic before it is answered.
	ShowsRows bool
	// Note is a requirement that role and scope do not express, for docs/access.md.
	Note string
}

// Routes says for each operation id who may call it. It is the only such table: the
// OpenAPI document's security, the table in docs/access.md and the tests of every role
// are made from it. The API refuses an operation without an entry, and a test fails.
var Routes = map[string]Route{
	"list-imports":        {Role: Viewer, Scope: ScopeListed},
	"get-import":          {Role: Viewer, Scope: ScopeNamed},
	"list-generations":    {Role: Viewer, Scope: ScopeNamed},
	"get-generation":      {Role: Viewer, Scope: ScopeNamed},
	"list-runs":           {Role: Viewer, Scope: ScopeListed},
	"get-run":             {Role: Viewer, Scope: ScopeNamed},
	"follow-run":          {Role: Viewer, Scope: ScopeNamed},
	"follow-imports":      {Role: Viewer, Scope: ScopeListed},
	"get-import-stats":    {Role: Viewer, Scope: ScopeNamed},
	"get-import-schedule": {Role: Viewer, Scope: ScopeNamed},
	"why-late":            {Role: Viewer, Scope: ScopeNamed},
	"show-schedule":       {Role: Viewer, Scope: ScopeDocuments},
	"get-defaults":        {Role: Viewer, Scope: ScopeNone},
	"get-run-log":         {Role: Viewer, Scope: ScopeNamed},
	"get-run-timeline":    {Role: Viewer, Scope: ScopeNamed},
	"count-rejects":       {Role: Viewer, Scope: ScopeListed},

	"start-run":            {Role: Operator, Scope: ScopeNamed},
	"cancel-run":           {Role: Operator, Scope: ScopeNamed},
	"pause-import":         {Role: Operator, Scope: ScopeNamed},
	"resume-import":        {Role: Operator, Scope: ScopeNamed},
	"stop-import":          {Role: Operator, Scope: ScopeNamed},
	"reset-import":         {Role: Operator, Scope: ScopeNamed},
	"start-backfill":       {Role: Operator, Scope: ScopeNamed},
	"start-resend":         {Role: Operator, Scope: ScopeNamed},
	"plan-action":          {Role: Operator, Scope: ScopeNamed},
	"plan-deletion":        {Role: Editor, Scope: ScopeNamed},
	"plan-replay":          {Role: Operator, Scope: ScopeNamed},
	"start-replay":         {Role: Operator, Scope: ScopeNamed},
	"plan-run":             {Role: Operator, Scope: ScopeNamed},
	"cancel-planned-run":   {Role: Operator, Scope: ScopeNamed},
	"clone-import":         {Role: Editor, Scope: ScopeNamed, Note: "the copy must be within the selector as well"},
	"approve-run":          {Role: Operator, Scope: ScopeNamed},
	"decline-run":          {Role: Operator, Scope: ScopeNamed},
	"dismiss-rejects":      {Role: Operator, Scope: ScopeNamed},
	"sync-dry-run":         {Role: Operator, Scope: ScopeNamed},
	"start-repair":         {Role: Operator, Scope: ScopeNamed},
	"start-reconciliation": {Role: Operator, Scope: ScopeNamed},

	"check-deployment": {Role: Operator, Scope: ScopeWhole, Note: "shows hosts and versions of services"},
	"compare-clocks":   {Role: Operator, Scope: ScopeWhole},

	"list-freezes":  {Role: Viewer, Scope: ScopeWhole, Note: "the listing and the runs show what holds an import to everybody"},
	"create-freeze": {Role: Operator, Scope: ScopeWhole},
	"delete-freeze": {Role: Operator, Scope: ScopeWhole},

	"list-approvals": {Role: Viewer, Scope: ScopeListed},
	"get-approval":   {Role: Editor, Scope: ScopeApproval, Note: "shows definitions before and after the change"},
	"approve-approval": {Role: Operator, Scope: ScopeApproval,
		Note: "needs the role that the change itself needs, and not the one who asked for it"},
	"decline-approval": {Role: Operator, Scope: ScopeApproval},

	"start-dry-run":      {Role: Analyst, Scope: ScopeNamed},
	"get-dry-run":        {Role: Analyst, Scope: ScopeNamed, ShowsRows: true},
	"start-verification": {Role: Analyst, Scope: ScopeNamed},
	"get-verification":   {Role: Analyst, Scope: ScopeNamed, ShowsRows: true},
	"list-rejects":       {Role: Analyst, Scope: ScopeNamed, ShowsRows: true},
	"list-rows":          {Role: Analyst, Scope: ScopeNamed, ShowsRows: true},
	"export-rows":        {Role: Analyst, Scope: ScopeNamed, ShowsRows: true},
	"open-row":           {Role: Analyst, Scope: ScopeNamed, ShowsRows: true},
	"why": {Role: Analyst, Scope: ScopeNamed, ShowsRows: true,
		Note: "what CleverTap holds of the person, only without a selector: every import has sent it"},
	"export-rejects": {Role: Analyst, Scope: ScopeNamed, ShowsRows: true},
	"preview": {Role: Analyst, Scope: ScopeDocuments, ShowsRows: true,
		Note: "documents that are not applied need editor; a connection among them that differs from the applied one, admin"},

	"describe":        {Role: Editor, Scope: ScopeDocuments, Note: "shows columns, never rows"},
	"try-mapping":     {Role: Editor, Scope: ScopeDocuments, Note: "maps the rows that the caller sends"},
	"suggest-mapping": {Role: Editor, Scope: ScopeDocuments},

	"plan": {Role: Editor, Scope: ScopeDocuments, Note: "as apply, which it foretells"},
	"apply": {Role: Editor, Scope: ScopeDocuments,
		Note: "a connection or an account that is new or changed needs admin"},
	"put-import":           {Role: Editor, Scope: ScopeDocuments},
	"patch-import":         {Role: Editor, Scope: ScopeNamed},
	"delete-import":        {Role: Editor, Scope: ScopeNamed},
	"list-connections":     {Role: Editor, Scope: ScopeNone},
	"get-connections":      {Role: Editor, Scope: ScopeNone},
	"test-connection":      {Role: Editor, Scope: ScopeNone},
	"list-tables":          {Role: Editor, Scope: ScopeNone, Note: "shows names, types and sizes, never rows; for whoever may write a query of their own"},
	"test-account":         {Role: Editor, Scope: ScopeNone},
	"list-accounts":        {Role: Editor, Scope: ScopeNone},
	"get-accounts":         {Role: Editor, Scope: ScopeNone},
	"list-notifications":   {Role: Editor, Scope: ScopeNone},
	"get-notifications":    {Role: Editor, Scope: ScopeNone},
	"put-notifications":    {Role: Admin, Scope: ScopeWhole},
	"patch-notifications":  {Role: Admin, Scope: ScopeWhole},
	"delete-notifications": {Role: Admin, Scope: ScopeWhole},
	"test-notification":    {Role: Operator, Scope: ScopeWhole},
	"acknowledge-import":   {Role: Operator, Scope: ScopeNamed},
	"unacknowledge-import": {Role: Operator, Scope: ScopeNamed},
	"list-defaults":        {Role: Viewer, Scope: ScopeNone},
	"put-defaults":         {Role: Editor, Scope: ScopeWhole},
	"patch-defaults":       {Role: Editor, Scope: ScopeWhole},
	"delete-defaults":      {Role: Editor, Scope: ScopeWhole},

	"list-sign-in": {Role: Anyone, Scope: ScopeNone},
	"get-caller":   {Role: Viewer, Scope: ScopeNone},

	"list-own-sessions": {Role: Viewer, Scope: ScopeNone},
	"end-own-session":   {Role: Viewer, Scope: ScopeNone, Note: "the caller's own, and nobody else's"},

	"list-secrets":  {Role: Admin, Scope: ScopeWhole, Note: "shows names, never values"},
	"put-secret":    {Role: Admin, Scope: ScopeWhole},
	"delete-secret": {Role: Admin, Scope: ScopeWhole},

	"list-sessions": {Role: Admin, Scope: ScopeWhole},
	"end-session":   {Role: Admin, Scope: ScopeWhole},

	"unmanage-import":        {Role: Admin, Scope: ScopeNamed, Note: "an admin alone, without a second person: the change that follows needs one"},
	"unmanage-connections":   {Role: Admin, Scope: ScopeWhole},
	"unmanage-accounts":      {Role: Admin, Scope: ScopeWhole},
	"unmanage-defaults":      {Role: Admin, Scope: ScopeWhole},
	"unmanage-notifications": {Role: Admin, Scope: ScopeWhole},

	"list-keys":  {Role: Admin, Scope: ScopeWhole},
	"create-key": {Role: Admin, Scope: ScopeWhole},
	"revoke-key": {Role: Admin, Scope: ScopeWhole},
	"list-audit": {Role: Admin, Scope: ScopeWhole, Note: "shows definitions before and after each change"},

	"add-suppressions":    {Role: Admin, Scope: ScopeWhole},
	"remove-suppressions": {Role: Admin, Scope: ScopeWhole},
	"check-suppressions":  {Role: Admin, Scope: ScopeWhole, Note: "tells whether people are suppressed; audited"},
	"count-suppressions":  {Role: Admin, Scope: ScopeWhole},

	"put-connections":    {Role: Admin, Scope: ScopeWhole},
	"patch-connections":  {Role: Admin, Scope: ScopeWhole},
	"delete-connections": {Role: Admin, Scope: ScopeWhole},
	"put-accounts":       {Role: Admin, Scope: ScopeWhole},
	"patch-accounts":     {Role: Admin, Scope: ScopeWhole},
	"delete-accounts":    {Role: Admin, Scope: ScopeWhole},
}
