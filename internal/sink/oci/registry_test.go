package oci

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/fleetwright/fleetwright/render/layout"
)

func TestOpen(t *testing.T) {
	for _, tt := range []struct {
		url      string
		insecure bool
		want     string // part of the error, or "" for none
	}{
		{"oci://registry.example.com/fleet", false, ""},
		{"oci://registry.example.com/teams/a/fleet", false, ""},
		{"oci://registry.example.com/fleet/", false, ""},
		{"oci://registry.example.com:8443/fleet", false, ""},
		{"oci://docker.io/company/fleet", false, ""},
		{"oci://localhost:5000/fleet", true, ""},
		{"oci://localhost/fleet", true, ""},
		{"oci://127.0.0.1:5000/fleet", true, ""},
		{"oci://[::1]:5000/fleet", true, ""},
		{"oci://", false, "names no registry and path"},
		{"oci://registry.example.com", false, "names no registry and path"},
		{"oci://registry.example.com/", false, "names no registry and path"},
		{"oci://registry.example.com/fleet:latest", false, "names a tag or a digest"},
		{"oci://registry.example.com/fleet@sha256:" + strings.Repeat("a", 64), false, "names a tag or a digest"},
		{"oci://registry/fleet", false, "is not the URL of a registry"},
		{"oci://registry.example.com/Fleet", false, "is not the URL of a registry"},
		{"oci://registry.example.com//fleet", false, "is not the URL of a registry"},
		{"oci://registry.example.com/a/../fleet", false, "is not the URL of a registry"},
		{"oci://somebody:secret@registry.example.com/fleet", false, "has credentials"},
		{"oci://registry.example.com/fleet", true, "may be another"},
		{"oci://10.0.0.1:5000/fleet", true, "may be another"},
	} {
		_, err := Open(tt.url, Options{Insecure: tt.insecure})
		if (err == nil) != (tt.want == "") || err != nil && (!strings.Contains(err.Error(), tt.want) || strings.Contains(hinted(err), "secret")) {
			t.Errorf("%s: %v", tt.url, err)
		}
	}
}

