package harness

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// ComposeFile is docker-compose.yml, from the folder of a package of tests.
var ComposeFile = filepath.Join("..", "..", "docker-compose.yml")

// LoadCompose loads docker-compose.yml as docker compose does, all of its profiles, with nothing in the environment but what is given as KEY=VALUE.
func LoadCompose(environment ...string) (*types.Project, error) {
	o, err := cli.NewProjectOptions([]string{ComposeFile}, cli.WithEnv(environment), cli.WithProfiles([]string{"*"}), cli.WithDiscardEnvFile)
	if err != nil {
		return nil, err
	}
	return o.LoadProject(context.Background())
}

// Compose is the same for a test that cannot do without.
func Compose(t *testing.T, environment ...string) *types.Project {
	t.Helper()
	p, err := LoadCompose(environment...)
	Must(t, err)
	return p
}

// Variables is what a service of docker-compose.yml finds in its environment.
func Variables(s types.ServiceConfig) map[string]string {
	all := map[string]string{}
	for k, v := range s.Environment {
		if v != nil {
			all[k] = *v
		}
	}
	return all
}
