// Plays a recording in the emulator the terminals have: nothing in it reaches anything else. The file is
// asciicast v2; a pause of more than two seconds is skipped unless somebody wants to sit through it.
"use strict";

(() => {
  const place = document.getElementById("player");
  const element = (name) => document.getElementById(`player-${name}`);
  const [go, slider, time, speed, skip, form, word, found, hits] =
    ["go", "at", "time", "speed", "skip", "find", "word", "found", "hits"].map(element);
  const PAUSE = 2, MOST_HITS = 100;

  // The emulator writes style elements of its own; the page's policy lets in those with its nonce.
  const create = document.createElement.bind(document);
  document.createElement = (name, options) => {
    const made = create(name, options);
    if (String(name).toLowerCase() === "style") made.nonce = place.dataset.nonce;
    return made;
  };

  let term = null, header = null, events = [], next = 0, at = 0, playing = false, before = 0;
  const length = () => (events.length > 0 ? events[events.length - 1].at : 0);
  const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
  const show = () => {
    slider.value = at;
    const words = `${clock(at)} of ${clock(length())}`;
    if (time.textContent !== words) { time.textContent = words; slider.setAttribute("aria-valuetext", words); }
    go.querySelector("span").textContent = playing ? "Pause" : at >= length() && at > 0 ? "Again" : "Play";
  };

  /** Pauses are cut once, when the file is read or the choice changes. */
  function measure() {
    let gone = 0, last = 0;
    for (const event of events) {
      const wait = event.real - last;
      if (skip.checked && wait > PAUSE) gone += wait - PAUSE;
      last = event.real;
      event.at = event.real - gone;
    }
    slider.max = length();
  }

  function read(text) {
    const lines = text.split("\n").filter((line) => line !== "");
    header = JSON.parse(lines[0]);
    events = lines.slice(1).map((line) => JSON.parse(line)).map(([real, kind, data]) => ({ real, kind, data, at: real }));
  }

  // The emulator takes text later and sizes at once: one thing after the other, and only the newest place counts.
  let wanted_at = 0, pumping = false, begin_again = false;
  const written = (text) => new Promise((done) => term.write(text, done));
  async function pump() {
    if (pumping) return;
    pumping = true;
    try {
      while (begin_again || (next < events.length && events[next].at <= wanted_at)) {
        if (begin_again) {
          begin_again = false;
          await written("");
          term.reset();
          term.resize(header.width, header.height);
          next = 0;
          continue;
        }
        let text = "";
        while (next < events.length && events[next].at <= wanted_at && events[next].kind !== "r" && text.length < 262144) {
          if (events[next].kind === "o") text += events[next].data;
          next += 1;
        }
        if (text !== "") await written(text);
        else if (next < events.length && events[next].at <= wanted_at && events[next].kind === "r") {
          const [cols, rows] = events[next].data.split("x").map(Number);
          if (cols > 0 && rows > 0) term.resize(Math.min(cols, 1000), Math.min(rows, 1000));
          next += 1;
        }
      }
    } finally { pumping = false; }
  }

  function seek(to) {
    to = Math.max(0, Math.min(to, length()));
    if (to < at) begin_again = true;
    at = to;
    wanted_at = to;
    pump();
    show();
  }

  function step(now) {
    if (!playing) return;
    const passed = (now - before) / 1000 * Number(speed.value);
    before = now;
    seek(at + Math.max(0, passed));
    if (at >= length()) { playing = false; show(); return; }
    requestAnimationFrame(step);
  }

  function play() {
    if (at >= length()) seek(0);
    playing = !playing;
    before = performance.now();
    show();
    if (playing) requestAnimationFrame(step);
  }

  // What was shown as plain text, and at which event each part of it came: cut where an escape was left out.
  function transcript() {
    const raw = events.filter((event) => event.kind === "o");
    const whole = raw.map((event) => event.data).join("");
    const ends = [];
    let sum = 0;
    for (const event of raw) { sum += event.data.length; ends.push(sum); }
    const escape = /\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])|[\x00-\x08\x0b-\x1f\x7f]/g;
    const parts = [], starts = [], places = [];
    let last = 0, long = 0;
    const keep = (start, end) => {
      if (start >= end) return;
      parts.push(whole.slice(start, end));
      starts.push(long);
      places.push(start);
      long += end - start;
    };
    for (const match of whole.matchAll(escape)) { keep(last, match.index); last = match.index + match[0].length; }
    keep(last, whole.length);
    // The first of an ordered list that is above a number.
    const above = (list, number) => {
      let low = 0, high = list.length;
      while (low < high) { const middle = (low + high) >> 1; if (list[middle] > number) high = middle; else low = middle + 1; }
      return low;
    };
    const event = (letter) => {
      const part = above(starts, letter) - 1;
      return raw[Math.min(above(ends, places[part] + letter - starts[part]), raw.length - 1)];
    };
    // Letters whose small form is longer would move every place behind them.
    const low = (words) => words.replace(/[A-Z\u00c0-\u00de]/g, (letter) => letter.toLowerCase());
    const plain = parts.join("");
    return { plain, low: low(plain), small: low, event };
  }

  let text = null;
  function find() {
    hits.replaceChildren();
    if (word.value === "" || !term) { found.textContent = ""; return; }
    text ??= transcript();
    const wanted = text.small(word.value), low = text.low;
    let count = 0;
    for (let place = low.indexOf(wanted); place >= 0; place = low.indexOf(wanted, place + wanted.length)) {
      count += 1;
      if (count > MOST_HITS) continue;
      const event = text.event(Math.min(place + wanted.length - 1, text.plain.length - 1));
      const start = text.plain.lastIndexOf("\n", place) + 1;
      const end = text.plain.indexOf("\n", place);
      const line = text.plain.slice(Math.max(start, place - 60), Math.min(end < 0 ? text.plain.length : end, place + 100)).trim();
      const item = document.createElement("li"), button = document.createElement("button");
      button.type = "button";
      button.className = "button";
      button.textContent = clock(event.at);
      button.addEventListener("click", () => { playing = false; seek(event.at); place_of_hit(); });
      const words = document.createElement("code");
      words.textContent = line;
      item.append(button, " ", words);
      hits.append(item);
    }
    found.textContent = count === 0 ? "Nothing like that was shown." : count > MOST_HITS ? `${count} places; the first ${MOST_HITS} are listed.` : count === 1 ? "One place." : `${count} places.`;
  }
  const place_of_hit = () => place.scrollIntoView({ block: "nearest" });

  async function load() {
    const answer = await fetch(place.dataset.file);
    if (!answer.ok) {
      const body = await answer.json().catch(() => ({}));
      time.textContent = body.detail ?? body.title ?? "The recording could not be loaded.";
      return;
    }
    read(await answer.text());
    term = new Terminal({
      cols: header.width, rows: header.height, fontFamily: '"JetBrains Mono", monospace', fontSize: 13, disableStdin: true,
      cursorInactiveStyle: "none", scrollback: 1000, theme: { background: "#0b0f12", foreground: "#e6e9ec", cursor: "#4fd1a5" },
    });
    term.open(place);
    measure();
    for (const control of [go, slider]) control.disabled = false;
    show();
  }

  go.addEventListener("click", play);
  slider.addEventListener("input", () => { playing = false; seek(Number(slider.value)); });
  skip.addEventListener("change", () => {
    const now = next;
    measure();
    at = wanted_at = now > 0 ? events[now - 1].at : 0;
    show();
  });
  form.addEventListener("submit", (event) => { event.preventDefault(); find(); });
  load().catch(() => { time.textContent = "The recording could not be loaded."; });
})();
