"use strict";
// Without a script every rollout is shown, and large pages have no charts and tables.
const on = JSON.parse(document.getElementById("sets").textContent); // sets of clusters, by their numbers
const choice = document.getElementById("cluster");
const count = document.getElementById("count");
const all = count.textContent;
const links = document.querySelectorAll("nav li");
const rows = document.querySelectorAll(".without tr[data-clusters]");
const applications = [...document.querySelectorAll(".application")].map((part, i) => ({part, link: links[i], rollouts: [...part.querySelectorAll(".rollout")]}));

function filter() {
  const cluster = choice.selectedIndex - 1;
  const shown = on.map(clusters => cluster < 0 || clusters.includes(cluster));
  let left = 0;
  for (const {part, link, rollouts} of applications) {
    const before = left;
    for (const rollout of rollouts) {
      rollout.hidden = !shown[rollout.dataset.clusters];
      if (!rollout.hidden) left++;
    }
    part.hidden = left === before;
    if (link) link.hidden = part.hidden;
  }
  for (const row of rows) row.hidden = !shown[row.dataset.clusters];
  count.textContent = cluster < 0 ? all : `${left} ${left === 1 ? "rollout" : "rollouts"} on ${choice.value}`;
}

// A link may name the cluster, as #cluster=NAME, or point at a hidden plan.
function follow() {
  const cluster = new URLSearchParams(location.hash.slice(1)).get("cluster");
  const target = document.querySelector(":target") ?? document.getElementById(location.hash.slice(1)); // before the page is whole there is no :target
  if (target?.matches(".more")) target.open = true;
  if (!choice) return;
  if (cluster !== null) choice.value = cluster;
  else if (target?.closest("[hidden]")) choice.value = "";
  else return;
  choice.selectedIndex = Math.max(choice.selectedIndex, 0);
  filter();
  target?.scrollIntoView();
}

// What belongs to a rollout is drawn when it is opened. A store has many rollouts, and a large page several stores.
const stores = document.querySelectorAll(".store");
const inflated = [];

async function inflate(store) {
  const packed = Uint8Array.from(atob(store.content.textContent), character => character.charCodeAt(0));
  return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
}

async function draw(more) {
  const [store, place] = more.dataset.part.split(" ");
  delete more.dataset.part;
  try {
    const {lines, parts, numbers} = await (inflated[store] ??= inflate(stores[store]));
    const own = numbers[place].split(" ").values();
    let next = 0;
    const text = parts[place].map(distance => lines[(next += distance + 1) - 1]).join("\n").replaceAll("\0", () => own.next().value);
    const {body} = new DOMParser().parseFromString(text, "text/html");
    for (const part of body.querySelectorAll("svg.chart, svg.chart *")) {
      for (const {name, value} of part.attributes) {
        if (/^(id|aria-\w+|fill)$/.test(name)) part.setAttribute(name, value.replace(/^(url\(#)?(chart|odds)/, `$1$2-${store}-${place}`));
      }
    }
    more.append(...body.children);
  } catch (error) {
    more.append(`This browser cannot draw it: ${error.message}`);
  }
}

const parts = document.querySelectorAll(".more");
for (const more of parts) {
  more.addEventListener("toggle", event => {
    if (event.target === more && more.open && more.dataset.part) draw(more);
  });
}
document.getElementById("open")?.addEventListener("click", () => {
  for (const more of parts) if (more.checkVisibility()) more.open = true;
});

// The clusters of an Application without rollouts are listed when they are opened.
for (const more of document.querySelectorAll(".without details")) {
  more.addEventListener("toggle", () => more.append(on[more.closest("tr").dataset.clusters].map(cluster => choice[cluster + 1].value).join(", ")), {once: true});
}

choice?.addEventListener("change", () => {
  history.replaceState(null, "", choice.value === "" ? "#" : "#" + new URLSearchParams({cluster: choice.value}));
  filter();
});
addEventListener("hashchange", follow);
if (document.getElementById("filter")) document.getElementById("filter").hidden = false;
if (choice) filter(); // a browser may remember the choice
follow();
