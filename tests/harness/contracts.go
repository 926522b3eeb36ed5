package harness

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"sync"

	validator "github.com/santhosh-tekuri/jsonschema/v6"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// mostComplaints is the largest number of invalid records that are named.
const mostComplaints = 5

// CheckContracts reads every control topic from its begin to its end and
// validates each record against the schema that its event type names. It returns
// what breaks a contract, and how many records it has read.
func CheckContracts(ctx context.Context, cfg kafka.Config, deps kafka.Deps) (complaints []string, checked int, err error) {
	reader, err := kafka.OpenReader(cfg, deps)
	if err != nil {
		return nil, 0, err
	}
	defer reader.Close()
	for _, topic := range schemas.NewTopics(cfg.Prefix).Catalogue() {
		if topic.Value == "row" || topic.Value == "record" {
			continue // of an import's own columns, whose schema is a record of the columns topic
		}
		for p := range int32(topic.Partitions) {
			_, err := reader.ReadTo(ctx, kafka.TP{Topic: topic.Name, Partition: p}, 0, func(r *kafka.Record) error {
				checked++
				if problem := checkRecord(r); problem != "" && len(complaints) < mostComplaints {
					complaints = append(complaints, fmt.Sprintf("%s/%d at offset %d: %s", r.Topic, r.Partition, r.Offset, problem))
				}
				return nil
			})
			if err != nil {
				return complaints, checked, fmt.Errorf("reading %s: %w", topic.Name, err)
			}
		}
	}
	return complaints, checked, nil
}

// checkRecord returns what is wrong with a record, "" if it is valid. A tombstone is valid.
func checkRecord(r *kafka.Record) string {
	if r.Value == nil {
		return ""
	}
	header := kafka.HeaderValue(r, "ce_type")
	contract, _, ok := schemas.ParseEventType(header)
	if !ok {
		return fmt.Sprintf("no list holds its event type %q", header)
	}
	compiled, err := schemaOf(contract)
	if err != nil {
		return err.Error()
	}
	value, err := validator.UnmarshalJSON(bytes.NewReader(r.Value))
	if err != nil {
		return fmt.Sprintf("it is not JSON: %v", err)
	}
	if err := compiled.Validate(value); err != nil {
		return fmt.Sprintf("a record of type %s breaks %s.v1.schema.json: %v\n%s", header, contract, err, r.Value)
	}
	return ""
}

var compiledSchemas struct {
	mu   sync.Mutex
	list map[string]*validator.Schema
}

// schemaOf compiles a contract's schema once. A compiled schema may be used by
// several goroutines.
func schemaOf(contract string) (*validator.Schema, error) {
	c := &compiledSchemas
	c.mu.Lock()
	defer c.mu.Unlock()
	if known, ok := c.list[contract]; ok {
		return known, nil
	}
	compiled, err := validator.NewCompiler().Compile(filepath.Join(Root(), "schemas", contract+".v1.schema.json"))
	if err != nil {
		return nil, fmt.Errorf("compiling the schema of %s: %w", contract, err)
	}
	if c.list == nil {
		c.list = map[string]*validator.Schema{}
	}
	c.list[contract] = compiled
	return compiled, nil
}
