// Package clevertap is a stand-in for CleverTap's REST ingestion API: the
// upload endpoint with its record rules, limits, texts and quirks, the lookup
// of one profile, and a set of inspection endpoints and fault switches for
// demonstrations, tests and benchmarks.
//
// It is written from what is publicly known of the API and shares no code with
// the mapper, so that it can serve as an independent judge of what is sent.
// Where the public record is silent (texts of some codes, the order of some
// checks, what happens to a property that is over a limit) the choice made here
// is marked as ours beside it. Device tokens are not served: such a record is
// answered as neither event nor profile.
package clevertap
