package book

import (
	"context"
	"fmt"
	"time"

	"tapline.dev/schemas"
	"tapline.dev/services/scheduler/internal/fold"
)

// dayOf is the day of an instant in the import's time zone.
func dayOf(spec schemas.ImportSpec, now time.Time) string {
	if zone, err := time.LoadLocation(spec.Timezone); err == nil { // "" is UTC
		now = now.In(zone)
	}
	return now.Format(time.DateOnly)
}

// countSnowflake adds the execution time of the active run's statements to that of the
// day. Each report holds the sum of its attempt, so a lost or repeated report changes
// nothing.
func (b *Book) countSnowflake(e *entry, r *schemas.Report, now time.Time) {
	a, s := e.state.Active, e.state
	if r.Attempt < 1 || r.Attempt > a.Attempt {
		return
	}
	more := fold.CountSnowflake(e.fold, r.Attempt, *r.Snowflake)
	if more <= 0 || e.isTrial() {
		return
	}
	today := schemas.DayOfSnowflake{Day: dayOf(a.Spec, now)}
	if s.Snowflake != nil && s.Snowflake.Day == today.Day {
		today = *s.Snowflake
	}
	today.ExecutionSeconds += more
	s.Snowflake = &today
	b.out.Folds[a.Run] = e.fold
	b.stateChanged(e, now)
}

// warehouseTimeUsed reports whether the import has used what it may use of its warehouse
// today. A sync reads nothing from Snowflake.
func warehouseTimeUsed(e *entry, now time.Time) bool {
	a, used := e.state.Active, e.state.Snowflake
	limit := a.Spec.Limits.WarehouseTime.Std()
	if e.def != nil {
		limit = e.def.Spec.Limits.WarehouseTime.Std() // a person may have raised it
	}
	return limit > 0 && a.Mode != schemas.ModeSync && used != nil && used.Day == dayOf(a.Spec, now) && used.ExecutionSeconds >= limit.Seconds()
}

// holdForWarehouseTime holds a run before its first statement. It goes on when a person
// approves it, and by itself once the day is over or the limit is raised.
func (b *Book) holdForWarehouseTime(ctx context.Context, e *entry, now time.Time) {
	used, limit := e.state.Snowflake.ExecutionSeconds, e.state.Active.Spec.Limits.WarehouseTime
	b.hold(ctx, e, schemas.Hold{
		Code: schemas.HoldWarehouseTime,
		Reason: fmt.Sprintf("the import's statements have executed for %s today and limits.warehouseTime is %s; the run goes on by itself tomorrow",
			time.Duration(used*float64(time.Second)).Round(time.Second), limit),
		Figures: []schemas.HoldFigure{{
			Code: schemas.HoldWarehouseTime, Found: used, Limit: limit.Std().Seconds(), Reason: "seconds of execution today",
		}},
	}, now)
}

// release lets a run begin that was held before its first statement.
func (b *Book) release(e *entry, now time.Time) {
	endHold(e, now)
	b.compareOrTrigger(e, now)
}
