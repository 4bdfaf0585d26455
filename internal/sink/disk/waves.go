package disk

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/tree"
)

// leaves reports whether a file is kept because it belongs to a waiting cluster of a hub.
func (j *job) leaves(file string) bool { return j.cluster != nil && j.cluster.Leaves(file) }

// findLeft finds the files that waiting clusters of a hub keep after an interrupted run: the files in their
// inventories stay, and the files that the run has begun to write for them go.
func (j *job) findLeft(files files, own *ownership, inventories []string) error {
	for _, inventory := range inventories {
		if !j.leaves(inventory) {
			continue
		}
		data, err := readRegular(files, j.at(inventory))
		if err != nil {
			return err
		}
		if layout.IsInventory(data) {
			own.left[inventory] = true
			for _, f := range layout.InventoryFiles(data) {
				own.left[f] = true
			}
		}
	}
	for f := range own.paths {
		if j.leaves(f) && !own.left[f] {
			own.begun[f] = true
		}
	}
	return nil
}

// neededSources returns the sources among removed files that waiting clusters still name: without its source,
// Flux no longer applies anything of an application.
func (j *job) neededSources(files files, gone map[string]bool) (needed map[string]bool, err error) {
	if j.cluster == nil || len(j.cluster.Waiting()) == 0 {
		return nil, nil
	}
	var named map[tree.Object]bool
	for f := range gone {
		if path.Dir(f) != layout.SourcesDir {
			continue
		}
		if named == nil {
			if named, err = j.namedSources(files); err != nil {
				return nil, err
			}
			needed = map[string]bool{}
		}
		source, err := j.readSource(files, f)
		if err != nil {
			return nil, err
		}
		if named[source] {
			needed[f] = true
		}
	}
	return needed, nil
}

// readSource returns the object in a file of sources/, without its version, or zero if there is no such file.
func (j *job) readSource(files files, file string) (tree.Object, error) {
	data, err := readRegular(files, j.at(file))
	if err != nil || data == nil {
		return tree.Object{}, err
	}
	var object map[string]any
	_ = yaml.Unmarshal(data, &object) // no policy can name a file without an object
	source := tree.ReadObject(object)
	source.APIVersion = ""
	return source, nil
}

// namedSources returns the sources that the policies of waiting clusters on disk name.
func (j *job) namedSources(files files) (map[tree.Object]bool, error) {
	return j.sourcesOf(files, j.cluster.Waiting()...)
}

// sourcesOf returns the sources that the policies of clusters on disk name.
func (j *job) sourcesOf(files files, clusters ...string) (map[tree.Object]bool, error) {
	named := map[tree.Object]bool{}
	for _, cluster := range clusters {
		apps := layout.ClustersDir + "/" + cluster + "/" + layout.AppsDir
		dirs, err := j.readDir(files, apps)
		for _, dir := range dirs {
			var entries []fs.DirEntry
			if err == nil && dir.IsDir() {
				entries, err = j.readDir(files, apps+"/"+dir.Name())
			}
			for _, e := range entries {
				file := apps + "/" + dir.Name() + "/" + e.Name()
				if err != nil || !layout.IsManifest(file) {
					continue
				}
				var data []byte
				var object map[string]any
				data, err = readRegular(files, j.at(file))
				_ = yaml.Unmarshal(data, &object)
				for _, at := range [][]string{{"spec", "sourceRef"}, {"spec", "chartRef"}, {"spec", "chart", "spec", "sourceRef"}} {
					ref := func(field string) string { return tree.TextAt(object, append(slices.Clone(at), field)...) }
					namespace := ref("namespace")
					if namespace == "" {
						namespace = tree.TextAt(object, "metadata", "namespace")
					}
					if ref("name") != "" {
						named[tree.Object{Kind: ref("kind"), Namespace: namespace, Name: ref("name")}] = true
					}
				}
			}
		}
		if err != nil {
			return nil, err
		}
	}
	return named, nil
}

// checkMoved rejects the removal of files of waiting clusters in a directory that the tree no longer has: another
// topology would write them elsewhere, and that has not happened yet.
func checkMoved(jobs []*job, rendered *render.Tree, behind map[string]bool) error {
	waits := map[string]bool{}
	maps.Copy(waits, behind)
	for _, j := range jobs {
		if j.cluster != nil {
			for _, name := range j.cluster.Waiting() {
				waits[name] = true
			}
		}
	}
	lost := map[string]bool{}
	for _, j := range jobs {
		if j.cluster != nil {
			continue
		}
		for _, f := range j.removed {
			if name := cmp.Or(layout.ClusterOf(f), j.name); waits[name] {
				lost[name] = true
			}
		}
	}
	if len(lost) == 0 {
		return nil
	}
	return diag.NewMistake(
		fmt.Sprintf("would remove the files of clusters that wait, and write them nowhere: %s", diag.Some(slices.Sorted(maps.Keys(lost)), 5)),
		fmt.Sprintf("change the topology with all waves: --through %s --allow-prune; or restore spec.topology, and promote first", lastWave(rendered)))
}

