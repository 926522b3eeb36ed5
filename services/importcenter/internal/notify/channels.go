package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"tapline.dev/libs/config"
	"tapline.dev/libs/egress"
	"tapline.dev/schemas"
)

const (
	// sendTimeout bounds one try to deliver a message.
	sendTimeout = 15 * time.Second
	maxAnswer   = 64 << 10
)

// Channels deliver messages.
type Channels struct {
	Secrets config.References
	Egress  egress.Config
	// Hosts are the hosts that messages may go to; any if there are none.
	Hosts []string
	// AllowPlain lets webhooks be http and mail servers be without TLS. It is for
	// deployments that allow endpoints of their own.
	AllowPlain bool
}

// Errors of a channel. None of them repeats what a server sent, or a secret.
var (
	errHost  = errors.New("its host is none that this deployment allows; add it to notifications.hosts")
	errPlain = errors.New("it would be sent without TLS, which this deployment does not allow (allowCustomEndpoints)")
)

// Send delivers a message, and returns nil once the channel has taken it.
func (c Channels) Send(ctx context.Context, spec schemas.NotificationSpec, n schemas.Notice) error {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	switch {
	case spec.Webhook != nil:
		return c.webhook(ctx, spec, n)
	case spec.Slack != nil:
		return c.slack(ctx, spec, n)
	case spec.Email != nil:
		return c.mail(ctx, spec, n)
	}
	return errors.New("the notification has no channel")
}

// webhook signs as standardwebhooks.com says, for which receivers have libraries: the id is
// the same for each try, so that they can tell a repetition.
func (c Channels) webhook(ctx context.Context, spec schemas.NotificationSpec, n schemas.Notice) error {
	target := spec.Webhook.URL
	if config.IsReference(target) {
		secret, err := c.Secrets.Line(target)
		if err != nil {
			return fmt.Errorf("reading the URL: %w", err)
		}
		target = secret.Reveal()
	}
	secret, err := c.Secrets.Line(spec.Webhook.Secret)
	if err != nil {
		return fmt.Errorf("reading the secret: %w", err)
	}
	body, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("encoding the message: %w", err)
	}
	stamp := strconv.FormatInt(time.Now().Unix(), 10)
	return c.post(ctx, spec, target, body, map[string]string{
		"Webhook-Id": n.ID, "Webhook-Timestamp": stamp, "Webhook-Signature": "v1," + Sign(secret, n.ID, stamp, body),
	})
}

// secretPrefix begins secrets whose rest is base64, as Standard Webhooks has them.
const secretPrefix = "whsec_"

// Sign is the signature of a message's body.
func Sign(secret config.Secret, id, stamp string, body []byte) string {
	key := []byte(secret.Reveal())
	if text, ok := strings.CutPrefix(secret.Reveal(), secretPrefix); ok {
		if raw, err := base64.StdEncoding.DecodeString(text); err == nil {
			key = raw
		}
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + stamp + "."))
	mac.Write(body)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func (c Channels) slack(ctx context.Context, spec schemas.NotificationSpec, n schemas.Notice) error {
	target, err := c.Secrets.Line(spec.Slack.URL)
	if err != nil {
		return fmt.Errorf("reading the URL: %w", err)
	}
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
	text := "*" + escape.Replace(Subject(n)) + "*\n" + escape.Replace(Text(n))
	body, err := json.Marshal(map[string]string{"text": text})
	if err != nil {
		return fmt.Errorf("encoding the message: %w", err)
	}
	return c.post(ctx, spec, target.Reveal(), body, nil)
}

func (c Channels) post(ctx context.Context, spec schemas.NotificationSpec, target string, body []byte, headers map[string]string) error {
	u, err := url.Parse(target)
	if err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http" {
		return errors.New("the URL is none of http or https") // the parser's error would repeat it
	}
	if u.Scheme == "http" && !c.AllowPlain {
		return errPlain
	}
	if !c.allows(u.Hostname()) {
		return errHost
	}
	client, err := c.client(spec)
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return errors.New("the request cannot be made")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Tapline")
	for key, value := range headers {
		req.Header.Set(key, value)
	}
	res, err := client.Do(req)
	if err != nil {
		return withoutURL(err)
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, maxAnswer)) // so that the connection ends in order
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return fmt.Errorf("the server answers with status %d", res.StatusCode)
	}
	return nil
}

// withoutURL is an error of a request without the URL, which may hold a secret.
func withoutURL(err error) error {
	if where := egress.Where(err); where != "" {
		return errors.New(where)
	}
	return errors.New("the request got no answer")
}

func (c Channels) client(spec schemas.NotificationSpec) (*http.Client, error) {
	proxy, err := c.Egress.Proxy(spec.Proxy)
	if err != nil {
		return nil, err
	}
	pem, err := c.Egress.CAs(spec.CAFile)
	if err != nil {
		return nil, err
	}
	t := &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}, DisableKeepAlives: true}
	egress.Use(t, proxy, pem)
	// A redirect would take the message, and a URL's secret, to a host that nobody has named.
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, nil
}

func (c Channels) allows(host string) bool {
	for _, allowed := range c.Hosts {
		if strings.EqualFold(allowed, host) {
			return true
		}
	}
	return len(c.Hosts) == 0
}

// Beat calls an outside monitor: a GET that its server answers with 2xx.
func (c Channels) Beat(target config.Secret) func(context.Context) error {
	return func(ctx context.Context) error {
		client, err := c.client(schemas.NotificationSpec{})
		if err != nil {
			return err
		}
		defer client.CloseIdleConnections()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, target.Reveal(), nil)
		if err != nil {
			return errors.New("heartbeat.url cannot be asked")
		}
		res, err := client.Do(req)
		if err != nil {
			return withoutURL(err)
		}
		defer func() { _ = res.Body.Close() }()
		if res.StatusCode < 200 || res.StatusCode > 299 {
			return fmt.Errorf("the outside monitor answers with status %d", res.StatusCode)
		}
		return nil
	}
}
