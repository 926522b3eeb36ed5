package metrics

// What the stages say of their work: the extractor, the mapper and the loader by import.
var (
	ExtractorRows = Metric{
		Name: "tapline.extractor.rows", Kind: Counter, Services: []string{extractor},
		Labels: []Label{importLabel(), oneOf("outcome", "extracted", "unchanged", "still rejected", "future", "rejected", "skipped")},
		Help:   "Rows read, by import and outcome; counted once committed.",
	}
	ExtractorRejects = Metric{
		Name: "tapline.extractor.rejects", Kind: Counter, Services: []string{extractor}, Labels: []Label{importLabel(), codeLabel()},
		Help: "Rows rejected by the extractor, by import and code.",
	}
	ExtractorAttempts = Metric{
		Name: "tapline.extractor.attempts", Kind: Counter, Services: []string{extractor},
		Labels: []Label{importLabel(), oneOf("outcome", "final", "early", "abandoned", "held")},
		Help:   "Attempts of runs that ended, by import and outcome. Previews and tests are not counted.",
	}
	ExtractorActive = Metric{
		Name: "tapline.extractor.active", Kind: Gauge, Services: []string{extractor},
		Help: "Attempts at work.",
	}
	ExtractorTakeovers = Metric{
		Name: "tapline.extractor.takeovers", Kind: Counter, Services: []string{extractor},
		Help: "Attempts taken over again after an error of Kafka.",
	}
	ExtractorRestarts = Metric{
		Name: "tapline.extractor.restarts", Kind: Counter, Services: []string{extractor},
		Help: "Memberships of the consumer group that ended with an error.",
	}
	ExtractorRetries = Metric{
		Name: "tapline.extractor.retries", Kind: Counter, Services: []string{extractor},
		Help: "Sessions with Snowflake that were begun anew within an attempt.",
	}
	ExtractorChunks = Metric{
		Name: "tapline.extractor.chunks", Kind: Counter, Services: []string{extractor}, Labels: []Label{importLabel()},
		Help: "Chunks committed, by import.",
	}
	ExtractorTransactions = Metric{
		Name: "tapline.extractor.transactions", Kind: Counter, Services: []string{extractor},
		Labels: []Label{oneOf("outcome", "committed", "aborted", "fenced", "failed")},
		Help:   "Transactions, by outcome.",
	}
	ExtractorTransactionDuration = Metric{
		Name: "tapline.extractor.transaction.duration", Kind: Histogram, Unit: Seconds, Services: []string{extractor},
		Help: "Time of one transaction.",
	}
	ExtractorPartitions = Metric{
		Name: "tapline.extractor.partitions", Kind: Gauge, Services: []string{extractor},
		Help: "Partitions of the triggers topic that this process owns. Their sum over all extractors is 4.",
	}

	MapperRows = Metric{
		Name: "tapline.mapper.rows", Kind: Counter, Services: []string{mapper},
		Labels: []Label{importLabel(), oneOf("outcome", "mapped", "rejected", "skipped"), {Name: "code", Of: "codes of docs/reference/errors.md, or why a row was skipped"}},
		Help:   "Rows by import, outcome and code or reason.",
	}
	MapperTransactions = Metric{
		Name: "tapline.mapper.transactions", Kind: Counter, Services: []string{mapper}, Labels: []Label{oneOf("outcome", "committed", "aborted")},
		Help: "Transactions by outcome.",
	}
	MapperTransactionDuration = Metric{
		Name: "tapline.mapper.transaction.duration", Kind: Histogram, Unit: Seconds, Services: []string{mapper},
		Help: "Time from poll to commit.",
	}
	MapperRestarts = Metric{
		Name: "tapline.mapper.restarts", Kind: Counter, Services: []string{mapper},
		Help: "Memberships of the consumer group that ended with an error.",
	}
	MapperHolds = Metric{
		Name: "tapline.mapper.holds", Kind: Counter, Services: []string{mapper},
		Labels: []Label{importLabel()},
		Help:   "Times that a partition's rows could not be mapped and were given back. The log says why.",
	}
	MapperLag = Metric{
		Name: "tapline.mapper.lag", Kind: Gauge, Unit: Records, Services: []string{mapper}, Labels: []Label{importLabel()},
		Help: "Offsets between what the mapper has committed and the end of the rows topic, over the partitions that this process owns.",
	}
	MapperLagAge = Metric{
		Name: "tapline.mapper.lag.age", Kind: Gauge, Unit: Seconds, Services: []string{mapper}, Labels: []Label{importLabel()},
		Help: "Age of the oldest row that is not mapped; 0 without one.",
	}
	MapperPartitions = Metric{
		Name: "tapline.mapper.partitions", Kind: Gauge, Services: []string{mapper}, Labels: []Label{importLabel()},
		Help: "Partitions of the import's rows topic that this process owns.",
	}
	MapperRetentionUsed = Metric{
		Name: "tapline.mapper.retention.used", Kind: Gauge, Unit: Ratio, Services: []string{mapper}, Labels: []Label{importLabel()},
		Help: "Age of the oldest row that is not mapped, as a share of the topic's retention. At 1 Kafka deletes rows that nobody has mapped.",
	}

	LoaderRecords = Metric{
		Name: "tapline.loader.records", Kind: Counter, Services: []string{loader},
		Labels: []Label{importLabel(), oneOf("outcome", "loaded", "rejected", "skipped"), {Name: "code", Of: "codes of docs/reference/errors.md, or why a record was skipped"}},
		Help:   "Records by import, outcome and code or reason.",
	}
	LoaderResent = Metric{
		Name: "tapline.loader.records.resent", Kind: Counter, Services: []string{loader},
		Help: "Records written to a socket again after a request that may have been applied.",
	}
	LoaderRestarts = Metric{
		Name: "tapline.loader.restarts", Kind: Counter, Services: []string{loader},
		Help: "Memberships of the consumer group that ended with an error.",
	}
	LoaderTakeovers = Metric{
		Name: "tapline.loader.takeovers", Kind: Counter, Services: []string{loader},
		Help: "Partitions taken over from another loader, or from an earlier life of this one.",
	}
	LoaderLag = Metric{
		Name: "tapline.loader.lag", Kind: Gauge, Unit: Records, Services: []string{loader}, Labels: []Label{importLabel()},
		Help: "Offsets between what the loader has committed and the end of the records topic, over the partitions that this process owns.",
	}
	LoaderLagAge = Metric{
		Name: "tapline.loader.lag.age", Kind: Gauge, Unit: Seconds, Services: []string{loader}, Labels: []Label{importLabel()},
		Help: "Age of the oldest record without an outcome; 0 without one.",
	}
	LoaderPartitions = Metric{
		Name: "tapline.loader.partitions", Kind: Gauge, Services: []string{loader}, Labels: []Label{importLabel()},
		Help: "Partitions of the import's records topic that this process owns.",
	}
	LoaderRetentionUsed = Metric{
		Name: "tapline.loader.retention.used", Kind: Gauge, Unit: Ratio, Services: []string{loader}, Labels: []Label{importLabel()},
		Help: "Age of the oldest record without an outcome, as a share of the topic's retention. At 1 Kafka deletes records that nobody has sent.",
	}

	SchedulerSteps = Metric{
		Name: "tapline.scheduler.steps", Kind: Counter, Services: []string{scheduler},
		Help: "Transactions committed.",
	}
	SchedulerRecords = Metric{
		Name: "tapline.scheduler.records", Kind: Counter, Services: []string{scheduler},
		Help: "Reports, commands and definitions taken in.",
	}
	SchedulerStepDuration = Metric{
		Name: "tapline.scheduler.step.duration", Kind: Histogram, Unit: Seconds, Services: []string{scheduler},
		Help: "Time from taking records in to their commit.",
	}
	SchedulerTakeovers = Metric{
		Name: "tapline.scheduler.takeovers", Kind: Counter, Services: []string{scheduler}, Labels: []Label{oneOf("outcome", "ok", "error")},
		Help: "Takeovers of a control partition by outcome.",
	}
	SchedulerRestarts = Metric{
		Name: "tapline.scheduler.restarts", Kind: Counter, Services: []string{scheduler},
		Help: "Memberships of the consumer group that ended with an error.",
	}
	SchedulerPartitions = Metric{
		Name: "tapline.scheduler.partitions", Kind: Gauge, Services: []string{scheduler},
		Help: "Control partitions that this process owns and has taken over. Their sum over all schedulers is 4.",
	}
	SchedulerUnreadable = Metric{
		Name: "tapline.scheduler.unreadable", Kind: Counter, Services: []string{scheduler}, Labels: []Label{controlTopicLabel()},
		Help: "Control records left out because they cannot be read, by topic.",
	}
	SchedulerProjections = Metric{
		Name: "tapline.scheduler.projections", Kind: Counter, Services: []string{scheduler}, Labels: []Label{oneOf("outcome", "ok", "error")},
		Help: "Attempts to bring Redis up to date by outcome.",
	}
	ProjectionAge = Metric{
		Name: "tapline.scheduler.projection.age", Kind: Gauge, Unit: Seconds, Services: []string{scheduler}, Labels: []Label{partitionLabel()},
		Help: "How long the oldest change that Redis does not show yet has been committed; 0 if Redis shows all.",
	}
	Unstable = Metric{
		Name: "tapline.kafka.unstable", Kind: Gauge, Unit: Records, Services: []string{scheduler}, Labels: []Label{controlTopicLabel(), partitionLabel()},
		Help: "Offsets between a control partition's last stable offset and its end: what a transaction that is open hides.",
	}
	UnstableAge = Metric{
		Name: "tapline.kafka.unstable.age", Kind: Gauge, Unit: Seconds, Services: []string{scheduler}, Labels: []Label{controlTopicLabel(), partitionLabel()},
		Help: "How long the same transaction has been hiding records of a control partition; 0 without one. A transaction of Tapline's ends within seconds.",
	}
)
