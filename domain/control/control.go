// Package control makes the records of the control topics: JSON with the headers
// of CloudEvents, in the control partition of an import.
package control

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// Record makes a record with CloudEvents' binary-mode headers. typ is one of the
// event types of package schemas; source the service.
func Record(topic, importName, key string, value any, typ, source string) (*kafka.Record, error) {
	body, err := encode(value)
	if err != nil {
		return nil, fmt.Errorf("encoding %s: %w", typ, err)
	}
	now := time.Now().UTC()
	return &kafka.Record{
		Topic:     topic,
		Partition: schemas.ControlPartition(importName),
		Key:       []byte(key),
		Value:     body,
		Headers: []kafka.Header{
			{Key: "ce_specversion", Value: []byte("1.0")},
			{Key: "ce_id", Value: []byte(key + "/" + strconv.FormatInt(now.UnixNano(), 36))},
			{Key: "ce_source", Value: []byte("/tapline/" + source)},
			{Key: "ce_type", Value: []byte(schemas.EventTypeHeader(typ))},
			{Key: "ce_time", Value: []byte(now.Format(time.RFC3339Nano))},
			{Key: "content-type", Value: []byte("application/json")},
		},
	}, nil
}

// encode writes JSON without HTML escaping, so that <, > and & stay one byte
// each. An escaped row could make a reject six times as large, and Kafka would refuse that
// record each time.
func encode(value any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// Tombstone makes the record that deletes a key from a compacted control topic.
func Tombstone(topic, importName, key string) *kafka.Record {
	return &kafka.Record{Topic: topic, Partition: schemas.ControlPartition(importName), Key: []byte(key)}
}

// Reject makes the record of a reject, with the headers that Kafka
// Connect's dead letter tools read.
func Reject(topic string, reject schemas.Reject, source string) (*kafka.Record, error) {
	rec, err := Record(topic, reject.Import, schemas.Subject(reject.Import, reject.Run), reject, schemas.EventReject, source)
	if err != nil {
		return nil, err
	}
	for key, value := range map[string]string{
		"topic": reject.Topic, "partition": strconv.Itoa(int(reject.Partition)), "offset": strconv.FormatInt(reject.Offset, 10),
		"connector.name": reject.Import, "task.id": reject.Run, "stage": reject.Stage,
		"exception.class.name": reject.Code, "exception.message": reject.Reason,
	} {
		rec.Headers = append(rec.Headers, kafka.Header{Key: "__connect.errors." + key, Value: []byte(value)})
	}
	return rec, nil
}
