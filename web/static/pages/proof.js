// Checks an inclusion proof (RFC 6962, section 2.1.1) here, with the browser's own SHA-256.

const bytes = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const hex = (data) => [...data].map((one) => one.toString(16).padStart(2, "0")).join("");

async function node(left, right) {
  const both = new Uint8Array(1 + left.length + right.length);
  both.set([1]);
  both.set(left, 1);
  both.set(right, 1 + left.length);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", both));
}

export async function rootOf(leaf, position, size, path) {
  let hash = bytes(leaf);
  let at = position;
  let last = size - 1;
  for (const sibling of path.map(bytes)) {
    if (last === 0) return "";
    if (at % 2 === 1 || at === last) {
      hash = await node(sibling, hash);
      while (at % 2 === 0 && at !== 0) {
        at = Math.floor(at / 2);
        last = Math.floor(last / 2);
      }
    } else {
      hash = await node(hash, sibling);
    }
    at = Math.floor(at / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 ? hex(hash) : "";
}

export function check(proof) {
  proof.dataset.ready = "yes";
  const said = proof.querySelector("[role=status]");
  proof.querySelector("button").addEventListener("click", async () => {
    const { leaf, position, size, root, path } = proof.dataset;
    const found = await rootOf(leaf, Number(position), Number(size), path.split(" ").filter(Boolean));
    const right = found === root;
    said.textContent = right ? said.dataset.right : said.dataset.wrong;
    said.className = right ? "right" : "wrong";
  });
}
