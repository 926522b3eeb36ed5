package mapper

import (
	"testing"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
)

// TestARightThatIsTakenAwayStopsNoOther: the mapper, which has the rights that the
// reference names and no others, may no longer read the rows of one import, or no
// longer write its records.
func TestARightThatIsTakenAwayStopsNoOther(t *testing.T) {
	t.Parallel()
	for name, prefixed := range map[string]func(schemas.Topics) schemas.Right{
		"rows": func(topics schemas.Topics) schemas.Right {
			return schemas.Right{Name: topics.Prefix() + "rows.", May: schemas.MayRead}
		},
		"records": func(topics schemas.Topics) schemas.Right {
			return schemas.Right{Name: topics.Prefix() + "records.", May: schemas.MayWrite}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			secured := kafkatest.StartSecured(t, "mapper")
			topics := schemas.NewTopics(secured.Admin.Prefix)
			if err := kafka.EnsureTopics(t.Context(), made(secured.Admin), kafkatest.Deps(), topics.Catalogue()); err != nil {
				t.Fatal(err)
			}
			w := newWorldOn(t, made(secured.Admin))
			w.besides()
			all := prefixed(topics)
			all.On, all.Prefixed = schemas.OnTopic, true
			ofCustomers, ofOrders := all, all
			ofCustomers.Name, ofCustomers.Prefixed = all.Name+"customers.v1", false
			ofOrders.Name, ofOrders.Prefixed = all.Name+"orders.v1", false
			secured.Grant(t, "mapper", ofCustomers, ofOrders)
			for _, r := range topics.Rights("mapper") {
				if r != all {
					secured.Grant(t, "mapper", r)
				}
			}
			defer w.start(func(cfg *Config) { cfg.Kafka = secured.As("mapper") })()
			w.produce(w.row("3.2.1", 0, aRow), orders(w, "1.2.1", aRow))
			w.sent[0]++ // of orders
			w.await()

			secured.Revoke(t, "mapper", ofCustomers)
			w.produce(w.row("3.2.2", 0, aRow), w.row("3.2.3", 1, aRow))
			for i, id := range []string{"1.2.2", "1.2.3", "1.2.4"} {
				w.produce(orders(w, id, aRow))
				w.awaitOrders(i + 2)
			}
			if got := len(w.read(w.topics.Records("customers"), 3)); got != 1 {
				t.Errorf("%d records of customers, want the one from before", got)
			}

			secured.Grant(t, "mapper", ofCustomers)
			w.sent[0] += 3 // of orders
			if got := w.await(); got.Records != 3 || got.Mapped != 7 {
				t.Errorf("with the right again: %+v, want 3 records of customers and 7 rows mapped in all", got)
			}
		})
	}
}

// made allows topics to be created.
func made(cfg kafka.Config) kafka.Config {
	cfg.CreateTopics = true
	return cfg
}
