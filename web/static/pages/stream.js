// The one connection to the stream of events. In a SharedWorker it serves every page of the browser;
// where there is none, each page opens its own. After a break it goes on from the last event seen.

const KINDS = [
  "AuctionOpened", "BidPlaced", "AuctionExtended", "AuctionCancelled", "AuctionClosedUnsold",
  "TradeExecuted", "ListingReviewed", "ListingAmended", "ListingSuspended", "ListingResumed",
  "ListingWithdrawn", "ListingExpired", "DataSetRevised",
];
const RETRY_MS = 1_000;

export function open(tell) {
  let last = "";
  const connect = () => {
    const source = new EventSource(last ? `/v1/stream?after=${last}` : "/v1/stream");
    source.onopen = () => tell({ state: true });
    source.onerror = () => {
      source.close();
      tell({ state: false });
      setTimeout(connect, RETRY_MS);
    };
    for (const kind of KINDS) {
      source.addEventListener(kind, (event) => {
        last = event.lastEventId;
        tell({ text: event.data });
      });
    }
  };
  connect();
}

if (typeof SharedWorkerGlobalScope !== "undefined") {
  const ports = new Set();
  let newest = { state: false };
  let started = false;
  const tell = (message) => {
    if (message.state !== undefined) newest = message;
    for (const port of ports) port.postMessage(message);
  };
  self.onconnect = (event) => {
    const port = event.ports[0];
    ports.add(port);
    port.onmessage = () => ports.delete(port);
    port.postMessage(newest);
    setInterval(() => port.postMessage({}), 10_000);
    if (!started) {
      started = true;
      open(tell);
    }
  };
}
