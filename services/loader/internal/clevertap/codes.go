package clevertap

import (
	"strconv"
	"strings"
)

// miscellaneous is the only code of a record that may pass later.
const miscellaneous = 555

// codeUnknown stands for every code that CleverTap does not publish: an endpoint
// chooses the number, and each code has a count in every run and a metric's label.
const codeUnknown = "clevertap_unknown"

// meaning is CleverTap's published catalogue of record codes; empty for any other.
func meaning(code int) string {
	switch code {
	case 509:
		return "event name is mandatory"
	case 512:
		return "invalid event structure"
	case 513:
		return "restricted system event"
	case 514:
		return "gender is invalid"
	case 515:
		return "email is invalid"
	case 516:
		return "phone is invalid"
	case 517:
		return "employed is invalid"
	case 518:
		return "education is invalid"
	case 519:
		return "married is invalid"
	case 520:
		return "age is invalid"
	case 522:
		return "event properties limit exceeded"
	case 523:
		return "identity is missing"
	case 524:
		return "neither an event nor a profile"
	case 525:
		return "timestamp is not in UNIX epoch seconds"
	case 526:
		return "object id is invalid"
	case 528:
		return "discarded event"
	case 530, 531, 532, 533, 534, 535:
		return "device token error"
	case miscellaneous:
		return "miscellaneous server error"
	default:
		return ""
	}
}

// sentences are CleverTap's texts that are known to quote nothing.
var sentences = map[string]bool{
	"Event Name is incorrect. ErrorCode: 509 - Event name is mandatory.":                   true,
	"Event Name is incorrect. ErrorCode: 513 - Trying to raise a restricted system event.": true,
	"Profile data is incorrect. Email is not valid.":                                       true,
	"Profile data is incorrect. Phone number is not valid.":                                true,
	"Profile data is incorrect. Employed needs to be Y/N.":                                 true,
	"Profile data is incorrect. Education needs to be School/College/Graduate.":            true,
	"Profile data is incorrect. Married needs to be Y/N.":                                  true,
	"Profile data is incorrect. Age is invalid.":                                           true,
	"Timestamp should be present in the Unix Epoch format.":                                true,
}

func outcome(code int, answered string) Outcome {
	if meaning(code) == "" {
		return Outcome{Verdict: Rejected, Code: codeUnknown, Reason: "refused with code " + strconv.Itoa(code) + ", which CleverTap does not publish"}
	}
	o := Outcome{Verdict: Rejected, Code: "clevertap_" + strconv.Itoa(code), Reason: reason(code, answered)}
	if code == miscellaneous {
		o.Verdict = Retry555
	}
	return o
}

// reason is CleverTap's own sentence if it is a known one, since any other may
// quote the record, and else what the catalogue says of the code.
func reason(code int, answered string) string {
	at := strings.LastIndex(answered, "Skipped record number")
	if at >= 0 {
		answered = answered[:at]
	}
	sentence := strings.TrimRight(answered, " .") + "."
	if sentences[sentence] {
		return sentence
	}
	return meaning(code)
}
