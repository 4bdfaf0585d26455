// Package kube runs a Kubernetes control plane without nodes, and is a client for it.
package kube

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/fleetwright/fleetwright/conformance/internal/tools"
)

// A ControlPlane is an etcd and an API server on loopback, for one test.
type ControlPlane struct {
	*Client
	// Kubeconfig is the kubeconfig file. It refers to no other file, so it can also be stored in a Secret.
	Kubeconfig string

	t   testing.TB
	dir string
}

// Startup is the time limit for the start of a program, or until a CRD is served.
const Startup = 2 * time.Minute

// Start starts a control plane that stops with the test. toolsDir holds the tools' modules.
func Start(t testing.TB, toolsDir string) *ControlPlane {
	t.Helper()
	c := &ControlPlane{t: t, dir: t.TempDir()}

	client, peer := url(t), url(t)
	c.Run(toolsDir, tools.Etcd, nil,
		"--name=conformance", "--data-dir="+filepath.Join(c.dir, "etcd"),
		"--listen-client-urls="+client, "--advertise-client-urls="+client,
		"--listen-peer-urls="+peer, "--initial-advertise-peer-urls="+peer, "--initial-cluster=conformance="+peer,
		"--unsafe-no-fsync", "--log-level=warn")

	token := token(t)
	c.write("tokens.csv", token+`,admin,admin,"system:masters"`+"\n")
	c.write("sa.key", privateKey(t))
	port := Port(t)
	certs := filepath.Join(c.dir, "certs")
	c.Run(toolsDir, tools.APIServer, nil,
		"--etcd-servers="+client, "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", port),
		"--cert-dir="+certs, "--service-cluster-ip-range=10.0.0.0/16",
		"--authorization-mode=RBAC", "--token-auth-file="+filepath.Join(c.dir, "tokens.csv"),
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file="+filepath.Join(c.dir, "sa.key"), "--service-account-signing-key-file="+filepath.Join(c.dir, "sa.key"),
		// This plugin waits for the default service account, which a controller would create.
		"--disable-admission-plugins=ServiceAccount")

	config := &rest.Config{Host: fmt.Sprintf("https://127.0.0.1:%d", port), BearerToken: token}
	config.CAFile = filepath.Join(certs, "apiserver.crt")
	config.QPS, config.Burst = 200, 400
	Eventually(t, Startup, "the API server is ready", func() error {
		if _, err := os.Stat(config.CAFile); err != nil {
			return err
		}
		set, err := kubernetes.NewForConfig(config)
		if err != nil {
			return err
		}
		if _, err = set.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(t.Context()); err != nil {
			return err
		}
		_, err = set.CoreV1().Namespaces().Get(t.Context(), "default", getOptions)
		return err
	})
	authority, err := os.ReadFile(config.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	c.Kubeconfig = filepath.Join(c.dir, "kubeconfig")
	if err := clientcmd.WriteToFile(clientcmdapi.Config{
		Clusters:       map[string]*clientcmdapi.Cluster{"c": {Server: config.Host, CertificateAuthorityData: authority}},
		AuthInfos:      map[string]*clientcmdapi.AuthInfo{"u": {Token: token}},
		Contexts:       map[string]*clientcmdapi.Context{"c": {Cluster: "c", AuthInfo: "u"}},
		CurrentContext: "c",
	}, c.Kubeconfig); err != nil {
		t.Fatal(err)
	}
	c.Client = newClient(t, config)
	return c
}

// Run starts a program that stops with the test. If the test fails, its output is shown.
func (c *ControlPlane) Run(toolsDir string, tool tools.Tool, env []string, args ...string) {
	c.t.Helper()
	file, err := tools.Build(toolsDir, tool)
	if err != nil {
		c.t.Fatal(err)
	}
	cmd := exec.Command(file, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Dir = c.dir
	tools.Start(c.t, cmd, filepath.Join(c.dir, tool.Name+".log"))
}

// TempDir returns a new directory for a program.
func (c *ControlPlane) TempDir(name string) string {
	dir := filepath.Join(c.dir, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		c.t.Fatal(err)
	}
	return dir
}

func (c *ControlPlane) write(name, content string) {
	c.t.Helper()
	if err := os.WriteFile(filepath.Join(c.dir, name), []byte(content), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

// Port returns a free port on loopback.
func Port(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func url(t testing.TB) string { return fmt.Sprintf("http://127.0.0.1:%d", Port(t)) }

func token(t testing.TB) string {
	b := make([]byte, 16)
	if _, err := rand.Read(b); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(b)
}

func privateKey(t testing.TB) string {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
}

// Eventually waits until a function returns nil. On timeout it reports the function's last error.
func Eventually(t testing.TB, within time.Duration, what string, holds func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	for {
		err := holds()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: not after %s: %v", what, within, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
