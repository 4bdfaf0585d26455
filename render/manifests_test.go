package render_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/internal/diag"
)

// Parts of examples. The rollout is that of the base: shop, on port 8080.
const (
	deployment = `# Source deploy.yaml
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop, tier: web}}
    spec: {containers: [{name: shop, image: shop:1.0.0, ports: [{name: http, containerPort: 8080}]}]}
`
	twoPorts = `# Source deploy.yaml
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: shop, image: shop:1.0.0, ports: [{name: http, containerPort: 8080}, {name: grpc, containerPort: 9999}]}]}
`
)

// deploymentOf returns the Deployment shop with another spec of its pods.
func deploymentOf(podSpec string) string {
	return strings.Replace(deployment, "{containers: [{name: shop, image: shop:1.0.0, ports: [{name: http, containerPort: 8080}]}]}", podSpec, 1)
}

// rolloutWith sets fields of the rollout.
func rolloutWith(fields string) string {
	return "# Application spec.syncPolicies[0].rollout\n" + fields + "\n"
}

// object returns a manifest of the source.
func object(file, apiVersion, kind, name, rest string) string {
	return fmt.Sprintf("# Source %s\napiVersion: %s\nkind: %s\nmetadata: {name: %s}\n%s\n", file, apiVersion, kind, name, rest)
}

// ownService returns the application's Service shop with a spec.
func ownService(spec string) string {
	return object("svc.yaml", "v1", "Service", "shop", "spec: "+spec)
}

const selector = "selector: {app: shop}, "

// plainly returns a manifest without the patches that fleetwright adds.
func plainly(manifest string) string { return strings.Replace(manifest, "# Source", "# Plain", 1) }

