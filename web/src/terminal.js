// The terminal's window: a ticket, a socket, an emulator. The ticket travels as a subprotocol and
// works once; what was not acknowledged is never more than 256 KiB.
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

  async function ticket() {
    const answer = await fetch(`/api/v1/allocations/${allocation}/terminal-token`, {
      method: "POST", headers: { "X-CSRF-Token": csrf },
    });
    const body = await answer.json();
    if (!answer.ok) throw new Error(body.detail ?? body.title);
    return body;
  }

  function ended(words) {
    say(words);
    again.hidden = false;
    term.options.cursorBlink = false;
  }

  async function connect() {
    again.hidden = true;
    say("connecting");
    let made;
    try { made = await ticket(); } catch (error) { ended(error.message); return; }
    const base = location.origin.replace(/^http/, "ws");
    socket = new WebSocket(`${base}${made.url}?cols=${term.cols}&rows=${term.rows}`, ["gpuaas.terminal.v1", made.ticket]);
    socket.binaryType = "arraybuffer";
    typed = [];
    onTheirWay = 0;
    let last = "the connection ended";
    socket.addEventListener("message", (event) => {
      if (event.data instanceof ArrayBuffer) {
        const bytes = new Uint8Array(event.data);
        term.write(bytes, () => send(JSON.stringify({ type: "ack", bytes: bytes.length })));
        return;
      }
      const told = JSON.parse(event.data);
      if (told.type === "session_ready") { say("connected"); term.focus(); resize(); }
      if (told.type === "taken") { onTheirWay -= told.bytes; flow(); }
      if (told.type === "exit") last = `the shell ended with ${told.code}`;
      if (told.type === "error") last = told.message;
    });
    socket.addEventListener("close", (event) => ended(event.reason && last === "the connection ended" ? event.reason : last));
  }

  const keys = new TextEncoder();
  term.onData((text) => type(keys.encode(text)));
  term.onBinary((text) => type(Uint8Array.from(text, (letter) => letter.charCodeAt(0))));
  window.addEventListener("resize", resize);
  again.addEventListener("click", () => { term.reset(); connect(); });
  document.fonts.ready.then(() => { resize(); connect(); });
})();
