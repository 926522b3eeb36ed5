package boards

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/statetimeline"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

type dataquery = variants.Dataquery

const height = 8

func (p panel) span() uint32 {
	if p.width == 0 {
		return 8
	}
	return p.width
}

// builder makes the panel of the SDK.
func (p panel) builder(id uint32) cog.Builder[dashboard.Panel] {
	switch p.kind {
	case figure:
		made := stat.NewPanelBuilder().Id(id).Title(p.title).Description(p.description()).Unit(p.unit).
			Height(4).Span(p.span()).Datasource(source()).Targets(p.targets()).Thresholds(p.thresholds()).
			ReduceOptions(common.NewReduceDataOptionsBuilder().Calcs([]string{"lastNotNull"}))
		if len(p.links) > 0 {
			made.DataLinks(p.dataLinks())
		}
		return made
	case listing:
		made := table.NewPanelBuilder().Id(id).Title(p.title).Description(p.description()).Unit(p.unit).
			Height(height).Span(p.span()).Datasource(source()).Targets(p.targets()).Thresholds(p.thresholds()).
			WithTransformation(dashboard.DataTransformerConfig{Id: "organize", Options: map[string]any{
				"excludeByName": map[string]bool{"Time": true, "__name__": true, "instance": true, "job": true},
			}})
		if len(p.links) > 0 {
			made.DataLinks(p.dataLinks())
		}
		return made
	case states:
		return statetimeline.NewPanelBuilder().Id(id).Title(p.title).Description(p.description()).Unit(p.unit).
			Height(height).Span(p.span()).Datasource(source()).Targets(p.targets()).Thresholds(p.thresholds())
	default:
		made := timeseries.NewPanelBuilder().Id(id).Title(p.title).Description(p.description()).Unit(p.unit).
			Height(height).Span(p.span()).Datasource(source()).Targets(p.targets()).Thresholds(p.thresholds()).Min(0)
		if len(p.links) > 0 {
			made.DataLinks(p.dataLinks())
		}
		return made
	}
}
