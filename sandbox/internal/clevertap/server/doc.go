// Package server answers CleverTap's endpoints and those for inspection.
package server
