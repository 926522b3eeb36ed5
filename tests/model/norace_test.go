//go:build !race

package model

const histories = 300
