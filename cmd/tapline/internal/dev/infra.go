//go:build cgo

package dev

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"

	"tapline.dev/libs/kafka"
	kafkaembedded "tapline.dev/libs/kafka/embedded"
	redisembedded "tapline.dev/libs/redis/embedded"
	"tapline.dev/sandbox"
)

// The account and the names of the sandbox Snowflake.
const (
	account   = "sandbox"
	userName  = "TAPLINE"
	warehouse = "TAPLINE_WH"
	database  = "SHOP"
	schema    = "PUBLIC"
)

func (d *Dev) startKafka() (stop func(), err error) {
	d.kafkaConfig = kafka.DefaultConfig()
	d.kafkaConfig.CreateTopics = true
	if d.cfg.Prefix != "" {
		d.kafkaConfig.Prefix = d.cfg.Prefix + "."
	}
	if d.cfg.Kafka != "" {
		d.kafkaConfig.Brokers = strings.Split(d.cfg.Kafka, ",")
		if err := d.kafkaConfig.Validate(); err != nil {
			return nil, fmt.Errorf("--kafka: %w", err)
		}
		return func() {}, nil
	}
	dir := d.cfg.path("kafka")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making Kafka's directory: %w", err)
	}
	cluster, err := kafkaembedded.Start(kafkaembedded.Config{DataDir: dir, Port: d.cfg.PortBase + portKafka})
	if err != nil {
		return nil, err
	}
	d.kafkaConfig.Brokers = cluster.Addrs()
	return cluster.Close, nil
}

func (d *Dev) startRedis(ctx context.Context) (stop func(), err error) {
	if d.cfg.Redis != "" {
		if _, _, err := net.SplitHostPort(d.cfg.Redis); err != nil {
			return nil, fmt.Errorf("--redis is host:port, not %q", d.cfg.Redis)
		}
		d.redisAddr = d.cfg.Redis
		return func() {}, nil
	}
	server, err := redisembedded.StartKept(d.cfg.addr(portRedis), d.cfg.path("redis.keys"))
	if err != nil {
		return nil, err
	}
	d.redisAddr = server.Addr()
	return func() {
		if err := server.Keep(); err != nil {
			d.log.WarnContext(ctx, "the data of the embedded Redis could not be saved", slog.Any("error", err))
			d.say("the ledger is not kept: %v", err)
		}
	}, nil
}

func (d *Dev) makeSandboxes() (err error) {
	sf := sandbox.DefaultSnowflakeConfig()
	sf.Listen = d.cfg.addr(portSnowflake)
	sf.Account, sf.User, sf.Password = account, userName, sandbox.Secret(d.secrets.password)
	sf.Warehouse, sf.Database, sf.Schema = warehouse, database, schema
	sf.DatabaseFile = d.cfg.path("snowflake.duckdb")
	if d.snowflake, err = sandbox.NewSnowflake(sf, d.log.With(slog.String("part", "snowflake"))); err != nil {
		return fmt.Errorf("making the sandbox Snowflake: %w", err)
	}
	ct := sandbox.DefaultCleverTapConfig()
	ct.Listen = d.cfg.addr(portCleverTap)
	ct.AccountID, ct.Passcode = d.secrets.accountID, sandbox.Secret(d.secrets.passcode)
	ct.Journal, ct.Nested = d.cfg.path("clevertap.journal"), d.cfg.Nested
	d.clevertap = sandbox.NewCleverTap(ct, d.log.With(slog.String("part", "clevertap")))
	return nil
}
