package diag

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/catalogue"
)

const (
	sarifSchema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
	sarifHome   = "https://github.com/fleetwright/fleetwright"
	// sarifFingerprint is the name and version of these fingerprints. GitHub adds its own fingerprint, and would
	// warn about a different one under its name (github.com/github/codeql-action, src/fingerprints.ts).
	sarifFingerprint = "fleetwright/v1"
)

var sarifLevels = [...]string{Info: "note", Warning: "warning", Error: "error"}

type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool       map[string]sarifDriver `json:"tool"`
		Results    []sarifResult          `json:"results"`
		ColumnKind string                 `json:"columnKind"`
	}
	sarifDriver struct {
		Name            string      `json:"name"`
		Version         string      `json:"version,omitempty"`
		SemanticVersion string      `json:"semanticVersion,omitempty"`
		InformationURI  string      `json:"informationUri"`
		Rules           []sarifRule `json:"rules,omitempty"`
	}
	sarifRule struct {
		ID                   Code              `json:"id"`
		ShortDescription     map[string]string `json:"shortDescription,omitempty"`
		FullDescription      map[string]string `json:"fullDescription,omitempty"`
		Help                 map[string]string `json:"help,omitempty"`
		DefaultConfiguration map[string]string `json:"defaultConfiguration"`
	}
	sarifResult struct {
		RuleID              Code              `json:"ruleId"`
		RuleIndex           int               `json:"ruleIndex"`
		Level               string            `json:"level"`
		Message             map[string]string `json:"message"`
		Locations           []sarifLocation   `json:"locations"`
		PartialFingerprints map[string]string `json:"partialFingerprints"`
	}
	sarifLocation struct {
		PhysicalLocation struct {
			ArtifactLocation map[string]string `json:"artifactLocation"`
			// Region is nil for the whole file.
			Region *sarifRegion `json:"region,omitempty"`
		} `json:"physicalLocation"`
		LogicalLocations []map[string]string `json:"logicalLocations,omitempty"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn,omitempty"`
	}
)

// sarifText returns a message or a description of SARIF.
func sarifText(text string) map[string]string { return map[string]string{"text": text} }

// writeSARIF writes SARIF 2.1.0, for code scanning and editors (docs.oasis-open.org/sarif/sarif/v2.1.0). GitHub
// supports only a part of it, and rejects a whole log for one invalid result. So every result has a location with
// a file; without a position it is the root of the repository.
func writeSARIF(w io.Writer, list List, options FormatOptions) error {
	driver := sarifDriver{Name: "fleetwright", Version: options.Version, InformationURI: sarifHome}
	// The version of a module is v and a semantic version; "(devel)" is not.
	if version, ok := strings.CutPrefix(options.Version, "v"); ok {
		driver.SemanticVersion = version
	}
	var codes []Code
	for _, d := range list {
		codes = append(codes, d.Code)
	}
	slices.Sort(codes)
	codes = slices.Compact(codes)
	for _, code := range codes {
		rule, err := newSarifRule(code)
		if err != nil {
			return err
		}
		driver.Rules = append(driver.Rules, rule)
	}
	results := make([]sarifResult, 0, len(list))
	same := map[string]int{}
	for _, d := range list {
		index, _ := slices.BinarySearch(codes, d.Code)
		file := uri(options.inRepository(d.Position.File))
		hash := fingerprint(string(d.Code), file, d.Path)
		same[hash]++
		results = append(results, sarifResult{
			RuleID:              d.Code,
			RuleIndex:           index,
			Level:               sarifLevels[d.Severity],
			Message:             sarifText(withHint(d)),
			Locations:           []sarifLocation{newSarifLocation(d, file)},
			PartialFingerprints: map[string]string{sarifFingerprint: fmt.Sprintf("%s:%d", hash, same[hash])},
		})
	}
	run := sarifRun{map[string]sarifDriver{"driver": driver}, results, "unicodeCodePoints"}
	return WriteJSON(w, sarifLog{Schema: sarifSchema, Version: "2.1.0", Runs: []sarifRun{run}})
}

func newSarifRule(code Code) (sarifRule, error) {
	rule := sarifRule{ID: code, DefaultConfiguration: map[string]string{"level": sarifLevels[code.Rule().Severity]}}
	if !code.Exists() {
		return rule, nil
	}
	entry, err := catalogue.Read(string(code))
	help := entry.Fix
	if entry.Source != "" {
		help += "\n\nSource: " + entry.Source
	}
	rule.ShortDescription, rule.FullDescription, rule.Help = sarifText(entry.Title), sarifText(entry.Effect), sarifText(help)
	return rule, err
}

func newSarifLocation(d Diagnostic, file string) (l sarifLocation) {
	l.PhysicalLocation.ArtifactLocation = map[string]string{"uri": file}
	if at := d.Position; !at.IsZero() && at.Line > 0 {
		l.PhysicalLocation.Region = &sarifRegion{at.Line, at.Column}
	}
	if d.Path != "" {
		l.LogicalLocations = []map[string]string{{"fullyQualifiedName": d.Path}}
	}
	return l
}

// uri returns the path of a file as a URI, absolute or relative to the root of the repository (".").
func uri(name string) string {
	switch {
	case name == "":
		return "."
	case filepath.IsAbs(name), strings.HasPrefix(name, "/"):
		return (&url.URL{Scheme: "file", Path: "/" + strings.TrimLeft(name, "/")}).String()
	}
	return (&url.URL{Path: name}).String()
}

// fingerprint returns a hash that stays the same if the lines before a mistake change.
func fingerprint(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:16])
}
