module tapline.dev/tests

go 1.26.0

require (
	tapline.dev/libs v0.0.0
	tapline.dev/schemas v0.0.0
	tapline.dev/services/scheduler v0.0.0
	tapline.dev/services/extractor v0.0.0
	tapline.dev/services/mapper v0.0.0
	tapline.dev/services/loader v0.0.0
	tapline.dev/services/importcenter v0.0.0
	tapline.dev/services/sandbox v0.0.0
)

replace (
	tapline.dev/libs => ../libs
	tapline.dev/schemas => ../schemas
	tapline.dev/services/scheduler => ../services/scheduler
	tapline.dev/services/extractor => ../services/extractor
	tapline.dev/services/mapper => ../services/mapper
	tapline.dev/services/loader => ../services/loader
	tapline.dev/services/importcenter => ../services/importcenter
	tapline.dev/services/sandbox => ../services/sandbox
)
