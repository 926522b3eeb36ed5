package rules

// Groups are all alerts.
func Groups() []Group {
	return []Group{imports(), accounts(), pipeline(), services(), promises()}
}

// inhibitions mute what follows from a cause that somebody is woken for. A ticket never
// mutes a page, or nobody would get up.
func inhibitions() []amInhibit {
	is := func(names string) []string { return []string{`alertname=~"` + names + `"`} }
	ofImports := []string{`scope="import"`}
	return []amInhibit{
		{is("TaplineAccountRefused|TaplineCircuitOpen"), ofImports, []string{"account"}},
		{is("TaplineAccountRefused"), is("TaplineCircuitOpen|TaplineAccountThrottled"), []string{"account"}},
		{is("TaplineCircuitOpen"), is("TaplineAccountThrottled"), []string{"account"}},
		{is("TaplineConnectionRefused"), ofImports, []string{"connection"}},
		{is("TaplineConnectionRefused"), is("TaplineSnowflakeSlow"), []string{"connection"}},
		{is("TaplineExtractorAbsent|TaplineSchedulerAbsent|TaplineServiceAbsent"), ofImports, nil},
		{is("TaplineExtractorAbsent|TaplineSchedulerAbsent|TaplineServiceAbsent"), is("TaplineReplicaDown"), nil},
		{[]string{`alertname="TaplineServiceUnready"`, `check="kafka"`}, []string{`scope=~"import|pipeline"`}, nil},
		{is("TaplineTransactionOpen"), []string{`scope="import"`, `severity!="page"`}, nil},
		{[]string{`alertname=~"TaplineImportFailing|TaplineRunStalled"`, `severity="page"`}, is("TaplineImportLate"), []string{"import"}},
		{is("TaplineImportFailing|TaplineImportLate|TaplineRunStalled"), []string{`alertname="TaplineRunWaiting"`}, []string{"import"}},
		{is("TaplineServiceDegraded"), is("TaplineProjectionStale"), nil},
	}
}
