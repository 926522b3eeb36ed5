module tapline.dev/tests

go 1.26.0

require (
	tapline.dev/libs v0.0.0
	tapline.dev/schemas v0.0.0
	tapline.dev/services/extractor v0.0.0
	tapline.dev/services/importcenter v0.0.0
	tapline.dev/services/loader v0.0.0
	tapline.dev/services/mapper v0.0.0
	tapline.dev/services/sandbox v0.0.0
	tapline.dev/services/scheduler v0.0.0
)

require (
	github.com/google/go-cmp v0.7.0 // indirect
	go.opentelemetry.io/proto/otlp v1.11.0 // indirect
	google.golang.org/protobuf v1.36.12 // indirect
)

replace (
	tapline.dev/libs => ../libs
	tapline.dev/schemas => ../schemas
	tapline.dev/services/extractor => ../services/extractor
	tapline.dev/services/importcenter => ../services/importcenter
	tapline.dev/services/loader => ../services/loader
	tapline.dev/services/mapper => ../services/mapper
	tapline.dev/services/sandbox => ../services/sandbox
	tapline.dev/services/scheduler => ../services/scheduler
)
