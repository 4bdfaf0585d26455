package sources

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"

	"github.com/fleetwright/fleetwright/internal/parallel"
	"github.com/fleetwright/fleetwright/render/source"
)

// interrupted is the reason why no further source is read.
const interrupted = "the run was interrupted"

// patience is the number of builds that may take too long before no more begin.
const patience = 4

// Build builds the sources of policies as Flux does, on all cores, and each distinct build once. It calls files
// for the source of each build in order; if a source has no files, files returns the reason. Build omits the files
// that Flux does not pack.
func Build(ctx context.Context, builds []source.Build, files func(*source.Build) (*Files, string)) source.Manifests {
	manifests := source.Manifests{}
	var jobs []*job
	p := packer{done: map[packing]*packed{}}
	byKey := map[string]*job{}
	for i := range builds {
		b := &builds[i]
		f, why := p.files(ctx, b, files)
		if f == nil {
			manifests[b.Key] = &source.Built{Unread: why}
			continue
		}
		key := jobKey(f, b)
		j := byKey[key]
		if j == nil {
			j = &job{files: f, build: b}
			byKey[key] = j
			jobs = append(jobs, j)
		}
		j.keys = append(j.keys, b.Key)
	}
	if len(jobs) == 0 {
		return manifests
	}
	isolate()
	var slow atomic.Int64
	parallel.On(make([]struct{}, runtime.GOMAXPROCS(0)), len(jobs), func(_ struct{}, i int) { jobs[i].run(ctx, &slow) })
	for _, j := range jobs {
		for _, key := range j.keys {
			manifests[key] = j.built
		}
	}
	return manifests
}

// A job is a distinct build, with the policies that need it.
type job struct {
	files *Files
	build *source.Build
	keys  []source.Key
	built *source.Built
}

// jobKey returns a key that two builds share exactly if they build the same.
func jobKey(f *Files, b *source.Build) string {
	same := struct{ Kustomization, Chart, Patches, Added any }{b.Kustomization, b.Chart, b.Patches, b.Added}
	text, err := json.Marshal(same)
	if err != nil {
		text = []byte(fmt.Sprint(b.Key))
	}
	return fmt.Sprintf("%p %s", f, text)
}

// run builds, and counts the builds that take too long.
func (j *job) run(ctx context.Context, slow *atomic.Int64) {
	switch {
	case ctx.Err() != nil:
		j.built = &source.Built{Unread: interrupted}
	case slow.Load() >= patience:
		j.built = &source.Built{Unread: fmt.Sprintf("other builds take more than %s", buildTime)}
	case j.build.Chart != nil:
		j.built = j.files.chart(ctx, j.build)
	default:
		j.built = j.files.kustomize(ctx, j.build)
	}
	if j.built.Unread == tooSlow() {
		slow.Add(1)
	}
}

// A packer finds the files of sources that source-controller packs.
type packer struct {
	// done are the packed sources.
	done map[packing]*packed
	// slow is the number of sources that took too long.
	slow int
}

type packing struct {
	files          *Files
	ignore, sparse string
}

type packed struct {
	files *Files
	why   string
}

// files returns the packed files of the source of a build, or the reason why they are unknown.
func (p *packer) files(ctx context.Context, b *source.Build, find func(*source.Build) (*Files, string)) (*Files, string) {
	if g := b.Source.GitRepository; g != nil && len(g.Include) > 0 {
		return nil, "spec.source.gitRepository.include merges other repositories into it"
	}
	f, why := find(b)
	if f == nil {
		return nil, cmp.Or(why, unknown)
	}
	ignore := ignoreOf(b)
	key := packing{files: f}
	if ignore != nil {
		key.ignore = "set:" + *ignore
	}
	var dirs []string
	if g := b.Source.GitRepository; g != nil {
		dirs, key.sparse = g.SparseCheckout, strings.Join(g.SparseCheckout, "\x00")
	}
	done := p.done[key]
	if done == nil {
		done = p.pack(ctx, f.sparse(dirs), ignore)
		p.done[key] = done
	}
	return done.files, done.why
}

// pack omits the files that source-controller omits.
func (p *packer) pack(ctx context.Context, f *Files, ignore *string) *packed {
	if p.slow >= patience {
		return &packed{why: errPatterns().Error()}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, buildTime, errPatterns())
	defer cancel()
	files, err := f.packed(ctx, ignore)
	switch {
	case err == nil:
		return &packed{files: files}
	case errors.Is(err, context.Canceled):
		return &packed{why: interrupted}
	case ctx.Err() != nil:
		p.slow++
	}
	return &packed{why: plain(err)}
}

// errPatterns returns the reason why files are no longer compared with patterns.
func errPatterns() error {
	return fmt.Errorf("comparing files with the patterns of .sourceignore and ignore takes more than %s", buildTime)
}

// ignoreOf returns the patterns of the files that a source omits, or nil.
func ignoreOf(b *source.Build) *string {
	switch {
	case b.Source.GitRepository != nil:
		return b.Source.GitRepository.Ignore
	case b.Source.OCIRepository != nil:
		return b.Source.OCIRepository.Ignore
	}
	return nil
}
