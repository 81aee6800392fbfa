// The terminal's window: a ticket, a socket, an emulator. The ticket travels as a subprotocol and
// works once; what was not acknowledged is never more than 256 KiB. The shell goes on while the page is
// away: loaded again, or after the network was lost, it is the same one, with its last output.
"use strict";

(() => {
  const place = document.getElementById("terminal");
  const state = document.getElementById("terminal-state");
  const sizes = document.getElementById("terminal-size");
  const again = document.getElementById("terminal-again");
  const consent = document.getElementById("terminal-consent");
  const recorder = document.getElementById("terminal-record");
  const help = document.getElementById("terminal-help");
  const { allocation, csrf, nonce, record, share } = place.dataset;
  // Somebody else's terminal: it is seen, and nothing typed.
  const follows = share !== undefined;

  // The emulator writes style elements of its own; the page's policy lets in those with its nonce.
  const create = document.createElement.bind(document);
  document.createElement = (name, options) => {
    const element = create(name, options);
    if (String(name).toLowerCase() === "style") element.nonce = nonce;
    return element;
  };

  const term = new Terminal({
    fontFamily: '"JetBrains Mono", monospace', fontSize: 13, cursorBlink: true, scrollback: 5000,
    theme: { background: "#0b0f12", foreground: "#e6e9ec", cursor: "#4fd1a5" }, disableStdin: follows,
  });
  const fit = new FitAddon.FitAddon();
  term.loadAddon(fit);
  term.open(place);
  if (!follows) fit.fit();
  let socket = null;
  const say = (words) => { state.textContent = words; };
  const send = (value) => { if (socket && socket.readyState === WebSocket.OPEN) socket.send(value); };
  const resize = () => {
    if (follows) { sizes.textContent = `${term.cols} × ${term.rows}`; return; }
    fit.fit();
    sizes.textContent = `${term.cols} × ${term.rows}`;
    send(JSON.stringify({ type: "resize", cols: term.cols, rows: term.rows }));
  };

  // What was typed or pasted waits here while the shell does not take it, 128 KiB at most on their way.
  let typed = [], onTheirWay = 0, untouched = false;
  const flow = () => {
    if (!socket || socket.readyState !== WebSocket.OPEN) return;
    while (typed.length > 0 && onTheirWay < 128 * 1024) {
      const part = typed.shift();
      onTheirWay += part.length;
      send(part);
    }
  };
  const type = (bytes) => {
    untouched = false;
    for (let at = 0; at < bytes.length; at += 16384) typed.push(bytes.subarray(at, at + 16384));
    flow();
  };

  // This tab's own shell, and how much of its output is on the screen.
  const place_of = `terminal:${allocation}`;
  let shell = sessionStorage.getItem(place_of), have = 0, tries = 0, timer = 0;
  // Output that is shown again may ask the emulator something; the shell had its answer then.
  let replayed = 0;
  const forget = () => { shell = null; have = 0; sessionStorage.removeItem(place_of); };

  // Whether this tab's terminal is recorded: agreed to for each tab, and not asked for again when it is loaded again.
  const agreed_for = `recorded:${allocation}`;
  let recorded = record !== "off" && sessionStorage.getItem(agreed_for) === "yes";
  const agree = (yes) => {
    recorded = yes;
    if (yes) sessionStorage.setItem(agreed_for, "yes"); else sessionStorage.removeItem(agreed_for);
  };
  const show_recording = (on) => {
    if (follows) return;
    recorder.classList.toggle("recording", on);
    recorder.querySelector("span").textContent = on ? "Recorded" : "Record";
    recorder.hidden = record === "off" && !on;
    recorder.disabled = record === "required";
  };

  async function ticket(resumes = true) {
    const asked = new URLSearchParams();
    if (resumes && shell) asked.set("terminal_id", shell);
    if (recorded) asked.set("record", "true");
    const own = asked.size > 0 ? `?${asked}` : "";
    const wanted = recorded;
    const path = follows ? `/api/v1/terminal-shares/${share}/token${recorded ? "?record=true" : ""}` : `/api/v1/allocations/${allocation}/terminal-token${own}`;
    const answer = await fetch(path, {
      method: "POST", headers: { "X-CSRF-Token": csrf },
    });
    if (answer.ok) return answer.json();
    const body = await answer.json().catch(() => ({}));
    // Somebody else signed in here since: it is their page now, and not their shell.
    if (answer.status === 404 && shell && !follows) { forget(); return ticket(); }
    // The organization records no more since somebody agreed.
    if (body.code === "state_conflict" && wanted) { agree(false); return ticket(resumes); }
    // The organization records since this page was loaded.
    if (body.code === "recording_consent_required") { ask(); throw Object.assign(new Error("waiting for your answer"), { asked: true }); }
    const error = new Error(body.detail ?? body.title ?? "the control plane does not answer");
    error.slow = answer.status === 429;
    error.passes = answer.status === 429 || answer.status >= 500;
    error.helps = answer.status === 401 ? ["Sign in", "/auth/login"] : body.code === "state_conflict" ? ["Look at the workload", `/workloads/${allocation}`] : null;
    throw error;
  }

  // What is over says why, and what helps: to open it again, or to look where it can be mended.
  function ended(words, helps, verb = "Reconnect") {
    clearTimeout(timer);
    say(words);
    again.hidden = follows && verb === "";
    again.querySelector("span").textContent = verb;
    help.hidden = !helps;
    if (helps) { help.textContent = helps[0]; help.href = helps[1]; }
    term.options.cursorBlink = false;
  }

  // What passes is tried again, more and more slowly; after ten times a person decides.
  const WAITS = [500, 1000, 2000, 4000, 8000, 15000, 15000, 15000, 15000, 15000];
  function later(words) {
    const wait = WAITS[tries];
    tries += 1;
    if (wait === undefined) { ended(words); return; }
    say(`${words}; trying again`);
    again.hidden = false;
    clearTimeout(timer);
    timer = setTimeout(connect, wait);
  }

  // Only the newest attempt counts, whatever the older ones still hear.
  let attempt = 0;
  async function connect() {
    const current = attempt += 1;
    clearTimeout(timer);
    again.hidden = true;
    help.hidden = true;
    if (tries === 0) say("connecting");
    let made;
    try { made = await ticket(); } catch (error) {
      if (current !== attempt) return;
      if (error.asked) say(error.message);
      else if (error instanceof TypeError) later("no connection");
      else if (error.passes) later(error.message);
      else ended(error.message, error.helps);
      return;
    }
    if (current !== attempt) return;
    const base = location.origin.replace(/^http/, "ws");
    const resumes = shell !== null;
    const from = resumes ? `&from=${have}` : "";
    const mine = new WebSocket(`${base}${made.url}?cols=${term.cols}&rows=${term.rows}${from}`, ["gpuaas.terminal.v1", made.ticket]);
    socket = mine;
    mine.binaryType = "arraybuffer";
    typed = [];
    onTheirWay = 0;
    let last = "", came_late = false;
    untouched = resumes;
    mine.addEventListener("message", (event) => {
      if (mine !== socket) return;
      if (event.data instanceof ArrayBuffer) {
        const bytes = new Uint8Array(event.data);
        have += bytes.length;
        const shown = have;
        term.write(bytes, () => { if (shown >= replayed) replayed = 0; if (mine.readyState === WebSocket.OPEN) mine.send(JSON.stringify({ type: "ack", bytes: bytes.length })); });
        return;
      }
      const told = JSON.parse(event.data);
      if (told.type === "session_ready") {
        setTimeout(() => { if (mine === socket && mine.readyState === WebSocket.OPEN) tries = 0; }, 10000);
        if (!follows) {
          shell = told.terminal_id;
          sessionStorage.setItem(place_of, shell);
        }
        say(follows ? "following" : "connected");
        show_recording(recorded);
        term.options.cursorBlink = true;
        term.focus();
        resize();
        flow();
      }
      if (told.type === "size" && follows) { term.resize(told.cols, told.rows); resize(); }
      if (told.type === "at" && follows) {
        if (have > 0) term.write("\r\n\x1b[2m[some output was missed]\x1b[0m\r\n");
        have = told.bytes;
      } else if (told.type === "at") {
        replayed = resumes && told.total > told.bytes ? told.total : 0;
        if (resumes && have > 0 && told.bytes > have) term.write(`\r\n\x1b[2m[${told.bytes - have} bytes of output were not kept]\x1b[0m\r\n`);
        have = told.bytes;
      }
      if (told.type === "taken") { onTheirWay -= told.bytes; flow(); }
      if (told.type === "exit") { came_late = untouched; forget(); last = told.code === null ? "the shell ended" : `the shell ended with ${told.code}`; }
      if (told.type === "error") last = told.message;
    });
    mine.addEventListener("close", (event) => {
      if (mine !== socket) return;
      if (event.code === 4410 && follows) { ended("the terminal has ended", ["Shared terminals", "/terminal/shares"], ""); return; }
      if (event.code === 4410 || came_late) {
        // The shell is not there any more: this one is new.
        forget();
        term.write("\r\n\x1b[2m[the shell had ended; this is a new one]\x1b[0m\r\n");
        connect();
        return;
      }
      if (event.code === 4428) { agree(false); ask(); say("waiting for your answer"); return; }
      const words = last || event.reason;
      if (last.startsWith("the shell ended")) ended(last, null, follows ? "" : "Open a new one");
      else if (event.code === 4409) ended(words, null, "Take it back");
      else if (event.code === 4403 && follows) ended("it is not shared with you any more", ["Shared terminals", "/terminal/shares"], "");
      else if (event.code === 4403) ended(words, ["Look at the workload", `/workloads/${allocation}`]);
      else if (event.code === 4507) ended(words, ["Recordings", "/access/recordings"]);
      else if (event.code === 1002) ended(words);
      else later(last || event.reason || "the connection was lost");
    });
  }

  const keys = new TextEncoder();
  const own = window.gpuaasTerminal = {
    term, allocation, csrf, follows, resize, ticket, tell: say, shell: () => shell,
    input: (text) => type(keys.encode(text)), bend: (text) => text,
  };
  term.onData((text) => { if (replayed === 0 && !follows) own.input(own.bend(text)); });
  term.onBinary((text) => { if (replayed === 0 && !follows) type(Uint8Array.from(text, (letter) => letter.charCodeAt(0))); });
  window.addEventListener("resize", resize);
  again.addEventListener("click", () => { tries = 0; if (!shell) term.reset(); connect(); });

  // Where recording is required nothing opens before somebody agreed; else they switch it on and off.
  function ask() {
    consent.hidden = false;
    place.inert = true;
    consent.querySelector("button").focus();
  }
  consent.querySelector("button").addEventListener("click", () => {
    agree(true);
    consent.hidden = true;
    place.inert = false;
    tries = 0;
    connect();
  });
  recorder.addEventListener("click", () => {
    agree(!recorded);
    tries = 0;
    // What is shown up to now is written down first.
    if (socket) { const old = socket; socket = null; old.close(); }
    connect();
  });
  show_recording(false);
  document.fonts.ready.then(() => {
    resize();
    if (record === "required" && !recorded) { say("waiting for your answer"); ask(); } else connect();
  });
})();