// TestFindingsInManifests checks findings about a rollout that depend on the application's manifests.
func TestFindingsInManifests(t *testing.T) {
	for _, test := range []struct {
		name, on string
		parts    []string
		// want holds the findings, as a code and the beginning of a message, or as a part of a hint.
		want []string
	}{
		{"a plain workload", "", []string{deployment}, nil},
		{"a source without a workload", "", []string{object("cm.yaml", "v1", "ConfigMap", "shop", "data: {}")}, []string{"FW360 no Deployment shop in namespace shop, so the rollout never starts; the application's manifests have no Deployment"}},
		{"a workload of another kind", "", []string{strings.Replace(deployment, "kind: Deployment", "kind: StatefulSet", 1)}, []string{"FW360 no Deployment shop in namespace shop, so the rollout never starts; StatefulSet shop (deploy.yaml) has that name"}},
		{"a DaemonSet as declared", "", []string{strings.Replace(deployment, "kind: Deployment", "kind: DaemonSet", 1), rolloutWith("workload: {kind: DaemonSet, name: shop, namespace: shop}")}, nil},
		{"a workload in another namespace", "", []string{strings.Replace(deployment, "{name: shop}", "{name: shop, namespace: web}", 1)}, []string{"FW360 no Deployment shop in namespace shop, so the rollout never starts; Deployment shop (deploy.yaml) is in namespace web"}},
		{"a workload that a HelmRelease in the source may create", "", []string{object("hr.yaml", "helm.toolkit.fluxcd.io/v2", "HelmRelease", "shop", "spec: {}")}, nil},
		{"a workload that an operator may create", "", []string{object("app.yaml", "example.com/v1", "App", "shop", "spec: {}")}, nil},
		{"a misspelt workload next to a custom resource", "", []string{object("es.yaml", "example.com/v1", "App", "shop", "spec: {}"), strings.Replace(deployment, "{name: shop}", "{name: shopp}", 1)}, []string{"FW360 no Deployment shop"}},
		{"a workload of another policy", "", []string{"# Application spec\nsyncPolicies:\n- name: shop\n  kustomization: {path: ./deploy, interval: 0s, prune: true, targetNamespace: shop}\n" +
			"  rollout:\n    testLoader: true\n    trafficRoutingProvider: kuma\n    workload: {name: shop, namespace: shop}\n    serviceName: shop\n    port: 8080\n    rolloutPolicy:\n      trafficRouting: {canaryStrategy: {stepWeight: 10}}\n      trafficAnalysis: {metrics: [{name: request-success-rate, thresholdRange: {min: 99}}]}\n" +
			"- name: web\n  kustomization: {path: ./web, interval: 5m, prune: true, targetNamespace: shop}\n",
			object("cm.yaml", "v1", "ConfigMap", "shop", "data: {}"), strings.Replace(deployment, "# Source", "# Source[1]", 1)}, nil},
		{"a policy that was not read", "", []string{"# Application spec\nsyncPolicies:\n- name: shop\n  kustomization: {path: ./deploy, interval: 0s, prune: true, targetNamespace: shop}\n" +
			"  rollout:\n    testLoader: true\n    trafficRoutingProvider: kuma\n    workload: {name: shop, namespace: shop}\n    serviceName: shop\n    port: 8080\n    rolloutPolicy:\n      trafficRouting: {canaryStrategy: {stepWeight: 10}}\n      trafficAnalysis: {metrics: [{name: request-success-rate, thresholdRange: {min: 99}}]}\n" +
			"- name: web\n  kustomization: {path: ./web, interval: 5m, prune: true, targetNamespace: shop}\n",
			object("cm.yaml", "v1", "ConfigMap", "shop", "data: {}")}, nil},

		{"a namespace that the policy does not have", "", []string{deployment, rolloutWith("workload: {name: shop, namespace: web}")}, nil},
		{"a Service of the new version in the manifests, which Flagger takes over", "", []string{deployment, object("c.yaml", "v1", "Service", "shop-canary", "spec: {selector: {app: shop}, ports: [{port: 8080}]}")}, nil},

		{"a label in addition to the one that Flagger selects by", "", []string{strings.Replace(deployment, "matchLabels: {app: shop}", "matchLabels: {app: shop, tier: web}, matchExpressions: [{key: tier, operator: Exists}]", 1)}, nil},
		{"a label configured in the fleet's Flagger", "", []string{strings.ReplaceAll(deployment, "app: shop", "k8s-app: shop"), "# Fleet spec.plugin.flagger\nextraArgs: {selectorLabels: \"app,k8s-app\"}\n"}, nil},
		{"a label configured in the installed Flagger", "", []string{strings.ReplaceAll(deployment, "app: shop", "k8s-app: shop"), "# Fleet spec.plugin.flagger\ninstalled: {flagger: {version: 1.44.0, selectorLabels: [app, k8s-app]}}\n"}, nil},
		{"a label not configured in the installed Flagger", "", []string{deployment, "# Fleet spec.plugin.flagger\ninstalled: {flagger: {version: 1.44.0, selectorLabels: [k8s-app]}}\n"}, []string{"FW362 the selector of Deployment shop (deploy.yaml) needs one of the labels k8s-app; without one Flagger never starts the rollout → matchLabels: {k8s-app: shop}, and the same label in the pod template; or selectorLabels: [k8s-app, app] under installed.flagger, if Flagger runs with these"}},
		{"pods without the label of the selector", "", []string{strings.Replace(deployment, "matchLabels: {app: shop}", "matchLabels: {app: store}", 1)}, []string{"FW362 the pods of Deployment shop (deploy.yaml) lack the label app: store"}},
		{"a Service of pods that Flagger cannot select", "", []string{strings.ReplaceAll(deployment, "app: shop", "k8s-app: shop"), ownService("{selector: {k8s-app: shop}, type: NodePort, ports: [{name: http, port: 8080}, {port: 1}]}")}, []string{"FW362 "}},
		{"a label too long for the suffix of the primary", "", []string{strings.ReplaceAll(deployment, "app: shop", "app: "+strings.Repeat("s", 56))}, []string{"FW311 the primary's label app: ssss"}},
		{"a shared label of another namespace", "", []string{deployment, strings.Replace(strings.Replace(deployment, "{name: shop}", "{name: cart, namespace: cart}", 1), "deploy.yaml", "cart.yaml", 1)}, nil},

		{"a port of a sidecar that is an init container", "", []string{deploymentOf("{containers: [{name: shop, image: shop:1.0.0}], initContainers: [{name: proxy, image: proxy:1, restartPolicy: Always, ports: [{name: web, containerPort: 8080}]}]}"), rolloutWith("targetPort: web")}, nil},
		{"a port of an init container", "", []string{deploymentOf("{containers: [{name: shop, image: shop:1.0.0}], initContainers: [{name: init, image: init:1, ports: [{name: web, containerPort: 8080}]}]}"), rolloutWith("targetPort: web")}, []string{"FW363 no container of Deployment shop (deploy.yaml) has a port named web"}},
		{"a number where nothing is declared", "", []string{deploymentOf("{containers: [{name: shop, image: shop:1.0.0}]}"), rolloutWith("targetPort: 9000")}, nil},
		{"a guess where nothing is declared", "", []string{deploymentOf("{containers: [{name: shop, image: shop:1.0.0}]}"), rolloutWith("port: 80")}, []string{"FW308 "}},
		{"a low port that is declared is no guess", "", []string{deploymentOf("{containers: [{name: shop, image: shop:1.0.0, ports: [{containerPort: 80}]}]}"), rolloutWith("port: 80")}, nil},
		{"a low port that is not declared", "", []string{deployment, rolloutWith("port: 80")}, []string{"FW377 requests go to port 80, which no container of Deployment shop (deploy.yaml) declares; its ports are 8080 (http) → targetPort: http"}},

		{"a UDP port", "", []string{deploymentOf("{containers: [{name: shop, image: shop:1.0.0, ports: [{name: dns, containerPort: 8080, protocol: UDP}]}]}")}, []string{"FW364 port 8080 of Deployment shop (deploy.yaml) is UDP"}},
		{"a port of UDP and of TCP", "", []string{deploymentOf("{containers: [{name: shop, image: shop:1.0.0, ports: [{name: dns, containerPort: 8080, protocol: UDP}, {name: dns-tcp, containerPort: 8080}]}]}")}, nil},
		{"an appProtocol that the Service loses", "", []string{deployment, ownService("{" + selector + "ports: [{name: http, port: 8080, targetPort: http, appProtocol: grpc}]}")}, []string{"FW364 kuma treats port 8080 as http, but the appProtocol in Service shop (svc.yaml) indicates grpc, so requests fail → appProtocol: grpc"}},
		{"a port named http that speaks grpc", "", []string{deployment, rolloutWith("appProtocol: grpc")}, nil},
		{"grpc-web by the container's name", "istio", []string{strings.Replace(deployment, "name: http,", "name: grpc-web,", 1)}, nil},
		{"grpc on istio by the container's name", "istio", []string{strings.Replace(deployment, "name: http,", "name: grpc,", 1)}, []string{"FW364 istio treats port 8080 as http"}},
		{"grpc on istio by the rollout's portName", "istio", []string{strings.Replace(deployment, "name: http,", "name: grpc,", 1), rolloutWith("portName: grpc-shop")}, nil},
		{"grpc on nginx, which reads annotations", "nginx", []string{strings.Replace(deployment, "name: http,", "name: grpc,", 1)}, nil},

		{"a Service with only the rollout's port", "", []string{twoPorts, ownService("{" + selector + "ports: [{name: http, port: 8080, targetPort: http}]}")}, nil},
		{"ports that portDiscovery would keep", "", []string{twoPorts, ownService("{" + selector + "ports: [{name: http, port: 8080, targetPort: http}, {name: grpc, port: 9999, targetPort: grpc}]}")}, []string{"FW365 Flagger drops port 9999 (grpc) from Service shop (svc.yaml), so clients of this port fail → portDiscovery: true"}},
		{"ports that portDiscovery does not keep", "", []string{twoPorts, rolloutWith("portDiscovery: true"), ownService("{" + selector + "ports: [{name: http, port: 8080, targetPort: http}, {name: grpc, port: 90, targetPort: grpc}]}")}, []string{"FW365 Flagger drops port 90 (grpc) from Service shop (svc.yaml), so clients of this port fail → another Service with selector: {app: shop-primary} for 90 (grpc)"}},
		{"a Service on another port", "", []string{deployment, ownService("{" + selector + "ports: [{name: http, port: 80, targetPort: http}]}")}, []string{"FW365 Flagger drops port 80 (http) from Service shop (svc.yaml), so clients of this port fail → port: 80 and targetPort: http"}},
		{"discovered ports that collide by name", "", []string{deployment, rolloutWith("port: 80\nportDiscovery: true")}, []string{"FW377", "FW378 portDiscovery adds the ports of Deployment shop (deploy.yaml), and Kubernetes rejects the Service: its port 80 and container port 8080 are both named http → targetPort: 8080"}},
		{"discovered ports that collide by number", "", []string{twoPorts, rolloutWith("port: 9999\ntargetPort: http\nportDiscovery: true")}, []string{"FW378 portDiscovery adds the ports of Deployment shop (deploy.yaml), and Kubernetes rejects the Service: its ports http and grpc are both 9999"}},
		{"a hint with portDiscovery", "", []string{twoPorts, rolloutWith("port: 80"), ownService("{" + selector + "ports: [{name: http, port: 80, targetPort: http}, {name: grpc, port: 9999, targetPort: grpc}]}")}, []string{"FW365 Flagger drops port 9999 (grpc) from Service shop (svc.yaml), so clients of this port fail → portDiscovery: true and targetPort: 8080", "FW377"}},

		{"a port with another target port", "", []string{twoPorts, ownService("{" + selector + "ports: [{name: http, port: 8080, targetPort: grpc}]}")}, []string{"FW366 port 8080 of Service shop (svc.yaml) targets container port 9999, but Flagger changes that to 8080 → targetPort: grpc"}},
		{"a Service of other pods", "", []string{deployment, ownService("{selector: {app: cart}, ports: [{name: http, port: 8080}]}")}, []string{"FW366 Service shop (svc.yaml) selects other pods, but Flagger redirects it to the pods of Deployment shop"}},
		{"a Service that selects the pods by another label", "", []string{deployment, ownService("{selector: {tier: web}, ports: [{name: http, port: 8080}]}")}, nil},
		{"a headless Service that Flagger takes over", "", []string{deployment, ownService("{" + selector + "clusterIP: None, ports: [{name: http, port: 8080}]}")}, []string{"FW366 Service shop (svc.yaml) is headless, so DNS returns the stable version's pods"}},
		{"a node port that changes", "", []string{deployment, ownService("{" + selector + "type: NodePort, ports: [{name: web, port: 8080, nodePort: 30080}]}")}, []string{"FW366 Service shop (svc.yaml) is a NodePort", "FW366 Service shop (svc.yaml) loses nodePort 30080: Flagger names the port http"}},
		{"a Service without pods", "", []string{deployment, ownService("{type: ExternalName, externalName: shop.example.com}")}, []string{"FW366 Service shop (svc.yaml) stays of type ExternalName"}},
		{"a port's name that an Ingress references", "nginx", []string{deployment, ownService("{" + selector + "ports: [{name: web, port: 8080}]}"),
			object("ing.yaml", "networking.k8s.io/v1", "Ingress", "public", "spec: {rules: [{host: public.example.com, http: {paths: [{backend: {service: {name: shop, port: {name: web}}}}]}}]}")},
			[]string{"FW366 Ingress public (ing.yaml) uses port web of Service shop (svc.yaml), which Flagger renames to http, so its requests fail → portName: web", "FW370 Ingress public (ing.yaml) sends all requests to the stable version; Flagger splits only the rollout's Ingress → host: public.example.com in the rollout, instead of this Ingress"}},
		{"a Service that Flagger recreates", "", []string{deployment, plainly(deployment), plainly(object("svc.yaml", "v1", "Service", "shop", "spec: {"+selector+"type: LoadBalancer, ports: [{name: http, port: 8080}]}"))}, []string{"FW366 Flagger replaces Service shop (svc.yaml) with one of type ClusterIP"}},
		{"annotations that a recreated Service lacks", "", []string{deployment, plainly(deployment), "# Plain svc.yaml\napiVersion: v1\nkind: Service\nmetadata: {name: shop, annotations: {prometheus.io/scrape: \"true\", meta.helm.sh/release-name: shop, 8080.service.kuma.io/protocol: http}}\nspec: {" + selector + "ports: [{name: http, port: 8080}]}\n"},
			[]string{"FW366 Flagger recreates Service shop (svc.yaml) without its annotations prometheus.io/scrape → patch the Canary with spec: {service: {apex: {annotations: {prometheus.io/scrape: \"true\"}}}}"}},
		{"labels that a ServiceMonitor selects by", "", []string{deployment, plainly(deployment), "# Plain svc.yaml\napiVersion: v1\nkind: Service\nmetadata: {name: shop, labels: {team: a}}\nspec: {" + selector + "ports: [{name: http, port: 8080}]}\n",
			object("mon.yaml", "monitoring.coreos.com/v1", "ServiceMonitor", "shop", "spec: {selector: {matchLabels: {team: a}}}")}, []string{"FW366 Flagger recreates Service shop (svc.yaml) without the labels that ServiceMonitor shop (mon.yaml) selects"}},

		{"an autoscaler of another workload", "", []string{deployment, object("hpa.yaml", "autoscaling/v2", "HorizontalPodAutoscaler", "cart", "spec: {scaleTargetRef: {kind: Deployment, name: cart}}")}, nil},
		{"an autoscaler of another workload that is named", "", []string{deployment, rolloutWith("autoscalerRef: {apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, name: cart}"), object("hpa.yaml", "autoscaling/v2", "HorizontalPodAutoscaler", "cart", "spec: {scaleTargetRef: {kind: Deployment, name: cart}}")}, []string{"FW367 HorizontalPodAutoscaler cart (hpa.yaml) scales Deployment cart, not Deployment shop"}},
		{"a ScaledObject that is not named", "", []string{deployment, object("so.yaml", "keda.sh/v1alpha1", "ScaledObject", "shop-so", "spec: {scaleTargetRef: {name: shop}}")}, []string{"FW367 ScaledObject shop-so (so.yaml) scales the workload, but autoscalerRef is not set; the pods that serve users are never scaled → autoscalerRef: {apiVersion: keda.sh/v1alpha1, kind: ScaledObject, name: shop-so}"}},
		{"two autoscalers of the workload", "", []string{deployment, rolloutWith("autoscalerRef: {apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, name: shop}"), object("cart.yaml", "autoscaling/v2", "HorizontalPodAutoscaler", "cart", "spec: {scaleTargetRef: {kind: Deployment, name: shop}}"), object("hpa.yaml", "autoscaling/v2", "HorizontalPodAutoscaler", "shop", "spec: {scaleTargetRef: {kind: Deployment, name: shop}}")}, []string{"FW367 HorizontalPodAutoscaler cart (cart.yaml) and HorizontalPodAutoscaler shop (hpa.yaml) both scale the workload, so Kubernetes ignores both"}},
		{"two autoscalers of the workload, none of which is named", "", []string{deployment, object("cart.yaml", "autoscaling/v2", "HorizontalPodAutoscaler", "cart", "spec: {scaleTargetRef: {kind: Deployment, name: shop}}"), object("hpa.yaml", "autoscaling/v2", "HorizontalPodAutoscaler", "shop", "spec: {scaleTargetRef: {kind: Deployment, name: shop}}")}, []string{
			"FW367 HorizontalPodAutoscaler cart (cart.yaml) and HorizontalPodAutoscaler shop (hpa.yaml) both scale the workload, so Kubernetes ignores both",
			"FW367 HorizontalPodAutoscaler shop (hpa.yaml) scales the workload, but autoscalerRef is not set; the pods that serve users are never scaled → autoscalerRef: {apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, name: shop}",
		}},
		{"an autoscaler of another name", "", []string{deployment, rolloutWith("autoscalerRef: {apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, name: shop-hpa}"), object("hpa.yaml", "autoscaling/v2", "HorizontalPodAutoscaler", "shop", "spec: {scaleTargetRef: {kind: Deployment, name: shop}}")}, []string{"FW367 HorizontalPodAutoscaler shop (hpa.yaml) scales the workload, but autoscalerRef names HorizontalPodAutoscaler shop-hpa"}},

		{"replicas that the manifests do not set", "", []string{deployment}, nil},
		{"replicas that the manifests set", "", []string{deployment, strings.Replace(plainly(deployment), "spec:\n", "spec:\n  replicas: 2\n", 1)}, []string{"FW512"}},
		{"replicas that a patch of the policy sets", "", []string{deployment, strings.Replace(plainly(deployment), "spec:\n", "spec:\n  replicas: 2\n", 1), "# Application spec.syncPolicies[0].kustomization\npatches: [{patch: \"[{op: add, path: /spec/replicas, value: 2}]\", target: {kind: Deployment}}]\n"}, []string{"FW512"}},
		{"replicas that kustomize sets after the patches", "", []string{strings.Replace(deployment, "spec:\n", "spec:\n  replicas: 2\n", 1), plainly(deployment)},
			[]string{"FW375 Flux resets Flagger's scaling: Deployment shop (deploy.yaml) still sets replicas, which fleetwright's patch does not remove, because kustomize renames the object or sets replicas after the patches → remove replicas from the manifest and from kustomization.yaml"}},
		{"an annotation that does not reach the Service", "", []string{deployment, ownService("{" + selector + "ports: [{name: http, port: 8080}]}"), plainly(deployment), plainly(ownService("{" + selector + "ports: [{name: http, port: 8080}]}"))},
			[]string{"FW375 Service shop (svc.yaml) lacks 8080.service.kuma.io/protocol; fleetwright's patch does not add it, because kustomize renames the object after the patches → annotations: {8080.service.kuma.io/protocol: \"http\"} in the manifest"}},

		{"a port of the host", "", []string{deploymentOf("{containers: [{name: shop, image: shop:1.0.0, ports: [{name: http, containerPort: 8080, hostPort: 80}]}]}")}, []string{"FW369 Deployment shop (deploy.yaml) has hostPort 80"}},
		{"the host's network without ports", "", []string{deploymentOf("{hostNetwork: true, containers: [{name: shop, image: shop:1.0.0}]}")}, nil},
		{"a claim that is not in the manifests", "", []string{deploymentOf("{containers: [{name: shop, image: shop:1.0.0, ports: [{containerPort: 8080}]}], volumes: [{persistentVolumeClaim: {claimName: data}}]}")}, nil},

		{"a digest, and an init container without a tag", "", []string{deploymentOf("{containers: [{name: shop, image: \"shop@sha256:abc\", ports: [{containerPort: 8080}]}], initContainers: [{name: init, image: busybox}]}")}, nil},
		{"the tag latest", "", []string{strings.Replace(deployment, "shop:1.0.0", "\"shop:latest\"", 1)}, []string{"FW372 the image shop:latest of Deployment shop (deploy.yaml) has no version tag, so Flagger never sees a new version → image: shop:1.2.3"}},

		{"configuration that is generated, optional or provided", "", []string{deploymentOf(`
      containers:
      - {name: shop, image: "shop:1.0.0", ports: [{containerPort: 8080}], envFrom: [{secretRef: {name: external}}, {secretRef: {name: maybe, optional: true}}, {configMapRef: {name: own}}], env: [{name: A, valueFrom: {secretKeyRef: {name: db-app, key: a}}}]}
      imagePullSecrets: [{name: registry}]
      volumes:
      - {projected: {sources: [{configMap: {name: kube-root-ca.crt}}, {secret: {name: tls}}]}}`),
			object("es.yaml", "external-secrets.io/v1", "ExternalSecret", "any", "spec: {target: {name: external}}"),
			object("cert.yaml", "cert-manager.io/v1", "Certificate", "any", "spec: {secretName: tls}"),
			object("db.yaml", "postgresql.cnpg.io/v1", "Cluster", "db", "spec: {}"),
			object("cm.yaml", "v1", "ConfigMap", "own", "data: {}")}, nil},
		{"configuration that is missing", "", []string{deploymentOf(`
      containers: [{name: shop, image: "shop:1.0.0", ports: [{containerPort: 8080}]}]
      volumes: [{secret: {secretName: key}}, {configMap: {name: other}}]`),
			object("vs.yaml", "kuma.io/v1alpha1", "Mesh", "key", "spec: {}")}, []string{"FW373 the manifests lack ConfigMaps or Secrets that pods need to start; create them on every cluster: ConfigMap shop/other, Secret shop/key"}},

		{"a namespace that opts out", "", []string{deployment, "# Source ns.yaml\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {kuma.io/sidecar-injection: disabled}}\n"}, []string{"FW374 kuma.io/sidecar-injection: disabled in Namespace shop (ns.yaml)"}},
		{"another namespace that opts out", "", []string{deployment, "# Source ns.yaml\napiVersion: v1\nkind: Namespace\nmetadata: {name: cart, labels: {kuma.io/sidecar-injection: disabled}}\n"}, nil},
		{"pods that opt out of Istio", "istio", []string{strings.Replace(deployment, "tier: web}", "tier: web}, annotations: {sidecar.istio.io/inject: \"false\"}", 1)}, []string{"FW374 sidecar.istio.io/inject: \"false\" in Deployment shop (deploy.yaml)"}},
		{"Istio's opt-out on kuma", "", []string{strings.Replace(deployment, "tier: web}", "tier: web, sidecar.istio.io/inject: \"false\"}", 1)}, nil},

		{"an Ingress on kuma", "", []string{deployment, object("ing.yaml", "networking.k8s.io/v1", "Ingress", "shop", "spec: {ingressClassName: nginx, rules: [{http: {paths: [{backend: {service: {name: shop}}}]}}]}")}, []string{"FW370 Ingress shop (ing.yaml) sends requests straight to the stable version's pods"}},
		{"an Ingress on kuma whose controller may read Kuma's annotation", "", []string{deployment, object("ing.yaml", "networking.k8s.io/v1", "Ingress", "shop", "spec: {ingressClassName: kong, rules: [{http: {paths: [{backend: {service: {name: shop}}}]}}]}")}, nil},
		{"an HTTPRoute on kuma, whose gateway may be in the mesh", "", []string{deployment, object("route.yaml", "gateway.networking.k8s.io/v1", "HTTPRoute", "shop", "spec: {rules: [{backendRefs: [{name: shop, port: 8080}]}]}")}, nil},
		{"an Ingress on istio", "istio", []string{deployment, object("ing.yaml", "networking.k8s.io/v1", "Ingress", "shop", "spec: {defaultBackend: {service: {name: shop}}}")}, []string{"FW370 Ingress shop (ing.yaml) sends requests straight to the stable version's pods"}},
		{"an Ingress on istio by the address of the Service", "istio", []string{deployment, object("svc.yaml", "v1", "Service", "shop, annotations: {traefik.ingress.kubernetes.io/service.nativelb: \"true\"}", "spec: {"+selector+"ports: [{port: 8080}]}"), object("ing.yaml", "networking.k8s.io/v1", "Ingress", "shop", "spec: {ingressClassName: traefik, defaultBackend: {service: {name: shop}}}")}, nil},
		{"an Ingress on kuma whose controller is in the mesh", "", []string{deployment, "# Source ing.yaml\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: shop, annotations: {nginx.ingress.kubernetes.io/service-upstream: \"true\"}}\nspec: {ingressClassName: nginx, defaultBackend: {service: {name: shop}}}\n"}, nil},
		{"an Ingress of another Service", "", []string{deployment, object("ing.yaml", "networking.k8s.io/v1", "Ingress", "shop", "spec: {defaultBackend: {service: {name: cart}}}")}, nil},
		{"the Ingress that the rollout has as well", "nginx", []string{deployment, object("ing.yaml", "networking.k8s.io/v1", "Ingress", "shop", "spec: {defaultBackend: {service: {name: shop}}}")}, []string{"FW380 the manifests contain Ingress shop (ing.yaml), which fleetwright renders for the rollout"}},
		{"an HTTPRoute", "istio", []string{deployment, object("route.yaml", "gateway.networking.k8s.io/v1", "HTTPRoute", "shop", "spec: {rules: [{backendRefs: [{name: shop, port: 8080}]}]}")}, []string{"FW370 HTTPRoute shop (route.yaml)"}},
		{"an HTTPRoute to the new version", "istio", []string{deployment, object("route.yaml", "gateway.networking.k8s.io/v1", "HTTPRoute", "shop", "spec: {rules: [{backendRefs: [{name: shop-canary, port: 8080}]}]}")}, nil},
		{"a VirtualService for the Service's host", "istio", []string{deployment, object("vs.yaml", "networking.istio.io/v1", "VirtualService", "own", "spec: {hosts: [shop.shop.svc.cluster.local], http: [{route: [{destination: {host: shop}}]}]}")}, []string{"FW370 VirtualService own (vs.yaml) also routes the host shop"}},
		{"a VirtualService of the Service's name", "istio", []string{deployment, object("vs.yaml", "networking.istio.io/v1", "VirtualService", "shop", "spec: {hosts: [shop, shop.example.com], gateways: [mesh, public], http: [{route: [{destination: {host: shop}}]}]}")}, []string{"FW370 VirtualService shop (vs.yaml) loses the hosts shop.example.com when Flagger overwrites its spec → hosts: [shop, shop.example.com] and gateways: [mesh, public] in the rollout"}},
		{"a VirtualService on kuma", "", []string{deployment, object("vs.yaml", "networking.istio.io/v1", "VirtualService", "own", "spec: {hosts: [shop], http: [{route: [{destination: {host: shop}}]}]}")}, nil},
		{"a TrafficRoute of another Service", "", []string{deployment, object("tr.yaml", "kuma.io/v1alpha1", "TrafficRoute", "cart", "spec: {destinations: [{match: {kuma.io/service: cart_shop_svc_8080}}]}")}, nil},
		{"a TrafficRoute of the Service", "", []string{deployment, object("tr.yaml", "kuma.io/v1alpha1", "TrafficRoute", "own", "spec: {destinations: [{match: {kuma.io/service: shop_shop_svc_8080}}]}")}, []string{"FW370 TrafficRoute own (tr.yaml)"}},
		{"a MeshHTTPRoute of the Service", "", []string{deployment, object("mr.yaml", "kuma.io/v1alpha1", "MeshHTTPRoute", "own", "spec: {to: [{targetRef: {kind: MeshService, name: shop_shop_svc_8080}}]}")}, []string{"FW370 MeshHTTPRoute own (mr.yaml)"}},

		{"load on a port that is discovered", "", []string{twoPorts, rolloutWith("portDiscovery: true"), "# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis\nwebhooks: {command: [\"hey -z 50s http://shop-canary.shop:9999/\"]}\n"}, nil},
		{"load on a port that is not discovered", "", []string{twoPorts, rolloutWith("portDiscovery: true"), "# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis\nwebhooks: {command: [\"hey -z 50s http://shop-canary.shop:9998/\"]}\n"}, []string{"FW371 shop-canary.shop has no port 9998, so the request always fails; its ports are 8080, 9999 → http://shop-canary.shop:8080"}},
		{"a gate on the Service of another application", "", []string{deployment, "# Application spec.syncPolicies[0].rollout.rolloutPolicy\nwebhooks: [{name: gate, type: confirm-rollout, url: \"http://gate.ops:9000/check\"}]\n"}, nil},
		{"a gate on a port that its Service does not have", "", []string{deployment, object("gate.yaml", "v1", "Service", "gate", "spec: {selector: {app: gate}, ports: [{port: 80}]}"), "# Application spec.syncPolicies[0].rollout.rolloutPolicy\nwebhooks: [{name: gate, type: confirm-rollout, url: \"http://gate.shop:9000/check\"}]\n"}, []string{"FW371 gate.shop has no port 9000, so the request always fails; its ports are 80 → http://gate.shop:80"}},

		{"a Service of pods that exist only during rollouts", "", []string{deployment, object("m.yaml", "v1", "Service", "shop-metrics", "spec: {selector: {app: shop}, ports: [{port: 9090}]}")}, []string{"FW379 Service shop-metrics (m.yaml) selects app: shop, but between rollouts only pods with app: shop-primary run, so it has no endpoints → selector: {app: shop-primary} in that Service"}},
		{"a Service that selects both by another label", "", []string{deployment, object("m.yaml", "v1", "Service", "metrics", "spec: {selector: {tier: web}, ports: [{port: 9090}]}")}, nil},
		{"a NetworkPolicy of all pods", "", []string{deployment, object("np.yaml", "networking.k8s.io/v1", "NetworkPolicy", "all", "spec: {podSelector: {}}")}, nil},
		{"a NetworkPolicy of the pods", "", []string{deployment, object("np.yaml", "networking.k8s.io/v1", "NetworkPolicy", "shop", "spec: {podSelector: {matchLabels: {app: shop}}}")}, []string{"FW379 NetworkPolicy shop (np.yaml)"}},
		{"a primary in the manifests", "", []string{deployment, strings.ReplaceAll(deployment, "shop", "shop-primary")}, []string{"FW380 the manifests contain Deployment shop-primary (deploy.yaml), which Flagger creates"}},
		{"manifests of another shape", "", []string{deploymentOf("{containers: 5}")}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			list := compileExample(t, withExample(t, baseOf(t, test.on), strings.Join(test.parts, "---\n")))
			var got []string
			for _, d := range list {
				if d.Code == diag.GuessedTargetPort || d.Code == diag.ReplicasLeft || d.Code == diag.NameTooLong || d.Code >= diag.NoWorkload && d.Code <= diag.NoRollingUpdate {
					got = append(got, fmt.Sprintf("%s %s → %s", d.Code, d.Message, d.Hint))
				}
			}
			slices.Sort(got)
			same := slices.EqualFunc(got, test.want, strings.HasPrefix)
			if !same {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
			for _, d := range list {
				if d.Code == diag.Internal || d.Severity == diag.Error && d.Code < diag.NoWorkload && d.Code != diag.NameTooLong && d.Code != diag.WorkloadNamespace {
					t.Errorf("unexpected: %s %s", d.Code, d.Message)
				}
			}
		})
	}
}

// TestUnusedIgnoresDependOnManifests checks ignore comments for findings that depend on the manifests. Such a
// comment may be needed with or without manifests, and is reported as unused only if neither is possible.
func TestUnusedIgnoresDependOnManifests(t *testing.T) {
	ignored := rolloutWith("port: 8080 # fleetwright: ignore FW365 nobody uses the other port")
	for name, example := range map[string]string{
		"of a port that is dropped, without them": ignored,
		"of replicas, with them":                  "# Application spec.syncPolicies[0].kustomization\ninterval: 10m # fleetwright: ignore FW512 up to Flagger\n---\n" + deployment,
	} {
		for _, d := range compileExample(t, withExample(t, baseOf(t, ""), example)) {
			if d.Code == diag.UnusedIgnore {
				t.Errorf("%s: %s", name, d.Message)
			}
		}
	}
	unused := ignored + "---\n" + deployment
	if list := compileExample(t, withExample(t, baseOf(t, ""), unused)); !slices.ContainsFunc(list, func(d diag.Diagnostic) bool { return d.Code == diag.UnusedIgnore }) {
		t.Errorf("a comment of no use is not reported:\n%s", text(list))
	}
}
