package schemas

import "time"

// The values in force where a definition leaves a field out.
const (
	DefaultSlots              = 15
	DefaultRecordsPerUpload   = 1000
	DefaultBytesPerUpload     = Bytes(4 << 20)
	DefaultMaxEventProperties = 100
	DefaultMaxRejectRatio     = 0.2
	DefaultGrowth             = 10.0
	DefaultLookback           = Duration(15 * time.Minute)
	DefaultFuture             = Duration(5 * time.Minute)
)

// GrowthFrom is how many rows a result has at most that limits.hold.growth never holds.
const GrowthFrom = 100_000

// Words of a definition's policies. The first of each is the default.
const (
	CatchUpLatest = "latest"
	CatchUpSkip   = "skip"

	AmbiguousResend = "resend"
	AmbiguousHold   = "hold"

	OnColumnChangeHold     = "hold"
	OnColumnChangeContinue = "continue"
	OnColumnChangeFail     = "fail"
)

// When the rejects of an import of profiles are replayed without being asked for.
const (
	RetryNever              = "never"
	RetryAfterMappingChange = "afterMappingChange" // after the first run with another mapping that succeeds

	NullsFail   = "fail"
	NullsAlways = "always"

	OnInvalidReject = "reject"
	OnInvalidOmit   = "omit"

	OnNullOmit    = "omit"
	OnNullReject  = "reject"
	OnNullDefault = "default"

	KindIdentity    = "identity"
	KindCleverTapID = "clevertapId"
)

// WithDefaults is the account with what its definition leaves out.
func (a CleverTapAccountSpec) WithDefaults() CleverTapAccountSpec {
	if a.Slots <= 0 {
		a.Slots = DefaultSlots
	}
	if a.RecordsPerUpload <= 0 {
		a.RecordsPerUpload = DefaultRecordsPerUpload
	}
	if a.BytesPerUpload <= 0 {
		a.BytesPerUpload = DefaultBytesPerUpload
	}
	if a.MaxEventProperties <= 0 {
		a.MaxEventProperties = DefaultMaxEventProperties
	}
	return a
}
