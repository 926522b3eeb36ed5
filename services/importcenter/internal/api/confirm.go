package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"tapline.dev/domain/runs"
	"tapline.dev/schemas"
)

// ConfirmQuery is what a caller has agreed to, of an action that sends what cannot
// be taken back. It is exported because huma fills no other embedded type.
type ConfirmQuery struct {
	Confirm string `query:"confirm" maxLength:"63" doc:"The name of the production account that may be sent to, as confirmation.confirm of the refusal names it"`
	Repeats int64  `query:"repeats" minimum:"0" doc:"How many events you agree to store a second time, as confirmation.repeats of the refusal says"`
}

// Confirmation is what an action would do that cannot be taken back, and how to
// agree to it.
type Confirmation struct {
	Action        string   `json:"action" doc:"run, reset, backfill, resend, replay or sync"`
	Import        string   `json:"import"`
	Account       string   `json:"account" doc:"The CleverTap account that is sent to"`
	Environment   string   `json:"environment,omitempty" doc:"Of the account, as it says itself"`
	Confirm       string   `json:"confirm,omitempty" doc:"Send the request again with confirm=<this> to agree"`
	Repeats       int64    `json:"repeats,omitempty" doc:"How many events would be stored a second time; send the request again with repeats=<this> to agree"`
	Type          string   `json:"type" enum:"profile,event"`
	Records       int64    `json:"records,omitempty" doc:"About how many profiles or events are sent"`
	RecordsKnown  bool     `json:"recordsKnown" doc:"False if nothing tells how many that are"`
	RecordsSource string   `json:"recordsSource,omitempty" doc:"Where the number comes from"`
	Recent        int64    `json:"recent,omitempty" doc:"About how many of the events are at most two hours old, so that live campaigns act on them"`
	RecentKnown   bool     `json:"recentKnown" doc:"False if nothing tells how many that are"`
	Sentences     []string `json:"sentences"`
}

// need is what has to be agreed to before a command is written.
type need struct {
	account string // the production account; "" if it need not be named
	repeats int64  // events that would be stored a second time
	atLeast bool   // others were stored before they were counted
}

// metBy reports whether a caller has agreed to it. The account's name must be the
// present one: if the import was given another account meanwhile, the caller is
// asked again.
func (n need) metBy(q ConfirmQuery) bool {
	return (n.account == "" || q.Confirm == n.account) && q.Repeats >= n.repeats
}

// needOf says what has to be agreed to for a command, by the catalog as it is now.
func (h *handlers) needOf(cmd schemas.Command) (n need) {
	def, ok := h.Catalog.Import(cmd.Import)
	if !ok {
		return need{}
	}
	state, _ := h.Catalog.State(cmd.Import)
	if account := def.Spec.Destination.AccountRef; h.account(account).Environment == schemas.EnvironmentProduction && sendsAnew(cmd, def, state) {
		n.account = account
	}
	n.repeats, n.atLeast = repeatsOf(cmd, def, state)
	return n
}

// sendsAnew reports whether a command makes an import send what no run of its epoch
// has sent before. The state has columns once a run of the epoch has succeeded.
func sendsAnew(cmd schemas.Command, def schemas.Definition, state schemas.State) bool {
	switch cmd.Kind {
	case schemas.CommandReset, schemas.CommandBackfill, schemas.CommandResend, schemas.CommandRepair, schemas.CommandSync:
		return true
	case schemas.CommandReplay:
		return cmd.Replay.How != schemas.ReplayDeclined
	case schemas.CommandRun, schemas.CommandRunAt, schemas.CommandRunFrom:
		first := state.Watermark == "" && len(state.Columns) == 0
		return first || state.Pending != nil || state.SourceHash != runs.SourceHash(def.Spec)
	}
	return false
}

// repeatsOf is how many events a command makes CleverTap store a second time: it
// has no key to recognise them by. A run leaves out what runs without success have
// loaded, unless nobody can tell which rows that are. Of a backfill it is an upper
// bound, because nobody knows which of the stored events lie in its span.
func repeatsOf(cmd schemas.Command, def schemas.Definition, state schemas.State) (repeats int64, atLeast bool) {
	if def.Spec.Destination.Type != schemas.TypeEvent {
		return 0, false
	}
	switch n := state.Events; cmd.Kind {
	case schemas.CommandRun, schemas.CommandRunAt, schemas.CommandRunFrom:
		return state.UnfinishedEvents, false
	case schemas.CommandResend:
		return cmd.Runs.Loaded, false
	case schemas.CommandReplay:
		if cmd.Replay.How != schemas.ReplayDeclined {
			return cmd.Replay.Ambiguous, false
		}
	case schemas.CommandReset, schemas.CommandBackfill:
		if n != nil && (n.Stored > 0 || n.AtLeast) {
			return max(n.Stored, 1), n.AtLeast
		}
	}
	return 0, false
}

