package rules

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/source"
)

// offline are commands of helm and kubectl that need no API server (helm.sh/docs/helm,
// kubernetes.io/docs/reference/kubectl).
var offline = []string{
	"", "api-resources", "api-versions", "auth", "cluster-info", "completion", "config", "create", "dependency", "env", "help", "kustomize", "lint", "options", "package", "plugin", "pull", "push",
	"registry", "repo", "search", "show", "template", "verify", "version",
}

// checkRights reports helm and kubectl tasks on a load tester whose ServiceAccount has no permissions: the pods
// of fleetwright's load tester, and of its chart, have the namespace's default one
// (charts/loadtester/values.yaml, rbac and serviceAccountName).
func checkRights(r *Rollout) {
	type task struct {
		webhook   int
		tool      string
		verb      string
		tester    manifest.Identity
		isPrivate bool
	}
	var tasks []task
	rules := map[manifest.Identity][]string{}
	for i, w := range r.Analysis.Webhooks {
		tool, words := clusterCommand(w)
		verb, object := verbOf(words)
		if tool == "" || slices.Contains(offline, verb) && !(tool == "kubectl" && verb == "create") || !r.isOwnTester(w) {
			continue
		}
		name, namespace := ServiceAt(w.URL)
		t := task{i, tool, verb, manifest.Identity{Kind: "Service", Namespace: namespace, Name: name}, false}
		t.isPrivate = r.Tester.Exists && t.tester == r.Tester.ID
		if t.isPrivate && r.Tester.ServiceAccount != "" || !t.isPrivate && r.On.TesterHasRights || r.mayDo(namespace) {
			continue
		}
		tasks = append(tasks, t)
		if rule := ruleFor(tool, verb, object); !slices.Contains(rules[t.tester], rule) {
			rules[t.tester] = append(rules[t.tester], rule)
		}
	}
	for _, t := range tasks {
		field := "testLoaderServiceAccountName: " + t.tester.Name + " in the rollout"
		if !t.isPrivate {
			field = "charts: {loadtester: {values: {serviceAccountName: " + t.tester.Name + "}}} in the RenderConfig"
		}
		r.Report(diag.TesterWithoutRights, inAnalysis("webhooks", t.webhook, "metadata", "cmd"),
			fmt.Sprintf("the load tester runs as ServiceAccount default, which has no permissions, so %s %s fails", t.tool, t.verb),
			field+", and in the application's manifests:\n"+rights(t.tester.Name, t.tester.Namespace, r.ID.Namespace, rules[t.tester]))
	}
}

// clusterCommand returns the words of a task's helm or kubectl command, unless it sets credentials.
func clusterCommand(w flagger.Webhook) (tool string, words []string) {
	command := w.Metadata["cmd"]
	if !w.RunsTask() || slices.ContainsFunc([]string{"KUBECONFIG", "--kubeconfig", "--kube-", "--server", "--token"}, func(own string) bool { return strings.Contains(command, own) }) {
		return "", nil
	}
	switch w.Task() {
	case "helm", "helmv3":
		return "helm", strings.Fields(command)
	case "kubectl":
		return "kubectl", strings.Fields(command)
	case "bash":
		script, err := flagger.ParseScript(command)
		if err != nil {
			return "", nil
		}
		for _, call := range script.Calls {
			if name := path.Base(call.Name); name == "helm" || name == "kubectl" {
				for _, w := range call.Words {
					words = append(words, w.Text)
				}
				return name, words
			}
		}
	}
	return "", nil
}

// verbOf returns the first two words of a command that are not options.
func verbOf(words []string) (verb, object string) {
	for i := 0; i < len(words); i++ {
		switch word := words[i]; {
		case word == "-n" || word == "--namespace":
			i++
		case strings.HasPrefix(word, "-"):
		case verb == "":
			verb = word
		default:
			return verb, word
		}
	}
	return verb, ""
}

