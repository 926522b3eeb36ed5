package definition

import (
	"errors"
	"net/mail"
	"net/url"

	"tapline.dev/libs/config"
	"tapline.dev/schemas"
)

// maxRecipients bounds whom one e-mail goes to.
const maxRecipients = 50

func checkNotification(f *findings, s *schemas.NotificationSpec) {
	channels := 0
	for _, there := range []bool{s.Webhook != nil, s.Slack != nil, s.Email != nil} {
		if there {
			channels++
		}
	}
	if channels != 1 {
		f.add(codeConflict, "spec", "give exactly one of webhook, slack and email")
	}
	for _, condition := range s.On {
		checkWord(f, "spec.on", condition, schemas.NotifyFailing, schemas.NotifyLate, schemas.NotifyHeld)
	}
	checkWay(f, s.Proxy, s.CAFile)
	if w := s.Webhook; w != nil {
		checkWebhook(f, w)
	}
	if s.Slack != nil {
		checkReference(f, "spec.slack.url", s.Slack.URL)
	}
	if s.Email != nil {
		checkEmail(f, s)
	}
}

func checkWebhook(f *findings, w *schemas.WebhookChannel) {
	checkReference(f, "spec.webhook.secret", w.Secret)
	if config.IsReference(w.URL) {
		checkReference(f, "spec.webhook.url", w.URL)
		return
	}
	u, err := url.Parse(w.URL)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
		f.add(codeValueInvalid, "spec.webhook.url", "a webhook is a URL such as https://hooks.example.com/tapline, or a secret reference to one")
	case u.User != nil || u.RawQuery != "":
		f.add(codeSecretPlain, "spec.webhook.url", "a URL with a user or a query may hold a secret; write ref+env://NAME or ref+file:///path")
	}
}

func checkEmail(f *findings, s *schemas.NotificationSpec) {
	e := s.Email
	if e.Host == "" {
		f.add(codeRequired, "spec.email.host", "name the mail server")
	}
	if s.Proxy != "" {
		f.add(codeConflict, "spec.proxy", "mail goes straight to its server; leave the proxy out")
	}
	checkRange(f, "spec.email.port", int64(e.Port), 1, 65535)
	checkWord(f, "spec.email.tls", e.TLS, schemas.MailStartTLS, schemas.MailImplicit, schemas.MailPlain)
	if _, err := mail.ParseAddress(e.From); err != nil {
		f.add(codeValueInvalid, "spec.email.from", "name the sender, such as tapline@example.com")
	}
	if len(e.To) == 0 || len(e.To) > maxRecipients {
		f.add(codeRequired, "spec.email.to", "name 1 to %d recipients", maxRecipients)
	}
	for _, to := range e.To {
		if _, err := mail.ParseAddress(to); err != nil {
			f.add(codeValueInvalid, "spec.email.to", "each recipient is an address such as oncall@example.com")
		}
	}
	switch {
	case e.Username != "":
		checkReference(f, "spec.email.password", e.Password)
	case e.Password != "":
		f.add(codeConflict, "spec.email.password", "a password goes with a username")
	}
}

// checkReference refuses a secret that stands in the definition, and one that is missing.
// Its messages never repeat the text.
func checkReference(f *findings, path, value string) {
	err := config.CheckReference(value)
	switch {
	case value == "":
		f.add(codeRequired, path, "%s is needed: ref+env://NAME or ref+file:///path", path[len("spec."):])
	case errors.Is(err, config.ErrNotReference):
		f.add(codeSecretPlain, path, "a secret never stands in a definition; write ref+env://NAME or ref+file:///path")
	case err != nil:
		f.add(codeValueInvalid, path, "%s", err)
	}
}
