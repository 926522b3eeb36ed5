package schemas

import (
	"encoding/json"
	"time"
)

// APIVersion is what every definition names.
const APIVersion = "tapline.dev/v1alpha1"

// Kinds of definitions.
const (
	KindImport              = "Import"
	KindImportDefaults      = "ImportDefaults"
	KindSnowflakeConnection = "SnowflakeConnection"
	KindCleverTapAccount    = "CleverTapAccount"
)

// ResourceKinds are the kinds of definitions that are resources, by their names in the API.
var ResourceKinds = map[string]string{
	KindSnowflakeConnection: "connections",
	KindCleverTapAccount:    "accounts",
	KindImportDefaults:      "defaults",
	KindNotification:        "notifications",
}

// Metadata names a definition. Name is an RFC 1123 label and never changes: it
// stands in topics, keys and traces.
type Metadata struct {
	Name        string            `json:"name"`
	DisplayName string            `json:"displayName,omitempty"`
	Owner       string            `json:"owner,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
}

// Definition is the value of the imports topic: an import as applied, its
// defaults merged in. Generation rises with each change.
type Definition struct {
	APIVersion string     `json:"apiVersion"`
	Kind       string     `json:"kind"`
	Metadata   Metadata   `json:"metadata"`
	Spec       ImportSpec `json:"spec"`
	Generation int        `json:"generation"`
	AppliedAt  time.Time  `json:"appliedAt"`
	// FirstGeneration is the generation that this import began with. It is more than 1
	// if an import of the same name was deleted before: generations go on, so that none
	// ever means two definitions. A record without it began with 1.
	FirstGeneration int        `json:"firstGeneration,omitempty"`
	ManagedBy       *ManagedBy `json:"managedBy,omitempty"`
	AppliedBy       string     `json:"appliedBy,omitempty"`
	// CreatedAt and CreatedBy are of the first generation. Definitions that were applied
	// before these fields existed lack them.
	CreatedAt time.Time `json:"createdAt,omitzero"`
	CreatedBy string    `json:"createdBy,omitempty"`
}

// ManagedBy says that a definition comes from somewhere else, which alone may change
// it.
type ManagedBy struct {
	Tool   string `json:"tool"`   // ManagedByGit
	Source string `json:"source"` // where it comes from: a URL
}

// ManagedByGit is of definitions that are applied from a Git repository.
const ManagedByGit = "git"

// Resource is the value of the resources topic: a connection, an account or
// defaults. Spec is a SnowflakeConnectionSpec, a CleverTapAccountSpec or a part
// of an ImportSpec, by Kind. Secrets in it are references, never values.
type Resource struct {
	APIVersion string          `json:"apiVersion"`
	Kind       string          `json:"kind"`
	Metadata   Metadata        `json:"metadata"`
	Spec       json.RawMessage `json:"spec"`
	Generation int             `json:"generation"`
	AppliedAt  time.Time       `json:"appliedAt"`
	ManagedBy  *ManagedBy      `json:"managedBy,omitempty"`
}

// ResourceKey is the key of a resource in the resources topic.
func ResourceKey(kind, name string) string { return kind + "/" + name }

// ImportSpec is what a user writes under an Import's spec.
type ImportSpec struct {
	// Draft keeps an import that is not ready: it may be incomplete, has no topics and
	// never runs.
	Draft       bool        `json:"draft,omitempty"`
	Timezone    string      `json:"timezone,omitempty"`
	Source      Source      `json:"source"`
	Destination Destination `json:"destination"`
	Identity    Identity    `json:"identity"`
	Mapping     []Property  `json:"mapping"`
	// Expressions is what the mapping's expressions mean: see ExpressionsExact.
	Expressions string     `json:"expressions,omitempty"`
	Schedules   []Schedule `json:"schedules,omitempty"`
	Start       *time.Time `json:"start,omitempty"`
	End         *time.Time `json:"end,omitempty"`
	CatchUp     string     `json:"catchUp,omitempty"` // latest (default) | skip
	After       []string   `json:"after,omitempty"`
	Priority    int        `json:"priority,omitempty"`
	Limits      Limits     `json:"limits,omitzero"`
	// OnColumnChange is what is done when a mapped column has another type than in the
	// run before, or is gone: hold, continue or fail. Without it another type holds the
	// run, and a column that is gone fails it. A run that goes on without a column leaves
	// out the lines of the mapping that read it.
	OnColumnChange string         `json:"onColumnChange,omitempty"`
	Rejects        RejectSettings `json:"rejects,omitzero"`
	Topic          TopicSettings  `json:"topic,omitzero"`
}

// RejectSettings say what becomes of the rows that were rejected.
type RejectSettings struct {
	Retry string `json:"retry,omitempty"` // never (default) | afterMappingChange
}

// ExpressionsExact says that a NUMBER is an exact decimal in the mapping's
// expressions. Reading a definition sets it where there are expressions. An
// import that was applied before lacks it and keeps what its expressions meant,
// a NUMBER of more than 15 digits or with decimals as a text, until it is edited.
const ExpressionsExact = "exact"

// Source says what to read: exactly one of Query, QueryFile and Table.
// QueryFile is resolved into Query by whoever reads the file.
type Source struct {
	ConnectionRef string  `json:"connectionRef"`
	Query         string  `json:"query,omitempty"`
	QueryFile     string  `json:"queryFile,omitempty"`
	Table         string  `json:"table,omitempty"`
	Cursor        *Cursor `json:"cursor,omitempty"`
	LateCheck     bool    `json:"lateCheck,omitempty"`
	// Columns is ColumnsMapped where only the columns that the definition names are
	// read; "" or ColumnsAll reads them all.
	Columns string `json:"columns,omitempty"`
}

// Which columns of the query are read.
const (
	ColumnsAll    = "all"
	ColumnsMapped = "mapped"
)

// Cursor is the Updated On column: exactly one of Column and Expr.
type Cursor struct {
	Column   string   `json:"column,omitempty"`
	Expr     string   `json:"expr,omitempty"`
	Epoch    string   `json:"epoch,omitempty"` // seconds | milliseconds, of a NUMBER
	Timezone string   `json:"timezone,omitempty"`
	Lookback Duration `json:"lookback,omitempty"` // default 15m
	Future   Duration `json:"future,omitempty"`   // default 5m
	Nulls    Nulls    `json:"nulls,omitzero"`
	// Initial is where the import begins: no run reads a row whose cursor is earlier.
	// ParseCursorInstant says how it is written.
	Initial string `json:"initial,omitempty"`
}

// Nulls is the policy for a NULL cursor: Policy is fail (default) or always;
// Coalesce is the SQL that stands in for the NULL.
type Nulls struct {
	Policy   string
	Coalesce string
}

// Destination says where records go.
type Destination struct {
	AccountRef  string     `json:"accountRef"`
	Type        string     `json:"type"` // profile | event
	Event       *EventSpec `json:"event,omitempty"`
	OnAmbiguous string     `json:"onAmbiguous,omitempty"` // resend (default) | hold
	// OnOutsideRetention is for events that are older than the account's
	// DataRetention: send (default), skip or reject.
	OnOutsideRetention string `json:"onOutsideRetention,omitempty"`
}

// What is done with events that are older than an account keeps.
const (
	RetentionSend   = "send"
	RetentionSkip   = "skip"
	RetentionReject = "reject"
)

// Types of destination.
const (
	TypeProfile = "profile"
	TypeEvent   = "event"
)

// EventSpec names an event: exactly one of Name and NameColumn.
type EventSpec struct {
	Name       string     `json:"name,omitempty"`
	NameColumn string     `json:"nameColumn,omitempty"`
	CreatedOn  *CreatedOn `json:"createdOn,omitempty"`
}

// CreatedOn is the column with the event's time.
type CreatedOn struct {
	Column   string `json:"column"`
	Format   string `json:"format,omitempty"`
	Timezone string `json:"timezone,omitempty"`
}

// Identity says which column names the user.
type Identity struct {
	Column string `json:"column"`
	Kind   string `json:"kind,omitempty"` // identity (default) | clevertapId
}

// Property is one line of a mapping. Written short, "NAME" is {from: NAME, to:
// NAME} and "A -> B" is {from: A, to: B}. Exactly one of From, Expr and Value.
type Property struct {
	From          string          `json:"from,omitempty"`
	To            string          `json:"to,omitempty"`
	Type          string          `json:"type,omitempty"`
	Format        string          `json:"format,omitempty"`
	Timezone      string          `json:"timezone,omitempty"`
	OnInvalid     string          `json:"onInvalid,omitempty"` // reject (default) | omit
	OnNull        string          `json:"onNull,omitempty"`    // omit (default) | reject | default
	Default       json.RawMessage `json:"default,omitempty"`
	DefaultRegion string          `json:"defaultRegion,omitempty"`
	Op            string          `json:"op,omitempty"`        // add | remove | incr
	Transform     string          `json:"transform,omitempty"` // sha256
	Expr          string          `json:"expr,omitempty"`
	Value         json.RawMessage `json:"value,omitempty"`
}

// Schedule is one of Every, DaysOfWeek with Times, DaysOfMonth with Times, Cron
// and At.
type Schedule struct {
	Every       Duration   `json:"every,omitempty"`
	DaysOfWeek  []string   `json:"daysOfWeek,omitempty"`
	DaysOfMonth []MonthDay `json:"daysOfMonth,omitempty"`
	Times       []string   `json:"times,omitempty"`
	Cron        string     `json:"cron,omitempty"`
	At          *time.Time `json:"at,omitempty"`
	Timezone    string     `json:"timezone,omitempty"`
}

// MonthDay is a day of the month, 1 to 31, or LastDay.
type MonthDay int

// LastDay is the last day of any month, written "last".
const LastDay MonthDay = -1

// Limits bound a run.
type Limits struct {
	MaxRejectRatio float64  `json:"maxRejectRatio,omitempty"` // default 0.2
	Deadline       Duration `json:"deadline,omitempty"`       // without progress; default 6h
	// WarehouseTime is how long the import's statements may execute on a day of its time
	// zone: a run that would begin afterwards is held.
	WarehouseTime Duration    `json:"warehouseTime,omitempty"`
	Hold          *HoldLimits `json:"hold,omitempty"`
}

// HoldLimits say which runs wait for a person before their first row is sent.
type HoldLimits struct {
	Rows int `json:"rows,omitempty"` // of the result
	// Growth is how many times the rows of the largest of the last MaxSizes runs of the
	// same mode a result may have; nil is DefaultGrowth, 0 switches the rule off. It
	// holds only results of more than GrowthFrom rows.
	Growth *float64 `json:"growth,omitempty"`
	// NullShare is, by mapped column, which share of the rows may be NULL there, and
	// RepeatedIdentities which share of the identities may occur more than once. Either
	// has the result read once more before its first row is sent.
	NullShare          map[string]float64 `json:"nullShare,omitempty"`
	RepeatedIdentities *float64           `json:"repeatedIdentities,omitempty"`
}

// TopicSettings size an import's own topics.
type TopicSettings struct {
	Partitions       int      `json:"partitions,omitempty"`
	RowsRetention    Duration `json:"rowsRetention,omitempty"`
	RecordsRetention Duration `json:"recordsRetention,omitempty"`
}

// SnowflakeConnectionSpec is how to sign in to Snowflake. Password, Token,
// OAuthToken, PrivateKey, SecondPrivateKey and PrivateKeyPassphrase hold secret
// references. Host, Port and Protocol are only for deployments that allow
// custom endpoints.
type SnowflakeConnectionSpec struct {
	Account              string `json:"account"`
	User                 string `json:"user"`
	Role                 string `json:"role,omitempty"`
	Warehouse            string `json:"warehouse,omitempty"`
	Database             string `json:"database,omitempty"`
	Schema               string `json:"schema,omitempty"`
	Password             string `json:"password,omitempty"`
	Token                string `json:"token,omitempty"`
	OAuthToken           string `json:"oauthToken,omitempty"`
	PrivateKey           string `json:"privateKey,omitempty"`
	PrivateKeyPassphrase string `json:"privateKeyPassphrase,omitempty"`
	SecondPrivateKey     string `json:"secondPrivateKey,omitempty"`
	Host                 string `json:"host,omitempty"`
	Port                 int    `json:"port,omitempty"`
	Protocol             string `json:"protocol,omitempty"`
	// Proxy is one that the deployment allows (egress.proxies), CAFile a file of
	// authorities under egress.caDirectories that are trusted besides the system's.
	Proxy  string `json:"proxy,omitempty"`
	CAFile string `json:"caFile,omitempty"`
}

// CleverTapAccountSpec is how to reach a CleverTap account. AccountID and
// Passcode hold secret references. Exactly one of Region and Endpoint; Endpoint
// only where the deployment allows custom endpoints.
type CleverTapAccountSpec struct {
	// Environment is EnvironmentProduction of an account with real people: what is
	// sent to it for the first time, or again, is asked about. An account that says
	// nothing is not asked about.
	Environment        string `json:"environment,omitempty"`
	Region             string `json:"region,omitempty"`
	Endpoint           string `json:"endpoint,omitempty"`
	AccountID          string `json:"accountId"`
	Passcode           string `json:"passcode"`
	Slots              int    `json:"slots,omitempty"`              // default 15
	RecordsPerUpload   int    `json:"recordsPerUpload,omitempty"`   // default 1000
	BytesPerUpload     Bytes  `json:"bytesPerUpload,omitempty"`     // default 4MiB
	MaxEventProperties int    `json:"maxEventProperties,omitempty"` // default 100
	Nested             bool   `json:"nested,omitempty"`
	Gzip               bool   `json:"gzip,omitempty"`
	// DataRetention is how long the account keeps events, as its settings say.
	DataRetention Duration `json:"dataRetention,omitempty"`
	// Proxy and CAFile are as a connection's.
	Proxy  string `json:"proxy,omitempty"`
	CAFile string `json:"caFile,omitempty"`
}

// Environments of an account.
const (
	EnvironmentTest       = "test"
	EnvironmentProduction = "production"
)

// Column is a column of a query's result, with Snowflake's own type name
// (FIXED, REAL, TEXT, BOOLEAN, DATE, TIME, TIMESTAMP_NTZ, TIMESTAMP_LTZ,
// TIMESTAMP_TZ, BINARY, VARIANT, OBJECT, ARRAY).
type Column struct {
	Name      string `json:"name"`
	Type      string `json:"type"`
	Precision int    `json:"precision,omitempty"`
	Scale     int    `json:"scale,omitempty"`
	Nullable  bool   `json:"nullable"`
}
