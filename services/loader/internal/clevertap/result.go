package clevertap

import "time"

// Kind is what became of a whole request.
type Kind int

const (
	// Done: CleverTap answered for each record; see Result.Outcomes.
	Done Kind = iota
	// NotSent: no byte of a record was written, so sending again is safe.
	NotSent
	// Ambiguous: the records may or may not have been applied.
	Ambiguous
	// Unavailable is 503: profiles are sent again, events are ambiguous.
	Unavailable
	// Throttled is 429: nothing was applied, there were too many requests.
	Throttled
	// AuthRefused is 401, or 403 as CleverTap says it: the account must pause, no
	// record is at fault.
	AuthRefused
	// Blocked is a 400 or 403 that is not CleverTap's: a proxy or a firewall in front of it
	// refuses the content of some record, or this sender. It is taken as not applied;
	// bisect.
	Blocked
	// Malformed is 400, as CleverTap says it: some record spoils the request; bisect.
	Malformed
	// TooLarge is 413: split.
	TooLarge
	// ConfigFault is a redirect or an endpoint that does not exist: the
	// account's address is wrong, no record is at fault.
	ConfigFault
)

var kindNames = [...]string{
	Done: "done", NotSent: "not_sent", Ambiguous: "ambiguous", Unavailable: "unavailable", Throttled: "throttled",
	AuthRefused: "auth_refused", Blocked: "blocked", Malformed: "malformed", TooLarge: "too_large", ConfigFault: "config_fault",
}

// String names the kind as metrics and spans spell it.
func (k Kind) String() string { return kindNames[k] }

// Verdict is what CleverTap decided about one record.
type Verdict int

const (
	// Loaded: accepted.
	Loaded Verdict = iota
	// Rejected: refused permanently, with a code and a reason.
	Rejected
	// Retry555: "miscellaneous server error", to be sent again up to a cap.
	// Code and reason are there for when the cap is reached.
	Retry555
)

var verdictNames = [...]string{Loaded: "loaded", Rejected: "rejected", Retry555: "retry_555"}

// String names the verdict as metrics and spans spell it.
func (v Verdict) String() string { return verdictNames[v] }

// Outcome is the verdict on one record.
type Outcome struct {
	Verdict Verdict
	// Code is a reject code such as clevertap_515; empty when loaded.
	Code string
	// Reason never holds a value of the record.
	Reason string
}

// Result is what became of an upload.
type Result struct {
	Kind Kind
	// Outcomes has one entry for each record, in order, when Kind is Done.
	Outcomes []Outcome
	// Settled says that the request can no longer be applied: CleverTap's own answer
	// says what became of it, or no byte of it was written. Every other request may
	// still be on its way behind a proxy.
	Settled bool
	// Written is when the last byte was handed to the transport; zero if none was, or
	// if it is not known.
	Written time.Time
	// Status is the HTTP status, 0 without an answer.
	Status int
	// Cause is one of a few fixed words that say why Kind is not Done.
	Cause string
	// Date is the server's clock by its answer, to the second; zero if it says none.
	Date time.Time
	// UnknownAccount says, of AuthRefused, that CleverTap's own words name the account's
	// id as what it does not know.
	UnknownAccount bool
	// RetryAfter is what the server asked for, 0 if nothing.
	RetryAfter time.Duration
	// Err is the transport's own error when Kind is NotSent, for operators: an
	// address that does not resolve, a certificate that is not trusted.
	Err error
}

// Causes of results that are not Done.
const (
	CauseDial         = "dial"
	CauseDNS          = "dns"
	CauseTLS          = "tls"
	CauseProxy        = "proxy"         // the proxy cannot be reached
	CauseProxyRefuses = "proxy_refuses" // it does not connect to the host
	CauseCancelled    = "cancelled"
	CauseTimeout      = "timeout"
	CauseReset        = "reset"
	CauseRefusedHere  = "not_allowed" // the check before the write said no
	CauseStatus       = "status"
	CauseEmpty        = "empty_answer"
	CauseUnparsable   = "unparsable_answer"
	CauseOversize     = "answer_too_large"
	CauseCounts       = "counts_differ"
	CausePosition     = "position_unknown"
	CauseEmptyFail    = "fail_without_list"
)

// All555 says that CleverTap answered "miscellaneous server error" for every
// record: then the fault is CleverTap's, and the answer says nothing about the records.
func (r Result) All555() bool {
	if r.Kind != Done || len(r.Outcomes) == 0 {
		return false
	}
	for _, o := range r.Outcomes {
		if o.Verdict != Retry555 {
			return false
		}
	}
	return true
}
