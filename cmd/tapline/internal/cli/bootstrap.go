package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tapline.dev/domain/control"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

type bootstrapFlags struct {
	config, out, name string
	replace           bool
}

func (a *app) keysBootstrap() *cobra.Command {
	var f bootstrapFlags
	cmd := &cobra.Command{
		Use: "bootstrap", Short: "Create the first key, of role admin, directly in Kafka", Args: cobra.NoArgs,
		Long: `Create the first key, of role admin. The command writes it into Kafka itself, so that
it needs the right to write the resources topic and no Import Center: run it where
the services run. With --out the key goes to a file that only its owner reads; if
that file holds a valid key, nothing is done, so that it may run at every
start. Without --out the key is printed.`,
	}
	configFlag(cmd, &f.config)
	cmd.Flags().StringVar(&f.out, "out", "", "write the key into this file")
	cmd.Flags().StringVar(&f.name, "name", "bootstrap", "the key's name")
	cmd.Flags().BoolVar(&f.replace, "replace", false, "replace an existing key of that name, which is revoked then")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s, err := readSettings(f.config)
		if err != nil {
			return err
		}
		return a.bootstrap(cmd.Context(), s.Kafka, f)
	}
	return cmd
}

func (a *app) bootstrap(ctx context.Context, cfg kafka.Config, f bootstrapFlags) error {
	topics := schemas.NewTopics(cfg.Prefix)
	resources, err := readTable(ctx, cfg, topics.Resources(), 1)
	if err != nil {
		return err
	}
	held, there := resources[schemas.ResourceKey(schemas.KindAccessKey, f.name)]
	if there && holds(held, f.out) {
		a.say("the key %s in %s is valid; nothing was done", f.name, f.out)
		return nil
	}
	if there && !f.replace {
		return fmt.Errorf("there is a key named %s, and %s does not hold it; --replace revokes that key and makes another, --name makes one under another name", f.name, orDash(f.out))
	}
	secret := schemas.NewAccessKey()
	// The file is written first, so that no key is valid that nobody has.
	if err := writeKeyFile(f.out, secret); err != nil {
		return err
	}
	if err := produceKey(ctx, cfg, topics, f.name, secret); err != nil {
		return err
	}
	if f.out == "" {
		a.say("the key %s of role admin, shown this once:", f.name)
		_, err := fmt.Fprintln(a.io.Out, secret)
		return err
	}
	a.say("the key %s of role admin is in %s", f.name, f.out)
	return nil
}

// holds reports whether a file contains the key whose hash is in a resource.
func holds(resource []byte, path string) bool {
	var r schemas.Resource
	var spec schemas.AccessKeySpec
	text, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(resource, &r) != nil || json.Unmarshal(r.Spec, &spec) != nil {
		return false
	}
	hash, ok := schemas.HashAccessKey(strings.TrimSpace(string(text)))
	return ok && hash == spec.Hash
}

// writeKeyFile replaces the file as a whole; nothing if there is no path.
func writeKeyFile(path, secret string) error {
	if path == "" {
		return nil
	}
	temp := path + ".new"
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("writing the key: %w", err)
	}
	if err := os.WriteFile(temp, []byte(secret+"\n"), 0o600); err != nil {
		return fmt.Errorf("writing the key into %s: %w", filepath.Dir(path), err)
	}
	if err := os.Rename(temp, path); err != nil {
		return fmt.Errorf("writing the key: %w", err)
	}
	return nil
}

// bootstrapActor stands in the audit topic for whoever runs the command.
const bootstrapActor = "tapline keys bootstrap"

// produceKey writes the audit entry first, so that no key is valid without one.
func produceKey(ctx context.Context, cfg kafka.Config, topics schemas.Topics, name, secret string) error {
	hash, _ := schemas.HashAccessKey(secret)
	spec := schemas.AccessKeySpec{Hash: hash, Role: "admin", CreatedBy: bootstrapActor}
	raw, err := json.Marshal(spec)
	if err != nil {
		return err
	}
	now := time.Now().UTC()
	resource := schemas.Resource{
		APIVersion: schemas.APIVersion, Kind: schemas.KindAccessKey, Metadata: schemas.Metadata{Name: name},
		Spec: raw, Generation: 1, AppliedAt: now,
	}
	entry := schemas.AuditEntry{
		Actor: bootstrapActor, Action: schemas.AuditApply, Kind: schemas.KindAccessKey, Name: name,
		After: json.RawMessage(`{"role":"admin"}`), From: actor(), Time: now,
	}
	audit, err := control.Record(topics.Audit(), name, entry.Actor, entry, schemas.EventAudit, "tapline")
	if err != nil {
		return err
	}
	key, err := control.Record(topics.Resources(), name, schemas.ResourceKey(schemas.KindAccessKey, name), resource, schemas.EventResource, "tapline")
	if err != nil {
		return err
	}
	audit.Partition, key.Partition = 0, 0
	producer, err := kafka.OpenProducer(cfg, kafkaDeps())
	if err != nil {
		return err
	}
	defer producer.Close()
	if err := producer.Produce(ctx, audit); err != nil {
		return err
	}
	return producer.Produce(ctx, key)
}
