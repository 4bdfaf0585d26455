package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"regexp"
	"time"
	_ "unsafe" // for linkname

	flaggerv1 "github.com/fluxcd/flagger/pkg/apis/flagger/v1beta1"
	kedav1 "github.com/fluxcd/flagger/pkg/apis/keda/v1alpha1"
	"github.com/fluxcd/flagger/pkg/canary"
	flaggerfake "github.com/fluxcd/flagger/pkg/client/clientset/versioned/fake"
	"github.com/fluxcd/flagger/pkg/controller"
	"github.com/fluxcd/flagger/pkg/metrics/observers"
	"github.com/fluxcd/flagger/pkg/metrics/providers"
	"github.com/fluxcd/flagger/pkg/notifier"
	"github.com/fluxcd/flagger/pkg/router"
	"go.uber.org/zap"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	kubefake "k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/rest"
)

// Flagger's own validation is not exported.
//
//go:linkname verifyCanary github.com/fluxcd/flagger/pkg/controller.(*Controller).verifyCanary
func verifyCanary(c *controller.Controller, canary *flaggerv1.Canary) error

//go:linkname toMetricModel github.com/fluxcd/flagger/pkg/controller.toMetricModel
func toMetricModel(r *flaggerv1.Canary, interval string, variables map[string]string) flaggerv1.MetricTemplateModel

// credentials satisfy every metrics provider.
var credentials = map[string][]byte{
	"username": []byte("u"), "password": []byte("p"), "token": []byte("t"), "org": []byte("o"), "project": []byte("p"),
	"datadog_api_key": []byte("k"), "datadog_application_key": []byte("k"),
	"newrelic_account_id": []byte("1"), "newrelic_query_key": []byte("k"),
	"dynatrace_token": []byte("t"), "sf_token_key": []byte("t"),
}

// readByFlagger does what Flagger does with a Canary: it validates the Canary, and creates and updates all
// objects of a rollout, with clients that keep objects in memory. The API server and Istio read the results.
func readByFlagger(objects []unstructured.Unstructured, a *answer) {
	alertProviders := of[flaggerv1.AlertProvider](objects, "AlertProvider", a)
	templates := of[flaggerv1.MetricTemplate](objects, "MetricTemplate", a)
	for _, p := range alertProviders {
		a.refuse("Flagger, alert provider", sendable(p))
	}
	canaries := of[flaggerv1.Canary](objects, "Canary", a)
	if len(canaries) != 1 || len(a.Refused) > 0 {
		return
	}
	cd := canaries[0]
	a.refuse("Flagger, verifyCanary", verifyCanary(&controller.Controller{}, cd))
	for _, m := range cd.GetAnalysis().Metrics {
		a.refuse("Flagger, metric "+m.Name, measurable(cd, m, templates))
	}
	for _, w := range cd.GetAnalysis().Webhooks {
		a.refuse("Flagger, webhook "+w.Name, callable(w))
	}
	a.refuse("Flagger, rollout", roll(cd, of[networkingv1.Ingress](objects, "Ingress", a), a))
}

// measurable returns why a metric cannot be queried, as checkMetricProviderAvailability and runMetricChecks
// in pkg/controller do.
func measurable(cd *flaggerv1.Canary, m flaggerv1.CanaryMetric, templates []*flaggerv1.MetricTemplate) error {
	if _, err := time.ParseDuration(m.Interval); err != nil && m.Interval != "" {
		return err
	}
	if m.TemplateRef == nil {
		if cd.Spec.MetricsServer == "" {
			return nil
		}
		if _, err := observers.NewFactory(cd.Spec.MetricsServer); err != nil {
			return err
		}
		return requestable(cd.Spec.MetricsServer)
	}
	namespace := m.TemplateRef.Namespace
	if namespace == "" {
		namespace = cd.Namespace
	}
	for _, t := range templates {
		if t.Name != m.TemplateRef.Name || t.Namespace != namespace {
			continue
		}
		provider := t.Spec.Provider
		if provider.Type != "stackdriver" { // its constructor looks for Google credentials on this machine
			if _, err := providers.NewFactory(zap.NewNop().Sugar()).Provider(m.Interval, provider, credentials, &rest.Config{Host: "https://example.com"}); err != nil {
				return err
			}
		}
		switch provider.Type {
		case "cloudwatch", "stackdriver", "keptn": // the address is ignored
		case "externalmetrics": // a host is enough, and the constructor has parsed it
		default:
			if err := requestable(provider.Address); provider.Address != "" && err != nil {
				return err
			}
		}
		_, err := observers.RenderQuery(t.Spec.Query, toMetricModel(cd, m.Interval, m.TemplateVariables))
		return err
	}
	return fmt.Errorf("MetricTemplate %s.%s is not found", m.TemplateRef.Name, namespace)
}

