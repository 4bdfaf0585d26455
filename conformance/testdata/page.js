// What is wrong with how the page looks, in sentences. All of it is looked at, also what
// is not in sight.
(() => {
  const wrong = [];
  for (const part of document.querySelectorAll("details")) part.open = true;
  for (const part of document.querySelectorAll(".rollout")) part.style.contentVisibility = "visible";

  const short = text => text.trim().replace(/\s+/g, " ").slice(0, 60);
  const isShown = part => part.checkVisibility({visibilityProperty: true}) && part.getClientRects().length > 0;
  // What only a screen reader is told has no size.
  const isUnseen = part => { for (; part; part = part.parentElement) if (getComputedStyle(part).clipPath !== "none") return true; return part; };

  // Width.
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > width) wrong.push(`the page is ${document.documentElement.scrollWidth} wide, not ${width}`);

  // Contrast, by WCAG 2.2.
  const parse = color => {
    const numbers = color.match(/^rgba?\((.*)\)$/)?.[1].split(/[, /]+/).map(Number);
    if (!numbers) throw new Error(`the colour ${color}`);
    return {rgb: numbers.slice(0, 3), alpha: numbers[3] ?? 1};
  };
  const luminance = color => {
    const [r, g, b] = parse(color).rgb.map(n => n / 255).map(n => n <= 0.04045 ? n / 12.92 : ((n + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => {
    const [dark, light] = [luminance(a), luminance(b)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  };
  // The colours that a part has behind it, of which any may be behind a character.
  const behind = part => {
    const colors = [];
    for (; part; part = part.parentElement) {
      const style = getComputedStyle(part);
      colors.push(...style.backgroundImage.match(/rgba?\([^)]*\)/g) ?? []);
      if (parse(style.backgroundColor).alpha > 0) return [...colors, style.backgroundColor];
    }
    return [...colors, getComputedStyle(document.documentElement).backgroundColor];
  };
  const check = (what, color, others, least) => {
    if (parse(color).alpha < 1) wrong.push(`${what} is ${color}`);
    for (const other of others) {
      const got = contrast(color, other);
      if (got < least) wrong.push(`${what}: contrast ${got.toFixed(2)} of ${color} on ${other}, want ${least}`);
    }
  };

  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let count = 0;
  while (texts.nextNode()) {
    const part = texts.currentNode.parentElement;
    if (texts.currentNode.data.trim() === "" || part.closest("svg, script, option") || !isShown(part) || isUnseen(part)) continue;
    count++;
    check(`"${short(texts.currentNode.data)}"`, getComputedStyle(part).color, behind(part), 4.5);
    const range = document.createRange();
    range.selectNodeContents(texts.currentNode);
    const {left, right} = range.getBoundingClientRect();
    if ((left < 0 || right > width) && !part.closest(".skip")) wrong.push(`"${short(texts.currentNode.data)}" is from ${left} to ${right} of ${width}`);
  }
  if (count < 20) wrong.push(`there are ${count} texts only`);

  // Charts.
  const charts = [...document.querySelectorAll("svg.chart")].filter(isShown);
  if (charts.length === 0) wrong.push("there are no charts");
  for (const chart of charts) {
    const of = `the chart of ${short(chart.querySelector("title").textContent)}`;
    const box = chart.viewBox.baseVal;
    const scale = chart.getBoundingClientRect().width / box.width;
    if (scale * 12 < 9) wrong.push(`${of}: 12 is ${(12 * scale).toFixed(1)} pixels`);
    const paper = getComputedStyle(chart.querySelector(".paper")).fill;
    // Boxes of texts and signs in the drawing's own units.
    const boxes = [...chart.querySelectorAll("text, g > .end")].map(part => {
      const r = part.getBBox(), m = chart.getScreenCTM().inverse().multiply(part.getScreenCTM());
      return {what: part.textContent || "a sign of the legend", left: r.x + m.e, right: r.x + r.width + m.e, top: r.y + m.f, bottom: r.y + r.height + m.f};
    });
    for (const [i, b] of boxes.entries()) {
      if (b.left < box.x || b.right > box.x + box.width || b.top < box.y || b.bottom > box.y + box.height) wrong.push(`${of}: "${b.what}" is not inside: ${JSON.stringify(b)}`);
      for (const other of boxes.slice(i + 1)) {
        if (b.left < other.right && other.left < b.right && b.top < other.bottom - 2 && other.top < b.bottom - 2) wrong.push(`${of}: "${b.what}" is on "${other.what}"`);
      }
    }
    for (const text of chart.querySelectorAll("text")) check(`${of}: "${text.textContent}"`, getComputedStyle(text).fill, [paper], 4.5);
    for (const line of chart.querySelectorAll(".run, .end, .lane, .box")) check(`${of}: ${line.getAttribute("class")}`, getComputedStyle(line).stroke, [paper], 3);
    const good = chart.querySelector(".line.good"), last = chart.querySelector(".line.failsLast");
    if (last) check(`${of}: what fails last on what is good`, getComputedStyle(last).stroke, [getComputedStyle(good).stroke], 3);
    const dashes = [...chart.querySelectorAll(".line")].map(line => getComputedStyle(line).strokeDasharray);
    if (new Set(dashes).size < dashes.length) wrong.push(`${of}: lines are told apart by their colours alone`);
  }
  return wrong;
})()
