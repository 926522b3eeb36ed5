package client

import "strconv"

// Confirmation is what an action would do that cannot be taken back.
type Confirmation struct {
	Agreement
	Sentences []string `json:"sentences"`
}

// Agreement is what a person has agreed to: the name of the production account that
// may be sent to, and how many events may be stored a second time.
type Agreement struct {
	Confirm string `json:"confirm"`
	Repeats int64  `json:"repeats"`
}

// query is the agreement as the parameters of a request.
func (a Agreement) query() string {
	values := map[string]string{"confirm": a.Confirm}
	if a.Repeats > 0 {
		values["repeats"] = strconv.FormatInt(a.Repeats, 10)
	}
	if q := query(values); q != "" {
		return "?" + q
	}
	return ""
}
