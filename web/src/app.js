// What pages do beyond links and forms. Everything works without it but copying and live updates.
"use strict";

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) {
    navigator.clipboard.writeText(button.dataset.copy).then(() => {
      button.classList.add("copied");
      setTimeout(() => button.classList.remove("copied"), 1200);
    });
    return;
  }
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

// A form with a passkey: the server asks, the browser answers, and the form carries the answer.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.dataset.passkey || form.elements.credential.value) return;
  event.preventDefault();
  const words = form.querySelector("[data-passkey-words]");
  const button = form.querySelector("button:not([type=button])");
  button.disabled = true;
  const say = (text) => { words.textContent = text; words.hidden = !text; };
  say("");
  answerPasskey(form).then(() => form.submit()).catch((error) => {
    button.disabled = false;
    const away = new URL(form.dataset.home).origin !== location.origin;
    if (error.code === "step_up_required") location.assign(`/auth/factor?return=${encodeURIComponent(location.pathname + location.search)}`);
    else if (away) say(`Passkeys of this site belong to ${form.dataset.home}. Open it under that address.`);
    else if (error.name === "NotAllowedError") say("Nothing was confirmed: it was cancelled, took too long, or there is no passkey for this site here.");
    else if (error.name === "InvalidStateError") say("This device has a passkey of yours already.");
    else say(error.message || "The passkey could not be used.");
  });
}, true);

async function answerPasskey(form) {
  if (!window.PublicKeyCredential?.parseRequestOptionsFromJSON) throw new Error("This browser cannot use passkeys here.");
  const asked = await fetch(form.dataset.options, { method: "POST", headers: { Accept: "application/json" } });
  const answer = await asked.json();
  if (!asked.ok) throw Object.assign(new Error(answer.detail || answer.title), { code: answer.code });
  const question = answer.options.publicKey;
  const key = form.dataset.passkey === "create"
    ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(question) })
    : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(question) });
  form.elements.challenge_id.value = answer.challenge_id;
  form.elements.credential.value = JSON.stringify(key.toJSON());
}

// A form is sent once: the second click finds the button busy.
document.addEventListener("submit", (event) => {
  if (event.defaultPrevented) return;
  for (const button of event.target.querySelectorAll("button:not([type=button])")) {
    setTimeout(() => { button.disabled = true; }, 0);
    setTimeout(() => { button.disabled = false; }, 8000);
  }
});
window.addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("button:disabled:not([data-off])")) button.disabled = false;
});

// Moments in the viewer's zone; UTC stays on hover.
function localTimes(root) {
  for (const time of root.querySelectorAll("time[data-local]")) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    time.title = time.textContent;
    time.textContent = at.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
    delete time.dataset.local;
  }
}
localTimes(document);
document.addEventListener("htmx:after:swap", () => localTimes(document));

// One stream a page, only while it is looked at. It says which topic changed; the parts of the page
// that show that topic fetch themselves again.
const live = [...new Set([...document.querySelectorAll("[data-topic]")].map((part) => part.dataset.topic))];
if (live.length > 0) {
  let stream = null;
  // Each part is fetched by one at a time; what changes meanwhile is fetched once more.
  const asking = new Map();
  const fetchPart = async (part) => {
    const answer = await fetch(part.dataset.from, {
      headers: { "HX-Request": "true" },
      signal: AbortSignal.timeout(5000),
    });
    if (answer.headers.has("HX-Redirect")) location.reload();
    if (!answer.ok) return;
    const made = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = made.getElementById(part.id);
    if (!fresh) return;
    part.replaceChildren(...fresh.childNodes);
    window.htmx?.process(part);
    localTimes(part);
    startMeters();
  };
  const ask = async (part) => {
    if (asking.has(part)) { asking.set(part, true); return; }
    do {
      asking.set(part, false);
      await fetchPart(part).catch(() => {});
    } while (asking.get(part));
    asking.delete(part);
  };
  const refresh = (topic) => {
    for (const part of document.querySelectorAll("[data-topic]")) {
      if (!topic || part.dataset.topic === topic) ask(part);
    }
  };
  const open = () => {
    const query = live.map((topic) => `topic=${encodeURIComponent(topic)}`).join("&");
    stream = new EventSource(`/events?${query}`);
    // What changed between the page's making and the stream's opening would be missed.
    stream.addEventListener("open", () => refresh(null));
    stream.addEventListener("changed", (event) => refresh(event.data));
    stream.addEventListener("ended", () => { stream.close(); stream = null; location.reload(); });
    // A browser gives up where something else than the stream answers; we look again a little later.
    stream.addEventListener("error", () => {
      if (stream?.readyState !== EventSource.CLOSED) return;
      stream = null;
      setTimeout(() => { refresh(null); resume(); }, 5000);
    });
  };
  const resume = () => { if (!stream && !document.hidden) open(); };
  // Not every change has a word (a machine falls silent, a part could not be fetched): look now and then.
  setInterval(() => { if (!document.hidden) refresh(null); }, 20_000);
  const close = () => { if (stream) stream.close(); stream = null; };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) close();
    else resume();
  });
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", resume);
  resume();
}

// A running cost: from the moment the meter started, at the price of the hour.
function startMeters() {
  for (const meter of document.querySelectorAll("[data-meter=true]")) {
    const { start, rate, sign, step, least } = meter.dataset;
    meter.dataset.meter = "runs";
    const began = new Date(start).getTime();
    const skew = Date.now() - new Date(meter.dataset.now).getTime();
    const tick = () => {
      if (!meter.isConnected) { clearInterval(timer); return; }
      const ran = Math.max(0, (Date.now() - skew - began) / 1000);
      // Where time is rounded up to steps, the step that began counts whole.
      const whole = step > 1 ? Math.ceil(ran / step) * step : ran;
      const seconds = ran > 0 ? Math.max(whole, Number(least)) : 0;
      meter.textContent = sign + (Number(rate) * seconds / 3600 / 1e6).toFixed(4);
    };
    const timer = setInterval(tick, 1000);
    tick();
  }
}
startMeters();
document.addEventListener("htmx:after:swap", startMeters);

// The way to a sign-in service and back needs no click: a link is followed, a form is sent.
const onward = document.querySelector("[data-go=now]");
if (onward instanceof HTMLFormElement) onward.requestSubmit();
else if (onward) location.replace(onward.href);
