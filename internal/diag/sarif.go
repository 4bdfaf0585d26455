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

// sarifFormat is SARIF 2.1.0, for code scanning and editors
// (docs.oasis-open.org/sarif/sarif/v2.1.0). GitHub takes a part of it only, and refuses
// a whole log for one result that it does not like, so every result has a location with
// a file: where a diagnostic has none, it is about the root of the repository.
type sarifFormat struct{ FormatOptions }

const (
	sarifSchema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
	sarifHome   = "https://github.com/fleetwright/fleetwright"
	// sarifFingerprint names what makes our fingerprints, and the version of that. GitHub
	// adds its own beside it, and would warn of one under its own name that differs
	// (github.com/github/codeql-action, src/fingerprints.ts).
	sarifFingerprint = "fleetwright/v1"
)

var sarifLevels = [...]string{Info: "note", Warning: "warning", Error: "error"}

type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool       sarifTool     `json:"tool"`
	Results    []sarifResult `json:"results"`
	ColumnKind string        `json:"columnKind"`
}

type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

type sarifDriver struct {
	Name            string      `json:"name"`
	Version         string      `json:"version,omitempty"`
	SemanticVersion string      `json:"semanticVersion,omitempty"`
	InformationURI  string      `json:"informationUri"`
	Rules           []sarifRule `json:"rules,omitempty"`
}

type sarifRule struct {
	ID                   Code               `json:"id"`
	ShortDescription     *sarifText         `json:"shortDescription,omitempty"`
	FullDescription      *sarifText         `json:"fullDescription,omitempty"`
	Help                 *sarifText         `json:"help,omitempty"`
	DefaultConfiguration sarifConfiguration `json:"defaultConfiguration"`
}

type sarifConfiguration struct {
	Level string `json:"level"`
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifResult struct {
	RuleID              Code              `json:"ruleId"`
	RuleIndex           int               `json:"ruleIndex"`
	Level               string            `json:"level"`
	Message             sarifText         `json:"message"`
	Locations           []sarifLocation   `json:"locations"`
	PartialFingerprints map[string]string `json:"partialFingerprints"`
}

type sarifLocation struct {
	PhysicalLocation sarifPhysicalLocation  `json:"physicalLocation"`
	LogicalLocations []sarifLogicalLocation `json:"logicalLocations,omitempty"`
}

type sarifPhysicalLocation struct {
	ArtifactLocation sarifArtifactLocation `json:"artifactLocation"`
	// Region is nil where the whole file is meant.
	Region *sarifRegion `json:"region,omitempty"`
}

type sarifArtifactLocation struct {
	URI string `json:"uri"`
}

type sarifRegion struct {
	StartLine   int `json:"startLine"`
	StartColumn int `json:"startColumn,omitempty"`
}

type sarifLogicalLocation struct {
	FullyQualifiedName string `json:"fullyQualifiedName"`
}

func (f sarifFormat) Write(w io.Writer, list List) error {
	var codes []Code
	for _, d := range list {
		codes = append(codes, d.Code)
	}
	slices.Sort(codes)
	codes = slices.Compact(codes)
	run := sarifRun{
		Tool:       sarifTool{sarifDriver{Name: "fleetwright", Version: f.Version, InformationURI: sarifHome}},
		Results:    make([]sarifResult, 0, len(list)),
		ColumnKind: "unicodeCodePoints",
	}
	// The version of a module is a v and a semantic version; "(devel)" is none.
	if version, ok := strings.CutPrefix(f.Version, "v"); ok {
		run.Tool.Driver.SemanticVersion = version
	}
	for _, code := range codes {
		rule, err := newSarifRule(code)
		if err != nil {
			return err
		}
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, rule)
	}
	same := map[string]int{}
	for _, d := range list {
		index, _ := slices.BinarySearch(codes, d.Code)
		location := f.location(d)
		hash := fingerprint(string(d.Code), location.PhysicalLocation.ArtifactLocation.URI, d.Path)
		same[hash]++
		run.Results = append(run.Results, sarifResult{
			RuleID:              d.Code,
			RuleIndex:           index,
			Level:               sarifLevels[d.Severity],
			Message:             sarifText{withHint(d)},
			Locations:           []sarifLocation{location},
			PartialFingerprints: map[string]string{sarifFingerprint: fmt.Sprintf("%s:%d", hash, same[hash])},
		})
	}
	return writeJSON(w, sarifLog{Schema: sarifSchema, Version: "2.1.0", Runs: []sarifRun{run}})
}

func newSarifRule(code Code) (sarifRule, error) {
	rule := sarifRule{ID: code, DefaultConfiguration: sarifConfiguration{sarifLevels[code.Severity()]}}
	if !code.Exists() {
		return rule, nil
	}
	entry, err := catalogue.Read(string(code))
	if err != nil {
		return rule, err
	}
	if entry.Source != "" {
		entry.Fix += "\n\nSource: " + entry.Source
	}
	rule.ShortDescription, rule.FullDescription, rule.Help = &sarifText{entry.Title}, &sarifText{entry.Effect}, &sarifText{entry.Fix}
	return rule, nil
}

func (f sarifFormat) location(d Diagnostic) sarifLocation {
	location := sarifLocation{PhysicalLocation: sarifPhysicalLocation{ArtifactLocation: sarifArtifactLocation{uri(f.inRepository(d.Position.File))}}}
	if at := d.Position; !at.IsZero() && at.Line > 0 {
		location.PhysicalLocation.Region = &sarifRegion{StartLine: at.Line, StartColumn: at.Column}
	}
	if d.Path != "" {
		location.LogicalLocations = []sarifLogicalLocation{{d.Path}}
	}
	return location
}

// uri is a file's name as a URI: relative to the root of the repository, which is "."
// itself, or, for a file elsewhere, absolute.
func uri(name string) string {
	switch {
	case name == "":
		return "."
	case filepath.IsAbs(name), strings.HasPrefix(name, "/"):
		return (&url.URL{Scheme: "file", Path: "/" + strings.TrimLeft(name, "/")}).String()
	}
	return (&url.URL{Path: name}).String()
}

// fingerprint is the same for the same mistake when lines before it come and go.
func fingerprint(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:16])
}
