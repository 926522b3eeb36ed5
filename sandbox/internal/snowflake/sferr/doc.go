// Package sferr makes errors as Snowflake returns them: code, SQLSTATE and message.
package sferr
