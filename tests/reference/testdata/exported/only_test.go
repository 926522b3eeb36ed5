package exported

import "tapline.dev/schemas/metrics"

var tested = metrics.KafkaWritten
