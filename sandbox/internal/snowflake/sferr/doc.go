// Package sferr makes errors in Snowflake's terms: code, SQLSTATE and message.
package sferr
