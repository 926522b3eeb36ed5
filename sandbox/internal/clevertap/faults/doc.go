// Package faults decides which uploads fail, and how, by switches that a test sets.
package faults
