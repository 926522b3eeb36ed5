package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tapline.dev/schemas"
)

const (
	// clockWarned is the difference of clocks from which a check warns.
	clockWarned = 5 * time.Second
	// clockPatience is how long schedulers and mappers have to tell their time.
	clockPatience = 10 * time.Second
)

type clocksOutput struct {
	Body struct {
		Checks []schemas.Check `json:"checks" doc:"One for each service that was asked"`
	}
}

func (h *handlers) registerClocks(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "compare-clocks", Method: http.MethodPost, Path: "/v1/deployment/clocks",
		Summary: "Ask schedulers and mappers for their time, and compare it with Import Center's",
		Errors:  []int{http.StatusServiceUnavailable},
	}, h.compareClocks)
}

// compareClocks asks one question in each partition of the control topics: each scheduler that
// owns one answers, and every mapper.
func (h *handlers) compareClocks(ctx context.Context, in *ActorHeader) (*clocksOutput, error) {
	var questions []question
	for _, name := range inEachPartition() {
		questions = append(questions, question{kind: schemas.CommandCompareClocks, importName: name, spec: schemas.ImportSpec{Mapping: []schemas.Property{}}})
	}
	replies, failed := h.ask(ctx, in.Actor, questions, min(h.PreviewTimeout, clockPatience))
	if failed != nil {
		return nil, failed
	}
	scheduler, mapper := clock{name: "scheduler"}, clock{name: "mapper"}
	for _, r := range replies {
		for _, b := range r.beside {
			mapper.compare(reply{asked: r.asked, answered: b.learned}, b.said)
		}
		if r.clocks == nil {
			scheduler.silent, mapper.silent = true, true
			continue
		}
		scheduler.compare(r, r.clocks.Scheduler)
		mapper.compare(r, r.clocks.Mapper)
	}
	out := &clocksOutput{}
	out.Body.Checks = []schemas.Check{scheduler.check(), mapper.check()}
	return out, nil
}

// inEachPartition are names of which each is in another control partition.
func inEachPartition() (names []string) {
	taken := map[int32]bool{}
	for i := 0; len(taken) < schemas.ControlPartitions; i++ {
		name := fmt.Sprintf("clocks-%d", i)
		if p := schemas.ControlPartition(name); !taken[p] {
			taken[p] = true
			names = append(names, name)
		}
	}
	return names
}

// clock is what is known of the clocks of one service's processes: the largest difference.
type clock struct {
	name   string
	silent bool
	ahead  time.Duration
}

// compare takes in what a process's clock said. It was read between the question and the
// answer, so that within these it agrees with Import Center's.
func (c *clock) compare(r reply, said time.Time) {
	var ahead time.Duration
	switch {
	case said.Before(r.asked):
		ahead = said.Sub(r.asked)
	case said.After(r.answered):
		ahead = said.Sub(r.answered)
	}
	if ahead.Abs() > c.ahead.Abs() {
		c.ahead = ahead
	}
}

func (c *clock) check() schemas.Check {
	check := schemas.Check{Name: c.name + " clock"}
	switch {
	case c.ahead.Abs() > clockWarned:
		way := "ahead of"
		if c.ahead < 0 {
			way = "behind"
		}
		check.State, check.Action = schemas.CheckWarning, "set both by NTP"
		check.Finding = fmt.Sprintf("%s %s Import Center's", c.ahead.Abs().Round(time.Second), way)
	case c.silent:
		check.State, check.Action = schemas.CheckUnknown, "look whether schedulers and mappers run, of this version"
		check.Finding = "no answer came in time"
	default:
		check.State, check.Finding = schemas.CheckOK, "agrees with Import Center's"
	}
	return check
}

// clockOf compares the clock of the one process that has answered a question.
func clockOf(service string, r reply) []schemas.Check {
	if r.said.IsZero() {
		return nil
	}
	c := clock{name: service}
	c.compare(r, r.said)
	return []schemas.Check{c.check()}
}
