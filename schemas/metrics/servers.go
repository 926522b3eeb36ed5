package metrics

// What the services say of CleverTap, Snowflake, Kafka, Redis and themselves.
var (
	LoaderRequests = Metric{
		Name: "tapline.loader.requests", Kind: Counter, Services: []string{loader},
		Labels: []Label{accountLabel(), oneOf("result", RequestResults()...)},
		Help:   "Requests by account and what became of them; throttled is 429. Exists at 0 from the account's first use.",
	}
	LoaderRequestRecords = Metric{
		Name: "tapline.loader.request.records", Kind: Histogram, Unit: Records, Services: []string{loader}, Labels: []Label{accountLabel()},
		Help: "Records in a request.",
	}
	LoaderRequestDuration = Metric{
		Name: "tapline.loader.request.duration", Kind: Histogram, Unit: Seconds, Services: []string{loader},
		Labels: []Label{accountLabel(), oneOf("result", RequestResults()...)},
		Help:   "Time from a request's start to its answer. Exemplars carry the run's trace.",
	}
	LoaderInFlight = Metric{
		Name: "tapline.loader.requests.in_flight", Kind: Gauge, Services: []string{loader}, Labels: []Label{accountLabel()},
		Help: "Requests in flight: slots in use.",
	}
	LoaderInFlightOfImport = Metric{
		Name: "tapline.loader.slots.used", Kind: Gauge, Services: []string{loader}, Labels: []Label{accountLabel(), importLabel()},
		Help: "Slots in use, by account and import.",
	}
	LoaderSlotsBusy = Metric{
		Name: "tapline.loader.slots.busy", Kind: Counter, Unit: Seconds, Services: []string{loader}, Labels: []Label{accountLabel()},
		Help: "Time that slots were in use, requests under way included: its rate is the mean number in use.",
	}
	LoaderSlotsLimit = Metric{
		Name: "tapline.loader.slots.limit", Kind: Gauge, Services: []string{loader}, Labels: []Label{accountLabel()},
		Help: "Requests in flight that CleverTap is thought to tolerate: halved by 429, growing back.",
	}
	LoaderSlotsShare = Metric{
		Name: "tapline.loader.slots.share", Kind: Gauge, Services: []string{loader}, Labels: []Label{accountLabel()},
		Help: "Requests in flight that this replica may have, by lease or static share.",
	}
	LoaderSlotWait = Metric{
		Name: "tapline.loader.slot.wait", Kind: Histogram, Unit: Seconds, Services: []string{loader}, Labels: []Label{accountLabel()},
		Help: "Time that the oldest record of an upload waited in this process before the upload got a slot.",
	}
	LoaderOldestWaiting = Metric{
		Name: "tapline.loader.slot.waiting.age", Kind: Gauge, Unit: Seconds, Services: []string{loader}, Labels: []Label{accountLabel(), importLabel()},
		Help: "How long records of the import have been ready for a slot of the account and got none; 0 or no series without such.",
	}
	LoaderCircuit = Metric{
		Name: "tapline.loader.circuit.open", Kind: Gauge, Services: []string{loader}, Labels: []Label{accountLabel()},
		Help: "1 while requests of an account are held back and it is probed.",
	}
	LoaderRefused = Metric{
		Name: "tapline.loader.account.refused", Kind: Gauge, Services: []string{loader}, Labels: []Label{accountLabel()},
		Help: "1 while CleverTap refuses the account's credentials.",
	}

	SnowflakeSignIn = Metric{
		Name: "tapline.snowflake.signin.duration", Kind: Histogram, Unit: Seconds, Services: []string{extractor},
		Labels: []Label{connectionLabel(), oneOf("outcome", "ok", "error")},
		Help:   "Time to sign in to Snowflake.",
	}
	SnowflakeQueue = Metric{
		Name: "tapline.snowflake.queue.duration", Kind: Histogram, Unit: Seconds, Services: []string{extractor}, Labels: []Label{connectionLabel()},
		Help: "Time that a statement waited for a warehouse, as Snowflake tells it.",
	}
	SnowflakeExecution = Metric{
		Name: "tapline.snowflake.execution.duration", Kind: Histogram, Unit: Seconds, Services: []string{extractor},
		Labels: []Label{connectionLabel(), oneOf("outcome", "ok", "error")},
		Help:   "Time from sending a statement until its result can be read, queueing included. Exemplars carry the run's trace.",
	}
	SnowflakeStatements = Metric{
		Name: "tapline.snowflake.statements", Kind: Gauge, Services: []string{extractor},
		Labels: []Label{connectionLabel(), oneOf("phase", "signin", "execute", "download")},
		Help:   "Statements under way by what they are at.",
	}
	SnowflakeStatementAge = Metric{
		Name: "tapline.snowflake.statement.age", Kind: Gauge, Unit: Seconds, Services: []string{extractor},
		Labels: []Label{connectionLabel(), oneOf("phase", "signin", "execute", "download")},
		Help:   "How long the oldest statement has been at its phase; 0 without one.",
	}
	SnowflakeSessionAge = Metric{
		Name: "tapline.snowflake.session.age", Kind: Gauge, Unit: Seconds, Services: []string{extractor}, Labels: []Label{connectionLabel()},
		Help: "Age of the oldest open session.",
	}
	SnowflakeRefused = Metric{
		Name: "tapline.snowflake.connection.refused", Kind: Gauge, Services: []string{extractor}, Labels: []Label{connectionLabel()},
		Help: "1 while Snowflake refuses the connection's credentials.",
	}
	SnowflakeDownloaded = Metric{
		Name: "tapline.extractor.downloaded", Kind: Counter, Unit: Bytes, Services: []string{extractor}, Labels: []Label{connectionLabel()},
		Help: "Bytes of chunks downloaded, unpacked.",
	}
	SnowflakeDownload = Metric{
		Name: "tapline.extractor.download.duration", Kind: Histogram, Unit: Seconds, Services: []string{extractor}, Labels: []Label{connectionLabel()},
		Help: "Time to download a chunk, repetitions included.",
	}

	APIRequestDuration = Metric{
		Name: "tapline.importcenter.request.duration", Kind: Histogram, Unit: Seconds, Services: []string{importcenter},
		Labels: []Label{{Name: "operation", Of: "operations of the API"}, {Name: "status", Of: "HTTP statuses"}},
		Help:   "How long API requests took, by operation and status.",
	}
	TableLag = Metric{
		Name: "tapline.kafka.table.lag", Kind: Gauge, Unit: Records, Labels: []Label{controlTopicLabel()},
		Help: "Offsets between what a service has read of a compacted topic and its end, every 15 seconds.",
	}
	TableUnreadable = Metric{
		Name: "tapline.kafka.unreadable", Kind: Counter, Labels: []Label{controlTopicLabel()},
		Help: "Records of compacted topics that cannot be read, by topic. The import or resource of each stands still until it is written again.",
	}
	KeyExpiry = Metric{
		Name: "tapline.importcenter.key.expiry.timestamp", Kind: Gauge, Unit: Seconds, Services: []string{importcenter},
		Labels: []Label{{Name: "key", Of: "names of API keys that expire"}},
		Help:   "When an API key expires, as Unix time.",
	}

	KafkaRequestDuration = Metric{
		Name: "tapline.kafka.request.duration", Kind: Histogram, Unit: Seconds,
		Labels: []Label{{Name: "api", Of: "Kafka's requests, such as Produce"}, oneOf("outcome", "ok", "error")},
		Help:   "Time from writing a request to Kafka until its answer is read.",
	}
	KafkaSent = Metric{
		Name: "messaging.client.sent.messages", Kind: Counter, Unit: "{message}", Labels: []Label{oneOf("messaging.system", "kafka")},
		Help: "Records that Kafka has acknowledged.",
	}
	KafkaConsumed = Metric{
		Name: "messaging.client.consumed.messages", Kind: Counter, Unit: "{message}", Labels: []Label{oneOf("messaging.system", "kafka")},
		Help: "Records that were fetched.",
	}
	KafkaWritten = Metric{
		Name: "tapline.kafka.written", Kind: Counter, Unit: Bytes,
		Help: "Bytes written to Kafka.",
	}
	KafkaRead = Metric{
		Name: "tapline.kafka.read", Kind: Counter, Unit: Bytes,
		Help: "Bytes read from Kafka.",
	}
	KafkaConnectErrors = Metric{
		Name: "tapline.kafka.connect.errors", Kind: Counter,
		Help: "Connections to Kafka that could not be made.",
	}
	RedisCommandDuration = Metric{
		Name: "tapline.redis.command.duration", Kind: Histogram, Unit: Seconds, Services: []string{scheduler, extractor, loader, importcenter},
		Labels: []Label{{Name: "command", Of: "names of Redis commands"}, oneOf("outcome", "ok", "unavailable", "error")},
		Help:   "Time of Redis commands and pipelines.",
	}

	BuildInfo = Metric{
		Name: "tapline.build.info", Kind: Gauge,
		Labels: []Label{{Name: "service", Of: "the service's name"}, {Name: "version", Of: "the build's version"}, {Name: "go_version", Of: "the compiler's version"}},
		Help:   "Always 1: what is running.",
	}
	HealthCheck = Metric{
		Name: "tapline.health.check", Kind: Gauge,
		Labels: []Label{{Name: "check", Of: "names of /readyz?verbose"}, oneOf("effect", "unready", "degraded")},
		Help:   "1 if a readiness check passes, 0 if not; the effect is what its failure means for the service.",
	}
	ClockSkew = Metric{
		Name: "tapline.clock.skew", Kind: Gauge, Unit: Seconds, Services: []string{extractor, loader}, Labels: []Label{oneOf("server", "snowflake", "clevertap")},
		Help: "How far a server's clock is ahead of this process's, by its newest answer that says the time.",
	}
	CertificateExpiry = Metric{
		Name: "tapline.certificate.expiry.timestamp", Kind: Gauge, Unit: Seconds,
		Labels: []Label{oneOf("use", "admin", "api", "kafka", "redis")},
		Help:   "When a certificate that this process shows ends, as Unix time. It is read from its file at each look.",
	}
	SpansLost = Metric{
		Name: "tapline.telemetry.spans.lost", Kind: Counter, Unit: "{span}", Labels: []Label{oneOf("why", "queue", "export")},
		Help: "Spans that were not delivered, because the queue was full or the exporter failed.",
	}
	LogsLost = Metric{
		Name: "tapline.telemetry.logs.lost", Kind: Counter, Unit: "{log_record}", Labels: []Label{oneOf("why", "queue", "export")},
		Help: "Log records that OTLP did not deliver, because the queue was full or the exporter failed; the process's own log has them. No series unless they are sent by OTLP.",
	}
)

// RequestResults are the values of the label result.
func RequestResults() []string {
	return []string{
		"done", "not_sent", "ambiguous", "unavailable", "throttled", "auth_refused", "blocked", "malformed", "too_large", "config_fault",
	}
}
