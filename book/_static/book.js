// Small services of the book's pages; everything on them can be read without this script.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  // On a phone the lettering of a wide figure is small: each picture leads to its file, which can
  // be enlarged. Pictures behind an interactive figure are shown in print only.
  for (const image of document.querySelectorAll(".cell_output img:not(.course-figure-picture)")) {
    if (image.closest("a, .course-figure-picture")) continue;
    const link = document.createElement("a");
    link.href = image.src;
    link.className = "figure-link";
    link.title = "Open the figure by itself";
    image.replaceWith(link);
    link.append(image);
  }
});

// On paper everything stands open, and dark on light.
{
  const page = document.documentElement.dataset;
  let theme, opened;
  window.addEventListener("beforeprint", () => {
    theme = page.theme;
    page.theme = "light";
    opened = [...document.querySelectorAll("details:not([open])")];
    for (const fold of opened) fold.open = true;
  });
  window.addEventListener("afterprint", () => {
    page.theme = theme;
    for (const fold of opened) fold.open = false;
  });
}
