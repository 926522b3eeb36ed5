package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"tapline.dev/cmd/tapline/internal/client"
	"tapline.dev/domain/definition"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

type topicsFlags struct {
	config string
	files  []string
}

func (a *app) topicsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "topics",
		Short: "Compare Kafka's topics with those that Tapline needs, and create them",
		Long: `Compare Kafka's topics with those that Tapline needs, and create them: the control
topics, those of every applied import, and with -f those of definitions that are
not applied yet. Services make no topics by themselves unless
kafka.createTopics is set. Topics of deleted imports are listed as "of no import".
These commands speak to Kafka, prune to Redis as well, and not to Import Center.`,
	}
	cmd.AddCommand(
		a.topicsVerb("plan", "Show what apply would change; exit code 2 if there is anything", a.planTopics),
		a.topicsVerb("apply", "Make missing topics and set what differs", a.applyTopics),
		a.pruneCommand(),
	)
	return cmd
}

func (a *app) topicsVerb(use, short string, run func(context.Context, kafka.Config, []schemas.TopicSpec) error) *cobra.Command {
	var f topicsFlags
	cmd := &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs}
	a.outputFlag(cmd)
	configFlag(cmd, &f.config)
	filesFlag(cmd, &f.files)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s, err := readSettings(f.config)
		if err != nil {
			return err
		}
		specs, err := neededTopics(cmd.Context(), s.Kafka, f.files)
		if err != nil {
			return withDevHint(err)
		}
		return withDevHint(run(cmd.Context(), s.Kafka, specs))
	}
	return cmd
}

func (a *app) planTopics(ctx context.Context, cfg kafka.Config, specs []schemas.TopicSpec) error {
	changes, err := kafka.PlanTopics(ctx, cfg, kafkaDeps(), specs)
	if err != nil {
		return err
	}
	unused, err := unusedTopics(ctx, cfg, specs)
	if err != nil {
		return err
	}
	if err := a.printChanges(append(unused, changes...)); err != nil {
		return err
	}
	if len(changes) > 0 {
		return exit(ExitChanges, nil)
	}
	a.say("%d topics are as they should be", len(specs))
	return nil
}

// unusedTopics lists the topics that belong to no import, for a person to see: they
// are no difference that apply could mend.
func unusedTopics(ctx context.Context, cfg kafka.Config, specs []schemas.TopicSpec) ([]kafka.TopicChange, error) {
	existing, err := kafka.Topics(ctx, cfg, kafkaDeps())
	if err != nil {
		return nil, err
	}
	topics := schemas.NewTopics(cfg.Prefix)
	var unused []kafka.TopicChange
	for _, name := range slices.Sorted(slices.Values(existing)) {
		needed := slices.ContainsFunc(specs, func(s schemas.TopicSpec) bool { return s.Name == name })
		if topics.ImportOf(name) != "" && !needed {
			unused = append(unused, kafka.TopicChange{Topic: name, What: "of no import", Refused: "tapline topics prune removes it"})
		}
	}
	return unused, nil
}

func (a *app) applyTopics(ctx context.Context, cfg kafka.Config, specs []schemas.TopicSpec) error {
	changes, err := kafka.ApplyTopics(ctx, cfg, kafkaDeps(), specs)
	if err != nil {
		return err
	}
	if err := a.printChanges(changes); err != nil {
		return err
	}
	refused := 0
	for _, c := range changes {
		if c.Refused != "" {
			refused++
		}
	}
	if refused > 0 {
		return fmt.Errorf("%d of %d changes were left out, for the reasons given", refused, len(changes))
	}
	a.say("%d changes made, %d topics are as they should be", len(changes), len(specs))
	return nil
}

func (a *app) printChanges(changes []kafka.TopicChange) error {
	if a.output == "json" {
		return a.printJSON(client.List[kafka.TopicChange]{Items: changes})
	}
	if len(changes) == 0 {
		return nil
	}
	var rows [][]string
	for _, c := range changes {
		rows = append(rows, []string{c.Topic, c.What, orDash(c.Have), orDash(c.Want), orDash(c.Refused)})
	}
	return printTable(a.io.Out, []string{"TOPIC", "WHAT", "HAVE", "WANT", "LEFT OUT"}, rows)
}

// neededTopics are the catalogue and the topics of imports: of those in the log,
// and of those in files, which win.
func neededTopics(ctx context.Context, cfg kafka.Config, files []string) ([]schemas.TopicSpec, error) {
	topics := schemas.NewTopics(cfg.Prefix)
	applied, err := readApplied(ctx, cfg, topics)
	if err != nil {
		return nil, err
	}
	if len(files) > 0 {
		sources, err := readSources(files)
		if err != nil {
			return nil, err
		}
		set, problems := definition.ParseAll(sources, definition.Options{Defaults: applied.defaults})
		if len(problems) > 0 {
			return nil, refused(problems)
		}
		for _, i := range set.Imports {
			applied.imports[i.Metadata.Name] = i.Spec.Topic
		}
	}
	specs := topics.Catalogue()
	for _, name := range slices.Sorted(maps.Keys(applied.imports)) {
		specs = append(specs, topics.ImportTopics(name, applied.imports[name])...)
	}
	return specs, nil
}

// applied is what the log says of imports.
type applied struct {
	imports  map[string]schemas.TopicSettings
	defaults []schemas.Resource
}

func readApplied(ctx context.Context, cfg kafka.Config, topics schemas.Topics) (applied, error) {
	out := applied{imports: map[string]schemas.TopicSettings{}}
	imports, err := readTable(ctx, cfg, topics.Imports(), schemas.ControlPartitions)
	if err != nil {
		return out, err
	}
	for name, value := range imports {
		var d schemas.Definition
		if err := json.Unmarshal(value, &d); err != nil {
			return out, fmt.Errorf("reading the definition of %s: %w", name, err)
		}
		out.imports[name] = d.Spec.Topic
	}
	resources, err := readTable(ctx, cfg, topics.Resources(), 1)
	if err != nil {
		return out, err
	}
	for key, value := range resources {
		var r schemas.Resource
		if err := json.Unmarshal(value, &r); err != nil {
			return out, fmt.Errorf("reading the resource %s: %w", key, err)
		}
		if r.Kind == schemas.KindImportDefaults {
			out.defaults = append(out.defaults, r)
		}
	}
	return out, nil
}

// readTable returns the newest value of each key of a compacted topic; nothing
// if the topic is not there.
func readTable(ctx context.Context, cfg kafka.Config, topic string, partitions int) (map[string][]byte, error) {
	existing, err := kafka.Topics(ctx, cfg, kafkaDeps())
	if err != nil || !slices.Contains(existing, topic) {
		return nil, err
	}
	reader, err := kafka.OpenReader(cfg, kafkaDeps())
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	values := map[string][]byte{}
	for p := range partitions {
		_, err := reader.ReadTo(ctx, kafka.TP{Topic: topic, Partition: int32(p)}, 0, func(r *kafka.Record) error {
			if r.Value == nil {
				delete(values, string(r.Key))
				return nil
			}
			values[string(r.Key)] = r.Value
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("reading %s[%d]: %w", topic, p, err)
		}
	}
	return values, nil
}
