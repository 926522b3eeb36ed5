package metrics

import (
	"slices"
	"strings"
)

// Catalogue is every metric, by name.
func Catalogue() []Metric {
	all := slices.Concat(ofImports(), ofStages(), ofServers())
	slices.SortFunc(all, func(a, b Metric) int { return strings.Compare(a.Name, b.Name) })
	return all
}

func ofImports() []Metric {
	return []Metric{
		ImportInfo,
		ImportState,
		ImportHealth,
		Imports,
		ImportLastSuccess,
		ImportLastRun,
		ImportWatermark,
		ImportFreshness,
		ImportFreshnessPromised,
		ImportOverdue,
		ImportNextDue,
		ImportHeldSince,
		ImportRunStarted,
		ImportRunProgress,
		ImportRunWaiting,
		ImportRunRows,
		ImportRejects,
		ImportRows,
		Runs,
		RunDuration,
		DueUnaccounted,
	}
}

func ofStages() []Metric {
	return []Metric{
		ExtractorRows,
		ExtractorRejects,
		ExtractorAttempts,
		ExtractorActive,
		ExtractorTakeovers,
		ExtractorRestarts,
		ExtractorRetries,
		ExtractorChunks,
		ExtractorTransactions,
		ExtractorTransactionDuration,
		ExtractorPartitions,
		MapperRows,
		MapperTransactions,
		MapperTransactionDuration,
		MapperRestarts,
		MapperHolds,
		MapperLag,
		MapperLagAge,
		MapperPartitions,
		MapperRetentionUsed,
		LoaderRecords,
		LoaderResent,
		LoaderRestarts,
		LoaderTakeovers,
		LoaderLag,
		LoaderLagAge,
		LoaderPartitions,
		LoaderRetentionUsed,
		SchedulerSteps,
		SchedulerRecords,
		SchedulerStepDuration,
		SchedulerTakeovers,
		SchedulerRestarts,
		SchedulerPartitions,
		SchedulerUnreadable,
		SchedulerProjections,
		ProjectionAge,
		Unstable,
		UnstableAge,
	}
}

func ofServers() []Metric {
	return []Metric{
		LoaderRequests,
		LoaderRequestRecords,
		LoaderRequestDuration,
		LoaderInFlight,
		LoaderInFlightOfImport,
		LoaderSlotsBusy,
		LoaderSlotsLimit,
		LoaderSlotsShare,
		LoaderSlotWait,
		LoaderOldestWaiting,
		LoaderCircuit,
		LoaderRefused,
		SnowflakeSignIn,
		SnowflakeQueue,
		SnowflakeExecution,
		SnowflakeStatements,
		SnowflakeStatementAge,
		SnowflakeSessionAge,
		SnowflakeRefused,
		SnowflakeDownloaded,
		SnowflakeDownload,
		APIRequestDuration,
		TableLag,
		TableUnreadable,
		KeyExpiry,
		KafkaRequestDuration,
		KafkaSent,
		KafkaConsumed,
		KafkaWritten,
		KafkaRead,
		KafkaConnectErrors,
		RedisCommandDuration,
		BuildInfo,
		HealthCheck,
		ClockSkew,
		CertificateExpiry,
		SpansLost, LogsLost,
	}
}

// Foreign are the metrics of the Go runtime, of the process and of Prometheus itself that
// dashboards and alerts may name as well.
func Foreign() []string {
	return []string{
		"up", "target_info", "ALERTS", "scrape_duration_seconds", "scrape_samples_scraped",
		"go_goroutines", "go_memstats_heap_inuse_bytes", "go_memstats_alloc_bytes_total", "go_gc_duration_seconds",
		"process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds", "process_max_fds", "process_start_time_seconds",
	}
}
