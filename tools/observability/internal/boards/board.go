// Package boards holds the dashboards.
package boards

import (
	"encoding/json"
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
)

// board is one dashboard.
type board struct {
	uid, title, about string
	// choose are the labels that a person chooses values of, with the metric that has them.
	choose []choice
	rows   []row
}

type choice struct{ label, metric string }

type row struct {
	title  string
	panels []panel
}

// kind is how a panel shows its series.
type kind int

const (
	lines kind = iota
	figure
	listing
	states
)

type panel struct {
	kind    kind
	title   string
	unit    string
	queries []query
	// about says what the figure means and when it is bad.
	about string
	// empty says when a panel has no data though nothing is wrong. A panel without it
	// always has data while Tapline runs.
	empty string
	// warn and bad are the figures at which the colour changes; none if both are 0.
	warn, bad float64
	// links go on to where the next question is answered.
	links []target
	// width is that of 24; without it 8.
	width uint32
}

type query struct{ expr, legend string }

type target struct{ title, url string }

const (
	sourceVariable = "source"
	// datasource is a variable, so that a dashboard works with a Prometheus of any name.
	datasource = "${" + sourceVariable + "}"
	page       = "${page}"
)

// All returns the dashboards as JSON, by file name.
func All(page string) (map[string][]byte, error) {
	out := map[string][]byte{}
	for _, b := range []board{fleet(), oneImport(), account(), connection(), pipeline(), internals(), promises()} {
		made, err := b.build(page)
		if err != nil {
			return nil, fmt.Errorf("the dashboard %s: %w", b.uid, err)
		}
		text, err := json.MarshalIndent(made, "", "  ")
		if err != nil {
			return nil, fmt.Errorf("encoding the dashboard %s: %w", b.uid, err)
		}
		out[b.uid+".json"] = append(text, '\n')
	}
	return out, nil
}

func source() common.DataSourceRef {
	return common.DataSourceRef{Type: cog.ToPtr("prometheus"), Uid: cog.ToPtr(datasource)}
}

func text(s string) dashboard.StringOrMap { return dashboard.StringOrMap{String: &s} }

func (b board) build(pageAddress string) (dashboard.Dashboard, error) {
	made := dashboard.NewDashboardBuilder(b.title).
		Uid(b.uid).Description(b.about).Tags([]string{"tapline"}).
		Time("now-6h", "now").Refresh("30s").Timezone("browser").Readonly().
		Tooltip(dashboard.DashboardCursorSyncCrosshair).
		Link(dashboard.NewDashboardLinkBuilder("Tapline").Type(dashboard.DashboardLinkTypeDashboards).
			Tags([]string{"tapline"}).AsDropdown(true).KeepTime(true).IncludeVars(true)).
		WithVariable(dashboard.NewDatasourceVariableBuilder(sourceVariable).Label("Prometheus").Type("prometheus")).
		WithVariable(dashboard.NewTextBoxVariableBuilder("page").Label("Import Center").DefaultValue(text(pageAddress)).
			Current(dashboard.VariableOption{Text: dashboard.StringOrArrayOfString{String: &pageAddress}, Value: dashboard.StringOrArrayOfString{String: &pageAddress}}))
	for _, c := range b.choose {
		made.WithVariable(dashboard.NewQueryVariableBuilder(c.label).Label(c.label).Datasource(source()).
			Query(text(fmt.Sprintf("label_values(%s, %s)", c.metric, c.label))).
			Refresh(dashboard.VariableRefreshOnTimeRangeChanged).Sort(dashboard.VariableSortAlphabeticalAsc))
	}
	id := uint32(0)
	for _, r := range b.rows {
		made.WithRow(dashboard.NewRowBuilder(r.title))
		for _, p := range r.panels {
			id++
			made.WithPanel(p.builder(id))
		}
	}
	return made.Build()
}

func (p panel) description() string {
	if p.empty == "" {
		return p.about
	}
	return p.about + " " + Empty + " " + p.empty
}

// Empty begins the sentence of a panel's description that says when it has no data though
// nothing is wrong.
const Empty = "Empty unless"

func (p panel) targets() []cog.Builder[dataquery] {
	var out []cog.Builder[dataquery]
	for i, q := range p.queries {
		made := prometheus.NewDataqueryBuilder().Expr(q.expr).LegendFormat(q.legend).
			RefId(string(rune('A' + i))).Datasource(source())
		switch p.kind {
		case listing:
			made.Instant().Format(prometheus.PromQueryFormatTable)
		case figure:
			made.Instant()
		default:
			made.Range().Exemplar(true)
		}
		out = append(out, made)
	}
	return out
}

func (p panel) thresholds() cog.Builder[dashboard.ThresholdsConfig] {
	steps := []dashboard.Threshold{{Color: "green"}}
	if p.warn != 0 {
		steps = append(steps, dashboard.Threshold{Value: &p.warn, Color: "orange"})
	}
	if p.bad != 0 {
		steps = append(steps, dashboard.Threshold{Value: &p.bad, Color: "red"})
	}
	return dashboard.NewThresholdsConfigBuilder().Mode(dashboard.ThresholdsModeAbsolute).Steps(steps)
}

func (p panel) dataLinks() []cog.Builder[dashboard.DashboardLink] {
	var out []cog.Builder[dashboard.DashboardLink]
	for _, l := range p.links {
		out = append(out, dashboard.NewDashboardLinkBuilder(l.title).Type(dashboard.DashboardLinkTypeLink).Url(l.url))
	}
	return out
}
