package mapping

// fault is why a value cannot be sent: a code of the catalogue and a reason in
// words without the value. The zero fault is none.
type fault struct{ code, reason string }

func (f fault) none() bool { return f.code == "" }

// Codes of rejects, as in schemas/errors.json.
const (
	codeIdentityMissing    = "identity_missing"
	codeIdentityDenied     = "identity_denied"
	codeIdentityTooLong    = "identity_too_long"
	codeCleverTapIDInvalid = "clevertap_id_invalid"
	codeTypeMismatch       = "type_mismatch"
	codeOutOfRange         = "out_of_range"
	codeDateFormat         = "date_format"
	codeValueTooLong       = "value_too_long"
	codeNullRejected       = "null_rejected"
	codeEmailInvalid       = "email_invalid"
	codePhoneInvalid       = "phone_invalid"
	codeGenderInvalid      = "gender_invalid"
	codeEmployedInvalid    = "employed_invalid"
	codeEducationInvalid   = "education_invalid"
	codeMarriedInvalid     = "married_invalid"
	codeAgeInvalid         = "age_invalid"
	codeMsgFlagInvalid     = "msg_flag_invalid"
	codeEventNameMissing   = "event_name_missing"
	codeEventNameInvalid   = "event_name_invalid"
	codeEventRestricted    = "event_restricted"
	codeTooManyProperties  = "too_many_properties"
	codeTsInvalid          = "ts_invalid"
	codeRowUnreadable      = "row_unreadable"
	codeCharacterRefused   = "character_refused"
	codeOutsideRetention   = "outside_retention"
	codeEventInFuture      = "event_in_future"
	codeEventLive          = "event_live"
	codeExpressionFailed   = "expression_failed"
	codeExpressionBudget   = "expression_budget"
	codeNestedInvalid      = "nested_invalid"
	codeListInvalid        = "list_invalid"
	codePropertyRestricted = "property_restricted"
)

// Codes of problems of a mapping, as in schemas/errors.json.
const (
	codeRequired           = "required"
	codeValueInvalid       = "value_invalid"
	codeConflict           = "conflict"
	codeTimezoneUnknown    = "timezone_unknown"
	codeColumnMissing      = "column_missing"
	codeColumnAmbiguous    = "column_ambiguous"
	codeTypeUnfit          = "type_unfit"
	codeTypeNeeded         = "type_needed"
	codeFormatUnknown      = "format_unknown"
	codeFormatForbidden    = "format_forbidden"
	codeNameInvalid        = "name_invalid"
	codeNameTooLong        = "name_too_long"
	codeNameDuplicate      = "name_duplicate"
	codeDefaultInvalid     = "default_invalid"
	codeConstantInvalid    = "constant_invalid"
	codeExpressionInvalid  = "expression_invalid"
	codeExpressionTooLarge = "expression_too_large"
	codeOperatorForbidden  = "operator_forbidden"
	codeNestedDisabled     = "nested_disabled"
)
