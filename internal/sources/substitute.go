package sources

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/envsubst"
	"sigs.k8s.io/yaml"

	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/source"
	"github.com/fleetwright/fleetwright/schema/api"
)

// substitute replaces variables in objects like kustomize-controller after a build (fluxcd/pkg kustomize v1.41.0,
// kustomize_varsub.go, SubstituteVariables), and returns the variables without a value and without a default,
// sorted. If only the clusters have a value, it returns the reason why the objects are unknown.
func substitute(objects []source.Object, p *api.PostBuild) (unset []string, unread string, err error) {
	if p == nil || len(p.Substitute)+len(p.SubstituteFrom) == 0 && p.SubstituteStrategy != "Always" {
		return nil, "", nil
	}
	for i := range objects {
		o := &objects[i]
		if !manifest.IsSubstituted(o.JSON) || isLeft(o) {
			continue
		}
		text, err := yaml.JSONToYAML(o.JSON)
		if err != nil {
			return nil, "", err
		}
		replaced, err := envsubst.Eval(string(text), func(name string) (string, bool) {
			value, ok := p.Substitute[name]
			if !ok && len(p.SubstituteFrom) > 0 {
				unread = fmt.Sprintf("the value of ${%s} is in a substituteFrom of its postBuild", name)
			}
			if !ok && !slices.Contains(unset, name) && !hasDefault(text, name) {
				unset = append(unset, name)
			}
			return strings.ReplaceAll(value, "\n", ""), true
		})
		switch {
		case unread != "":
			return nil, unread, nil
		case err != nil:
			return nil, "", fmt.Errorf("the %s %s: %w", o.Kind, o.Name, err)
		}
		content, err := yaml.YAMLToJSON([]byte(replaced))
		if err != nil {
			return nil, "", fmt.Errorf("the %s %s is not valid YAML with these values", o.Kind, o.Name)
		}
		changed, err := source.NewObject(content, o.File)
		if err != nil {
			return nil, "", fmt.Errorf("the %s %s is not a valid object with these values", o.Kind, o.Name)
		}
		*o = changed
	}
	slices.Sort(unset)
	return unset, "", nil
}

// hasDefault reports whether a text never uses a variable as ${name}, which needs a value.
func hasDefault(text []byte, name string) bool {
	return !bytes.Contains(text, []byte("${"+name+"}"))
}

// isLeft reports whether Flux substitutes nothing in an object.
func isLeft(o *source.Object) bool {
	var m source.Any
	return json.Unmarshal(o.JSON, &m) == nil && (m.Metadata.Labels[manifest.FluxSubstitute] == "disabled" || m.Metadata.Annotations[manifest.FluxSubstitute] == "disabled")
}

// unsubstituted returns the reason why a policy's objects are unknown, or the failure of Flux.
func unsubstituted(unread string, err error) *source.Built {
	if unread != "" {
		return &source.Built{Unread: unread}
	}
	return &source.Built{Failures: []source.Failure{{
		Field: []any{"kustomization", "postBuild"}, Message: "Flux cannot substitute variables in " + cut(err.Error()),
		Hint: "write $$ for a literal $, or annotate the object with " + manifest.FluxSubstitute + ": disabled",
	}}}
}
