package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"tapline.dev/domain/control"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// prepare defines the account and a new import with its run, and fills its
// records topic.
func (w *world) prepare(ctx context.Context, name string, rows int) error {
	spec := schemas.ImportSpec{
		Destination: schemas.Destination{AccountRef: account, Type: schemas.TypeProfile},
		Topic:       schemas.TopicSettings{Partitions: partitions},
	}
	if err := kafka.EnsureTopics(ctx, w.kafka, w.deps, w.topics.ImportTopics(name, spec.Topic)); err != nil {
		return err
	}
	if err := w.produce(ctx, name, rows); err != nil {
		return err
	}
	resource, err := w.account()
	if err != nil {
		return err
	}
	producer, err := kafka.OpenProducer(w.kafka, w.deps)
	if err != nil {
		return err
	}
	defer producer.Close()
	for _, c := range []struct {
		topic, key string
		value      any
	}{
		{w.topics.Resources(), schemas.ResourceKey(schemas.KindCleverTapAccount, account), resource},
		{w.topics.Imports(), name, schemas.Definition{Metadata: schemas.Metadata{Name: name}, Spec: spec}},
		{w.topics.State(), name, schemas.State{Import: name, LastNumber: 1, Active: &schemas.ActiveRun{
			Run: schemas.RunID(name, 1), Number: 1, Attempt: 1, State: schemas.StateLoading, Spec: spec,
		}}},
	} {
		rec, err := control.Record(c.topic, name, c.key, c.value, "bench", "bench")
		if err != nil {
			return err
		}
		if c.topic == w.topics.Resources() {
			rec.Partition = 0
		}
		if err := producer.Produce(ctx, rec); err != nil {
			return err
		}
	}
	return nil
}

// produce writes the records as the mapper does, in transactions.
func (w *world) produce(ctx context.Context, name string, rows int) error {
	tx, err := kafka.OpenTransactor(ctx, w.kafka, w.deps, "bench-"+name)
	if err != nil {
		return err
	}
	defer tx.Close()
	const batch = 30_000
	topic := w.topics.Records(name)
	for begin := 0; begin < rows; begin += batch {
		if err := tx.Begin(); err != nil {
			return err
		}
		for i := begin; i < min(begin+batch, rows); i++ {
			identity := fmt.Sprintf("user-%08d", i)
			tx.Produce(&kafka.Record{
				Topic: topic, Partition: schemas.Partition([]byte(identity), partitions), Key: []byte(identity),
				Value: fmt.Appendf(nil, `{"type":"profile","identity":%q,"profileData":{"Name":"User %d","Email":"user%d@example.com","plan":"gold","spend":%d.25,"city":"Mumbai","born":"$D_631152000","active":true}}`, identity, i, i, i%1000),
				Headers: []kafka.Header{
					{Key: schemas.HeaderID, Value: schemas.RowID{Number: 1, Attempt: 1, Seq: int64(i + 1)}.Append(nil)},
					{Key: schemas.HeaderTraceparent, Value: fmt.Appendf(nil, "00-%032x-%016x-01", begin+1, begin+1)},
				},
			})
		}
		if err := tx.Commit(ctx); err != nil {
			return err
		}
	}
	return nil
}

// account is the sandbox's, its secrets in files.
func (w *world) account() (schemas.Resource, error) {
	refs := map[string]string{}
	for name, secret := range map[string]string{"id": w.ct.AccountID, "passcode": string(w.ct.Passcode)} {
		path := filepath.Join(w.dir, name)
		if err := os.WriteFile(path, []byte(secret), 0o600); err != nil {
			return schemas.Resource{}, err
		}
		refs[name] = "ref+file://" + path
	}
	spec, err := json.Marshal(schemas.CleverTapAccountSpec{
		Endpoint: "http://" + w.sandbox.Addr(), AccountID: refs["id"], Passcode: refs["passcode"], Slots: slots, RecordsPerUpload: perUpload,
	})
	return schemas.Resource{
		APIVersion: schemas.APIVersion, Kind: schemas.KindCleverTapAccount, Metadata: schemas.Metadata{Name: account}, Spec: spec,
	}, err
}
