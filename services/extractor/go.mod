module tapline.dev/services/extractor

go 1.26.0

require (
	tapline.dev/libs v0.0.0
	tapline.dev/schemas v0.0.0
)

replace (
	tapline.dev/libs => ../../libs
	tapline.dev/schemas => ../../schemas
)
