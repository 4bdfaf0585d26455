package crds

import (
	"archive/zip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/mod/semver"
)

// fluxOperator is the module with the manifests of every release of Flux, including the controllers' CRDs. It
// needs a newer Go than other modules here, so it can be read but not built.
var fluxOperator = Source{"github.com/controlplaneio-fluxcd/flux-operator", "v0.59.0", "config/data/flux"}

// FluxReleases writes the CRDs of the newest release of each minor version of Flux, starting with the oldest
// given, into a directory, and returns their files by minor version, such as v2.6.
func FluxReleases(dir, oldest string) (map[string][]string, error) {
	cmd := exec.Command("go", "mod", "download", "-json", fluxOperator.Module+"@"+fluxOperator.Version)
	cmd.Dir = os.TempDir() // outside any module
	out, _ := cmd.Output() // fails only because of the version of Go
	var module struct{ Zip, Error string }
	if err := json.Unmarshal(out, &module); err != nil || module.Zip == "" {
		return nil, fmt.Errorf("%s@%s: %s", fluxOperator.Module, fluxOperator.Version, module.Error)
	}
	archive, err := zip.OpenReader(module.Zip)
	if err != nil {
		return nil, err
	}
	defer archive.Close()
	root := fluxOperator.Module + "@" + fluxOperator.Version + "/" + fluxOperator.Path + "/"
	newest, found := map[string]string{}, map[string][]*zip.File{}
	for _, f := range archive.File {
		version, file, ok := strings.Cut(strings.TrimPrefix(f.Name, root), "/")
		if !ok || !semver.IsValid(version) || semver.Compare(version, oldest) < 0 || !strings.HasSuffix(file, "-controller.yaml") {
			continue
		}
		found[version] = append(found[version], f)
		if minor := semver.MajorMinor(version); semver.Compare(version, newest[minor]) > 0 {
			newest[minor] = version
		}
	}
	files := map[string][]string{}
	for minor, version := range newest {
		for _, f := range found[version] {
			name := filepath.Join(dir, version+"-"+path.Base(f.Name))
			if err := extract(f, name); err != nil {
				return nil, err
			}
			files[minor] = append(files[minor], name)
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s has no CRDs under %s", module.Zip, root)
	}
	return files, nil
}

func extract(f *zip.File, name string) error {
	from, err := f.Open()
	if err != nil {
		return err
	}
	defer from.Close()
	data, err := io.ReadAll(from)
	if err != nil {
		return err
	}
	return os.WriteFile(name, data, 0o644)
}
