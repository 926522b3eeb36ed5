// Command tapline is the command line of Tapline: it applies definitions, runs
// imports and shows what became of them. Built with cgo it also holds `tapline
// dev`, the whole pipeline in one process.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // zones of definitions, wherever the program runs

	"tapline.dev/cmd/tapline/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	// A second signal finds the default behaviour restored and ends the process.
	context.AfterFunc(ctx, stop)
	os.Exit(cli.Main(ctx, os.Args[1:], cli.IO{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
}
