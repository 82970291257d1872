// A table sorts by the column whose head is pressed.

function value(cell) {
  const time = cell.querySelector("time[data-ms]");
  if (time) return Number(time.dataset.ms);
  const text = cell.textContent.trim();
  const number = cell.classList.contains("number") ? Number(text.replace(/[^\d.-]/g, "")) : NaN;
  return Number.isNaN(number) ? text : number;
}

function compare(one, other) {
  return typeof one === "number" && typeof other === "number"
    ? one - other
    : String(one).localeCompare(String(other), document.documentElement.lang);
}

export function sortable(table) {
  table.dataset.ready = "yes";
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const rows = [...table.tBodies[0].rows];
      rows.sort((a, b) => compare(value(a.cells[column]), value(b.cells[column])) * (up ? 1 : -1));
      table.tBodies[0].append(...rows);
    });
  });
}
