package schemas

import (
	"slices"
	"strings"
)

// Event types say in the header ce_type what a record of a control topic is:
// dev.tapline.<type>.v1. A contract has one type, or one family of types: reports
// and run events name their kind after a dot. Readers take the type apart with
// ParseEventType and never look for a part of it.
const (
	EventDefinition = "definition.applied" // import.v1.schema.json
	EventGeneration = "definition.generation"
	EventResource   = "resource.applied"
	EventAudit      = "audit"
	EventSuppress   = "suppression"
	EventCommand    = "command"
	EventTrigger    = "trigger"
	EventState      = "state"
	EventFold       = "fold"
	EventPosition   = "position"
	EventColumns    = "columns" // rowschema.v1.schema.json
	EventReject     = "row.rejected"
	EventLookup     = "lookup"
	EventLookedUp   = "lookup.answered" // lookedup.v1.schema.json
	EventPeople     = "people"
	EventNotified   = "notified"
	EventBaseline   = "baseline"

	reportFamily = "report"
	runFamily    = "run"

	eventPrefix, eventSuffix = "dev.tapline.", ".v1"
)

// EventReport is the type of a report of a kind.
func EventReport(kind string) string { return reportFamily + "." + kind }

// EventRun is the type of the event that a run has come to a state.
func EventRun(state string) string { return runFamily + "." + state }

// EventTypeHeader is the value of ce_type for a type.
func EventTypeHeader(typ string) string { return eventPrefix + typ + eventSuffix }

// ParseEventType reads a header's value: the contract, which is the name of a
// schema, and the kind of a report or the state of a run event. ok is false for
// what no list of this package holds.
func ParseEventType(header []byte) (contract, kind string, ok bool) {
	typ, ours := strings.CutPrefix(string(header), eventPrefix)
	typ, versioned := strings.CutSuffix(typ, eventSuffix)
	if !ours || !versioned {
		return "", "", false
	}
	if contract, ok := contractOf[typ]; ok {
		return contract, "", true
	}
	family, kind, _ := strings.Cut(typ, ".")
	switch {
	case family == reportFamily && slices.Contains(reportKinds, kind):
	case family == runFamily && slices.Contains(runStates, kind):
	default:
		return "", "", false
	}
	return family, kind, true
}

// EventTypes lists every type, in order, and the contract of each.
func EventTypes() (types []string, contract map[string]string) {
	contract = map[string]string{}
	for typ, name := range contractOf {
		contract[typ] = name
	}
	for _, kind := range reportKinds {
		contract[EventReport(kind)] = reportFamily
	}
	for _, state := range runStates {
		contract[EventRun(state)] = runFamily
	}
	for typ := range contract {
		types = append(types, typ)
	}
	slices.Sort(types)
	return types, contract
}

var (
	contractOf = map[string]string{
		EventDefinition: "import", EventGeneration: "generation", EventResource: "resource", EventAudit: "audit", EventSuppress: "suppression", EventCommand: "command", EventTrigger: "trigger",
		EventState: "state", EventFold: "fold", EventPosition: "position", EventColumns: "rowschema", EventReject: "reject",
		EventLookup: "lookup", EventLookedUp: "lookedup", EventPeople: "people", EventNotified: "notified", EventBaseline: "baseline",
	}
	reportKinds = []string{
		ReportStarted, ReportHeartbeat, ReportChunk, ReportFinal, ReportAbandoned, ReportMapped, ReportIntent, ReportReceipt,
		ReportWaiting, ReportResolved, ReportHeld, ReportTaken, ReportPreview, ReportConnection, ReportTables, ReportAccount, ReportClocks,
	}
	runStates = []string{
		StateQueued, StateStarting, StateHeld, StateExtracting, StateLoading, StateSucceeded, StateSucceededWithRejects, StateFailed, StateCancelled,
	}
)
