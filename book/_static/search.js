// The book's search: in the page, without a server, over the texts that course/book_theme.py wrote.
"use strict";

(() => {
  const SHOWN = 20; // results
  const BEFORE = 60, AROUND = 220; // characters of an excerpt before a match, and in all
  const root = document.documentElement.dataset.content_root;
  const query = new URLSearchParams(location.search).get("q") || "";

  // "masks" finds mask, masked, causal_mask: a word counts from its beginning, without a plural s.
  const words = (text) => (text.toLowerCase().match(/[\p{L}\p{N}]+/gu) || [])
    .map((word) => (word.length > 3 ? word.replace(/s$/, "") : word));
  const finder = (found) =>
    new RegExp(`(?<![\\p{L}\\p{N}])(?:${found.join("|")})[\\p{L}\\p{N}]*`, "giu");
  const phrase = (found) =>
    new RegExp(`(?<![\\p{L}\\p{N}])${found.join("[\\p{L}]*[\\s_-]+")}`, "iu");

  const make = (tag, parent, text, attributes) => {
    const element = parent.appendChild(document.createElement(tag));
    if (text) element.textContent = text;
    return Object.assign(element, attributes);
  };

  // How well a section answers; 0 if a word stands nowhere in it.
  const score = ({ page, title, text }, found) => {
    let points = 0;
    for (const word of found) {
      const one = finder([word]);
      const times = (text.match(one) || []).length;
      const named = 12 * one.test(title) + 4 * finder([word]).test(page);
      if (!times && !named) return 0;
      points += named + Math.min(times, 5);
    }
    if (found.length > 1) points += 40 * phrase(found).test(title) + 15 * phrase(found).test(text);
    return points;
  };

  const excerpt = (text, found) => {
    const match = phrase(found).exec(text) || finder(found).exec(text);
    const begin = match ? text.lastIndexOf(" ", Math.max(0, match.index - BEFORE)) + 1 : 0;
    const space = text.indexOf(" ", begin + AROUND);
    const end = space < 0 ? text.length : space;
    return `${begin ? "… " : ""}${text.slice(begin, end)}${end < text.length ? " …" : ""}`;
  };

  const mark = (parent, text, found) => {
    let done = 0;
    for (const match of text.matchAll(finder(found))) {
      parent.append(text.slice(done, match.index));
      make("mark", parent, match[0]);
      done = match.index + match[0].length;
    }
    parent.append(text.slice(done));
  };

  const show = (asked) => {
    const status = document.getElementById("search-status");
    const list = document.getElementById("search-results");
    const found = words(asked);
    const results = !found.length ? [] : BOOK_TEXTS
      .map((section) => ({ section, points: score(section, found) }))
      .filter(({ points }) => points)
      .sort((one, other) => other.points - one.points);
    list.replaceChildren();
    for (const { section } of results.slice(0, SHOWN)) {
      const item = make("li", list);
      const name = section.title === section.page ? section.page : `${section.page} › ${section.title}`;
      const [file, anchor] = section.place.split("#");
      make("a", item, name, { href: `${root}${file}?q=${encodeURIComponent(asked)}#${anchor}` });
      mark(make("p", item), excerpt(section.text, found), found);
    }
    const shown = results.length > SHOWN ? `; the best ${SHOWN} are shown` : "";
    const places = results.length === 1 ? "place" : "places";
    status.textContent = !found.length ? "Type a word or two."
      : results.length ? `${results.length} ${places} found${shown}.`
      : `“${asked}” stands nowhere in the book. Try fewer words, or the beginning of one.`;
  };

  // The texts are loaded when they are first needed, and kept.
  let texts;
  const search = async (asked) => {
    texts ||= new Promise((loaded) =>
      make("script", document.head, "", { src: `${root}_static/search_texts.js`, onload: loaded }));
    await texts;
    show(asked);
  };

  // Marks the words that led here, without touching the page: formulas and figures stay whole.
  const highlight = (found) => {
    const article = document.querySelector("article");
    const texts = document.createTreeWalker(article, NodeFilter.SHOW_TEXT, (node) =>
      node.parentElement.closest("script, style, mjx-container, .headerlink")
        ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT);
    const marks = new Highlight();
    while (texts.nextNode())
      for (const { 0: text, index } of texts.currentNode.data.matchAll(finder(found))) {
        const range = new Range();
        range.setStart(texts.currentNode, index);
        range.setEnd(texts.currentNode, index + text.length);
        marks.add(range);
      }
    CSS.highlights.set("search", marks);
    const button = make("button", document.getElementById("searchbox"), "Hide search marks",
      { type: "button" });
    button.onclick = () => {
      CSS.highlights.delete("search");
      button.remove();
    };
  };

  document.addEventListener("DOMContentLoaded", () => {
    const input = document.querySelector("form.bd-search input");
    const dialog = input.closest("dialog");
    input.value = query;
    input.addEventListener("input", () => search(input.value));
    if (!dialog) search(query);
    else {
      dialog.querySelector(".search-close").onclick = () => dialog.close();
      // A result on the page that is open already: nothing is loaded, so the dialog goes.
      dialog.addEventListener("click", ({ target }) => target.closest("a") && dialog.close());
      if (words(query).length && "highlights" in CSS) highlight(words(query));
    }
  });
})();
