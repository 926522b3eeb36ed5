package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"tapline.dev/cmd/tapline/internal/client"
	"tapline.dev/domain/control"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/redis"
	"tapline.dev/schemas"
)

// Kinds of what a deleted import leaves behind.
const (
	leftTopic   = "topic"
	leftColumns = "columns" // a record in the columns topic
	leftLedger  = "ledger"  // keys in Redis
)

// leftover is something of an import that is not applied any more.
type leftover struct {
	Import string `json:"import"`
	Kind   string `json:"kind"`
	Name   string `json:"name"` // of the topic or the record's key
	// Keys are the keys in Redis.
	Keys int `json:"keys,omitempty"`
	// Kept says why prune leaves it alone.
	Kept string `json:"kept,omitempty"`

	keys []string
}

func (a *app) pruneCommand() *cobra.Command {
	var file string
	var yes bool
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Remove what deleted imports have left in Kafka and Redis",
		Long: `Remove what deleted imports have left behind: their rows and records topics, their
records in the topic columns, and their ledgers in Redis. The command lists it and
asks first. It leaves alone what belongs to an import whose run has not ended.

These stay until they expire: runs (90 days), rejects (30 days) and the audit
(365 days). The number of an import's newest run stays for good, so that no run's
name ever means two runs.`,
		Args: cobra.NoArgs,
	}
	a.outputFlag(cmd)
	configFlag(cmd, &file)
	cmd.Flags().BoolVar(&yes, "yes", false, "remove it without being asked")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s, err := readSettings(file)
		if err != nil {
			return err
		}
		return withDevHint(a.prune(cmd.Context(), s, yes))
	}
	return cmd
}

