package model

// recreatedDisturbances delete a topic of the import and create it again, during a run or
// before it, while all services run or while one is stopped.
func recreatedDisturbances() []disturbance {
	var all []disturbance
	for _, rows := range []bool{true, false} {
		what := "records"
		if rows {
			what = "rows"
		}
		for _, stopped := range []string{"", "mapper", "loader", "scheduler"} {
			while := ""
			if stopped != "" {
				while = " while the " + stopped + " is stopped"
			}
			all = append(all,
				disturbance{name: what + " topic created again within a run" + while, shared: stopped != "", within: func(s *scenario, _ string) {
					s.mayEnd["topic_recreated"], s.mayRepeat = true, true
					s.recreateTopic(rows, stopped)
				}},
				disturbance{name: what + " topic created again between runs" + while, shared: stopped != "", before: func(s *scenario) {
					s.recreateTopic(rows, stopped)
					s.write(10 + s.rng.IntN(20)) // more than was in the old topic
				}},
			)
		}
	}
	return all
}

// recreateTopic deletes and creates a topic of the import while a service is stopped, or while
// all run.
func (s *scenario) recreateTopic(rows bool, stopped string) {
	topic := s.w.topics.Records(s.name)
	if rows {
		topic, s.rowsGone = s.w.topics.Rows(s.name), true
	} else {
		s.recordsGone = true
	}
	recreate := func() { s.w.recreateTopic(s.name, topic, s.spec) }
	if stopped == "" {
		recreate()
		return
	}
	s.w.restart(stopped, recreate)
}
