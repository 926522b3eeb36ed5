package rejects

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"
)

// By is something that rejects are counted by.
type By string

// What rejects are counted by.
const (
	ByImport   By = "import"
	ByRun      By = "run"
	ByStage    By = "stage"
	ByCode     By = "code"
	ByColumn   By = "column"
	ByProperty By = "property"
	ByShape    By = "shape"
	ByDay      By = "day" // UTC
	ByState    By = "state"
)

// Names are what a group's rejects have in common; what was not counted by is empty.
type Names struct {
	Import   string
	Run      string
	Stage    string
	Code     string
	Column   string
	Property string
	Shape    string
	Day      string // such as 2026-11-30
	State    string
}

// Group counts the rejects that share its names.
type Group struct {
	Names
	Count int64
}

// namesOf are the names of a cell, those that are asked for.
func namesOf(c cell, state string, by []By) Names {
	var n Names
	for _, b := range by {
		switch b {
		case ByImport:
			n.Import = c.Import
		case ByRun:
			n.Run = c.Run
		case ByStage:
			n.Stage = c.Stage
		case ByCode:
			n.Code = c.Code
		case ByColumn:
			n.Column = c.Column
		case ByProperty:
			n.Property = c.Property
		case ByShape:
			n.Shape = c.Shape
		case ByDay:
			n.Day = time.Unix(c.Hour*3600, 0).UTC().Format(time.DateOnly)
		case ByState:
			n.State = state
		}
	}
	return n
}

// counting collects groups.
type counting struct {
	by     []By
	known  func(string) Known
	states map[string]Known
	groups map[Names]*Group
}

func (g *counting) add(c cell, n int64) {
	now, ok := g.states[c.Import]
	if !ok {
		now = g.known(c.Import)
		g.states[c.Import] = now
	}
	names := namesOf(c, c.stateOf(now), g.by)
	group, ok := g.groups[names]
	if !ok {
		group = &Group{Names: names}
		g.groups[names] = group
	}
	group.Count += n
}

// count counts the selected rejects by what is asked for, the largest groups first. Of
// cells that lie partly between the selection's times it looks at each reject.
func (s Selection) count(st *store, known func(string) Known, by []By) ([]Group, error) {
	g := counting{by, known, map[string]Known{}, map[Names]*Group{}}
	err := st.view(func(tx *bolt.Tx) error {
		partly := map[uint64]matched{}
		err := s.each(tx, known, func(m matched) {
			if m.partly {
				partly[m.ID] = m
				return
			}
			g.add(m.cell, m.Count)
		})
		if err != nil {
			return err
		}
		for _, in := range bounds(partly) {
			err := s.walk(tx, partly, in, false, func(_ hit, m matched) bool {
				g.add(m.cell, 1)
				return true
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("counting rejects: %w", err)
	}
	groups := make([]Group, 0, len(g.groups))
	for _, group := range g.groups {
		groups = append(groups, *group)
	}
	slices.SortFunc(groups, func(a, b Group) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), compareNames(a.Names, b.Names))
	})
	return groups, nil
}

func compareNames(a, b Names) int {
	return cmp.Or(
		cmp.Compare(a.Import, b.Import), cmp.Compare(numberOf(b.Run), numberOf(a.Run)), cmp.Compare(a.Run, b.Run), cmp.Compare(b.Day, a.Day), cmp.Compare(a.Code, b.Code),
		cmp.Compare(a.Stage, b.Stage), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Property, b.Property),
		cmp.Compare(a.Shape, b.Shape), cmp.Compare(a.State, b.State))
}
