// Package account is the configuration of the account that the sandbox CleverTap plays.
package account
