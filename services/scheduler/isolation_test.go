package scheduler_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tapline.dev/schemas"
)

// wide returns columns with long names.
func wide(prefix string, n int) (out []schemas.Column) {
	for i := range n {
		name := fmt.Sprintf("%s_%05d_", prefix, i)
		out = append(out, schemas.Column{Name: name + strings.Repeat("X", 30-len(name)), Type: "TEXT", Nullable: true})
	}
	return out
}

// TestAWideTableStopsNobody: all of a table's many columns are renamed between two runs.
// Neither its import nor another one of the control partition may stop, also not under the
// next scheduler.
func TestAWideTableStopsNobody(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	other := neighbour("customers")
	stop := r.start()
	r.apply(definition("customers"))
	r.apply(definition(other))
	for n, prefix := range []string{"OLD", "NEW"} {
		r.command("customers", schemas.CommandRun, nil)
		run := schemas.RunID("customers", n+1)
		r.awaitRun(run, schemas.StateExtracting)
		r.report(run, 1, func(x *schemas.Report) {
			x.Started = &schemas.Started{QueryID: "q-" + run, Total: 4, Columns: wide(prefix, 4000)}
		})
		r.finish(run, 1, 4, int64(n)*10, maximum)
		r.awaitRun(run, schemas.StateSucceeded)
	}
	stop()
	r.start()
	r.command(other, schemas.CommandRun, nil)
	r.awaitRun(other+".1", schemas.StateExtracting)
}

// TestADefinitionThatIsTooLargeEndsItsRun and does not affect other imports of its control
// partition.
func TestADefinitionThatIsTooLargeEndsItsRun(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.cfg.Kafka.MaxMessageBytes = 20_000 // the scheduler's, who writes the state with the definition in it
	other := neighbour("customers")
	stop := r.start()
	def := definition("customers")
	for i := range 1000 {
		def.Spec.Mapping = append(def.Spec.Mapping, schemas.Property{From: fmt.Sprintf("C%d", i), To: fmt.Sprintf("property %d", i)})
	}
	r.apply(def)
	r.apply(definition(other))
	r.command("customers", schemas.CommandRun, nil)
	r.command("customers", schemas.CommandRun, nil)
	got := r.awaitRun("customers.1", schemas.StateFailed)
	if got.Error == nil || got.Error.Code != "control_record_too_large" {
		t.Errorf("the run ended with %+v", got.Error)
	}
	stop()
	r.start()
	r.command(other, schemas.CommandRun, nil)
	r.awaitRun(other+".1", schemas.StateExtracting)
	r.finish(other+".1", 1, 4, 0, maximum)
	r.awaitRun(other+".1", schemas.StateSucceeded)
	// With a definition that fits, the import continues.
	def.Spec.Mapping, def.Generation, def.AppliedAt = def.Spec.Mapping[:10], 2, time.Now()
	r.apply(def)
	r.command("customers", schemas.CommandRun, nil)
	r.await("a run of the shorter definition", func() bool {
		a := r.state("customers").Active
		return a != nil && len(a.Spec.Mapping) == 10 && a.State == schemas.StateExtracting
	})
}
