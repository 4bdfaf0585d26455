// Package oci publishes a tree as one OCI artifact for every cluster, in the format of flux push artifact. The root of
// an artifact holds the files of DIR/<cluster>/fleetwright. Clusters sync the tag latest.
//
// A run has phases, and all clusters finish a phase before the next one begins:
//
//  1. Look: make the layers, and read the present artifacts. A cluster whose layer is unchanged needs no push.
//  2. Compare the changes with the history of the inputs and with the present artifacts. Reject losses.
//  3. Push layers and manifests by digest. No cluster syncs them yet.
//  4. Sign the manifests.
//  5. Tag. Registries have no transactions: a run that is interrupted here leaves every tag on a complete artifact,
//     and the next run finishes the work.
package oci

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/sink/disk"
	"github.com/fleetwright/fleetwright/render"
)

// A Revision is the Git revision of the inputs.
type Revision struct {
	// Commit of the inputs, as 40 or 64 hexadecimal digits. It becomes a tag of the artifacts.
	Commit string
	// Source is the URL of their repository, or "".
	Source string
	// Follows returns nil for a commit in the history of the inputs, and otherwise the reason why it is missing.
	Follows func(commit string) *diag.Mistake
	// MayPrecede returns nil for a commit that is not newer than the inputs, and otherwise the reason why it may be.
	MayPrecede func(commit string) *diag.Mistake
}

// annotation returns the commit as Flux writes one without a branch (fluxcd/flux2 rfcs/0005).
func (r Revision) annotation() string {
	if len(r.Commit) == 64 {
		return "sha256:" + r.Commit
	}
	return "sha1:" + r.Commit
}

// PublishOptions are the options of [Fleet.Publish].
type PublishOptions struct {
	Revision Revision
	// Tags are set in addition to latest and the commit.
	Tags []string
	// AllowPrune lets a run remove more than half of a cluster's files, or take an Application from clusters that
	// is still among the inputs.
	AllowPrune bool
	// Sign signs unsigned manifests by digest, before any tag points at them. A nil Sign signs nothing.
	Sign func(ctx context.Context, references []string) error
	// Progress is called with the name of a phase, and returns a function that counts its clusters. It may be nil.
	Progress func(what string) func(done, total int)
}

func (o PublishOptions) progress(what string) func(done, total int) {
	if o.Progress == nil {
		return nil
	}
	return o.Progress(what)
}

// A Summary is the result of a publication.
type Summary struct {
	// Published are the clusters with a new artifact, Unchanged those that keep theirs.
	Published, Unchanged []string
}

// Publish publishes a tree and moves the tag latest of every cluster to it. After an error either no tag has moved,
// or the error names the clusters whose tags have.
func (f *Fleet) Publish(ctx context.Context, tree *render.Tree, opts PublishOptions) (Summary, error) {
	sites, err := f.prepare(ctx, tree, opts)
	if err != nil {
		return Summary{}, errors.Join(err, errors.New("nothing was published"))
	}
	// A newer run may have finished during pushing and signing.
	follows := func(s *site) error {
		why, err := f.leads(ctx, s, opts.Revision)
		if why != nil {
			return why
		}
		return err
	}
	return f.tag(ctx, sites, append([]string{opts.Revision.Commit}, opts.Tags...), follows, opts.progress("tagging"))
}

// prepare runs all phases before tagging.
func (f *Fleet) prepare(ctx context.Context, tree *render.Tree, opts PublishOptions) ([]*site, error) {
	sites, err := f.look(ctx, tree, opts.progress("comparing"))
	if err != nil {
		return nil, err
	}
	var changed []*site
	for _, s := range sites {
		if s.isCurrent() {
			s.next, s.digest = s.latest.Descriptor, s.latest.Digest
			continue
		}
		m, err := newManifest(s.layer.Descriptor, opts.Revision.Source, opts.Revision.annotation())
		if err != nil {
			return nil, err
		}
		s.next, s.digest = m, m.digest()
		changed = append(changed, s)
	}
	// The history covers no artifact of another tool.
	err = f.each(changed, nil, func(s *site) error {
		_, err := f.stored(ctx, s)
		return err
	})
	if err == nil {
		err = f.checkHistory(ctx, changed, opts.Revision)
	}
	if err != nil {
		return nil, err
	}
	store, replaced := f.changed(ctx, changed, func(s *site) bool { return s.latest != nil })
	if err := disk.CheckStored(store, tree.With(replaced), disk.Options{AllowPrune: opts.AllowPrune}); err != nil {
		return nil, err
	}
	for _, s := range changed {
		s.pulled = nil
	}
	err = f.each(changed, opts.progress("pushing"), func(s *site) error { return f.push(ctx, s) })
	if err == nil && opts.Sign != nil {
		err = f.sign(ctx, sites, opts)
	}
	return sites, err
}

