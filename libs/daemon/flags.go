package daemon

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"tapline.dev/libs/config"
)

// commandLine is what the flags ask for.
type commandLine struct {
	file     string
	check    bool
	connect  bool
	print    bool
	probe    bool
	version  bool
	help     bool
	usage    string
	settings map[string]string
}

// parseFlags knows the flags of every service and one flag for each key.
func parseFlags(name string, args []string, cfg ...any) (commandLine, error) {
	settings, err := config.Settings(cfg...)
	if err != nil {
		return commandLine{}, err
	}
	line := commandLine{usage: usage(name, settings), settings: map[string]string{}}
	set := flag.NewFlagSet(name, flag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.StringVar(&line.file, "config", "", "")
	set.BoolVar(&line.check, "check", false, "")
	set.BoolVar(&line.connect, "connect", false, "")
	set.BoolVar(&line.print, "print-config", false, "")
	set.BoolVar(&line.probe, "probe", false, "")
	set.BoolVar(&line.version, "version", false, "")
	for _, s := range settings {
		set.Func(s.Key, "", func(value string) error {
			line.settings[s.Key] = value
			return nil
		})
	}
	err = set.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		line.help = true
		return line, nil
	case err != nil:
		return line, fmt.Errorf("%w (--help lists the flags)", err)
	case line.connect && !line.check:
		return line, errors.New("--connect belongs to --check")
	case set.NArg() > 0:
		return line, fmt.Errorf("unexpected argument %q (--help lists the flags)", set.Arg(0))
	}
	return line, nil
}

func usage(name string, settings []config.Setting) string {
	var b strings.Builder
	fmt.Fprintf(&b, `Usage: %s [--config FILE] [--KEY VALUE ...]

  --config FILE    read settings from a YAML file
  --check          say whether the configuration would work, exit 0 or 2
  --connect        with --check: sign in to Kafka and to Redis as well
  --print-config   print the effective configuration, secrets masked
  --probe          ask the running program whether it is ready, exit 0 or 1
  --version        print the version
  --help           print this

A flag is stronger than the environment, which is stronger than the file.

`, name)
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "  KEY\tENVIRONMENT\tDEFAULT")
	for _, s := range settings {
		fmt.Fprintf(w, "  --%s\t%s\t%s\n", s.Key, s.Env, s.Value)
	}
	// Writing to a strings.Builder cannot fail.
	_ = w.Flush()
	return b.String()
}
