// The page without the agent: files and stations' pages are kept, anything else is told plainly that it is away. What
// was scanned meanwhile waits in press.js.

const HERE = new URL("./", self.location).pathname;
const FILES = [
  "approve.js",
  "icon.svg",
  "live.js",
  "offline.html",
  "offline.js",
  "pad.js",
  "press.js",
  "search.js",
  "sound.js",
  "station.css",
  "station.js",
  "style.css",
  "wedge.js",
];
const CACHE = `jaego ${HERE}`; // the mark of these very files: another version keeps its own
const STATION = /^\/station\/[^/]+$/;

async function install() {
  const cache = await caches.open(CACHE);
  await cache.addAll(FILES.map((name) => HERE + name));
  await self.skipWaiting();
}

async function activate() {
  for (const name of await caches.keys()) if (name !== CACHE) await caches.delete(name);
  await self.clients.claim();
}

async function keep(path) {
  const answer = await fetch(path);
  if (answer.ok) await (await caches.open(CACHE)).put(path, answer);
}

async function page(request) {
  const { pathname } = new URL(request.url);
  const cache = await caches.open(CACHE);
  try {
    const answer = await fetch(request);
    if (answer.ok && STATION.test(pathname)) await cache.put(pathname, answer.clone());
    return answer;
  } catch {
    return (await cache.match(pathname)) ?? Response.redirect(`${HERE}offline.html`);
  }
}

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));
self.addEventListener("message", (event) => {
  if (STATION.test(event.data)) event.waitUntil(keep(event.data));
});
self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET") return;
  if (request.mode === "navigate") event.respondWith(page(request));
  else if (new URL(request.url).pathname.startsWith(HERE)) {
    event.respondWith(caches.match(request).then((held) => held ?? fetch(request)));
  }
});
