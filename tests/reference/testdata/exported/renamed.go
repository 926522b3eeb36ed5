package exported

import catalogue "tapline.dev/schemas/metrics"

type metrics struct{ KafkaRead int }

func of(m metrics) (string, int) { return catalogue.HealthCheck.Name, m.KafkaRead }