// TestNothingGoesOverPlainHTTP checks that plain HTTP must be requested: the library would try it for local hosts.
func TestNothingGoesOverPlainHTTP(t *testing.T) {
	r := serve(t)
	f, err := Open(r.url, Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Publish(context.Background(), fleetOf("eu/sync.yaml=1"), at(0))
	if err == nil || !strings.Contains(hinted(err), "add --insecure") {
		t.Error(hinted(err))
	}
	if asked := r.asked(http.MethodGet, http.MethodHead, http.MethodPost); len(asked) > 0 {
		t.Error(asked)
	}
}

func TestCheckTag(t *testing.T) {
	for tag, ok := range map[string]bool{
		"v1.2.3": true, "_x": true, strings.Repeat("a", 128): true, strings.Repeat("f", 39): true,
		"": false, ".x": false, "-x": false, "a b": false, "a/b": false, "a:b": false, strings.Repeat("x", 129): false, strings.Repeat("f", 40): false, "sha256-" + strings.Repeat("f", 64) + ".sig": false,
	} {
		if err := CheckTag(tag); (err == nil) != ok {
			t.Errorf("%q: %v", tag, err)
		}
	}
}

func TestCommitOf(t *testing.T) {
	for revision, want := range map[string]string{
		"sha1:" + commits[0]: commits[0], "main@sha1:" + commits[0]: commits[0], "refs/tags/v1@sha1:" + commits[0]: commits[0],
		"main/" + commits[0]: commits[0], "sha256:" + strings.Repeat("a", 64): strings.Repeat("a", 64),
		"": "", "v1.2.3": "", "main@sha1:abc": "", "sha1:" + strings.ToUpper(commits[0]): "",
	} {
		if got := commitOf(revision); got != want {
			t.Errorf("%s: %q", revision, got)
		}
	}
}

// TestUnpackTrustsNothing unpacks hostile artifacts.
func TestUnpackTrustsNothing(t *testing.T) {
	at, err := name.NewTag("registry.example.com/fleet/eu:latest")
	if err != nil {
		t.Fatal(err)
	}
	inventory := string(layout.AppendInventory(nil, nil, nil))
	file := func(name, content string) tar.Header {
		return tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(content)), PAXRecords: map[string]string{"X.content": content}}
	}
	pack := func(headers ...tar.Header) []byte {
		var b bytes.Buffer
		zipped := gzip.NewWriter(&b)
		archive := tar.NewWriter(zipped)
		for _, h := range headers {
			content := h.PAXRecords["X.content"]
			h.PAXRecords = nil
			if err := errors.Join(archive.WriteHeader(&h), func() error { _, err := archive.Write([]byte(content)); return err }()); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(archive.Close(), zipped.Close()); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	good := file("inventory", inventory)
	// A file with 1 byte, and then a sparse file of 1 TB.
	var giant bytes.Buffer
	zipped := gzip.NewWriter(&giant)
	archive := tar.NewWriter(zipped)
	if err := errors.Join(
		archive.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "a", Size: 1}), func() error { _, err := archive.Write([]byte("x")); return err }(),
		archive.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "b", Size: 1 << 62}), zipped.Close(),
	); err != nil {
		t.Fatal(err)
	}
	sparse := giant.Bytes()
	for _, tt := range []struct {
		name  string
		layer []byte
		want  string
	}{
		{"ours", pack(good, file("apps/a.yaml", "1")), ""},
		{"flux push", pack(tar.Header{Typeflag: tar.TypeDir, Name: "."}, tar.Header{Typeflag: tar.TypeDir, Name: "apps"}, file("apps/a.yaml", "1"), good), ""},
		{"with ./", pack(file("./inventory", inventory)), ""},
		{"no gzip", []byte("x"), "is not compressed by gzip"},
		{"no tar", func() []byte {
			var b bytes.Buffer
			w := gzip.NewWriter(&b)
			w.Write(bytes.Repeat([]byte("x"), 1024))
			w.Close()
			return b.Bytes()
		}(), "is not a tar archive"},
		{"cut", pack(good, file("a", strings.Repeat("1", 5000)))[:60], "is not a tar archive"},
		{"a sparse giant", sparse, "its files have more than"},
		{"leads out", pack(good, file("../a", "1")), `contains "../a"`},
		{"leads out below", pack(good, file("a/../../b", "1")), "contains "},
		{"absolute", pack(good, file("/etc/a", "1")), `contains "/etc/a"`},
		{"symbolic link", pack(good, tar.Header{Typeflag: tar.TypeSymlink, Name: "a", Linkname: "/etc"}), `contains "a"`},
		{"hard link", pack(good, tar.Header{Typeflag: tar.TypeLink, Name: "a", Linkname: "inventory"}), `contains "a"`},
		{"device", pack(good, tar.Header{Typeflag: tar.TypeChar, Name: "a"}), `contains "a"`},
		{"twice", pack(good, file("a", "1"), file("a", "2")), "the same file twice"},
		{"a file as a directory", pack(good, file("a", "1"), file("a/b", "2")), "as a file and as a directory"},
		{"an empty file as a directory", pack(good, file("a", ""), file("a/b", "2")), "as a file and as a directory"},
		{"no inventory", pack(file("sync.yaml", "1")), "has no inventory"},
		{"another inventory", pack(file("inventory", "apples: 3")), "has no inventory"},
	} {
		_, err := unpack(tt.layer, at)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// TestRemoved checks that clusters that leave the inputs keep their artifacts, and are distinguished from
// other artifacts below the path.
func TestRemoved(t *testing.T) {
	r := serve(t)
	f := r.open(t)
	publish(t, f, fleetOf("eu/sync.yaml=1", "gone/sync.yaml=1", "us/sync.yaml=1"), at(0))
	other, err := Open(r.url+"-of-others", Options{Insecure: true})
	if err != nil {
		t.Fatal(err)
	}
	publish(t, other, fleetOf("mars/sync.yaml=1"), at(0))
	if got := f.Removed(context.Background(), []string{"eu", "us"}); strings.Join(got, " ") != "gone" {
		t.Errorf("%q", got)
	}
	r.mu.Lock()
	r.answer = func(w http.ResponseWriter, req *http.Request) bool {
		refuses := strings.HasSuffix(req.URL.Path, "/_catalog")
		if refuses {
			w.WriteHeader(http.StatusUnauthorized)
		}
		return refuses
	}
	r.mu.Unlock()
	if got := f.Removed(context.Background(), []string{"eu", "us"}); got != nil {
		t.Errorf("%q", got)
	}
}

// TestARegistryIsNotTrusted checks that a registry's answer cannot redirect to another host, run forever, or
// have another content than requested.
func TestARegistryIsNotTrusted(t *testing.T) {
	fast(t)
	for _, tt := range []struct {
		name   string
		answer func(w http.ResponseWriter, r *http.Request) bool
		want   string
	}{
		{"redirects too many times", func(w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, r.URL.Path, http.StatusTemporaryRedirect)
			return true
		}, "stopped after 10 redirects"},
		{"redirects to another host", func(w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, "http://registry.example.com/v2/", http.StatusTemporaryRedirect)
			return true
		}, "asks for plain HTTP"},
		{"has tokens from another host", func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("WWW-Authenticate", `Bearer realm="http://registry.example.com/token",service="x"`)
			w.WriteHeader(http.StatusUnauthorized)
			return true
		}, "asks for plain HTTP"},
		{"sends another layer", func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodGet || !strings.Contains(r.URL.Path, "/blobs/") {
				return false
			}
			w.Write(bytes.Repeat([]byte("x"), 1<<20))
			return true
		}, "sends other bytes than layer sha256:"},
		{"has lost a layer", func(w http.ResponseWriter, r *http.Request) bool {
			isLayer := r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/blobs/")
			if isLayer {
				w.WriteHeader(http.StatusNotFound)
			}
			return isLayer
		}, "has lost layer sha256:"},
	} {
		r := serve(t)
		publish(t, r.open(t), fleetOf("eu/sync.yaml=1"), at(0))
		r.mu.Lock()
		r.answer = tt.answer
		r.mu.Unlock()
		if _, err := r.open(t).Publish(context.Background(), fleetOf("eu/sync.yaml=2"), at(1)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}
