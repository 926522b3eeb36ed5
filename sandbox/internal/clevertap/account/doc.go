// Package account is the configuration of the account that the sandbox CleverTap simulates.
package account
