package sources

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"path"
	"strings"

	"github.com/fleetwright/fleetwright/internal/lazyregexp"
)

// drafts are the schemas of JSON schemas, which Helm includes (santhosh-tekuri/jsonschema/v6 draft.go).
var drafts = lazyregexp.New(`^https?://json-schema\.org/(schema|draft-0[4-7]/schema|draft/2019-09/schema|draft/2020-12/schema)#?$`)

// unclear stands for the reference in a file that cannot be read completely.
const unclear = "content that cannot be read"

// fetched returns the reference that Helm would fetch for a file of a chart, from the network or from elsewhere on
// the disk, or "". A values.schema.json may refer to any URL (helm.sh/helm/v4 pkg/chart/common/util/jsonschema.go,
// ValidateAgainstSingleSchema), and so may the one of a packed subchart.
func fetched(name string, content []byte) string {
	left := int64(maxChart)
	return fetchedBy(name, content, &left)
}

// fetchedBy is fetched with a limit of bytes to unpack.
func fetchedBy(name string, content []byte, left *int64) string {
	switch {
	case path.Base(name) == "values.schema.json":
		var schema any
		if json.Unmarshal(bytes.TrimPrefix(content, []byte("\ufeff")), &schema) != nil {
			return unclear
		}
		return reference(schema)
	case strings.HasSuffix(name, ".tgz"):
		return packedReference(content, left)
	}
	return ""
}

// reference returns a reference in a schema that leaves the schema, or "".
func reference(value any) string {
	switch v := value.(type) {
	case []any:
		for _, item := range v {
			if ref := reference(item); ref != "" {
				return ref
			}
		}
	case map[string]any:
		for key, item := range v {
			text, isText := item.(string)
			isRef := key == "$ref" || key == "$dynamicRef" || key == "$recursiveRef"
			switch {
			case isText && isRef && !strings.HasPrefix(text, "#") && !drafts().MatchString(text),
				isText && key == "$schema" && !drafts().MatchString(text):
				return text
			}
			if ref := reference(item); ref != "" {
				return ref
			}
		}
	}
	return ""
}

// packedReference returns the first reference that leaves a schema in a packed chart. left is the limit of bytes
// to unpack.
func packedReference(content []byte, left *int64) string {
	unpacked, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return unclear
	}
	limit := &io.LimitedReader{R: unpacked, N: *left}
	defer func() { *left = limit.N }()
	files := tar.NewReader(limit)
	for {
		header, err := files.Next()
		if err == io.EOF && limit.N > 0 {
			return ""
		}
		if err != nil {
			return unclear
		}
		name := strings.ReplaceAll(header.Name, `\`, "/") // like Helm
		if path.Base(name) != "values.schema.json" && !strings.HasSuffix(name, ".tgz") {
			continue
		}
		text, err := io.ReadAll(files)
		if err != nil {
			return unclear
		}
		if ref := fetchedBy(name, text, &limit.N); ref != "" {
			return ref
		}
	}
}
