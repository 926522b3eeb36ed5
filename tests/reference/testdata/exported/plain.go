package exported

import "tapline.dev/schemas/metrics"

// BuildInfo is made here. The name KafkaSent in a comment or a text makes nothing.
var made = metrics.BuildInfo.Name + "metrics.KafkaSent"