func (a *app) prune(ctx context.Context, s settings, yes bool) (err error) {
	store, err := redis.Open(s.Redis, redis.Deps{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	shown, err := findLeftovers(ctx, s.Kafka, store)
	if err != nil {
		return err
	}
	if err := a.printLeftovers(shown); err != nil {
		return err
	}
	removable := slices.DeleteFunc(slices.Clone(shown), func(l leftover) bool { return l.Kept != "" })
	if len(removable) == 0 {
		a.say("there is nothing to remove")
		return nil
	}
	if !yes && !a.confirmed("remove it for good? [yes/no] ") {
		return errors.New("nothing was removed; --yes removes it without asking")
	}
	// Somebody may have applied an import of such a name before the question was
	// answered.
	found, err := findLeftovers(ctx, s.Kafka, store)
	if err != nil {
		return err
	}
	removable = slices.DeleteFunc(found, func(l leftover) bool {
		return l.Kept != "" || !slices.ContainsFunc(removable, func(r leftover) bool { return r.Kind == l.Kind && r.Name == l.Name })
	})
	if err := removeLeftovers(ctx, s.Kafka, store, removable); err != nil {
		return err
	}
	a.say("%d of %d removed", len(removable), len(shown))
	return nil
}

func (a *app) printLeftovers(found []leftover) error {
	if a.output == "json" {
		return a.printJSON(client.List[leftover]{Items: found})
	}
	if len(found) == 0 {
		return nil
	}
	var rows [][]string
	for _, l := range found {
		name := l.Name
		if l.Keys > 0 {
			name = strconv.Itoa(l.Keys) + " keys in Redis"
		}
		rows = append(rows, []string{l.Import, l.Kind, name, orDash(l.Kept)})
	}
	return printTable(a.io.Out, []string{"IMPORT", "KIND", "NAME", "KEPT"}, rows)
}

// findLeftovers lists what is there of imports that are not applied.
func findLeftovers(ctx context.Context, cfg kafka.Config, store *redis.Client) ([]leftover, error) {
	topics := schemas.NewTopics(cfg.Prefix)
	applied, err := readApplied(ctx, cfg, topics)
	if err != nil {
		return nil, err
	}
	active, err := activeRuns(ctx, cfg, topics)
	if err != nil {
		return nil, err
	}
	var found []leftover
	add := func(importName, kind, name string, keys ...string) {
		if _, used := applied.imports[importName]; used || importName == "" {
			return
		}
		l := leftover{Import: importName, Kind: kind, Name: name, Keys: len(keys), keys: keys}
		if run := active[importName]; run != "" {
			l.Kept = "its run " + run + " has not ended"
		}
		found = append(found, l)
	}
	names, err := kafka.Topics(ctx, cfg, kafkaDeps())
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		add(topics.ImportOf(name), leftTopic, name)
	}
	columns, err := readTable(ctx, cfg, topics.Columns(), schemas.ControlPartitions)
	if err != nil {
		return nil, err
	}
	for key := range columns {
		add(schemas.ImportOfColumns(key), leftColumns, key)
	}
	ledgers, err := ledgerKeys(ctx, cfg, store)
	if err != nil {
		return nil, err
	}
	for importName, keys := range ledgers {
		add(importName, leftLedger, importName, keys...)
	}
	slices.SortFunc(found, func(a, b leftover) int {
		return cmp.Or(cmp.Compare(a.Import, b.Import), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	return found, nil
}

// activeRuns returns the active run of each import that has one.
func activeRuns(ctx context.Context, cfg kafka.Config, topics schemas.Topics) (map[string]string, error) {
	states, err := readTable(ctx, cfg, topics.State(), schemas.ControlPartitions)
	if err != nil {
		return nil, err
	}
	runs := map[string]string{}
	for key, value := range states {
		var s schemas.State
		if err := json.Unmarshal(value, &s); err != nil {
			return nil, fmt.Errorf("reading the state of %s: %w", key, err)
		}
		if s.Active != nil {
			runs[s.Import] = s.Active.Run
		}
	}
	return runs, nil
}

// ledgerKeys returns the keys of the deployment's ledgers, by import.
func ledgerKeys(ctx context.Context, cfg kafka.Config, store *redis.Client) (map[string][]string, error) {
	reader, err := kafka.OpenReader(cfg, kafkaDeps())
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	deployment, err := reader.Deployment(ctx)
	if err != nil {
		return nil, err
	}
	// The keys of earlier versions do not name their deployment.
	if err := store.Claim(ctx, deployment.String()); err != nil {
		return nil, err
	}
	keys := map[string][]string{}
	for _, prefix := range []string{schemas.LedgerRoot + deployment.Key() + "/", schemas.FormerLedgerRoot} {
		for key, err := range store.Scan(ctx, prefix) {
			if err != nil {
				return nil, err
			}
			if name := schemas.LedgerImport(deployment.Key(), key); name != "" {
				keys[name] = append(keys[name], key)
			}
		}
	}
	return keys, nil
}

// removedAtOnce is how many keys of Redis one command removes.
const removedAtOnce = 500

func removeLeftovers(ctx context.Context, cfg kafka.Config, store *redis.Client, which []leftover) error {
	producer, err := kafka.OpenProducer(cfg, kafkaDeps())
	if err != nil {
		return err
	}
	defer producer.Close()
	columns := schemas.NewTopics(cfg.Prefix).Columns()
	var topics []string
	for _, l := range which {
		switch l.Kind {
		case leftTopic:
			topics = append(topics, l.Name)
		case leftColumns:
			if err := producer.Produce(ctx, control.Tombstone(columns, l.Import, l.Name)); err != nil {
				return fmt.Errorf("removing the columns of %s: %w", l.Name, err)
			}
		case leftLedger:
			for some := range slices.Chunk(l.keys, removedAtOnce) {
				if err := store.Del(ctx, some...); err != nil {
					return fmt.Errorf("removing the ledger of %s: %w", l.Import, err)
				}
			}
		}
	}
	if len(topics) == 0 {
		return nil
	}
	return kafka.DeleteTopics(ctx, cfg, kafkaDeps(), topics...)
}