// requestable returns why an HTTP client cannot send a request to a URL: it does the checks of
// http.NewRequest and of http.Client before dialing.
func requestable(address string) error {
	request, err := http.NewRequest(http.MethodPost, address, nil)
	if err != nil {
		return err
	}
	if request.URL.Scheme != "http" && request.URL.Scheme != "https" && request.URL.Scheme != "ws" && request.URL.Scheme != "wss" {
		return fmt.Errorf("unsupported protocol scheme %q", request.URL.Scheme)
	}
	if request.URL.Hostname() == "" {
		return errors.New("no Host in request URL")
	}
	return nil
}

// callable does the same as callWebhook in pkg/controller/webhook.go before the call.
func callable(w flaggerv1.CanaryWebhook) error {
	hook, err := url.Parse(w.URL)
	if err != nil {
		return err
	}
	if len(w.Timeout) >= 2 {
		if _, err := time.ParseDuration(w.Timeout); err != nil {
			return err
		}
	}
	return requestable(hook.String())
}

// sendable creates the notifier of a provider as alert in pkg/controller/events.go does.
func sendable(p *flaggerv1.AlertProvider) error {
	address, username, channel := p.Spec.Address, p.Spec.Username, p.Spec.Channel
	if p.Spec.SecretRef != nil {
		address = "https://example.com" // of the Secret
	}
	if username == "" {
		username = "flagger"
	}
	if channel == "" {
		channel = "general"
	}
	if _, err := notifier.NewFactory(address, "", p.Spec.Proxy, username, channel).Notifier(p.Spec.Type); err != nil {
		return err
	}
	if p.Spec.Proxy != "" { // pkg/notifier/client.go
		if _, err := url.Parse(p.Spec.Proxy); err != nil {
			return err
		}
	}
	return requestable(address)
}

// roll runs a rollout as advanceCanary in pkg/controller/scheduler.go does.
func roll(cd *flaggerv1.Canary, ingresses []*networkingv1.Ingress, a *answer) error {
	meta := metav1.ObjectMeta{Name: cd.Spec.TargetRef.Name, Namespace: cd.Namespace, Labels: map[string]string{"app": "web"}}
	selector := &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}
	pods := corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "web"}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "web", Ports: []corev1.ContainerPort{{Name: "other", ContainerPort: 7}}}}},
	}
	target := []runtime.Object{
		&appsv1.Deployment{ObjectMeta: meta, Spec: appsv1.DeploymentSpec{Selector: selector, Template: pods}},
		&appsv1.DaemonSet{ObjectMeta: meta, Spec: appsv1.DaemonSetSpec{Selector: selector, Template: pods}},
	}
	for _, i := range ingresses {
		target = append(target, i)
	}
	flaggerObjects := []runtime.Object{cd}
	if ref := cd.Spec.AutoscalerRef; ref != nil {
		scaled := metav1.ObjectMeta{Name: ref.Name, Namespace: cd.Namespace}
		target = append(target, &autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: scaled, Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: cd.Spec.TargetRef.APIVersion, Kind: cd.Spec.TargetRef.Kind, Name: cd.Spec.TargetRef.Name},
			MaxReplicas:    math.MaxInt32,
		}})
		flaggerObjects = append(flaggerObjects, &kedav1.ScaledObject{ObjectMeta: scaled, Spec: kedav1.ScaledObjectSpec{
			ScaleTargetRef: &kedav1.ScaleTarget{Name: cd.Spec.TargetRef.Name},
			Triggers:       []kedav1.ScaleTriggers{{Type: "cpu", Metadata: map[string]string{}}},
		}})
	}
	log := zap.NewNop().Sugar()
	kube, flagger := kubefake.NewClientset(target...), flaggerfake.NewSimpleClientset(flaggerObjects...)
	cd.Status.Phase = flaggerv1.CanaryPhaseInitialized

	workload := canary.NewFactory(kube, flagger, nil, &canary.NopTracker{}, []string{"app"}, []string{"app.kubernetes.io"}, log).Controller(cd.Spec.TargetRef)
	label, value, ports, err := workload.GetMetadata(cd)
	if err != nil {
		return err
	}
	routers := router.NewFactory(nil, kube, flagger, nil, "nginx.ingress.kubernetes.io", "nginx", log, flagger, true)
	services, mesh := routers.KubernetesRouter(cd.Spec.TargetRef.Kind, label, value, ports), routers.MeshRouter(cd.Spec.Provider, label)
	if err := services.Initialize(cd); err != nil {
		return err
	}
	if _, err := workload.Initialize(cd); err != nil {
		return err
	}
	if ref := cd.Spec.AutoscalerRef; ref != nil {
		scaler := canary.NewFactory(kube, flagger, nil, &canary.NopTracker{}, nil, nil, log).ScalerReconciler(ref.Kind)
		if scaler == nil {
			return fmt.Errorf("no scaler of kind %q", ref.Kind)
		}
		if err := scaler.ReconcilePrimaryScaler(cd, true); err != nil {
			return err
		}
		if err := scaler.PauseTargetScaler(cd); err != nil {
			return err
		}
	}
	if err := services.Reconcile(cd); err != nil {
		return err
	}
	// Twice: the second run compares existing objects, including the patterns of cookies.
	for range 2 {
		if err := mesh.Reconcile(cd); err != nil {
			return err
		}
		if err := a.make(kube, flagger); err != nil {
			return err
		}
		for _, weight := range []int{10, 100, 0} {
			if err := mesh.SetRoutes(cd, 100-weight, weight, weight == 0 && cd.GetAnalysis().Mirror); err != nil {
				return err
			}
			if _, _, _, err := mesh.GetRoutes(cd); err != nil {
				return err
			}
			if err := a.make(kube, flagger); err != nil {
				return err
			}
		}
	}
	// Istio matches a cookie by a regular expression.
	if s := cd.GetAnalysis().SessionAffinity; s != nil {
		if _, err := regexp.Compile(".*" + s.CookieName + ".*"); err != nil {
			return err
		}
	}
	return nil
}