// repeated says what an action does to events that are stored already.
func (c *Confirmation) repeated(atLeast bool) string {
	stored := fmt.Sprintf("%d events", c.Repeats)
	if atLeast {
		stored += ", or more that were not counted,"
	}
	return fmt.Sprintf(map[string]string{
		schemas.CommandRun:      "up to %s of %s that runs without success have sent may be in CleverTap, which has no key to recognise them by, and may be stored a second time",
		schemas.CommandReset:    "%s of %s are stored in CleverTap, which has no key to recognise them by: they are read and stored a second time",
		schemas.CommandBackfill: "%s of %s are stored in CleverTap, which has no key to recognise them by: those in the span are stored a second time",
		schemas.CommandResend:   "%s of %s are stored in CleverTap, which has no key to recognise them by: they are stored a second time, and the wrong ones stay",
		schemas.CommandReplay:   "%s of %s may be in CleverTap, which has no key to recognise them by, and may be stored a second time",
	}[c.Action], stored, c.Import)
}

// confirmationRequired is the refusal of a command that needs more than its caller
// has agreed to, with the figures of now.
func (h *handlers) confirmationRequired(ctx context.Context, cmd schemas.Command, n need) *Problem {
	c := h.confirmationOf(ctx, cmd, n)
	p := problem(http.StatusPreconditionRequired, codeConfirm, "nothing was done: "+strings.Join(c.Sentences, ". ")+". Agree with "+n.query())
	p.Repeats, p.Confirmation = n.repeats, c
	return p
}

// confirmationOf says what a command does to CleverTap, with the figures of now.
func (h *handlers) confirmationOf(ctx context.Context, cmd schemas.Command, n need) *Confirmation {
	def, _ := h.Catalog.Import(cmd.Import)
	account := def.Spec.Destination.AccountRef
	c := &Confirmation{
		Action: actionOf(cmd.Kind), Import: cmd.Import, Account: account, Environment: h.account(account).Environment,
		Confirm: n.account, Repeats: n.repeats, Type: def.Spec.Destination.Type,
	}
	h.estimateOf(ctx, c, cmd, def)
	if n.account != "" || n.repeats == 0 {
		c.Sentences = append(c.Sentences, c.sends())
	}
	if n.account != "" {
		c.Sentences = append(c.Sentences, c.campaigns())
	}
	if n.repeats > 0 {
		c.Sentences = append(c.Sentences, c.repeated(n.atLeast))
	}
	return c
}

// actionOf is what a command does to CleverTap: a run is one, whenever it begins.
func actionOf(kind string) string {
	if kind == schemas.CommandRunAt || kind == schemas.CommandRunFrom {
		return schemas.CommandRun
	}
	return kind
}

// query returns the parameters with which a request agrees.
func (n need) query() string {
	var parts []string
	if n.account != "" {
		parts = append(parts, "confirm="+n.account)
	}
	if n.repeats > 0 {
		parts = append(parts, fmt.Sprintf("repeats=%d", n.repeats))
	}
	return strings.Join(parts, "&")
}

// sends says what an action sends, and to which account.
func (c *Confirmation) sends() string {
	after := map[string]string{
		schemas.CommandReset:    "after the reset the next run of %s sends everything to the %s",
		schemas.CommandRun:      "this is the first run of %s into the %s since it began or began anew",
		schemas.CommandBackfill: "this sends a span of %s again, to the %s",
		schemas.CommandResend:   "this sends again what runs of %s have loaded, to the %s",
		schemas.CommandReplay:   "this sends what runs of %s have rejected, to the %s",
		schemas.CommandRepair:   "this sends the people of %s whom a verification has found to differ, to the %s",
		schemas.CommandSync:     "this sends the records of a dry run of %s to the %s",
	}[c.Action]
	what := c.Type + "s"
	count := "how many " + what + " that are is unknown: no dry run yet (tapline dryrun " + c.Import + ")"
	if c.RecordsKnown {
		count = fmt.Sprintf("about %d %s (%s)", c.Records, what, c.RecordsSource)
	}
	return fmt.Sprintf(after, c.Import, strings.TrimSpace(c.Environment+" account ")+" "+c.Account) + ": " + count
}

// campaigns says what a production account makes of what it is sent.
func (c *Confirmation) campaigns() string {
	campaigns := "what is sent cannot be taken back, and live campaigns may fire"
	switch {
	case c.Type != schemas.TypeEvent:
		return campaigns
	case !c.RecentKnown:
		return campaigns + ", and how many of the events are at most two hours old, which campaigns act on, is unknown"
	}
	return fmt.Sprintf("%s: about %d of the events are at most two hours old, which campaigns act on", campaigns, c.Recent)
}
