// The terminal's window: a ticket, a socket, an emulator. The ticket travels as a subprotocol and
// works once; what was not acknowledged is never more than 256 KiB. The shell goes on while the page is
// away: loaded again, or after the network was lost, it is the same one, with its last output.
"use strict";

(() => {
  const place = document.getElementById("terminal");
  const state = document.getElementById("terminal-state");
  const sizes = document.getElementById("terminal-size");
  const again = document.getElementById("terminal-again");
  const { allocation, csrf, nonce } = place.dataset;

  // The emulator writes style elements of its own; the page's policy lets in those with its nonce.
  const create = document.createElement.bind(document);
  document.createElement = (name, options) => {
    const element = create(name, options);
    if (String(name).toLowerCase() === "style") element.nonce = nonce;
    return element;
  };

  const term = new Terminal({
    fontFamily: '"JetBrains Mono", monospace', fontSize: 13, cursorBlink: true, scrollback: 5000,
    theme: { background: "#0b0f12", foreground: "#e6e9ec", cursor: "#4fd1a5" },
  });
  const fit = new FitAddon.FitAddon();
  term.loadAddon(fit);
  term.open(place);
  fit.fit();
  let socket = null;
  const say = (words) => { state.textContent = words; };
  const send = (value) => { if (socket && socket.readyState === WebSocket.OPEN) socket.send(value); };
  const resize = () => {
    fit.fit();
    sizes.textContent = `${term.cols} × ${term.rows}`;
    send(JSON.stringify({ type: "resize", cols: term.cols, rows: term.rows }));
  };

  // What was typed or pasted waits here while the shell does not take it, 128 KiB at most on their way.
  let typed = [], onTheirWay = 0;
  const flow = () => {
    if (!socket || socket.readyState !== WebSocket.OPEN) return;
    while (typed.length > 0 && onTheirWay < 128 * 1024) {
      const part = typed.shift();
      onTheirWay += part.length;
      send(part);
    }
  };
  const type = (bytes) => {
    for (let at = 0; at < bytes.length; at += 16384) typed.push(bytes.subarray(at, at + 16384));
    flow();
  };

  // This tab's own shell, and how much of its output is on the screen.
  const place_of = `terminal:${allocation}`;
  let shell = sessionStorage.getItem(place_of), have = 0, tries = 0, timer = 0;
  // Output that is shown again may ask the emulator something; the shell had its answer then.
  let replayed = 0;
  const forget = () => { shell = null; have = 0; sessionStorage.removeItem(place_of); };

  async function ticket() {
    const own = shell ? `?terminal_id=${shell}` : "";
    const answer = await fetch(`/api/v1/allocations/${allocation}/terminal-token${own}`, {
      method: "POST", headers: { "X-CSRF-Token": csrf },
    });
    if (answer.ok) return answer.json();
    const body = await answer.json().catch(() => ({}));
    // Somebody else signed in here since: it is their page now, and not their shell.
    if (answer.status === 404 && shell) { forget(); return ticket(); }
    const error = new Error(body.detail ?? body.title ?? "the control plane does not answer");
    error.passes = answer.status === 429 || answer.status >= 500;
    throw error;
  }

  function ended(words) {
    clearTimeout(timer);
    say(words);
    again.hidden = false;
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

  async function connect() {
    clearTimeout(timer);
    again.hidden = true;
    if (tries === 0) say("connecting");
    let made;
    try { made = await ticket(); } catch (error) {
      if (error instanceof TypeError) later("no connection");
      else if (error.passes) later(error.message);
      else ended(error.message);
      return;
    }
    const base = location.origin.replace(/^http/, "ws");
    const resumes = shell !== null;
    const from = resumes ? `&from=${have}` : "";
    const mine = new WebSocket(`${base}${made.url}?cols=${term.cols}&rows=${term.rows}${from}`, ["gpuaas.terminal.v1", made.ticket]);
    socket = mine;
    mine.binaryType = "arraybuffer";
    typed = [];
    onTheirWay = 0;
    let last = "";
    mine.addEventListener("message", (event) => {
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
        shell = told.terminal_id;
        sessionStorage.setItem(place_of, shell);
        say("connected");
        term.options.cursorBlink = true;
        term.focus();
        resize();
        flow();
      }
      if (told.type === "at") {
        replayed = resumes && told.total > told.bytes ? told.total : 0;
        if (resumes && have > 0 && told.bytes > have) term.write(`\r\n\x1b[2m[${told.bytes - have} bytes of output were not kept]\x1b[0m\r\n`);
        have = told.bytes;
      }
      if (told.type === "taken") { onTheirWay -= told.bytes; flow(); }
      if (told.type === "exit") { forget(); last = `the shell ended with ${told.code}`; }
      if (told.type === "error") last = told.message;
    });
    mine.addEventListener("close", (event) => {
      if (mine !== socket) return;
      if (event.code === 4410) {
        // The shell is not there any more: this one is new.
        forget();
        term.write("\r\n\x1b[2m[the shell had ended; this is a new one]\x1b[0m\r\n");
        connect();
        return;
      }
      const over = last.startsWith("the shell ended") || [1002, 4403, 4409].includes(event.code);
      if (over) ended(last || event.reason);
      else later(last || event.reason || "the connection was lost");
    });
  }

  const keys = new TextEncoder();
  term.onData((text) => { if (replayed === 0) type(keys.encode(text)); });
  term.onBinary((text) => { if (replayed === 0) type(Uint8Array.from(text, (letter) => letter.charCodeAt(0))); });
  window.addEventListener("resize", resize);
  again.addEventListener("click", () => { tries = 0; if (!shell) term.reset(); connect(); });
  document.fonts.ready.then(() => { resize(); connect(); });
})();