// make adds new objects of the clients to those that Flagger has created.
func (a *answer) make(kube *kubefake.Clientset, flagger *flaggerfake.Clientset) error {
	ctx, all := context.Background(), metav1.ListOptions{}
	var err error
	add := func(apiVersion, kind string, list runtime.Object, listErr error) {
		if listErr != nil {
			err = errors.Join(err, listErr)
			return
		}
		data, marshalErr := json.Marshal(list)
		var made struct{ Items []map[string]any }
		err = errors.Join(err, marshalErr, json.Unmarshal(data, &made))
		for _, item := range made.Items {
			o := unstructured.Unstructured{Object: item}
			o.SetAPIVersion(apiVersion)
			o.SetKind(kind)
			o.SetOwnerReferences(nil)
			o.SetManagedFields(nil)
			o.SetResourceVersion("")
			unstructured.RemoveNestedField(o.Object, "metadata", "creationTimestamp")
			unstructured.RemoveNestedField(o.Object, "spec", "template", "metadata", "creationTimestamp")
			unstructured.RemoveNestedField(o.Object, "status")
			a.Made = append(a.Made, o.Object)
		}
	}
	services, e := kube.CoreV1().Services("").List(ctx, all)
	add("v1", "Service", services, e)
	deployments, e := kube.AppsV1().Deployments("").List(ctx, all)
	add("apps/v1", "Deployment", deployments, e)
	daemonSets, e := kube.AppsV1().DaemonSets("").List(ctx, all)
	add("apps/v1", "DaemonSet", daemonSets, e)
	scalers, e := kube.AutoscalingV2().HorizontalPodAutoscalers("").List(ctx, all)
	add("autoscaling/v2", "HorizontalPodAutoscaler", scalers, e)
	ingresses, e := kube.NetworkingV1().Ingresses("").List(ctx, all)
	add("networking.k8s.io/v1", "Ingress", ingresses, e)
	virtualServices, e := flagger.NetworkingV1beta1().VirtualServices("").List(ctx, all)
	add("networking.istio.io/v1beta1", "VirtualService", virtualServices, e)
	destinationRules, e := flagger.NetworkingV1beta1().DestinationRules("").List(ctx, all)
	add("networking.istio.io/v1beta1", "DestinationRule", destinationRules, e)
	httpRoutes, e := flagger.GatewayapiV1().HTTPRoutes("").List(ctx, all)
	add("gateway.networking.k8s.io/v1", "HTTPRoute", httpRoutes, e)
	routes, e := flagger.KumaV1alpha1().TrafficRoutes().List(ctx, all)
	add("kuma.io/v1alpha1", "TrafficRoute", routes, e)
	return err
}
