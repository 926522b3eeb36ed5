package schemas

import (
	"slices"
	"time"
)

// KindNotification is the kind of definitions that say who is told of imports that are
// late, fail or are held.
const KindNotification = "Notification"

// KindAcknowledgement is the kind under which acknowledgements stand in the resources
// topic, by the name of their import. Documents cannot have it: Import Center alone makes
// them.
const KindAcknowledgement = "Acknowledgement"

// Conditions that people are told of. NotifyOK is told as a recovery.
const (
	NotifyFailing = "failing" // the newest run failed
	NotifyLate    = "late"    // a due instant has passed without a run that succeeded
	NotifyHeld    = "held"    // the run waits for a person
	NotifyOK      = "ok"
	// NotifyTest is of a message that somebody asked for to see whether it arrives.
	NotifyTest = "test"
)

// NotificationSpec says where messages go, and of which imports. One of Webhook, Slack and
// Email is given.
type NotificationSpec struct {
	Selector NotificationSelector `json:"selector,omitzero"`
	// On are the conditions that are told; all of them if there are none. A recovery is
	// told if the condition before it was.
	On      []string        `json:"on,omitempty"`
	Webhook *WebhookChannel `json:"webhook,omitempty"`
	Slack   *SlackChannel   `json:"slack,omitempty"`
	Email   *EmailChannel   `json:"email,omitempty"`
	// Proxy and CAFile are as those of an account.
	Proxy  string `json:"proxy,omitempty"`
	CAFile string `json:"caFile,omitempty"`
}

// NotificationSelector chooses imports. What is empty chooses all.
type NotificationSelector struct {
	Names  []string          `json:"names,omitempty"` // patterns such as orders-*
	Labels map[string]string `json:"labels,omitempty"`
	Owners []string          `json:"owners,omitempty"`
	// Severities are values of the imports' label severity; an import without the label
	// has SeverityDefault.
	Severities []string `json:"severities,omitempty"`
}

// SeverityLabel is the label that says how urgent an import is.
const (
	SeverityLabel   = "severity"
	SeverityDefault = "ticket"
)

// Severity is how urgent an import is.
func Severity(m Metadata) string {
	if s := m.Labels[SeverityLabel]; s != "" {
		return s
	}
	return SeverityDefault
}

// Selects reports whether an import is chosen.
func (s NotificationSelector) Selects(m Metadata) bool {
	return (Selector{Names: s.Names, Labels: s.Labels}).Selects(m) &&
		(len(s.Owners) == 0 || slices.Contains(s.Owners, m.Owner)) &&
		(len(s.Severities) == 0 || slices.Contains(s.Severities, Severity(m)))
}

// Tells reports whether a condition is told.
func (s NotificationSpec) Tells(condition string) bool {
	return len(s.On) == 0 || slices.Contains(s.On, condition)
}

// WebhookChannel is an HTTP server that takes messages as JSON. URL and Secret are secret
// references; a URL without secrets may stand there as it is.
type WebhookChannel struct {
	URL string `json:"url"`
	// Secret signs each message, so that the receiver knows who sent it.
	Secret string `json:"secret"`
}

// SlackChannel is an incoming webhook of Slack. URL is a secret reference: whoever has the
// URL can write to the channel.
type SlackChannel struct {
	URL string `json:"url"`
}

// EmailChannel is a mail server. Password is a secret reference.
type EmailChannel struct {
	Host     string   `json:"host"`
	Port     int      `json:"port,omitempty"` // 587 if it is 0
	TLS      string   `json:"tls,omitempty"`  // startTLS, implicit or none; startTLS if empty
	Username string   `json:"username,omitempty"`
	Password string   `json:"password,omitempty"`
	From     string   `json:"from"`
	To       []string `json:"to"`
}

// Ways to a mail server.
const (
	MailStartTLS = "startTLS"
	MailImplicit = "implicit"
	MailPlain    = "none"
)

// AcknowledgementSpec mutes what is known of an import until an instant, or until a run of
// it has succeeded after Since.
type AcknowledgementSpec struct {
	Until  time.Time `json:"until"`
	Reason string    `json:"reason,omitempty"`
	By     string    `json:"by"`
	Since  time.Time `json:"since"`
}

// Mutes reports whether the acknowledgement holds. One of an import that was deleted does
// not hold for a later one of the same name.
func (a *AcknowledgementSpec) Mutes(d Definition, s State, now time.Time) bool {
	return a != nil && now.Before(a.Until) && !d.CreatedAt.After(a.Since.Add(time.Second)) && (s.LastSucceeded == nil || !s.LastSucceeded.Time.After(a.Since))
}

// Notified is the value of the notifications topic: what one notification has been told of
// one import, and what is still to be delivered. Import Center's sender writes it.
type Notified struct {
	Notification string `json:"notification"`
	Import       string `json:"import"`
	// Condition is the newest one that was decided to be told, NotifyOK at first.
	Condition string    `json:"condition"`
	Since     time.Time `json:"since"`
	// Sequence numbers the messages.
	Sequence int `json:"sequence"`
	// Outbox holds the messages that the channel has not taken, oldest first, at most
	// MaxOutbox. Dropped counts those that were left out because it was full.
	Outbox  []Notice `json:"outbox,omitempty"`
	Dropped int      `json:"dropped,omitempty"`
}

// MaxOutbox bounds the messages about one import that wait for one channel.
const MaxOutbox = 8

// NotifiedKey is a key of the notifications topic.
func NotifiedKey(notification, importName string) string { return notification + "/" + importName }

// Notice is a message about a change of an import's condition. It holds no personal data.
type Notice struct {
	// ID is the same each time that the message is sent.
	ID           string `json:"id"`
	Notification string `json:"notification"`
	Import       string `json:"import,omitempty"`
	Condition    string `json:"condition"`
	// Before is the condition before, Seconds how long that lasted.
	Before   string    `json:"before,omitempty"`
	Seconds  float64   `json:"seconds,omitempty"`
	Severity string    `json:"severity,omitempty"`
	Owner    string    `json:"owner,omitempty"`
	Time     time.Time `json:"time"`
	// Cause is why, in a sentence, Code its code.
	Cause string `json:"cause"`
	Code  string `json:"code,omitempty"`
	Run   string `json:"run,omitempty"`
	// Figures are of the newest ended run and of the import.
	Figures NoticeFigures `json:"figures,omitzero"`
	// Next is the command that comes next, Link the page of the import.
	Next string `json:"next,omitempty"`
	Link string `json:"link,omitempty"`
	// Dropped is how many messages before this one were left out.
	Dropped int `json:"dropped,omitempty"`
}

// NoticeFigures are the figures of a message.
type NoticeFigures struct {
	LateSeconds float64    `json:"lateSeconds,omitempty"`
	Due         *time.Time `json:"due,omitempty"`
	LastSuccess *time.Time `json:"lastSuccess,omitempty"`
	Read        int64      `json:"read,omitempty"`
	OpenRejects int64      `json:"openRejects,omitempty"`
	HeldRecords int64      `json:"heldRecords,omitempty"`
}
