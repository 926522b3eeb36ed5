package runs

import "tapline.dev/schemas"

// EventOrder says in which order events of one identity go out, if that is not the order
// of the column with their time; "" if it is, or if no column has it.
func EventOrder(spec schemas.ImportSpec) string {
	event, cursor := spec.Destination.Event, spec.Source.Cursor
	if event == nil || event.CreatedOn == nil || cursor != nil && cursor.Column == event.CreatedOn.Column {
		return ""
	}
	order := "in which Snowflake returns the rows"
	if cursor != nil {
		order = "of the cursor"
	}
	return "a run sends events of one identity in the order " + order + ", not in the order of " + event.CreatedOn.Column +
		", their createdOn: make that column the cursor if events have to arrive oldest first"
}
