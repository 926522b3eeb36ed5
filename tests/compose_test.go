package tests

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"

	definitions "tapline.dev/domain/definition"
	"tapline.dev/tests/harness"
)

func loadCompose(t *testing.T) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{filepath.Join(harness.Root(), "docker-compose.yml")}, cli.WithEnvFiles(filepath.Join(harness.Root(), ".env")), cli.WithDotEnv, cli.WithProfiles([]string{"*"}))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return project
}

// TestComposeIsWhole: docker-compose.yml pins its images, the programs that it builds exist,
// and a service that another waits for has a health check.
func TestComposeIsWhole(t *testing.T) {
	t.Parallel()
	project := loadCompose(t)
	built := map[string]bool{}
	for _, service := range project.Services {
		built[service.Image] = built[service.Image] || service.Build != nil
	}
	pinned := regexp.MustCompile(`:v?[0-9]+\.[0-9]+[0-9A-Za-z.-]*$`)
	for name, service := range project.Services {
		if !built[service.Image] && !pinned.MatchString(service.Image) {
			t.Errorf("%s: the image %s has no version", name, service.Image)
		}
		if service.Build != nil {
			if path, ok := programPath(service); !ok {
				t.Errorf("%s: there is no program %s", name, path)
			}
			if !exists(filepath.Join(harness.Root(), service.Build.Dockerfile)) {
				t.Errorf("%s: there is no %s", name, service.Build.Dockerfile)
			}
		}
		for on, how := range service.DependsOn {
			other, err := project.GetService(on)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if how.Condition == types.ServiceConditionHealthy && other.HealthCheck == nil {
				t.Errorf("%s waits for the health of %s, which has no health check", name, on)
			}
		}
		for _, port := range service.Ports {
			if port.HostIP != "127.0.0.1" {
				t.Errorf("%s: port %s is published to everybody", name, port.Published)
			}
		}
	}
	for _, service := range project.Services {
		for _, v := range service.Volumes {
			if v.Type == types.VolumeTypeBind && !exists(v.Source) {
				t.Errorf("%s mounts %s, which does not exist", service.Name, v.Source)
			}
		}
	}
	for _, name := range []string{"sandbox", "demo"} {
		if service, err := project.GetService(name); err != nil || !slices.Equal(service.Profiles, []string{"demo"}) {
			t.Errorf("%s is not behind its profile: %v, %v", name, service.Profiles, err)
		}
	}
}

// TestComposeWaitsForWhatEnds: `up --wait` takes a service that has ended for a failure
// unless another one of the same profiles waits for its end.
func TestComposeWaitsForWhatEnds(t *testing.T) {
	t.Parallel()
	whole := loadCompose(t)
	for _, profiles := range [][]string{{}, {"demo"}} {
		project, err := whole.WithProfiles(profiles)
		if err != nil {
			t.Fatal(err)
		}
		for name, service := range project.Services {
			if service.Restart != "" {
				continue
			}
			awaited := false
			for _, other := range project.Services {
				awaited = awaited || other.DependsOn[name].Condition == types.ServiceConditionCompletedSuccessfully
			}
			if !awaited {
				t.Errorf("with the profiles %q nothing waits for the end of %s", profiles, name)
			}
		}
	}
}

// TestComposeConfiguresItsServices gives each program the environment that it
// gets there: the program accepts it, and knows every variable.
func TestComposeConfiguresItsServices(t *testing.T) {
	for name, service := range loadCompose(t).Services {
		if service.Build == nil || *service.Build.Args["SERVICE"] == "tapline" {
			// TestReadmesComposeLines runs that one.
			continue
		}
		t.Run(name, func(t *testing.T) {
			program := harness.Program(t, *service.Build.Args["SERVICE"])
			var env []string
			for key, value := range service.Environment {
				// Exporters would try to reach the collector.
				if value != nil && !strings.HasPrefix(key, "OTEL_") {
					env = append(env, key+"="+*value)
				}
			}
			check := exec.CommandContext(t.Context(), program, "--check")
			check.Env = env
			if out, err := check.CombinedOutput(); err != nil {
				t.Errorf("--check: %v\n%s", err, out)
			}
			help, err := exec.CommandContext(t.Context(), program, "--help").Output()
			if err != nil {
				t.Fatal(err)
			}
			for key := range service.Environment {
				if strings.HasPrefix(key, "TAPLINE_") && !bytes.Contains(help, []byte(key+" ")) && !forAll(key) {
					t.Errorf("it knows no %s", key)
				}
			}
		})
	}
}

// TestComposeSandboxResources: the definitions for the stand-ins are valid and
// take their secrets from the environment that the services get.
func TestComposeSandboxResources(t *testing.T) {
	t.Parallel()
	path := filepath.Join(harness.Root(), "deploy/compose/sandbox.yaml")
	if _, problems := definitions.ParseFiles(path); len(problems) > 0 {
		t.Error(problems)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	project := loadCompose(t)
	for _, match := range regexp.MustCompile(`ref\+env://(\w+)`).FindAllStringSubmatch(string(text), -1) {
		given := slices.ContainsFunc([]string{"extractor", "loader"}, func(name string) bool {
			return project.Services[name].Environment[match[1]] != nil
		})
		if !given {
			t.Errorf("neither extractor nor loader is given %s", match[1])
		}
	}
}

// TestDockerfileCopiesWhatIsThere: the layer that downloads modules copies every module of
// the workspace.
func TestDockerfileCopiesWhatIsThere(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(harness.Root(), "deploy/Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(harness.Root(), func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "tools" || entry.Name() == "testdata") {
			return filepath.SkipDir
		}
		module, _ := filepath.Rel(harness.Root(), path)
		if entry.Name() == "go.mod" && !bytes.Contains(text, []byte("COPY "+module+" ")) {
			t.Errorf("deploy/Dockerfile does not copy %s before it downloads modules", module)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// forAll names variables of the block that all services share, which not each
// of them needs.
func forAll(key string) bool {
	return key == "TAPLINE_ALLOW_CUSTOM_ENDPOINTS" || key == "TAPLINE_REDIS_ADDRS"
}

func programPath(service types.ServiceConfig) (string, bool) {
	name := service.Build.Args["SERVICE"]
	if name == nil {
		return "without SERVICE", false
	}
	path := filepath.Join("services", *name, "cmd", *name)
	switch *name {
	case "tapline":
		path = filepath.Join("cmd", "tapline")
	case "sandbox":
		path = filepath.Join("sandbox", "cmd", "sandbox")
	}
	return path, exists(filepath.Join(harness.Root(), path, "main.go"))
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
