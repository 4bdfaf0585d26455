package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/fleetwright/fleetwright/internal/pages"
	"github.com/fleetwright/fleetwright/internal/version"
)

// newRegistry starts a registry on this machine, which runs until it is closed.
func newRegistry() (address string, end func()) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	return server.Listener.Addr().String(), server.Close
}

// serve starts a registry, and sets REGISTRY to its address.
func serve(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: serve")
	}
	address, end := newRegistry()
	ts.Defer(end)
	ts.Setenv("REGISTRY", address)
}

// besideRegistry runs the command as the release in RELEASE, if set. In its output it replaces the address in
// REGISTRY with the address in pages.
func besideRegistry() {
	address := os.Getenv("REGISTRY")
	build := version.Of(os.Getenv("RELEASE"), &debug.BuildInfo{})
	if address == "" {
		postponeGC()
		os.Exit((&app{os.Stdin, os.Stdout, os.Stderr, build}).run(os.Args[1:]))
	}
	var all printed
	code := (&app{os.Stdin, all.to(os.Stdout), all.to(os.Stderr), build}).run(os.Args[1:])
	for _, p := range all {
		fmt.Fprint(p.file, strings.ReplaceAll(p.text, address, pages.LocalRegistry))
	}
	os.Exit(code)
}

// printed returns the output written to files, in order.
type printed []struct {
	file *os.File
	text string
}

func (p *printed) to(file *os.File) io.Writer {
	return writerFunc(func(data []byte) (int, error) {
		if n := len(*p); n == 0 || (*p)[n-1].file != file {
			*p = append(*p, struct {
				file *os.File
				text string
			}{file: file})
		}
		(*p)[len(*p)-1].text += string(data)
		return len(data), nil
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// readRegistry prints the content of the script's registry: "registry tags REPOSITORY" prints the tags with
// the revisions of their artifacts, and "registry files REPOSITORY:TAG" prints the tar of an artifact.
// "registry image REPOSITORY:TAG" pushes an image, and "registry delete REPOSITORY" deletes the targets of
// its tags.
func readRegistry() {
	at := os.Getenv("REGISTRY") + "/" + os.Args[2]
	var err error
	switch os.Args[1] {
	case "tags":
		err = printTags(at)
	case "files":
		err = printFiles(at)
	case "image":
		err = crane.Push(empty.Image, at, crane.Insecure)
	case "delete":
		err = deleteTags(at)
	}
	if err != nil {
		log.Fatal(err)
	}
}

func printTags(repository string) error {
	tags, err := crane.ListTags(repository, crane.Insecure)
	slices.Sort(tags)
	for _, tag := range tags {
		data, err2 := crane.Manifest(repository+":"+tag, crane.Insecure)
		var m v1.Manifest
		err = cmp.Or(err, err2, json.Unmarshal(data, &m))
		fmt.Println(tag, "is of", m.Annotations["org.opencontainers.image.revision"])
	}
	return err
}

func printFiles(artifact string) error {
	image, err := crane.Pull(artifact, crane.Insecure)
	if err != nil {
		return err
	}
	layers, err := image.Layers()
	if err != nil {
		return err
	}
	files, err := layers[0].Uncompressed()
	if err != nil {
		return err
	}
	_, err = io.Copy(os.Stdout, files)
	return err
}

func deleteTags(repository string) error {
	tags, err := crane.ListTags(repository, crane.Insecure)
	for _, tag := range tags {
		err = cmp.Or(err, crane.Delete(repository+":"+tag, crane.Insecure))
	}
	return err
}
