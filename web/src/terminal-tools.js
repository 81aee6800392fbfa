// What stands around a terminal: find, copy, text size, colours, keys a telephone has not, files, sharing.
"use strict";

(() => {
  const own = window.gpuaasTerminal;
  const { term, allocation, csrf } = own;
  const element = (name) => document.getElementById(name);
  const keep = (name, value) => { try { localStorage.setItem(`terminal.${name}`, value); } catch { /* private windows keep nothing */ } };
  const kept = (name) => { try { return localStorage.getItem(`terminal.${name}`); } catch { return null; } };

  // Colours: dark, light, and as far apart as they can be.
  const THEMES = [
    { background: "#0b0f12", foreground: "#e6e9ec", cursor: "#4fd1a5", selectionBackground: "#2c5a4b" },
    { background: "#ffffff", foreground: "#1c2329", cursor: "#0a7a55", selectionBackground: "#bfe6d8", yellow: "#7a5b00", brightYellow: "#6b4e00", green: "#116329", brightGreen: "#0a5c22", cyan: "#0b6470", brightCyan: "#0a5661", white: "#57606a", brightWhite: "#24292f", brightBlack: "#57606a", blue: "#0550ae", magenta: "#8250df", red: "#cf222e" },
    { background: "#000000", foreground: "#ffffff", cursor: "#ffff00", selectionBackground: "#0050ff" },
  ];
  let theme = Math.min(THEMES.length - 1, Number(kept("theme")) || 0);
  const colour = () => {
    term.options.theme = THEMES[theme];
    document.body.dataset.terminal = ["dark", "light", "contrast"][theme];
  };

  let size = Math.min(28, Math.max(9, Number(kept("size")) || 13));
  const resize = (by) => {
    size = Math.min(28, Math.max(9, size + by));
    term.options.fontSize = size;
    keep("size", size);
    own.resize();
  };

  // Find.
  const search = new SearchAddon.SearchAddon();
  term.loadAddon(search);
  const find = element("terminal-find"), word = element("terminal-word");
  const seek = (back) => {
    if (word.value === "") return;
    const found = back ? search.findPrevious(word.value) : search.findNext(word.value);
    word.setAttribute("aria-invalid", String(!found));
  };
  find.addEventListener("submit", (event) => { event.preventDefault(); seek(false); });
  element("terminal-before").addEventListener("click", () => seek(true));
  const close = (box) => { box.hidden = true; term.focus(); };
  element("terminal-find-close").addEventListener("click", () => close(find));

  const copy = () => { if (term.hasSelection()) navigator.clipboard.writeText(term.getSelection()); };
  const paste = () => {
    if (!navigator.clipboard.readText) { own.tell("this browser pastes with Ctrl Shift V alone"); return; }
    navigator.clipboard.readText().then((text) => { term.paste(text); term.focus(); }, () => own.tell("the browser does not let pages paste; use Ctrl Shift V"));
  };

  // Keys a telephone has not. Ctrl and Alt hold for the next letter.
  const bar = element("terminal-keys");
  const CODES = { Escape: "\x1b", Tab: "\t", ArrowUp: "A", ArrowDown: "B", ArrowRight: "C", ArrowLeft: "D" };
  const held = { Control: false, Alt: false };
  const hold = (name, on) => {
    held[name] = on;
    bar.querySelector(`[data-key=${name}]`).setAttribute("aria-pressed", String(on));
  };
  own.bend = (text) => {
    if (text.length !== 1) return text;
    let bent = text;
    if (held.Control && /[@-_a-z]/.test(text)) bent = String.fromCharCode(text.toUpperCase().charCodeAt(0) & 31);
    if (held.Alt) bent = `\x1b${bent}`;
    if (held.Control) hold("Control", false);
    if (held.Alt) hold("Alt", false);
    return bent;
  };
  bar.addEventListener("click", (event) => {
    const key = event.target.closest("[data-key]")?.dataset.key;
    if (!key) return;
    if (key in held) hold(key, !held[key]);
    else if (key.startsWith("Arrow")) own.input(`\x1b${term.modes.applicationCursorKeysMode ? "O" : "["}${CODES[key]}`);
    else own.input(CODES[key] ?? own.bend(key));
    term.focus();
  });
  const bars = (on) => { bar.hidden = !on; keep("keys", on ? "yes" : "no"); own.resize(); };

  // Files go through a socket of their own into the home folder.
  const WINDOW = 128 * 1024, PIECE = 16 * 1024;
  const wait = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));
  // Ten tickets a minute are the most, of terminals and files together.
  async function patient(name) {
    for (;;) {
      try { return await own.ticket(false); } catch (error) {
        if (!error.slow) throw error;
        own.tell(`${name} waits for its turn`);
        await wait(10);
      }
    }
  }
  async function send(file) {
    const made = await patient(file.name);
    const base = location.origin.replace(/^http/, "ws");
    const socket = new WebSocket(`${base}/ws/files/${allocation}?name=${encodeURIComponent(file.name)}&size=${file.size}`, ["gpuaas.terminal.v1", made.ticket]);
    let at = 0, taken = 0, busy = false, problem = "", code = null, told_of = -1;
    const more = async () => {
      if (busy) return;
      busy = true;
      while (socket.readyState === WebSocket.OPEN && at < file.size && at - taken < WINDOW) {
        const part = await file.slice(at, at + PIECE).arrayBuffer();
        at += part.byteLength;
        socket.send(part);
        if (at >= file.size) socket.send(JSON.stringify({ type: "end" }));
      }
      busy = false;
    };
    return new Promise((resolve, refuse) => {
      const reject = (error) => { socket.close(); refuse(error); };
      socket.addEventListener("message", (event) => {
        const told = JSON.parse(event.data);
        if (told.type === "session_ready") {
          if (file.size === 0) socket.send(JSON.stringify({ type: "end" }));
          more().catch(reject);
        }
        if (told.type === "taken") {
          taken += told.bytes;
          const part = Math.floor(10 * taken / file.size) * 10;
          if (part !== told_of) { told_of = part; own.tell(`sending ${file.name}: ${part} %`); }
          more().catch(reject);
        }
        if (told.type === "problem") problem = told.message;
        if (told.type === "error") problem = told.message;
        if (told.type === "exit") code = told.code;
      });
      socket.addEventListener("close", () => {
        if (code === 0) resolve();
        else reject(new Error(problem || "it was not taken"));
      });
    });
  }
  async function sendAll(files) {
    for (const file of files) {
      try {
        await send(file);
        own.tell(`${file.name} is in the home folder`);
      } catch (error) {
        own.tell(`${file.name} was not sent: ${error.message}`);
        return;
      }
    }
  }
  const files = element("terminal-file"), drop = element("terminal-drop");
  files.addEventListener("change", () => { sendAll([...files.files]); files.value = ""; });
  if (!own.follows) {
    const holds = (event) => event.dataTransfer && [...event.dataTransfer.types].includes("Files");
    document.addEventListener("dragover", (event) => { if (holds(event)) { event.preventDefault(); drop.hidden = false; } });
    document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) drop.hidden = true; });
    document.addEventListener("drop", (event) => {
      if (!holds(event)) return;
      event.preventDefault();
      drop.hidden = true;
      sendAll([...event.dataTransfer.files]);
    });
  }

  // Letting somebody follow.
  const sharing = element("terminal-sharing"), list = element("share-list"), said = element("share-said");
  const call = async (method, path, body) => {
    const headers = { "X-CSRF-Token": csrf, "X-Idempotency-Key": crypto.randomUUID() };
    if (body) headers["Content-Type"] = "application/json";
    const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
    if (answer.status === 204) return {};
    const told = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(told.errors?.[0]?.detail ?? told.detail ?? told.title ?? "it was not taken");
    return told;
  };
  const shares = `/api/v1/allocations/${allocation}/terminal-shares`;
  async function listed() {
    const { items } = await call("GET", shares);
    list.replaceChildren();
    for (const one of items.filter((item) => item.terminal_id === own.shell())) {
      const item = document.createElement("li"), stop = document.createElement("button");
      stop.type = "button";
      stop.className = "button";
      stop.textContent = "Stop";
      stop.setAttribute("aria-label", `Stop ${one.user}`);
      stop.addEventListener("click", () => call("DELETE", `/api/v1/terminal-shares/${one.id}`).then(listed, (error) => { said.textContent = error.message; }));
      item.append(`${one.user} until ${new Date(one.expires_at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })} `, stop);
      list.append(item);
    }
  }
  sharing.addEventListener("submit", (event) => {
    event.preventDefault();
    const who = element("share-who");
    const body = { terminal_id: own.shell(), user_id: who.value, minutes: Number(element("share-minutes").value) };
    call("POST", shares, body).then((made) => { said.textContent = `${made.user} was told where to look.`; return listed(); }).catch((error) => { said.textContent = error.message; });
  });
  element("share-close").addEventListener("click", () => close(sharing));

  const TOOLS = {
    find: () => { find.hidden = false; word.focus(); word.select(); },
    copy, paste,
    larger: () => resize(1),
    smaller: () => resize(-1),
    theme: () => { theme = (theme + 1) % THEMES.length; keep("theme", theme); colour(); },
    keys: () => bars(bar.hidden),
    send: () => files.click(),
    share: () => { sharing.hidden = false; said.textContent = ""; listed().catch((error) => { said.textContent = error.message; }); sharing.querySelector("select, button").focus(); },
    another: () => window.open(`/terminal/popout?allocation=${allocation}`, "_blank", "noopener"),
  };
  const menu = element("terminal-menu");
  menu.addEventListener("click", (event) => {
    const tool = event.target.closest("[data-tool]")?.dataset.tool;
    if (!tool) return;
    menu.open = false;
    term.focus();
    TOOLS[tool]();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const box of [find, sharing]) if (!box.hidden && box.contains(event.target)) { event.stopPropagation(); close(box); }
  }, true);
  const SHORT = { F: "find", C: "copy", "+": "larger", "=": "larger", _: "smaller", "-": "smaller" };
  term.attachCustomKeyEventHandler((event) => {
    if (!event.ctrlKey || !event.shiftKey || event.altKey) return true;
    // The browser pastes by itself.
    if (event.key.toUpperCase() === "V") return false;
    const tool = SHORT[event.key.toUpperCase()];
    if (!tool) return true;
    if (event.type === "keydown") { event.preventDefault(); TOOLS[tool](); }
    return false;
  });

  colour();
  term.options.fontSize = size;
  const wants = kept("keys") ?? (matchMedia("(pointer: coarse), (max-width: 600px)").matches ? "yes" : "no");
  bar.hidden = own.follows || wants !== "yes";
  own.resize();
})();
