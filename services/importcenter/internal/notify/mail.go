package notify

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"

	"github.com/wneessen/go-mail"

	"tapline.dev/libs/egress"
	"tapline.dev/schemas"
)

// mail sends a message by SMTP. Its Message-ID is made of the message's id, so that mail
// programs show a repetition once.
func (c Channels) mail(ctx context.Context, spec schemas.NotificationSpec, n schemas.Notice) error {
	e := spec.Email
	if !c.allows(e.Host) {
		return errHost
	}
	msg, err := letter(e, n)
	if err != nil {
		return err
	}
	options, err := c.mailOptions(spec)
	if err != nil {
		return err
	}
	client, err := mail.NewClient(e.Host, options...)
	if err != nil {
		return errors.New("the mail server's settings cannot be used")
	}
	if err := client.DialAndSendWithContext(ctx, msg); err != nil {
		return mailError(err)
	}
	return nil
}

func letter(e *schemas.EmailChannel, n schemas.Notice) (*mail.Msg, error) {
	msg := mail.NewMsg()
	if err := msg.From(e.From); err != nil {
		return nil, errors.New("spec.email.from is no address")
	}
	if err := msg.To(e.To...); err != nil {
		return nil, errors.New("one of spec.email.to is no address")
	}
	msg.Subject(Subject(n))
	msg.SetMessageIDWithValue(n.ID + "@" + domainOf(e.From))
	msg.SetDateWithValue(n.Time)
	msg.SetBodyString(mail.TypeTextPlain, Text(n))
	return msg, nil
}

func domainOf(address string) string {
	if _, domain, ok := strings.Cut(strings.TrimSuffix(address, ">"), "@"); ok {
		return domain
	}
	return "tapline.invalid"
}

func (c Channels) mailOptions(spec schemas.NotificationSpec) ([]mail.Option, error) {
	e := spec.Email
	pem, err := c.Egress.CAs(spec.CAFile)
	if err != nil {
		return nil, err
	}
	port := e.Port
	if port == 0 {
		port = 587
	}
	options := []mail.Option{
		mail.WithPort(port), mail.WithTimeout(sendTimeout),
		mail.WithTLSConfig(&tls.Config{MinVersion: tls.VersionTLS12, ServerName: e.Host, RootCAs: egress.Pool(pem)}),
	}
	switch e.TLS {
	case schemas.MailPlain:
		if !c.AllowPlain {
			return nil, errPlain
		}
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	case schemas.MailImplicit:
		options = append(options, mail.WithSSL())
	default:
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	}
	if e.Username == "" {
		return options, nil
	}
	password, err := c.Secrets.Line(e.Password)
	if err != nil {
		return nil, fmt.Errorf("reading the password: %w", err)
	}
	return append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(e.Username), mail.WithPassword(password.Reveal())), nil
}

// mailError says where sending failed. What the server said is left out: it may repeat
// addresses.
func mailError(err error) error {
	if where := egress.Where(err); where != "" {
		return errors.New(where)
	}
	var sent *mail.SendError
	if errors.As(err, &sent) {
		return fmt.Errorf("the mail server refuses the message: %s", sent.Reason)
	}
	return errors.New("the mail server refuses: check the user, the password and spec.email.tls")
}
