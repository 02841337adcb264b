package compose

import (
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/longhaul/longhaul/tests/harness"
)

// prometheus is what concerns us of prometheus.yml.
type prometheus struct {
	RuleFiles     []string `yaml:"rule_files"`
	ScrapeConfigs []struct {
		JobName     string `yaml:"job_name"`
		HonorLabels bool   `yaml:"honor_labels"`
		DNS         []struct {
			Names []string
			Port  int
		} `yaml:"dns_sd_configs"`
		Static []struct{ Targets []string } `yaml:"static_configs"`
	} `yaml:"scrape_configs"`
}

// TestPrometheusFindsWhatServesMetrics compares what it asks with the addresses that the services serve metrics at.
func TestPrometheusFindsWhatServesMetrics(t *testing.T) {
	var c prometheus
	harness.Must(t, yaml.Unmarshal([]byte(read(t, "deploy/prometheus/prometheus.yml")), &c))
	if len(c.ScrapeConfigs) != 2 || !slices.Equal(c.RuleFiles, []string{"alerts.yml"}) {
		t.Fatalf("%+v", c)
	}
	p := harness.Compose(t, password)
	port := func(service_, variable string) string {
		host, port, err := net.SplitHostPort(harness.Variables(service(t, p, service_))[variable])
		harness.Must(t, err)
		if !net.ParseIP(host).IsUnspecified() {
			t.Errorf("%s serves its metrics at %s, where Prometheus does not reach them", service_, host)
		}
		return port
	}
	workers, server := c.ScrapeConfigs[0], c.ScrapeConfigs[1]
	if got := fmt.Sprintf("%v", workers.DNS); got != "[{[worker] "+port("worker", "LONGHAUL_METRICS")+"}]" || !workers.HonorLabels {
		t.Errorf("the workers are looked for at %s", got)
	}
	if got := fmt.Sprintf("%v", server.Static); got != "[{[temporal:"+port("temporal", "PROMETHEUS_ENDPOINT")+"]}]" {
		t.Errorf("Temporal's server is looked for at %s", got)
	}
}

// TestGrafanaShowsTheDashboard follows the dashboard and the source of its numbers through Grafana's settings to the services.
func TestGrafanaShowsTheDashboard(t *testing.T) {
	var sources struct{ Datasources []struct{ Type, URL string } }
	harness.Must(t, yaml.Unmarshal([]byte(read(t, "deploy/grafana/datasources/prometheus.yml")), &sources))
	var dashboards struct {
		Providers []struct {
			Type    string
			Options struct{ Path string }
		}
	}
	harness.Must(t, yaml.Unmarshal([]byte(read(t, "deploy/grafana/dashboards/longhaul.yml")), &dashboards))
	if len(sources.Datasources) != 1 || len(dashboards.Providers) != 1 {
		t.Fatalf("%+v, %+v", sources, dashboards)
	}
	if d := sources.Datasources[0]; d.Type != "prometheus" || d.URL != "http://prometheus:9090" {
		t.Errorf("the numbers come from %+v", d)
	}
	p := harness.Compose(t, password)
	mounts := map[string]string{}
	for _, v := range service(t, p, "grafana").Volumes {
		mounts[v.Target] = filepath.Base(v.Source)
	}
	home := harness.Variables(service(t, p, "grafana"))["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
	if mounts[home] != "grafana.json" || filepath.Dir(home) != dashboards.Providers[0].Options.Path {
		t.Errorf("the dashboard is looked for at %s and at %s; there are %v", home, dashboards.Providers[0].Options.Path, mounts)
	}
	for target, source := range map[string]string{"/etc/grafana/provisioning/datasources": "datasources", "/etc/grafana/provisioning/dashboards": "dashboards"} {
		if mounts[target] != source {
			t.Errorf("%s holds %q", target, mounts[target])
		}
	}
}

// TestAlertsAskForMetricsThatThereAre holds the rules to docs/metrics.md, and docs/production.md to the rules.
func TestAlertsAskForMetricsThatThereAre(t *testing.T) {
	var file struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr         string
				Labels, Annotations map[string]string
			}
		}
	}
	harness.Must(t, yaml.Unmarshal([]byte(read(t, "deploy/prometheus/alerts.yml")), &file))
	documented, tested, told := read(t, "docs/metrics.md"), read(t, "deploy/prometheus/alerts_test.yml"), read(t, "docs/production.md")
	name := regexp.MustCompile(`\b(?:longhaul|temporal|process|go)_[a-z_]+|\bup\b`)
	for _, r := range file.Groups[0].Rules {
		metrics := name.FindAllString(r.Expr, -1)
		if len(metrics) == 0 {
			t.Errorf("%s asks for no metric: %s", r.Alert, r.Expr)
		}
		for _, m := range metrics {
			known := m == "up" || m == "process_open_fds" || m == "process_max_fds" || strings.Contains(documented, "| `"+m+"{")
			if !known {
				t.Errorf("%s asks for %s, which docs/metrics.md does not have", r.Alert, m)
			}
		}
		if r.Annotations["summary"] == "" || r.Labels["severity"] == "" {
			t.Errorf("%s: summary %q, severity %q", r.Alert, r.Annotations["summary"], r.Labels["severity"])
		}
		if n := strings.Count(tested, "alertname: "+r.Alert+"\n") + strings.Count(tested, "alertname: "+r.Alert+"}"); n != 2 {
			t.Errorf("%s is tested %d times, want one that fires and one that does not", r.Alert, n)
		}
		if !strings.Contains(told, "\n| `"+r.Alert+"` |") {
			t.Errorf("docs/production.md does not tell of %s", r.Alert)
		}
	}
}

// TestAlertsFireWhenTheyShould has Prometheus' own program check the files and run the rules over made-up numbers.
func TestAlertsFireWhenTheyShould(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Fatal("promtool is not on PATH: it is in Debian's package prometheus (make counterparts installs it)")
	}
	for _, args := range [][]string{{"check", "config", "prometheus.yml"}, {"test", "rules", "alerts_test.yml"}} {
		cmd := exec.Command(promtool, args...)
		cmd.Dir = filepath.Join("..", "..", "deploy", "prometheus")
		if b, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", cmd, err, b)
		}
	}
}
