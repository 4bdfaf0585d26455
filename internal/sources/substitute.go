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

// substitute replaces variables in objects as kustomize-controller does after a build (fluxcd/pkg
// kustomize v1.41.0, kustomize_varsub.go, SubstituteVariables), and returns those that have neither a
// value nor a default, sorted. Where the values are on the clusters alone it says why the objects are
// not known.
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
			return nil, "", fmt.Errorf("the %s %s is no YAML with these values", o.Kind, o.Name)
		}
		changed, err := source.NewObject(content, o.File)
		if err != nil {
			return nil, "", fmt.Errorf("the %s %s is no object with these values", o.Kind, o.Name)
		}
		*o = changed
	}
	slices.Sort(unset)
	return unset, "", nil
}

// hasDefault reports whether a text uses a variable with a default, or in another way that takes none.
func hasDefault(text []byte, name string) bool {
	return !bytes.Contains(text, []byte("${"+name+"}"))
}

// isLeft reports whether Flux substitutes nothing in an object.
func isLeft(o *source.Object) bool {
	var m source.Any
	return json.Unmarshal(o.JSON, &m) == nil && (m.Metadata.Labels[manifest.FluxSubstitute] == "disabled" || m.Metadata.Annotations[manifest.FluxSubstitute] == "disabled")
}

// unsubstituted returns why a policy's objects are not known, or why Flux fails.
func unsubstituted(unread string, err error) *source.Built {
	if unread != "" {
		return &source.Built{Unread: unread}
	}
	return &source.Built{Failures: []source.Failure{{
		Field: []any{"kustomization", "postBuild"}, Message: "Flux cannot substitute variables in " + cut(err.Error()),
		Hint: "write $$ for a $ that is no variable, or annotate the object with " + manifest.FluxSubstitute + ": disabled",
	}}}
}
