package extractor

import (
	"errors"
	"testing"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/libs/redis"
	"tapline.dev/schemas"
)

// TestTwoDeploymentsOnOneRedis: the same definition is applied to staging and to
// production, so their runs have the same names. What one has read the other must not
// leave out.
func TestTwoDeploymentsOnOneRedis(t *testing.T) {
	t.Parallel()
	first, late := dbRow{1, "a@example.com", at(-20)}, dbRow{2, "b@example.com", at(-15)}
	production, staging := newWorld(t, first), newWorld(t, first)
	staging.cfg.Redis = production.cfg.Redis
	p, s := production.start(), staging.start()
	production.next(1, nil)
	production.extract(p)
	production.close()

	production.db.rows, staging.db.rows = append(production.db.rows, late), append(staging.db.rows, late)
	staging.next(1, nil)
	staging.extract(s)
	staging.close()

	production.next(2, nil)
	production.extract(p)
	if sent := production.rows(); len(sent) != 1 {
		t.Errorf("one row is new to production: %v were sent, %+v", sent, production.last(schemas.ReportFinal).Final.Extraction)
	}
}

// TestASecondDeploymentDoesNotStart under the Redis keys of another one.
func TestASecondDeploymentDoesNotStart(t *testing.T) {
	t.Parallel()
	production, staging := newWorld(t), newWorld(t)
	reader, err := kafka.OpenReader(production.cfg.Kafka, kafkatest.Deps())
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	d, err := reader.Deployment(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := production.redis.Client(t).Claim(t.Context(), d.String()); err != nil {
		t.Fatal(err)
	}
	staging.cfg.Redis = production.cfg.Redis
	service, _ := staging.service()
	if err := service.Run(t.Context()); !errors.Is(err, redis.ErrClaimed) {
		t.Errorf("Run() = %v, want it to refuse", err)
	}
}
