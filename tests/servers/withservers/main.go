// The withservers program runs a command with a real Kafka and a real Redis
// beside it, whose addresses the command finds in TAPLINE_TEST_KAFKA and
// TAPLINE_TEST_REDIS, and stops both afterwards. Where one of these variables is
// set already, that server is used and left alone.
//
// If a program that it needs is missing, it says so and succeeds, but fails
// under CI=true.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"tapline.dev/tests/servers"
)

func main() {
	jars := flag.String("jars", ".cache/kafka/4.2.2", "where Kafka's jars are, or are put")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	err := run(ctx, *jars, flag.Args())
	var exit *exec.ExitError
	switch {
	case err == nil:
	case errors.As(err, &exit):
		os.Exit(max(1, exit.ExitCode()))
	case errors.Is(err, servers.ErrMissing) && os.Getenv("CI") != "true":
		fmt.Fprintln(os.Stderr, "SKIPPED, nothing was tested:", err)
	default:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, jars string, command []string) (err error) {
	if jars, err = filepath.Abs(jars); err != nil {
		return fmt.Errorf("finding the folder of jars: %w", err)
	}
	if len(command) == 0 {
		return errors.New("name the command to run: withservers [-jars DIR] COMMAND [ARGUMENTS]")
	}
	dir, err := os.MkdirTemp("", "tapline-servers-")
	if err != nil {
		return fmt.Errorf("making a folder for the servers: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	kafka, stop, err := useKafka(ctx, jars, dir)
	if err != nil {
		return err
	}
	defer stop()
	redis, stop, err := useRedis(ctx, dir)
	if err != nil {
		return err
	}
	defer stop()
	fmt.Fprintf(os.Stderr, "Kafka at %s, Redis at %s\n", kafka, redis)
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 30 * time.Second
	cmd.Env = append(os.Environ(), "TAPLINE_TEST_KAFKA="+kafka, "TAPLINE_TEST_REDIS="+redis, "TAPLINE_TEST_JARS="+jars)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		fmt.Fprintf(os.Stderr, "the end of Kafka's log:\n%s\n", servers.Tail(filepath.Join(dir, "broker.log"), 4000))
		return err
	}
	return nil
}

func useKafka(ctx context.Context, jars, dir string) (addr string, stop func(), err error) {
	if addr = os.Getenv("TAPLINE_TEST_KAFKA"); addr != "" {
		return addr, func() {}, servers.Brokers(ctx, addr)
	}
	if err := servers.FetchKafka(ctx, jars); err != nil {
		return "", nil, err
	}
	kafka, err := servers.StartKafka(ctx, jars, dir)
	if err != nil {
		return "", nil, err
	}
	return kafka.Addr, kafka.Stop, nil
}

func useRedis(ctx context.Context, dir string) (addr string, stop func(), err error) {
	if addr = os.Getenv("TAPLINE_TEST_REDIS"); addr != "" {
		return addr, func() {}, servers.Pong(ctx, addr)
	}
	redis, err := servers.StartRedis(ctx, dir)
	if err != nil {
		return "", nil, err
	}
	return redis.Addr, redis.Stop, nil
}
