// What moves on a page. Everything works without it, by loading the page again.
import { draw } from "./pages/charts.js";
import { count } from "./pages/countdown.js";
import { live } from "./pages/live.js";
import { check } from "./pages/proof.js";
import { sortable } from "./pages/tables.js";

function prepare(root) {
  for (const figure of root.querySelectorAll("[data-chart]:empty")) draw(figure);
  for (const table of root.querySelectorAll("table[data-sort]:not([data-ready])")) sortable(table);
  for (const proof of root.querySelectorAll("#proof:not([data-ready])")) check(proof);
}

prepare(document);
document.addEventListener("htmx:after:swap", () => prepare(document));
setInterval(() => count(document), 250);
live(document.getElementById("connection"));
