// The documentation site: make site builds it from the pages in docs/.
import { readdirSync, readFileSync } from 'node:fs'

const docs = new URL('..', import.meta.url)
const repository = 'https://github.com/fleetwright/fleetwright'

// A page that no group lists comes last.
const groups = {
  Start: ['getting-started', 'adopting', 'import', 'migration'],
  Use: ['inputs', 'overrides', 'flux', 'sources', 'waves', 'canaries', 'plan', 'power', 'fleet'],
  'Where it runs': ['pre-commit', 'ci', 'oci', 'kustomize', 'container', 'releases'],
  Reference: ['commands', 'fields', 'diagnostics', 'layout'],
  Operations: ['kuma-to-gatewayapi', 'nginx-to-gatewayapi', 'security'],
  Project: ['performance', 'conformance'],
}

const pages = readdirSync(docs).filter((f) => f.endsWith('.md') && f !== 'index.md').map((f) => f.slice(0, -3))
const listed = Object.values(groups).flat()
groups.Project.push(...pages.filter((p) => !listed.includes(p)))
const missing = listed.filter((p) => !pages.includes(p))
if (missing.length) throw new Error(`the sidebar lists pages that do not exist: ${missing}`)

const title = (page) => readFileSync(new URL(`${page}.md`, docs), 'utf8').match(/^# (.*)$/m)[1].replaceAll('`', '')

// outside points links that leave docs/ to the repository on GitHub.
const outside = (href) => {
  const path = href.match(/^\.\.\/([^#]*)/)?.[1]
  if (path === undefined) return href
  const file = /\.[a-z]+$|(^|\/)(Makefile|LICENSE|Dockerfile)$/i.test(path)
  return `${repository}/${file ? 'blob' : 'tree'}/main/${path.replace(/\/$/, '')}${href.slice(3 + path.length)}`
}

const plain = (md) => {
  md.core.ruler.push('outside', ({ tokens }) => {
    for (const token of tokens.flatMap((t) => t.children ?? []))
      if (token.type === 'link_open') token.attrSet('href', outside(token.attrGet('href')))
  })
  // Text is text: Vue must not evaluate what stands in braces.
  const text = md.renderer.rules.text
  md.renderer.rules.text = (...args) => text(...args).replaceAll('{{', '&#123;&#123;')
}

export default {
  title: 'fleetwright',
  description: 'Compiles Kurator Applications into manifests that Flux and Flagger run',
  lang: 'en',
  // No icon, which browsers would otherwise ask for.
  head: [['link', { rel: 'icon', href: 'data:,' }]],
  outDir: '../../site',
  markdown: {
    preConfig: plain,
    // The anchors of GitHub, so that links work in both places.
    anchor: { slugify: (s) => s.trim().toLowerCase().replace(/[^\p{L}\p{N}_ -]/gu, '').replaceAll(' ', '-') },
  },
  themeConfig: {
    outline: [2, 3],
    search: {
      provider: 'local',
      // A code is not a word with a typo: FW350 must not find FW351.
      options: { miniSearch: { searchOptions: { fuzzy: (term) => (/\d/.test(term) ? false : 0.2) } } },
    },
    sidebar: Object.entries(groups).map(([text, list]) => ({
      text,
      items: list.map((page) => ({ text: title(page), link: `/${page}` })),
    })),
    socialLinks: [{ icon: 'github', link: repository }],
  },
}
