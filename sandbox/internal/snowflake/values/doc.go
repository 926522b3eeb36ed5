// Package values converts values between types and texts as Snowflake does.
package values
