"""What every page of the console keeps to: names, headings, contrast, and the width of a phone."""

from __future__ import annotations

from typing import Final

from playwright.sync_api import Page

#: Text on its ground: 4.5 to 1, large text 3 to 1 (WCAG 2.2, AA). Ground is painted by ancestors, which may be
#: translucent. Colours are read from a pixel, as they are written in many ways.
_LOW_CONTRAST: Final = """() => {
  const paper = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  paper.canvas.width = paper.canvas.height = 1;
  const known = new Map();
  const rgba = text => {
    if (!known.has(text)) {
      paper.clearRect(0, 0, 1, 1);
      paper.fillStyle = text;
      paper.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = paper.getImageData(0, 0, 1, 1).data;
      known.set(text, [r, g, b, a / 255]);
    }
    return known.get(text);
  };
  const over = (top, below) => top.slice(0, 3).map((c, i) => c * top[3] + below[i] * (1 - top[3]));
  const ground = node => {
    const own = rgba(getComputedStyle(node).backgroundColor);
    if (own[3] === 1) return own.slice(0, 3);
    return over(own, node.parentElement ? ground(node.parentElement) : [255, 255, 255]);
  };
  const light = rgb => rgb.map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !node.checkVisibility()) continue;
    const style = getComputedStyle(node);
    const below = ground(node);
    const [a, b] = [light(over(rgba(style.color), below)), light(below)].sort((x, y) => y - x);
    const size = parseFloat(style.fontSize);
    const least = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5;
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < least) found.push(`${ratio.toFixed(2)} to 1: ${walker.currentNode.data.trim().slice(0, 40)}`);
  }
  return [...new Set(found)];
}"""

#: Whatever can be operated has a name, each label belongs to something, each table says what its columns are.
_NAMELESS: Final = """() => {
  const text = node => (node.textContent || "").trim();
  const named = node => {
    const by = (node.getAttribute("aria-labelledby") || "").split(" ").filter(Boolean);
    return (node.getAttribute("aria-label") || "").trim() || by.some(id => text(document.getElementById(id) || {}))
      || [...(node.labels || [])].some(text);
  };
  const found = [];
  const say = (what, node) => found.push(`${what}: ${node.outerHTML.slice(0, 80)}`);
  for (const node of document.querySelectorAll("a[href], button, summary"))
    if (!named(node) && !text(node)) say("no name", node);
  for (const node of document.querySelectorAll("input:not([type=hidden]), select, textarea, progress, nav"))
    if (!named(node)) say("no label", node);
  for (const node of document.querySelectorAll("label")) if (!node.control) say("of nothing", node);
  for (const node of document.querySelectorAll("img:not([alt])")) say("no alt", node);
  for (const node of document.querySelectorAll("thead th:not([scope])")) say("no scope", node);
  const ids = [...document.querySelectorAll("[id]")].map(node => node.id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) found.push(`twice: #${id}`);
  for (const node of document.querySelectorAll("[aria-labelledby], [aria-describedby]"))
    for (const name of ["aria-labelledby", "aria-describedby"])
      for (const id of (node.getAttribute(name) || "").split(" ").filter(Boolean))
        if (!document.getElementById(id)) say(`no #${id}`, node);
  return found;
}"""

#: One h1, no level left out, one main, a language and a title.
_STRUCTURE: Final = """() => {
  const found = [];
  const levels = [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].map(node => Number(node.tagName[1]));
  if (levels.filter(level => level === 1).length !== 1) found.push(`headings: ${levels}`);
  levels.forEach((level, i) => { if (i && level > levels[i - 1] + 1) found.push(`leaves out a level: ${levels}`); });
  if (document.querySelectorAll("main").length !== 1) found.push("not one main");
  if (!document.documentElement.lang) found.push("no language");
  if (!document.title.trim()) found.push("no title");
  return found;
}"""


def problems_of(tab: Page) -> list[str]:
    """What is wrong with the page that a tab shows, as it is sized and coloured."""
    found: list[str] = []
    for check in (_LOW_CONTRAST, _NAMELESS, _STRUCTURE):
        found += tab.evaluate(check)
    width, room = tab.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    if width > room:
        found.append(f"{width} pixels wide, where there is room for {room}")
    return found
