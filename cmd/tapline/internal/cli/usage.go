package cli

// usageTemplate is the help of a verb: how it is called, examples, and its own flags. It
// leaves out --server and --token, which tapline --help shows, so that the help of a verb
// fits a screen.
const usageTemplate = `{{if .HasAvailableSubCommands}}Usage: {{.CommandPath}} [command]{{else}}Usage: {{.UseLine}}{{end}}{{if .HasExample}}
Examples:
{{.Example}}{{end}}{{if .HasAvailableSubCommands}}

Available Commands:{{range .Commands}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}{{if .HasAvailableLocalFlags}}
Flags:
{{.LocalFlags.FlagUsagesWrapped 80 | trimTrailingWhitespaces}}{{end}}
`