// mayDo reports whether the application's manifests grant rights to the ServiceAccount default.
func (r *Rollout) mayDo(namespace string) bool {
	if r.Manifests == nil {
		return false
	}
	for _, kind := range []string{"RoleBinding", "ClusterRoleBinding"} {
		for found := range r.Manifests.Find("rbac.authorization.k8s.io", kind) {
			binding := source.Read[source.RoleBinding](found.Object)
			if binding == nil {
				continue
			}
			for _, s := range binding.Subjects {
				own := s.Kind == "ServiceAccount" && s.Name == "default" && cmp.Or(s.Namespace, found.ID.Namespace) == namespace
				if own || s.Kind == "Group" && strings.HasPrefix(s.Name, "system:serviceaccounts") {
					return true
				}
			}
		}
	}
	return false
}

// verbs are the Kubernetes verbs that a kubectl command needs; all other commands need get.
var verbs = map[string]string{
	"annotate": "get, patch", "apply": "get, create, patch", "create": "create", "delete": "get, list, watch, delete", "describe": "get, list",
	"get": "get, list", "label": "get, patch", "patch": "get, patch", "replace": "get, update", "rollout": "get, list, watch, patch",
	"run": "get, create", "scale": "get, patch", "set": "get, patch", "wait": "get, list, watch",
}

// resources are the most common resources, with their API groups, by the names that kubectl accepts (kubectl
// api-resources).
var resources = []struct{ name, group, names string }{
	{"pods", "", "po pod"}, {"services", "", "svc service"}, {"configmaps", "", "cm configmap"}, {"secrets", "", "secret"},
	{"endpoints", "", "ep endpoint"}, {"events", "", "ev event"}, {"serviceaccounts", "", "sa serviceaccount"},
	{"persistentvolumeclaims", "", "pvc persistentvolumeclaim"},
	{"deployments", "apps", "deploy deployment"}, {"daemonsets", "apps", "ds daemonset"},
	{"statefulsets", "apps", "sts statefulset"}, {"replicasets", "apps", "rs replicaset"},
	{"jobs", "batch", "job"}, {"cronjobs", "batch", "cj cronjob"}, {"canaries", "flagger.app", "canary"},
	{"horizontalpodautoscalers", "autoscaling", "hpa horizontalpodautoscaler"},
	{"ingresses", "networking.k8s.io", "ing ingress"}, {"networkpolicies", "networking.k8s.io", "netpol networkpolicy"},
}

// ruleFor returns the rule of a Role that a command needs, judged by its words.
func ruleFor(tool, verb, object string) string {
	if tool == "helm" {
		// Helm's releases are Secrets, and its tests are pods (helm.sh/docs/topics/chart_tests).
		return `  - {apiGroups: [""], resources: [secrets, pods, pods/log], verbs: [get, list, watch, create, update, delete]}`
	}
	rule := func(group, resource, verbs string) string {
		return fmt.Sprintf("  - {apiGroups: [%q], resources: [%s], verbs: [%s]}", group, resource, verbs)
	}
	switch verb {
	case "logs":
		return rule("", "pods, pods/log", "get")
	case "exec":
		return rule("", "pods, pods/exec", "get, create")
	case "rollout":
		return rule("apps", "deployments, daemonsets, statefulsets", verbs[verb])
	case "top":
		return rule("metrics.k8s.io", "pods", "get, list")
	}
	kind, _, _ := strings.Cut(strings.ToLower(object), "/")
	for _, r := range resources {
		if kind == r.name || slices.Contains(strings.Fields(r.names), kind) {
			return rule(r.group, r.name, cmp.Or(verbs[verb], "get"))
		}
	}
	return rule("…", "…", cmp.Or(verbs[verb], "get"))
}

// rights returns the objects to paste.
func rights(account, from, namespace string, rules []string) string {
	meta := func(namespace string) string {
		return fmt.Sprintf("metadata: {name: %s, namespace: %s}", account, namespace)
	}
	return strings.Join([]string{
		"apiVersion: v1", "kind: ServiceAccount", meta(from), "---",
		"apiVersion: rbac.authorization.k8s.io/v1", "kind: Role", meta(namespace), "rules:", strings.Join(rules, "\n"), "---",
		"apiVersion: rbac.authorization.k8s.io/v1", "kind: RoleBinding", meta(namespace),
		fmt.Sprintf("roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: %s}", account),
		fmt.Sprintf("subjects: [{kind: ServiceAccount, name: %s, namespace: %s}]", account, from),
	}, "\n")
}
