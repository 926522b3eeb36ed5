package model

// remadeDisturbances are those of an import's topic that is deleted and created again
// during a run or before it, while everybody is there or one service is away.
func remadeDisturbances() []disturbance {
	var all []disturbance
	for _, rows := range []bool{true, false} {
		what := "records"
		if rows {
			what = "rows"
		}
		for _, away := range []string{"", "mapper", "loader", "scheduler"} {
			while := ""
			if away != "" {
				while = " while the " + away + " is away"
			}
			all = append(all,
				disturbance{name: what + " topic created again within a run" + while, shared: away != "", within: func(s *scenario, _ string) {
					s.mayEnd["topic_recreated"], s.mayRepeat = true, true
					s.remake(rows, away)
				}},
				disturbance{name: what + " topic created again between runs" + while, shared: away != "", before: func(s *scenario) {
					s.remake(rows, away)
					s.write(10 + s.rng.IntN(20)) // more than was in the old topic
				}},
			)
		}
	}
	return all
}

// remake makes a topic of the import anew while a service is away, or while none is.
func (s *scenario) remake(rows bool, away string) {
	topic := s.w.topics.Records(s.name)
	if rows {
		topic = s.w.topics.Rows(s.name)
	}
	remake := func() { s.w.remakeTopic(s.name, topic, s.spec) }
	if away == "" {
		remake()
		return
	}
	s.w.restart(away, remake)
}
