package diff

import (
	"fmt"
	"html"
	"io"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
)

// markdownFormat is the comment of a pull request: what it means first, then the
// differences, folded. It is never longer than a comment may be; what does not fit is
// left out as a whole, and counted.
type markdownFormat struct{ FormatOptions }

// LongestComment is how many characters the comment of a pull request may have on
// GitHub. Counted here are bytes, which are no fewer.
const LongestComment = 65536

// marker is the first line of a comment, by which a later run finds it.
const marker = "<!-- fleetwright diff -->\n"

// reserved is room for what says that something was left out, and of it for each
// section that counts its own.
const reserved = 1024

func (f markdownFormat) Write(w io.Writer, r *Report) error {
	p := page{room: LongestComment - reserved}
	p.add(marker)
	if r.Empty() {
		p.add("### fleetwright: nothing would change\n")
		return p.print(w)
	}
	p.add(fmt.Sprintf("### fleetwright: %s\n", r.Summary()))
	f.dangers(&p, r)
	f.notes(&p, r)
	f.clusters(&p, r)
	f.changes(&p, r)
	return p.print(w)
}

// WriteErrors writes the comment for inputs that do not compile.
func WriteErrors(w io.Writer, list diag.List) error {
	p := page{room: LongestComment - reserved}
	p.add(marker)
	p.add(fmt.Sprintf("### fleetwright: %s, nothing can be rendered\n\n", diag.Plural(list.Count(diag.Error), "error")))
	left := 0
	for _, d := range list {
		if d.Severity != diag.Error {
			continue
		}
		text := "- " + code(d.String()) + "\n"
		if d.Hint != "" {
			text = strings.TrimSuffix(text, "\n") + "<br>hint: " + code(strings.ReplaceAll(d.Hint, "\n", " ")) + "\n"
		}
		if !p.add(text) {
			left++
		}
	}
	p.leftOut(left, "more error", "fleetwright check prints all of them")
	return p.print(w)
}

// A page is text that has an end.
type page struct {
	text strings.Builder
	room int
}

// add adds a part if there is room for all of it.
func (p *page) add(part string) bool {
	if p.text.Len()+len(part) > p.room {
		return false
	}
	p.text.WriteString(part)
	return true
}

// leftOut says that parts were. There is room reserved for it.
func (p *page) leftOut(n int, noun, where string) {
	if n > 0 {
		fmt.Fprintf(&p.text, "\n%s for which there is no room here; %s\n", diag.Plural(n, noun), where)
	}
}

func (p *page) print(w io.Writer) error {
	_, err := io.WriteString(w, p.text.String())
	return err
}

// dangers are an alert, which GitHub and GitLab show in red.
func (f markdownFormat) dangers(p *page, r *Report) {
	dangers := r.Dangers()
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
	if left > 0 {
		p.add(fmt.Sprintf("> - and %s\n", diag.Plural(left, "more danger")))
	}
}

// notes are lists, of each application and of what serves all of them.
func (f markdownFormat) notes(p *page, r *Report) {
	last, left := "\x00", 0
	for _, n := range r.Notes {
		if n.Danger != "" {
			continue
		}
		line := "- " + diag.Markdown(n.String()) + "\n"
		if n.About != last {
			line = "\n**" + diag.Markdown(aboutInWords(n.About)) + "**\n" + line
		}
		// The differences are to have half of the room.
		if p.text.Len() > LongestComment/2 || !p.add(line) {
			left++
			continue
		}
		last = n.About
	}
	if left > 0 {
		p.add(fmt.Sprintf("\nand %s\n", diag.Plural(left, "more change")))
	}
}

// mostClusters is how many clusters are listed; a comment is to be read.
const mostClusters = 100

func (f markdownFormat) clusters(p *page, r *Report) {
	var b strings.Builder
	fmt.Fprintf(&b, "\n<details><summary>%s</summary>\n\n| cluster | created | changed | deleted |\n|---|---|---|---|\n", diag.Plural(len(r.Clusters), "cluster"))
	for i, c := range r.Clusters {
		if i == mostClusters {
			fmt.Fprintf(&b, "| and %d more | | | |\n", len(r.Clusters)-i)
			break
		}
		fmt.Fprintf(&b, "| %s | %d | %d | %d |\n", diag.Markdown(c.Name), c.Created, c.Changed, c.Deleted)
	}
	b.WriteString("\n</details>\n")
	p.add(b.String())
}

// longestCommand is how long a command is printed; it has to fit into what is reserved.
const longestCommand = 256

// shortest is less than any difference takes.
const shortest = 128

// changes are the differences, folded.
func (f markdownFormat) changes(p *page, r *Report) {
	left := 0
	for i := range r.Changes {
		if p.room-p.text.Len() < shortest {
			left += len(r.Changes) - i
			break
		}
		ch := &r.Changes[i]
		var b strings.Builder
		fmt.Fprintf(&b, "\n<details><summary>%s</summary>\n\n", inHTML(ch.title()))
		if len(ch.Clusters) > mostNamed {
			fmt.Fprintf(&b, "%s\n\n", diag.Markdown(diag.Some(ch.Clusters, mostClusters)))
		}
		fence := fenceOf(ch)
		fmt.Fprintf(&b, "%sdiff\n%s%s\n\n</details>\n", fence, printable(ch.unified(f.Dir)), fence)
		if !p.add(b.String()) {
			left++
		}
	}
	where := "`fleetwright diff` prints all of it"
	if f.Command != "" && len(f.Command) <= longestCommand {
		where = code(f.Command) + " prints all of it"
	}
	p.leftOut(left, "more difference", where)
}

// fenceOf is a fence that nothing in the difference ends.
func fenceOf(ch *Change) string {
	fence := "```"
	for _, d := range []*document{ch.old, ch.new} {
		for d != nil && strings.Contains(d.text, fence) {
			fence += "`"
		}
	}
	return fence
}

// inHTML is text that HTML takes for nothing else, nor GitHub for somebody's name.
func inHTML(text string) string {
	return strings.ReplaceAll(html.EscapeString(diag.Plain(text)), "@", "@\u200b")
}

// code is text as it is.
func code(text string) string {
	fence := "`"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	if fence == "`" {
		return fence + text + fence
	}
	return fence + " " + text + " " + fence
}
