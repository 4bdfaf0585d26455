package kube

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/yaml"
)

var getOptions = metav1.GetOptions{}

// An Object is an object of any kind.
type Object = unstructured.Unstructured

// A Client reads and writes objects of any kind, and collects the warnings of the API server.
type Client struct {
	dynamic dynamic.Interface
	mapper  *restmapper.DeferredDiscoveryRESTMapper

	mutex    sync.Mutex
	warnings []string
}

func newClient(t testing.TB, config *rest.Config) *Client {
	t.Helper()
	c := &Client{}
	config = rest.CopyConfig(config)
	config.WarningHandler = c
	var err error
	if c.dynamic, err = dynamic.NewForConfig(config); err != nil {
		t.Fatal(err)
	}
	d, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	c.mapper = restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(d))
	return c
}

// HandleWarningHeader collects a warning.
func (c *Client) HandleWarningHeader(_ int, _ string, text string) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.warnings = append(c.warnings, text)
}

// Warnings returns the warnings since the last call.
func (c *Client) Warnings() []string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	all := c.warnings
	c.warnings = nil
	return all
}

// resource returns the interface to the objects of a kind.
func (c *Client) resource(gvk schema.GroupVersionKind, namespace string) (dynamic.ResourceInterface, error) {
	mapping, err := c.mapping(gvk)
	if err != nil {
		return nil, err
	}
	if mapping.Scope.Name() != meta.RESTScopeNameNamespace {
		return c.dynamic.Resource(mapping.Resource), nil
	}
	return c.dynamic.Resource(mapping.Resource).Namespace(namespace), nil
}

func (c *Client) mapping(gvk schema.GroupVersionKind) (*meta.RESTMapping, error) {
	mapping, err := c.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	if meta.IsNoMatchError(err) {
		c.mapper.Reset() // the CRD may be new
		mapping, err = c.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	}
	return mapping, err
}

// Serves returns an error until the kind of a CRD can be found: an API server marks a CRD as established
// before it lists its kind.
func (c *Client) Serves(crd *Object) error {
	group, _, _ := unstructured.NestedString(crd.Object, "spec", "group")
	kind, _, _ := unstructured.NestedString(crd.Object, "spec", "names", "kind")
	c.mapper.Reset()
	_, err := c.mapper.RESTMapping(schema.GroupKind{Group: group, Kind: kind})
	return err
}

func (c *Client) of(o *Object) (dynamic.ResourceInterface, error) {
	namespace := o.GetNamespace()
	if namespace == "" {
		namespace = metav1.NamespaceDefault
	}
	return c.resource(o.GroupVersionKind(), namespace)
}

// Apply applies an object as Flux does: by server-side apply, with strict
// validation.
func (c *Client) Apply(ctx context.Context, o *Object) (*Object, error) {
	return c.ApplyAs(ctx, "kustomize-controller", o)
}

// DryRun is Apply without changes: it returns the reason why the API server would reject an object.
func (c *Client) DryRun(ctx context.Context, o *Object) error {
	_, err := c.apply(ctx, "kustomize-controller", o, metav1.DryRunAll)
	return err
}

// ApplyAs is Apply with another field manager.
func (c *Client) ApplyAs(ctx context.Context, manager string, o *Object) (*Object, error) {
	return c.apply(ctx, manager, o)
}

func (c *Client) apply(ctx context.Context, manager string, o *Object, dryRun ...string) (*Object, error) {
	r, err := c.of(o)
	if err != nil {
		return nil, err
	}
	data, err := o.MarshalJSON()
	if err != nil {
		return nil, err
	}
	force := true
	return r.Patch(ctx, o.GetName(), types.ApplyPatchType, data, metav1.PatchOptions{
		FieldManager: manager, Force: &force, FieldValidation: metav1.FieldValidationStrict, DryRun: dryRun,
	})
}

// Patch merges a value into an object or a subresource, such as its status.
func (c *Client) Patch(ctx context.Context, o *Object, value any, part ...string) error {
	r, err := c.of(o)
	if err != nil {
		return err
	}
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	_, err = r.Patch(ctx, o.GetName(), types.MergePatchType, data, metav1.PatchOptions{FieldManager: "conformance"}, part...)
	return err
}

