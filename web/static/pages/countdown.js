// The time that is left, by the server's clock: pages say what it was when they were made.

const offsets = new WeakMap();

function offset(element) {
  const made = element.dataset.now;
  const known = offsets.get(element);
  if (known?.made === made) return known.ms;
  const ms = Number(made) - Date.now();
  offsets.set(element, { made, ms });
  return ms;
}

export function count(root) {
  for (const element of root.querySelectorAll(".countdown[data-ends]")) {
    const left = Number(element.dataset.ends) - Date.now() - offset(element);
    const seconds = Math.max(0, Math.ceil(left / 1000));
    const [days, hours, minutes] = [86_400, 3_600, 60].map((one, at, all) =>
      Math.floor((at ? seconds % all[at - 1] : seconds) / one));
    const two = (number) => String(number).padStart(2, "0");
    element.textContent = `${days ? `${days} d ` : ""}${two(hours)}:${two(minutes)}:${two(seconds % 60)}`;
  }
}
