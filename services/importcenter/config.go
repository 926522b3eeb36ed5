package importcenter

import (
	"errors"
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"tapline.dev/domain/suppression"
	"tapline.dev/libs/config"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/redis"
	"tapline.dev/libs/tlsconf"
	"tapline.dev/services/importcenter/internal/guard"
)

// Config is what operators set.
type Config struct {
	Kafka   kafka.Config
	Redis   redis.Config
	HTTP    HTTPConfig
	Auth    AuthConfig
	Secrets SecretsConfig
	// Rejects say where rejects are indexed.
	Rejects RejectsConfig
	// Schedules bound how often imports may be due.
	Schedules SchedulesConfig
	// Approvals say which imports need two people.
	Approvals ApprovalsConfig
	// Notifications are about messages to people.
	Notifications NotificationsConfig
	// Heartbeat is about a monitor outside of this deployment.
	Heartbeat HeartbeatConfig
	// Suppression is about people who must not be sent.
	Suppression suppression.Config
	// TraceURL is where the web page shows the trace of a run, with {traceId} in place of
	// its id, such as https://jaeger.example.com/trace/{traceId}. Without it the page shows
	// the id alone.
	TraceURL string
	// AllowCustomEndpoints lets connections and accounts name hosts of their own.
	// Whoever may apply can then have secrets sent to any host.
	AllowCustomEndpoints bool
	// LoopbackEndpointsOnly bounds custom endpoints to addresses of this machine.
	LoopbackEndpointsOnly bool
	// AnswerTimeout is how long a request to run waits until the scheduler has
	// taken it.
	AnswerTimeout time.Duration
	// CheckTimeout is how long apply waits for the extractor's next description of
	// a query before it gives up; 0 applies without this check. PreviewTimeout
	// bounds a preview, the query included.
	CheckTimeout   time.Duration
	PreviewTimeout time.Duration
}

// SchedulesConfig bounds the schedules of imports.
type SchedulesConfig struct {
	// MinInterval is the least time between two due instants of a schedule, of any
	// kind, that is new or changed. A schedule in force goes on, with a note.
	MinInterval time.Duration
}

// Validate reports what cannot work.
func (c SchedulesConfig) Validate() error {
	if c.MinInterval < time.Second {
		return config.Bad("minInterval", "must be a second at least")
	}
	return nil
}

// SecretsConfig says where secrets are stored that come in through the API.
type SecretsConfig struct {
	// Store is a directory for them; empty stores none. The extractor needs its
	// folder snowflake and the loader its folder clevertap among their
	// secrets.directories, and the same user.
	Store string
}

// Validate reports what cannot work.
func (c SecretsConfig) Validate() error {
	if c.Store != "" && (!filepath.IsAbs(c.Store) || filepath.Clean(c.Store) == "/") {
		return config.Bad("store", "must be an absolute path below the root")
	}
	return nil
}

// RejectsConfig says where the index of rejects lies.
type RejectsConfig struct {
	// Directory is for the file of the index, which is built from the rejects topic, takes
	// about 130 bytes a reject and can be deleted at any time. Each Import Center needs one
	// of its own. Empty makes one below the temporary directory: the index is then built
	// anew at each start.
	Directory string
	// CheckInterval is the time between two looks at what retention has deleted from the
	// topic.
	CheckInterval time.Duration
}

// Validate reports what cannot work.
func (c RejectsConfig) Validate() error {
	if c.Directory != "" && (!filepath.IsAbs(c.Directory) || filepath.Clean(c.Directory) == "/") {
		return config.Bad("directory", "must be an absolute path below the root")
	}
	if c.CheckInterval < 10*time.Millisecond {
		return config.Bad("checkInterval", "must be at least 10ms")
	}
	return nil
}

// HTTPConfig says where the API listens and what its limits are.
type HTTPConfig struct {
	// Addr is host:port; port 0 takes a free one.
	Addr string
	// Hosts are further host names, with or without a port, under which clients
	// reach the API, besides the names of loopback and that of addr. A request with
	// another Host header is refused, because it may come by DNS rebinding.
	Hosts []string
	// Origins are the origins of web pages on other sites, such as
	// https://tools.example.com, that may call the API from a browser.
	Origins []string
	// TrustedProxies are addresses and networks of proxies, such as 10.0.0.0/8: of a
	// request from one of them the audit and the limits take the address that it
	// names in X-Forwarded-For.
	TrustedProxies []string
	// TLS is the certificate to serve with; none serves plain HTTP.
	TLS tlsconf.Server
	// BasePath is the path under which a proxy shows Import Center, such as /tapline.
	// The proxy may leave it in the requests or take it off.
	BasePath string
	// MaxConnections bounds the connections that are open at a time.
	MaxConnections int
	// RequestsPerMinute is the rate limit of each caller: a key, a person, or an
	// address from which requests come without a credential.
	RequestsPerMinute int
	// QuestionsPerCaller bounds how many previews, tests of connections and checks
	// of queries a caller may have under way. An extractor runs only a few of them
	// at a time.
	QuestionsPerCaller int
	// StreamsPerCaller bounds how many streams of events (of runs, of the listing) a
	// caller may follow at a time.
	StreamsPerCaller int
	// ReadTimeout bounds the reading of a request, WriteTimeout the writing of a
	// response that is no stream, IdleTimeout how long a connection stays open
	// between two requests.
	ReadTimeout  time.Duration
	WriteTimeout time.Duration
	IdleTimeout  time.Duration
}