// Get reads an object.
func (c *Client) Get(ctx context.Context, gvk schema.GroupVersionKind, namespace, name string) (*Object, error) {
	r, err := c.resource(gvk, namespace)
	if err != nil {
		return nil, err
	}
	return r.Get(ctx, name, getOptions)
}

// Delete removes an object.
func (c *Client) Delete(ctx context.Context, gvk schema.GroupVersionKind, namespace, name string) error {
	r, err := c.resource(gvk, namespace)
	if err != nil {
		return err
	}
	return r.Delete(ctx, name, metav1.DeleteOptions{})
}

// List reads the objects of a kind in all namespaces. It returns none for a kind that does not exist yet.
func (c *Client) List(ctx context.Context, gvk schema.GroupVersionKind) ([]Object, error) {
	r, err := c.resource(gvk, metav1.NamespaceAll)
	if meta.IsNoMatchError(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	list, err := r.List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	return list.Items, nil
}

// Watch calls a function with each object of a kind in all namespaces, and again after each change, until the
// test ends. The kind must exist.
func (c *Client) Watch(t testing.TB, gvk schema.GroupVersionKind, seen func(ctx context.Context, o *Object)) {
	t.Helper()
	c.watch(t, gvk, func(ctx context.Context) cache.ResourceEventHandlerFuncs {
		see := func(o any) { seen(ctx, o.(*Object)) }
		return cache.ResourceEventHandlerFuncs{AddFunc: see, UpdateFunc: func(_, o any) { see(o) }}
	})
}

// WatchEnds calls a function with each deleted object of a kind in all namespaces, once when a finalizer
// holds it and once when it is gone, until the test ends.
func (c *Client) WatchEnds(t testing.TB, gvk schema.GroupVersionKind, ends func(o *Object)) {
	t.Helper()
	c.watch(t, gvk, func(context.Context) cache.ResourceEventHandlerFuncs {
		return cache.ResourceEventHandlerFuncs{
			UpdateFunc: func(before, o any) {
				if before.(*Object).GetDeletionTimestamp() == nil && o.(*Object).GetDeletionTimestamp() != nil {
					ends(o.(*Object))
				}
			},
			DeleteFunc: func(o any) {
				if missed, ok := o.(cache.DeletedFinalStateUnknown); ok {
					o = missed.Obj
				}
				ends(o.(*Object))
			},
		}
	})
}

func (c *Client) watch(t testing.TB, gvk schema.GroupVersionKind, handlers func(context.Context) cache.ResourceEventHandlerFuncs) {
	t.Helper()
	mapping, err := c.mapping(gvk)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	informer := dynamicinformer.NewDynamicSharedInformerFactory(c.dynamic, 0).ForResource(mapping.Resource).Informer()
	if _, err := informer.AddEventHandler(handlers(ctx)); err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() { informer.RunWithContext(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
		t.Fatalf("cannot watch %s", gvk.Kind)
	}
}

// Objects reads the objects of YAML documents.
func Objects(data []byte) ([]*Object, error) {
	var all []*Object
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data)))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		data, err := yaml.YAMLToJSONStrict(document)
		if err != nil {
			return nil, err
		}
		o := &Object{}
		// Unlike encoding/json, this decoder keeps integers.
		if err := utiljson.Unmarshal(data, &o.Object); err != nil {
			return nil, err
		}
		if len(o.Object) > 0 {
			all = append(all, o)
		}
	}
}

// ID returns the name of an object for people: kind namespace/name.
func ID(o *Object) string {
	if o.GetNamespace() == "" {
		return o.GetKind() + " " + o.GetName()
	}
	return fmt.Sprintf("%s %s/%s", o.GetKind(), o.GetNamespace(), o.GetName())
}

// Condition returns the status and the message of a condition of an object.
func Condition(o *Object, name string) (status, message string) {
	conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, c := range conditions {
		if c, ok := c.(map[string]any); ok && c["type"] == name {
			status, _ = c["status"].(string)
			message, _ = c["message"].(string)
		}
	}
	return status, message
}
