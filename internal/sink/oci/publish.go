// Package oci publishes a tree: for every cluster an OCI artifact, in the format of flux push artifact, whose root is
// what DIR/<cluster>/fleetwright holds. Clusters sync the tag latest.
//
// A run goes through phases, and all clusters go through one before the next begins:
//
//  1. Look: make the layers, and find what clusters sync now. Nothing is pushed for a cluster that has its layer.
//  2. Compare what changes with the history of the inputs, and with what clusters have, and refuse what loses
//     something.
//  3. Push layers and manifests, by their digests. Nobody syncs these yet.
//  4. Sign the manifests.
//  5. Tag. Registries know no transactions: a run that ends here leaves each tag on a whole artifact, and the next
//     one goes on.
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

// A Revision is what the inputs are, as Git knows them.
type Revision struct {
	// Commit of the inputs, as 40 or 64 hexadecimal digits. It is a tag of the artifacts.
	Commit string
	// Source is the URL of their repository, or "".
	Source string
	// Follows returns nil for a commit that the history of the inputs has, and else why it does not.
	Follows func(commit string) *diag.Mistake
	// MayPrecede returns nil for a commit that does not come after the inputs', and else why it may.
	MayPrecede func(commit string) *diag.Mistake
}

// annotation is how Flux writes a commit that is of no branch (fluxcd/flux2 rfcs/0005).
func (r Revision) annotation() string {
	if len(r.Commit) == 64 {
		return "sha256:" + r.Commit
	}
	return "sha1:" + r.Commit
}

// PublishOptions are those of a publication.
type PublishOptions struct {
	Revision Revision
	// Tags are set beside latest and the commit.
	Tags []string
	// AllowPrune lets a run remove more than half of a cluster's files, or take an Application from clusters that
	// is still among the inputs.
	AllowPrune bool
	// Sign signs manifests by their digests before any tag leads to them, unless they are signed; nil signs none.
	Sign func(ctx context.Context, references []string) error
	// Progress is called with what is done, and how many clusters it is done for. It may be nil.
	Progress func(what string) func(done, total int)
}

func (o PublishOptions) progress(what string) func(done, total int) {
	if o.Progress == nil {
		return nil
	}
	return o.Progress(what)
}

// A Summary is what a publication has done.
type Summary struct {
	// Published and Unchanged are the clusters that have got another artifact, and those that keep theirs.
	Published, Unchanged []string
}

// Publish makes clusters sync a tree. After an error, either no tag has moved, or the error says which have.
func (f *Fleet) Publish(ctx context.Context, tree *render.Tree, opts PublishOptions) (Summary, error) {
	sites, err := f.prepare(ctx, tree, opts)
	if err != nil {
		return Summary{}, errors.Join(err, errors.New("nothing was published"))
	}
	// Pushing and signing take time, in which a newer run may have ended.
	follows := func(s *site) error {
		why, err := f.leads(ctx, s, opts.Revision)
		if why != nil {
			return why
		}
		return err
	}
	return f.tag(ctx, sites, append([]string{opts.Revision.Commit}, opts.Tags...), follows, opts.progress("tagging"))
}

// prepare goes through all phases before tags move.
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
	// Of somebody else's artifact, the history says nothing.
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

// push pushes the next artifact of a site, which no tag leads to yet.
func (f *Fleet) push(ctx context.Context, s *site) error {
	for _, b := range []*blob{s.layer, newBlob(configType, config)} {
		if err := f.pusher.Upload(ctx, s.repository, b.layer()); err != nil {
			return err
		}
	}
	s.layer = nil
	return f.pusher.Put(ctx, s.repository.Digest(s.digest.String()), s.next)
}

// sign signs the artifacts that are not signed.
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

// tag has latest, and then further tags, lead to the next artifacts of sites. Before it moves the latest of one, it
// checks that; the check may be nil.
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
		return Summary{}, errors.Join(err, errors.New("no cluster is known to have another artifact yet: run the same command again"))
	}
	return Summary{}, errors.Join(err, fmt.Errorf("latest has moved for %s; for the rest, run the same command again", diag.Some(sum.Published, diag.MostNames)))
}

// moveLatest has latest lead to the next artifact, unless another run has moved it meanwhile. It reports whether the
// cluster has another artifact by that, also where it returns an error.
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
		return false, diag.NewMistake(fmt.Sprintf("%s%s was moved by another run meanwhile", Scheme, at.Name()), "run the same command again; let CI run one at a time")
	}
	if err = f.pusher.Put(ctx, at, s.next); err == nil {
		return true, nil
	}
	// The answer may be all that is lost, also by an interrupt.
	look, end := context.WithTimeout(context.WithoutCancel(ctx), lookWithin)
	defer end()
	is, e := f.digest(look, at)
	if isMoved := e == nil && is == s.digest; isMoved {
		return true, ctx.Err()
	}
	return false, err
}

// lookWithin is how long a run that ends looks for what it has done.
const lookWithin = 10 * time.Second

// digest returns that of what a tag leads to, which is zero where there is none.
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
