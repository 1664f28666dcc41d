// Makes the pages installable, and lets a station's page open while the agent is away.

const ADDRESS = new URL("worker.js", import.meta.url).pathname;

if ("serviceWorker" in navigator) {
  const allow = (address) => {
    if (address !== ADDRESS) throw new TypeError(`no worker of ours: ${address}`);
    return address;
  };
  const policy = window.trustedTypes?.createPolicy("jaego", { createScriptURL: allow });
  navigator.serviceWorker.register(policy ? policy.createScriptURL(ADDRESS) : ADDRESS, { scope: "/" });
  // The page that installs the worker was loaded without it.
  navigator.serviceWorker.ready.then(({ active }) => active.postMessage(location.pathname));
}
