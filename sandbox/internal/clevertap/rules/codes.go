package rules

import "strconv"

// fault codes of one record.
const (
	codeNameMissing   = 509
	codeStructure     = 512
	codeRestricted    = 513
	codeGender        = 514
	codeEmail         = 515
	codePhone         = 516
	codeEmployed      = 517
	codeEducation     = 518
	codeMarried       = 519
	codeAge           = 520
	codeProperties    = 522
	codeIdentity      = 523
	codeType          = 524
	codeTimestamp     = 525
	codeObjectID      = 526
	codeDiscarded     = 528
	CodeMiscellaneous = 555
)

// sentence is the text that CleverTap puts before "Skipped record number : N".
// The blank before "Skipped" comes and goes in the recorded answers, and so it
// does here. Texts of 512, 514, 522, 523, 524, 526, 528 and 555 are on no
// public record; those are our own.
func sentence(code int) string {
	switch code {
	case codeNameMissing:
		return "Event Name is incorrect. ErrorCode: 509 - Event name is mandatory. "
	case codeStructure:
		return "Event structure is incorrect. ErrorCode: 512 - Invalid event structure. "
	case codeRestricted:
		return "Event Name is incorrect. ErrorCode: 513 - Trying to raise a restricted system event. "
	case codeGender:
		return "Profile data is incorrect. Gender needs to be M/F."
	case codeEmail:
		return "Profile data is incorrect. Email is not valid."
	case codePhone:
		return "Profile data is incorrect. Phone number is not valid."
	case codeEmployed:
		return "Profile data is incorrect. Employed needs to be Y/N."
	case codeEducation:
		return "Profile data is incorrect. Education needs to be School/College/Graduate.."
	case codeMarried:
		return "Profile data is incorrect. Married needs to be Y/N."
	case codeAge:
		return "Profile data is incorrect. Age is invalid."
	case codeProperties:
		return "Event data is incorrect. ErrorCode: 522 - Event properties limit exceeded. "
	case codeIdentity:
		return "Identity is missing. "
	case codeType:
		return "Record is neither an event nor a profile. "
	case codeTimestamp:
		return "Timestamp should be present in the Unix Epoch format. "
	case codeObjectID:
		return "ObjectId is invalid. "
	case codeDiscarded:
		return "Event Name is incorrect. ErrorCode: 528 - Trying to raise a discarded event. "
	default:
		return "Miscellaneous server error. "
	}
}

// AppendSkipped writes the error text of the record with this number.
func AppendSkipped(b []byte, code, number int) []byte {
	b = append(b, sentence(code)...)
	b = append(b, "Skipped record number : "...)
	return strconv.AppendInt(b, int64(number), 10)
}
