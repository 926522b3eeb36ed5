// Package rules holds the record rules of CleverTap's upload endpoint: the structure of
// records, system fields, limits, and the codes and texts of refusals.
//
// It is written from what is publicly known of the API and shares no code with the mapper,
// so that it is an independent judge of what is sent. Where the public record is silent
// (texts of some codes, the order of some checks, what happens to a property that is over a
// limit) the choice made here is marked as our choice beside it. Device tokens are not served:
// such a record is answered as neither event nor profile.
package rules
