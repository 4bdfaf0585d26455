package diff_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/internal/sink/diff"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/schema"
)

// withoutRollout returns the inputs of an example without its rollout, which ends at a text.
func withoutRollout(t *testing.T, files []schema.File, end string) []schema.File {
	t.Helper()
	text := string(files[0].Data)
	from := strings.Index(text, "      rollout:\n")
	to := len(text)
	if end != "" {
		to = strings.LastIndex(text, end)
	}
	return edited(t, files, []edit{{text[from:to], ""}})
}

// TestOwnService adds and changes rollouts for an application with its own Service.
func TestOwnService(t *testing.T) {
	const (
		release = "default/podinfo: danger: HelmRelease podinfo: the Service backend is left to Flagger on kurator-member1, kurator-member2: " +
			"Helm deletes the chart's Service; clients fail until Flagger's primary is ready, and the clusterIP changes; " +
			"to keep the Service, run on each cluster first: kubectl annotate --overwrite service backend --namespace webapp 9898.service.kuma.io/protocol=http helm.sh/resource-policy=keep"
		skipped = "default/rollout-kuma-demo: danger: Kustomization rollout-kuma-demo-0: patch of the Service backend on kurator-member1, kurator-member2: " +
			"Flux skips a Service that Flagger owns, so the patch is never applied; " +
			"if the application contains this Service, run on each cluster: kubectl annotate --overwrite service backend --namespace webapp 9898.service.kuma.io/protocol="
	)
	chart, manifests := example(t, "helm-repository"), example(t, kuma)
	for _, test := range []struct {
		name    string
		was, is []schema.File
		want    []string
	}{
		{"a rollout of a release that runs", withoutRollout(t, chart, ""), chart, []string{release}},
		{"a rollout that the release had before", chart, edited(t, chart, []edit{{"releaseName: backend", "releaseName: backend\n        timeout: 7m0s"}, {"        timeout: 5m0s\n", ""}}), nil},
		{"a release that loses its rollout", chart, withoutRollout(t, chart, ""), nil},
		{"a rollout of manifests, whose Service is not Flagger's yet", withoutRollout(t, manifests, "    - destination:"), manifests, nil},
		{"another protocol of a rollout that runs", manifests, edited(t, manifests, []edit{{"protocol: http", "protocol: grpc"}}), []string{skipped + "grpc"}},
		{"another Service of a rollout that runs", manifests, edited(t, manifests, []edit{{"serviceName: backend", "serviceName: shop"}}), nil},
		{"a patch of the user's", manifests, edited(t, manifests, []edit{{"path: ./deploy/webapp", "path: ./deploy/webapp\n        patches: [{patch: '{apiVersion: v1, kind: Service, metadata: {name: backend, labels: {a: b}}}', target: {kind: Service}}]"}}), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := slices.DeleteFunc(notesOf(reportOf(t, test.was, test.is)), func(line string) bool { return !strings.Contains(line, "the Service") })
			if !slices.Equal(got, test.want) {
				t.Errorf("it says\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}

// TestOwnServiceOfFormerRender checks the output of an earlier release, which had no patch, with an unchanged
// Canary.
func TestOwnServiceOfFormerRender(t *testing.T) {
	tree := compiled(t, example(t, kuma))
	was := compiled(t, example(t, kuma))
	changes := tree.Changes(was)
	if len(changes) > 0 {
		t.Fatal(changes)
	}
	const name = "apps/default.rollout-kuma-demo/kustomization-rollout-kuma-demo-0.yaml"
	for i := range tree.Clusters {
		for j := range tree.Clusters[i].Len() {
			if f := tree.Clusters[i].File(j); f.Path == name {
				before, _, _ := strings.Cut(string(f.Content), "  - patch: |\n      apiVersion: v1\n      kind: Service\n")
				changes = append(changes, render.Change{Cluster: tree.Clusters[i].Name, Path: name, Old: []byte(before), New: f.Content})
			}
		}
	}
	got := notesOf(diff.New(nil, changes, nil))
	want := "kubectl annotate --overwrite service backend --namespace webapp 9898.service.kuma.io/protocol=http"
	if len(got) != 2 || !strings.HasSuffix(got[0], want) {
		t.Errorf("got\n%s\nwant a danger that ends with\n%s", strings.Join(got, "\n"), want)
	}
}
