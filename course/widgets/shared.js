  const root = Array.from(document.querySelectorAll("#NAME")).find((one) => !one.firstChild);
  if (!root) return;
  const make = (tag, parent, attributes, text) => {
    const element = parent.appendChild(document.createElement(tag));
    for (const [name, value] of Object.entries(attributes || {})) element.setAttribute(name, value);
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const button = (text, parent, press) => {
    const one = make("button", parent, { type: "button" }, text);
    one.onclick = press;
    return one;
  };
  make("style", root, {}, `
.course-figure { --line: #6b6b6b; --strong: #00518f; --tint: #dce9f4; --text: #1b1b1b;
  --ground: #ffffff; --focus: #c65a00; --good: #146c4c; --bad: #a33b00; background: var(--ground);
  color: var(--text); padding: 12px; border-radius: 8px; max-width: 52em;
  font: 15px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
html[data-theme="dark"] .course-figure, body[data-jp-theme-light="false"] .course-figure,
.jp-mod-dark .course-figure { --line: #9a9a9a; --strong: #7db8ea; --tint: #24394d; --text: #ececec;
  --ground: #1e1e1e; --focus: #f0a060; --good: #6fd0a8; --bad: #ffa070; }
.course-figure *, .course-figure *::before { box-sizing: border-box; }
.course-figure p { margin: 8px 0 0; color: inherit; }
.course-figure label { display: block; font-weight: 600; color: inherit; }
.course-figure button, .course-figure input, .course-figure textarea { font: inherit;
  color: var(--text); background: transparent; border: 1.5px solid var(--line); border-radius: 6px;
  margin: 0; padding: 4px 12px; min-height: 36px; }
.course-figure button { cursor: pointer; }
.course-figure button:disabled { cursor: default; opacity: 0.55; }
.course-figure :focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; }
.course-figure .controls { display: flex; flex-wrap: wrap; gap: 6px; margin-top: 8px; }
.course-figure .small { font-size: 13px; }
.course-figure-picture { display: none; }
@media print { .course-figure { display: none; } .course-figure-picture { display: block; } }`);
  // The book puts a light ground under every HTML output, in its dark mode too.
  root.parentElement.style.setProperty("background", "transparent", "important");
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", data.alt);
  // JupyterLab has shortcuts on single keys; what is typed in the figure is meant for the figure.
  root.dataset.lmSuppressShortcuts = "true";
  root.addEventListener("keydown", (event) => event.stopPropagation());
  // The picture stands in the output before this one: go up, inside this cell, until it is found.
  for (let place = root; place && !place.matches(".cell, .jp-Cell"); place = place.parentElement) {
    const before = place.previousElementSibling;
    const picture = before && (before.matches("img") ? before : before.querySelector("img"));
    if (picture) { before.classList.add("course-figure-picture"); break; }
  }