// lastWave returns the name of the last wave of a tree.
func lastWave(rendered *render.Tree) string {
	if rendered.Waves == nil {
		return "WAVE"
	}
	return rendered.Waves.Names[len(rendered.Waves.Names)-1]
}

// An Edited cluster waits for its wave, and its files differ from its inventories.
type Edited struct {
	// Name of the cluster, and the path Dir of its directory below DIR.
	Name, Dir string
	// Files that differ, by their names below Dir, in order. Missing files are marked as missing.
	Files []string
	// First is the name of the first of them, and Names has all names.
	First string
	Names []string
	// Stray are the manifests that Flux applies but no inventory lists, by their names below DIR.
	Stray []string
}

// CheckWaiting compares the files of waiting clusters with their inventories, of either layout. A cluster without
// a directory is fine.
func CheckWaiting(dir string, later *render.Tree) ([]Edited, error) {
	w, err := openWorkers(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer w.close()
	var jobs []*waitingJob
	for _, c := range later.Clusters {
		root := path.Join(c.Name, layout.Dir)
		if waiting := c.Waiting(); len(waiting) > 0 {
			for _, name := range waiting {
				jobs = append(jobs, &waitingJob{name: name, cluster: c, root: root, below: layout.ClustersDir + "/" + name + "/"})
			}
		} else {
			jobs = append(jobs, &waitingJob{name: c.Name, cluster: c, root: root})
		}
	}
	if err := each(w, jobs, (*waitingJob).check); err != nil {
		return nil, describe(dir, err)
	}
	var all []Edited
	for _, j := range jobs {
		if len(j.differing)+len(j.stray) == 0 {
			continue
		}
		names := slices.Sorted(maps.Keys(j.differing))
		e := Edited{Name: j.name, Dir: j.root, Stray: j.stray, Names: names}
		for i, f := range names {
			if i == 0 {
				e.First = f
			}
			e.Files = append(e.Files, f+j.differing[f])
		}
		all = append(all, e)
	}
	return all, nil
}

// A waitingJob checks one waiting cluster.
type waitingJob struct {
	name string
	// cluster is the tree's cluster that waits; on a hub it may wait for several.
	cluster *render.Cluster
	// root is the directory to which paths in the inventories are relative; below is the cluster's directory in it.
	root, below string
	// differing maps the files that differ to the note after each name.
	differing map[string]string
	// listed are the files and patterns in the inventories. stray are the other manifests that Flux applies, by
	// their names below DIR.
	listed []string
	stray  []string
	// unsure reports whether an inventory is lost, so that the owner of an unlisted file is unknown.
	unsure bool
}

func (j *waitingJob) check(files files) error {
	j.differing = map[string]string{}
	if there, err := isDir(files, path.Join(j.root, j.below)); !there {
		if err != nil || j.below == "" {
			return j.reject(err, j.below)
		}
		// On a hub, Flux applies two directories of the cluster.
		sync := layout.SyncDir + "/" + j.name
		there, err := isDir(files, path.Join(j.root, sync))
		if there {
			j.differing[j.below+layout.InventoryFile] = " is missing"
		}
		return j.reject(err, sync)
	}
	if _, err := files.Lstat(path.Join(j.root, layout.JournalFile)); err == nil && j.below == "" {
		j.differing[layout.JournalFile] = " of a render that was cut off"
	}
	former, err := readRegular(files, path.Join(j.root, layout.FormerInventoryFile))
	if err != nil {
		return j.reject(err, layout.FormerInventoryFile)
	}
	own, err := readRegular(files, path.Join(j.root, j.below, layout.InventoryFile))
	if err != nil {
		return j.reject(err, j.below+layout.InventoryFile)
	}
	switch {
	case layout.IsInventory(own):
		if err := j.compare(files, own); err != nil {
			return err
		}
		if err := j.checkApps(files); err != nil {
			return err
		}
		if err := j.checkSources(files); err != nil || j.unsure {
			return err
		}
		return j.findStray(files)
	case layout.IsInventory(former):
		return j.compare(files, former)
	case own != nil:
		j.differing[j.below+layout.InventoryFile] = ""
	default:
		j.differing[j.below+layout.InventoryFile] = " is missing"
	}
	return nil
}

// checkApps checks the applications of the cluster, each of which has an inventory.
func (j *waitingJob) checkApps(files files) error {
	apps := path.Join(j.below, layout.AppsDir)
	if there, err := isDir(files, path.Join(j.root, apps)); !there {
		return j.reject(err, apps)
	}
	entries, err := files.ReadDir(path.Join(j.root, apps))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		inventory := apps + "/" + e.Name() + "/" + layout.InventoryFile
		data, err := readRegular(files, path.Join(j.root, inventory))
		switch {
		case err != nil:
			err = j.reject(err, inventory)
		case data == nil:
			j.differing[inventory], j.unsure = " is missing", true
		case !layout.IsInventory(data):
			j.differing[inventory], j.unsure = "", true
		default:
			err = j.compare(files, data)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// checkSources checks that a hub has the sources that the cluster's policies name. No inventory lists them, because
// they change with the first wave that needs them; sources of written waves are not checked here.
func (j *waitingJob) checkSources(files files) error {
	if j.below == "" {
		return nil
	}
	whole := &job{name: j.name, cluster: j.cluster, base: j.root}
	named, err := whole.sourcesOf(files, j.name)
	if err != nil {
		return j.reject(err, j.below+layout.AppsDir)
	}
	now := pathsOf(j.cluster.Whole())
	for f := range j.cluster.Paths() {
		delete(now, f)
	}
	for source := range named {
		file := layout.SourcesDir + "/" + layout.FileName(source.Kind, source.Name+"."+source.Namespace)
		if now[file] {
			continue
		}
		switch is, err := whole.readSource(files, file); {
		case err != nil:
			if err := j.reject(err, file); err != nil {
				return err
			}
		case is != source:
			j.differing[file] = ""
			if there, _ := isRegular(files, path.Join(j.root, file)); !there {
				j.differing[file] = " is missing"
			}
		}
	}
	return nil
}

// compare compares the files in an inventory.
func (j *waitingJob) compare(files files, data []byte) error {
	j.listed = append(j.listed, layout.InventoryFiles(data)...)
	for _, listed := range layout.InventorySums(data) {
		ofOther := j.below != "" && layout.ClusterOf(listed.File) != j.name // in the former layout of a hub
		if ofOther || !fs.ValidPath(listed.File) {
			continue
		}
		content, err := readRegular(files, path.Join(j.root, listed.File))
		sum := sha256.Sum256(content)
		switch {
		case err != nil:
			err = j.reject(err, listed.File)
		case content == nil:
			j.differing[listed.File] = " is missing"
		case hex.EncodeToString(sum[:]) != listed.Sum:
			j.differing[listed.File] = ""
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// findStray finds manifests of others in the directories of the cluster that Flux lists itself.
func (j *waitingJob) findStray(files files) error {
	dirs := []string{j.below + layout.SharedDir, j.below + layout.GatewaysDir}
	if j.below == "" {
		dirs = append(dirs, layout.SyncDir)
	} else {
		dirs = append(dirs, layout.SyncDir+"/"+j.name, j.below+layout.NamespacesDir)
	}
	slices.Sort(j.listed)
	patterns := slices.DeleteFunc(slices.Clone(j.listed), func(f string) bool { return !strings.Contains(f, "*") })
	var look func(dir string) error
	look = func(dir string) error {
		there, err := isDir(files, path.Join(j.root, dir))
		if !there {
			return j.reject(err, dir)
		}
		entries, err := files.ReadDir(path.Join(j.root, dir))
		for _, e := range entries {
			f := dir + "/" + e.Name()
			_, isListed := slices.BinarySearch(j.listed, f)
			isListed = isListed || slices.ContainsFunc(patterns, func(pattern string) bool {
				ok, _ := path.Match(pattern, f)
				return ok
			})
			switch extension := path.Ext(f); {
			case err != nil || strings.HasPrefix(e.Name(), ".") || isListed:
			case e.IsDir():
				err = look(f)
			case extension == ".yaml" || extension == ".yml":
				j.stray = append(j.stray, path.Join(j.root, f))
			}
		}
		return err
	}
	for _, dir := range dirs {
		if err := look(dir); err != nil {
			return err
		}
	}
	return nil
}

// reject records a file that no render writes, such as a link.
func (j *waitingJob) reject(err error, file string) error {
	var mistake *diag.Mistake
	if errors.As(err, &mistake) {
		j.differing[strings.TrimSuffix(file, "/")] = " is not a file of a render"
		return nil
	}
	return err
}
