// Elements. Text from the node becomes text nodes and nothing else: there is no way from here to markup.

const svgSpace = "http://www.w3.org/2000/svg";

function byId(id) {
  return document.getElementById(id);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(svgSpace, tag), attributes, children);
}

/** Says nothing to a screen reader, and costs no layout, if nothing has changed. */
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function setAttribute(node, name, value) {
  if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

/** Somebody's name: isolated, so that its direction is its own affair; in full as a tooltip. */
function named(text, most = 60) {
  const node = el("bdi");
  setName(node, text, most);
  return node;
}

function setName(node, text, most = 60) {
  setText(node, shown(text, most));
  setAttribute(node, "title", shown(text, 600));
}

/** Makes the children of `parent` those of `items`, keeping what is there already, and the focus in it. */
function keyed(parent, items, keyOf, make, update) {
  const old = new Map();
  for (const child of parent.children) old.set(child.dataset.key, child);
  const focused = parent.contains(document.activeElement) ? document.activeElement : null;
  let next = parent.firstElementChild;
  const seen = new Set();
  for (const item of items) {
    let key = keyOf(item);
    while (seen.has(key)) key += "+";
    seen.add(key);
    let child = old.get(key);
    if (child === undefined) {
      child = make(item);
      child.dataset.key = key;
    }
    old.delete(key);
    update(child, item);
    if (child === next) next = next.nextElementSibling;
    else parent.insertBefore(child, next);
  }
  for (const child of old.values()) child.remove();
  if (focused !== null && focused.isConnected && document.activeElement !== focused) focused.focus({ preventScroll: true });
}

/** Term and value pairs; `pairs` is [[term, text or node], ...]. */
function putPairs(list, pairs) {
  keyed(list, pairs, ([term]) => term, ([term]) => el("div", {}, el("dt", {}, term), el("dd")), (row, [, value]) => {
    const place = row.lastElementChild;
    if (typeof value === "string") setText(place, value);
    else place.replaceChildren(value);
  });
}

/** A bar for the share of a limit. */
function meter() {
  const fillPart = el("div", { class: "fill" });
  const node = el("div", { class: "meter" }, el("div", { class: "track", "aria-hidden": "true" }, fillPart),
    el("span", { class: "share" }), el("bdi", { class: "of" }));
  node.put = (part, of) => {
    fillPart.style.width = `${Math.min(100, 100 * part).toFixed(1)}%`;
    setAttribute(node, "data-is", part >= 1 ? "over" : part >= 0.8 ? "near" : "fine");
    setText(node.children[1], part > 0 ? percent(part) : "–");
    setName(node.children[2], of, 200);
  };
  return node;
}
