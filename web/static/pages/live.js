// One stream of public events for all pages of this browser. What follows an id is loaded again when
// an event names it; "*" follows everything. Never more than a few times a second.

const PAUSE_MS = 300;
const SILENCE_MS = 25_000; // the server speaks at least every 15 seconds
const waiting = new Map();

function tell(element) {
  if (waiting.has(element)) return;
  waiting.set(element, setTimeout(() => {
    waiting.delete(element);
    if (element.isConnected) element.dispatchEvent(new CustomEvent("news"));
  }, PAUSE_MS));
}

function happened(text) {
  for (const element of document.querySelectorAll("[data-follow]")) {
    const id = element.dataset.follow;
    if (id === "*" || text.includes(id)) tell(element);
  }
}

export function live(sign) {
  let lastMs = Date.now();
  let lost = false;
  const state = (open) => {
    sign.textContent = open ? sign.dataset.live : sign.dataset.away;
    document.body.classList.toggle("stale", !open);
    if (open && lost) document.querySelectorAll("[data-follow]").forEach(tell);
    lost = !open;
  };
  const take = (message) => {
    lastMs = Date.now();
    if (message.state !== undefined) state(message.state);
    else if (message.text) happened(message.text);
  };
  if (window.SharedWorker) {
    const worker = new SharedWorker("/static/pages/stream.js", { type: "module" });
    worker.port.onmessage = (event) => take(event.data);
    worker.port.start();
    window.addEventListener("pagehide", () => worker.port.postMessage("bye"));
  } else {
    import("./stream.js").then((module) => module.open(take));
  }
  setInterval(() => {
    if (!lost && Date.now() - lastMs > SILENCE_MS) state(false);
  }, 1_000);
}