// push pushes the next artifact of a site by digest. No tag points at it yet.
func (f *Fleet) push(ctx context.Context, s *site) error {
	for _, b := range []*blob{s.layer, newBlob(configType, config)} {
		if err := f.pusher.Upload(ctx, s.repository, b.layer()); err != nil {
			return err
		}
	}
	s.layer = nil
	return f.pusher.Put(ctx, s.repository.Digest(s.digest.String()), s.next)
}

// sign signs the unsigned artifacts.
func (f *Fleet) sign(ctx context.Context, sites []*site, opts PublishOptions) error {
	var mu sync.Mutex
	var unsigned []string
	err := f.each(sites, nil, func(s *site) error {
		at := s.repository.Digest(s.digest.String())
		signed, err := f.isSigned(ctx, at)
		if err == nil && !signed {
			mu.Lock()
			defer mu.Unlock()
			unsigned = append(unsigned, at.Name())
		}
		return err
	})
	if err != nil || len(unsigned) == 0 {
		return err
	}
	slices.Sort(unsigned)
	return opts.Sign(ctx, unsigned)
}

// tag points latest, and then further tags, at the next artifacts of sites. It calls check, which may be nil, for a
// site before it moves the site's latest.
func (f *Fleet) tag(ctx context.Context, sites []*site, tags []string, check func(*site) error, progress func(done, total int)) (sum Summary, err error) {
	var mu sync.Mutex
	moved := map[string]bool{}
	err = f.each(sites, progress, func(s *site) error {
		isMoved, err := f.moveLatest(ctx, s, check)
		mu.Lock()
		moved[s.name] = isMoved
		mu.Unlock()
		for _, tag := range tags {
			if err == nil && tag != Latest {
				err = f.pusher.Put(ctx, s.repository.Tag(tag), s.next)
			}
		}
		return err
	})
	for _, s := range sites {
		if moved[s.name] {
			sum.Published = append(sum.Published, s.name)
		} else {
			sum.Unchanged = append(sum.Unchanged, s.name)
		}
	}
	switch {
	case err == nil:
		return sum, nil
	case len(sum.Published) == 0:
		return Summary{}, errors.Join(err, errors.New("no tag is known to have moved: run the same command again"))
	}
	return Summary{}, errors.Join(err, fmt.Errorf("the tag latest has moved for %s; run the same command again for the rest", diag.Some(sum.Published, diag.MostNames)))
}

// moveLatest points latest at the next artifact, unless another run has moved it in the meantime. It reports whether
// the tag has moved, even if it returns an error.
func (f *Fleet) moveLatest(ctx context.Context, s *site, check func(*site) error) (bool, error) {
	var was v1.Hash
	if s.latest != nil {
		was = s.latest.Digest
	}
	if was == s.digest {
		return false, nil
	}
	if check != nil && s.latest != nil {
		if err := check(s); err != nil {
			return false, err
		}
	}
	at := s.repository.Tag(Latest)
	is, err := f.digest(ctx, at)
	switch {
	case err != nil:
		return false, err
	case is == s.digest: // another run of the same revision
		return true, nil
	case is != was:
		return false, diag.NewMistake(fmt.Sprintf("another run has moved %s%s in the meantime", Scheme, at.Name()), "run the same command again; let CI run one publication at a time")
	}
	if err = f.pusher.Put(ctx, at, s.next); err == nil {
		return true, nil
	}
	// Perhaps only the answer was lost, for example by an interrupt.
	look, end := context.WithTimeout(context.WithoutCancel(ctx), lookWithin)
	defer end()
	is, e := f.digest(look, at)
	if isMoved := e == nil && is == s.digest; isMoved {
		return true, ctx.Err()
	}
	return false, err
}

// lookWithin limits how long an interrupted run checks whether its tag has moved.
const lookWithin = 10 * time.Second

// digest returns the digest that a tag points at, or zero without such a tag.
func (f *Fleet) digest(ctx context.Context, at name.Tag) (v1.Hash, error) {
	d, err := f.puller.Head(ctx, at)
	if isMissing(err) {
		return v1.Hash{}, nil
	}
	if err != nil {
		return v1.Hash{}, err
	}
	return d.Digest, nil
}