// plainPath are the paths that need no quoting in HTML and no escaping in an address.
var plainPath = regexp.MustCompile(`^(/[A-Za-z0-9_-]+)+$`)

func defaultHTTP() HTTPConfig {
	return HTTPConfig{
		Addr: "127.0.0.1:19000", MaxConnections: 1000, RequestsPerMinute: 6000, QuestionsPerCaller: 4, StreamsPerCaller: 32,
		// An apply waits for the description of every query.
		ReadTimeout: time.Minute, WriteTimeout: 10 * time.Minute, IdleTimeout: 2 * time.Minute,
	}
}

// Validate reports what cannot work.
func (c HTTPConfig) Validate() error {
	var errs []error
	if _, _, err := net.SplitHostPort(c.Addr); err != nil {
		errs = append(errs, config.Bad("addr", `must be host:port, such as "127.0.0.1:19000"`))
	}
	if c.BasePath != "" && (!strings.HasPrefix(c.BasePath, "/") || !plainPath.MatchString(c.BasePath)) {
		errs = append(errs, config.Bad("basePath", `must begin with "/", not end with it, and hold letters, digits, "/", "-" and "_" only`))
	}
	if _, err := guard.ParseProxies(c.TrustedProxies); err != nil {
		errs = append(errs, config.Bad("trustedProxies", "%s", err))
	}
	if c.MaxConnections <= 0 {
		errs = append(errs, config.Bad("maxConnections", "must be positive"))
	}
	if c.RequestsPerMinute <= 0 {
		errs = append(errs, config.Bad("requestsPerMinute", "must be positive"))
	}
	if c.QuestionsPerCaller <= 0 {
		errs = append(errs, config.Bad("questionsPerCaller", "must be positive"))
	}
	if c.StreamsPerCaller <= 0 {
		errs = append(errs, config.Bad("streamsPerCaller", "must be positive"))
	}
	for key, d := range map[string]time.Duration{"readTimeout": c.ReadTimeout, "writeTimeout": c.WriteTimeout, "idleTimeout": c.IdleTimeout} {
		if d <= 0 {
			errs = append(errs, config.Bad(key, "must be positive"))
		}
	}
	return errors.Join(errs...)
}

// guard is what is checked of every request.
func (c HTTPConfig) guard() guard.Config {
	proxies, _ := guard.ParseProxies(c.TrustedProxies) // Validate has refused what cannot be read
	return guard.Config{Hosts: c.Hosts, Addr: c.Addr, Origins: c.Origins, Proxies: proxies, TLS: c.TLS.CertFile != ""}
}

// traceID stands for the id of a trace in TraceURL.
const traceID = "{traceId}"

// DefaultConfig returns the values in force where nothing is set.
func DefaultConfig() Config {
	return Config{
		Kafka:         kafka.DefaultConfig(),
		Redis:         redis.Default(),
		HTTP:          defaultHTTP(),
		Auth:          defaultAuth(),
		Approvals:     defaultApprovals(),
		Notifications: defaultNotifications(),
		Heartbeat:     HeartbeatConfig{Every: time.Minute},
		Rejects:       RejectsConfig{CheckInterval: 5 * time.Second},
		Schedules:     SchedulesConfig{MinInterval: 15 * time.Minute},
		AnswerTimeout: 15 * time.Second,
		CheckTimeout:  30 * time.Second, PreviewTimeout: 2 * time.Minute,
	}
}

// Validate reports what cannot work; Kafka and Redis validate their own.
func (c Config) Validate() error {
	errs := []error{c.openToAll(), c.approvalsNeedSignIn()}
	if u, err := url.Parse(strings.ReplaceAll(c.TraceURL, traceID, "0")); c.TraceURL != "" && (err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http" || !strings.Contains(c.TraceURL, traceID)) {
		errs = append(errs, config.Bad("traceUrl", "must be a URL with "+traceID+" where a trace's id belongs, such as https://jaeger.example.com/trace/"+traceID))
	}
	if c.AnswerTimeout <= 0 {
		errs = append(errs, config.Bad("answerTimeout", "must be positive"))
	}
	if c.CheckTimeout < 0 {
		errs = append(errs, config.Bad("checkTimeout", "must not be negative"))
	}
	if c.PreviewTimeout <= 0 {
		errs = append(errs, config.Bad("previewTimeout", "must be positive"))
	}
	return errors.Join(errs...)
}
