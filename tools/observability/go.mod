module tapline.dev/tools/observability

go 1.26.0

require (
	github.com/grafana/grafana-foundation-sdk/go v0.0.22
	go.yaml.in/yaml/v3 v3.0.6
	golang.org/x/sync v0.25.0
	tapline.dev/schemas v0.0.0
)

replace tapline.dev/schemas => ../../schemas
