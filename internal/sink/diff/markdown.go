package diff

import (
	"cmp"
	"fmt"
	"html"
	"io"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
)

// writeMarkdown writes the comment of a pull request: notes, then folded differences. It omits and counts
// parts that do not fit into a comment.
func writeMarkdown(w io.Writer, r *Report, o Options) error {
	var p page
	p.add(marker + "### fleetwright: " + r.Summary() + "\n")
	if !r.Empty() {
		p.dangers(r.Dangers())
		p.notes(r.Notes)
		p.clusters(r.Clusters)
	}
	p.waves(r)
	if !r.Empty() {
		p.changes(r.Changes, o)
	}
	return p.print(w)
}

// WriteErrors writes the comment for inputs that do not compile.
func WriteErrors(w io.Writer, list diag.List) error {
	var p page
	p.add(marker + "### fleetwright: " + diag.Plural(list.Count(diag.Error), "error") + ", nothing can be rendered\n\n")
	left := 0
	for _, d := range list {
		if d.Severity != diag.Error {
			continue
		}
		text := "- " + code(d.String())
		if d.Hint != "" {
			text += "<br>hint: " + code(strings.ReplaceAll(d.Hint, "\n", " "))
		}
		if !p.add(text + "\n") {
			left++
		}
	}
	p.leftOut("\n", left, "more error", noRoom+"fleetwright check prints all of them")
	return p.print(w)
}

// LongestComment is the limit of GitHub for a comment in characters; bytes are no fewer.
const LongestComment = 65536

// marker is the first line of a comment, by which later runs find it.
const marker = "<!-- fleetwright diff -->\n"

// room is the limit without the sentences that count the omitted parts of each section.
const room = LongestComment - 1024

const noRoom = " not shown here; "

// A page is text that has an end.
type page struct{ text strings.Builder }

// add adds a part if there is room for all of it.
func (p *page) add(part string) bool {
	if p.text.Len()+len(part) > room {
		return false
	}
	p.text.WriteString(part)
	return true
}

// leftOut writes the number of omitted parts, if any, into the room reserved for it.
func (p *page) leftOut(before string, n int, noun, after string) {
	if n > 0 {
		p.text.WriteString(before + diag.Plural(n, noun) + after + "\n")
	}
}

func (p *page) print(w io.Writer) error {
	_, err := io.WriteString(w, p.text.String())
	return err
}

// dangers writes an alert, which GitHub and GitLab show in red.
func (p *page) dangers(dangers []Note) {
	if len(dangers) == 0 {
		return
	}
	p.add("\n> [!CAUTION]\n")
	left := 0
	for _, n := range dangers {
		about := ""
		if n.About != "" {
			about = "**" + diag.Markdown(n.About) + "** "
		}
		if p.text.Len() > LongestComment/4 || !p.add("> - "+about+diag.Markdown(n.String())+"\n") {
			left++
		}
	}
	p.leftOut("> - and ", left, "more danger", "")
}

// notes writes a list for each application, and for each part that serves all of them.
func (p *page) notes(notes []Note) {
	last, left := "", 0
	for _, n := range notes {
		if n.Danger != "" {
			continue
		}
		line := "- " + diag.Markdown(n.String()) + "\n"
		about := n.aboutInWords()
		if about != last {
			line = "\n**" + diag.Markdown(about) + "**\n" + line
		}
		// Half of the room is for the differences.
		if p.text.Len() > LongestComment/2 || !p.add(line) {
			left++
			continue
		}
		last = about
	}
	p.leftOut("\nand ", left, "more change", "")
}

// mostClusters limits the listed clusters, so that the comment stays readable.
const mostClusters = 100

func (p *page) clusters(clusters []Cluster) {
	if len(clusters) == 0 {
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n<details><summary>%s</summary>\n\n", diag.Plural(len(clusters), "cluster"))
	b.WriteString("| cluster | created | changed | deleted |\n|---|---|---|---|\n")
	for _, c := range clusters[:min(mostClusters, len(clusters))] {
		fmt.Fprintf(&b, "| %s | %d | %d | %d |\n", diag.Markdown(c.Name), c.Created, c.Changed, c.Deleted)
	}
	if more := len(clusters) - mostClusters; more > 0 {
		fmt.Fprintf(&b, "| and %d more | | | |\n", more)
	}
	b.WriteString("\n</details>\n")
	p.add(b.String())
}

// waves writes a table of the waves, and folded lists of the waiting changes.
func (p *page) waves(r *Report) {
	if len(r.Waves) == 0 {
		return
	}
	table := "\n**waves, through " + diag.Markdown(r.through) + "**\n\n| wave | |\n|---|---|\n"
	for _, w := range r.Waves {
		table += fmt.Sprintf("| %s | %s |\n", diag.Markdown(w.Name), diag.Markdown(w.summary()))
	}
	p.add(table)
	left := 0
	for _, w := range r.Waves {
		lines := w.behind()
		if len(lines) == 0 {
			continue
		}
		text := fmt.Sprintf("\n<details><summary>changes waiting for %s</summary>\n\n", inHTML(w.Name))
		for _, line := range lines {
			text += "- " + diag.Markdown(line) + "\n"
		}
		const end = "\n</details>\n"
		if p.text.Len()+len(text)+len(end) > LongestComment/2 {
			left += len(lines) + len(w.Notes)
			continue
		}
		for _, n := range w.Notes {
			note := "- " + diag.Markdown(n.aboutInWords()+": "+n.String()) + "\n"
			if n.Danger != "" {
				note = "- **danger:** " + note[len("- "):]
			}
			if p.text.Len()+len(text)+len(note)+len(end) > LongestComment/2 {
				left++
				continue
			}
			text += note
		}
		p.add(text + end)
	}
	p.leftOut("\nand ", left, "more line", " about waiting changes")
}

// longestCommand limits a printed command, which must fit into the reserved room.
const longestCommand = 256

// changes writes the folded differences.
func (p *page) changes(changes []Change, o Options) {
	left := 0
	for i := range changes {
		ch := &changes[i]
		var b strings.Builder
		fmt.Fprintf(&b, "\n<details><summary>%s</summary>\n\n", inHTML(ch.title()))
		if len(ch.Clusters) > mostNamed {
			fmt.Fprintf(&b, "%s\n\n", diag.Markdown(diag.Some(ch.Clusters, diag.MostNames)))
		}
		fence := fence(ch.old.textOf()+"\n"+ch.new.textOf(), "```")
		fmt.Fprintf(&b, "%sdiff\n%s%s\n\n</details>\n", fence, printable(ch.unified(o.Dir)), fence)
		if !p.add(b.String()) {
			left++
		}
	}
	command := "fleetwright diff"
	if len(o.Command) <= longestCommand {
		command = cmp.Or(o.Command, command)
	}
	p.leftOut("\n", left, "more difference", noRoom+code(command)+" prints all of it")
}

// inHTML escapes text for HTML, and keeps GitHub from linking names of users.
func inHTML(text string) string {
	return strings.ReplaceAll(html.EscapeString(diag.Plain(text)), "@", "@\u200b")
}

// code returns text as inline code.
func code(text string) string {
	fence := fence(text, "`")
	if fence == "`" {
		return fence + text + fence
	}
	return fence + " " + text + " " + fence
}

// fence returns a fence, at least as long as least, that does not occur in the text.
func fence(text, least string) string {
	for strings.Contains(text, least) {
		least += "`"
	}
	return least
}
