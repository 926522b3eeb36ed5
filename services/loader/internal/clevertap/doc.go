// Package clevertap is the loader's client of CleverTap's upload endpoint, and
// the only place that knows what an answer of CleverTap means. It sends each
// upload exactly once and says what became of it: an outcome for each record,
// or one kind for the whole request. What to do then (send again, bisect, hold,
// pause the account) is the loader's business.
//
// Three rules shape it. HTTP 200 is not success: partial and complete failure
// arrive with it too, and failures are joined to records by the position that
// CleverTap puts into its text, never by the echoed record, which is not what
// was sent. What cannot be read beyond doubt is ambiguous. And no text that
// leaves the package holds a record's values or a secret.
package clevertap
