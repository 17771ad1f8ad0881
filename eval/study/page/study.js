"use strict";
// The page of a study, as raters see it. All that it shows comes from window.STUDY (data.js) and img/ beside it; it asks
// the network for nothing. An answer is kept in localStorage as soon as it is given, and leaves the page in a file.
(() => {
const study = window.STUDY;
const byId = (id) => document.getElementById(id);
if (!study) {  // opened by itself, as from within an archive: there are no texts to take this from
  byId("screen").textContent = "This page needs the file data.js and the folder img beside it. Unpack all of the archive first.";
  return;
}
const kFormat = "cigli-study-answers-1";
const asked = study.questions.length;
const search = new URLSearchParams(window.location.search);
const say = (key, values = {}) =>
  (study.texts[key] ?? key).replace(/\{(\w+)\}/g, (place, name) => (name in values ? String(values[name]) : place));

// ---- SHA-256 (FIPS 180-4); crypto.subtle is missing where pages come by plain http.

function sha256(text) {
  const primes = [];
  for (let n = 2; primes.length < 64; n++) if (primes.every((p) => n % p)) primes.push(n);
  const fraction = (x) => Math.floor((x % 1) * 2 ** 32);
  const k = primes.map((p) => fraction(Math.cbrt(p)));
  const hash = primes.slice(0, 8).map((p) => fraction(Math.sqrt(p)));
  const bytes = new TextEncoder().encode(text);
  const data = new DataView(new ArrayBuffer((((bytes.length + 8) >> 6) + 1) * 64));
  new Uint8Array(data.buffer).set(bytes);
  data.setUint8(bytes.length, 0x80);
  data.setUint32(data.byteLength - 8, Math.floor(bytes.length / 2 ** 29));
  data.setUint32(data.byteLength - 4, bytes.length * 8);
  const turned = (x, n) => (x >>> n) | (x << (32 - n));
  const w = new Int32Array(64);
  for (let block = 0; block < data.byteLength; block += 64) {
    for (let i = 0; i < 16; i++) w[i] = data.getInt32(block + 4 * i);
    for (let i = 16; i < 64; i++) {
      const x = w[i - 15], y = w[i - 2];
      w[i] = w[i - 16] + (turned(x, 7) ^ turned(x, 18) ^ (x >>> 3)) + w[i - 7] + (turned(y, 17) ^ turned(y, 19) ^ (y >>> 10));
    }
    let [a, b, c, d, e, f, g, h] = hash;
    for (let i = 0; i < 64; i++) {
      const one = (h + (turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)) + ((e & f) ^ (~e & g)) + k[i] + w[i]) | 0;
      const two = (turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + two) | 0];
    }
    [a, b, c, d, e, f, g, h].forEach((x, i) => { hash[i] = (hash[i] + x) | 0; });
  }
  return hash.map((x) => (x >>> 0).toString(16).padStart(8, "0")).join("");
}

// ---- What one rater has answered to one list. Answer n is the one to question n % asked at place n / asked of the list.

let state = null;  // {list, rater, started, finished, answers: [[key, seconds]], undone: {n: how often taken back}}

const total = () => study.lists[state.list].length * asked;
const place = (list, n) => {
  const position = Math.floor(n / asked);
  return { position, trial: study.lists[list][position], question: study.questions[n % asked] };
};

// Answers are kept in blocks, so that to save one costs the same at any length.
const kBlock = 64;
let unsaved = false;  // some answer is neither in localStorage nor in a file
let storage = null;
try {
  window.localStorage.setItem("cigli-study", "");
  storage = window.localStorage;
} catch { /* private mode, or switched off: the rater is told */ }
const storedName = (part) => `cigli-study ${study.packet} ${state.list} ${part} ${state.rater}`;

function store(change) {
  try {
    if (storage) change();
  } catch {  // full
    storage = null;
  }
  if (storage) return;
  unsaved = true;
  byId("unsaved").textContent = say("unsaved");
  byId("unsaved").hidden = false;
}
const storeHead = () => store(() => {
  const { started, finished, undone } = state;
  storage.setItem(storedName("head"), JSON.stringify({ started, finished, undone }));
});
const storeBlock = (block) => store(() => {
  const answers = state.answers.slice(block * kBlock, (block + 1) * kBlock);
  if (answers.length) storage.setItem(storedName(block), JSON.stringify(answers));
  else storage.removeItem(storedName(block));
});

// What is stored of a rater's answers to a list, or a beginning.
function stored(list, rater) {
  state = { list, rater, started: null, finished: null, answers: [], undone: {} };
  if (!storage) return state;
  try {
    Object.assign(state, JSON.parse(storage.getItem(storedName("head"))));
    for (let block = 0; state.answers.length === block * kBlock; block++) {
      const more = JSON.parse(storage.getItem(storedName(block)));
      if (!more) break;
      state.answers.push(...more);
    }
  } catch { /* not written by this page: what came before it counts */ }
  return state;
}

// ---- Files of answers.

const digest = (saved) => sha256(
  [saved.packet, saved.list, saved.rater, saved.started, saved.finished ?? "", ""].join("\n") +
  saved.answers.map((a) => `${a.trial},${a.position},${a.question},${a.answer},${a.seconds.toFixed(1)}\n`).join(""));

function result() {
  const { list, rater, started, finished } = state;
  const saved = { format: kFormat, packet: study.packet, list, rater, started, finished };
  if (finished) saved.code = study.codes[list];
  saved.answers = state.answers.map(([answer, seconds], n) => {
    const { trial, position, question } = place(list, n);
    return { trial, position, question: question.key, answer, seconds, undone: state.undone[n] ?? 0 };
  });
  saved.digest = digest(saved);
  return saved;
}

function saveFile() {
  const rater = state.rater.replace(/[^\p{L}\p{N}.-]+/gu, "_");
  const file = `answers-${study.packet.slice(0, 8)}-${state.list}-${rater}${state.finished ? "" : "-part"}.json`;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(result(), null, 1) + "\n"], { type: "application/json" }));
  link.download = file;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  unsaved = false;
  notice(say("saved", { file }));
}

// Whether a file's answers are ones that this page can have saved, of a list that there is.
function isWhole(saved) {
  const time = (text) => typeof text === "string" && !Number.isNaN(Date.parse(text));
  const all = study.lists[saved.list].length * asked;
  return typeof saved.rater === "string" && time(saved.started) && saved.answers.length <= all &&
    (saved.finished === null || (time(saved.finished) && saved.answers.length === all)) &&
    saved.answers.every((a, n) => {
      const { trial, position, question } = place(saved.list, n);
      return a.trial === trial && a.position === position && a.question === question.key &&
        question.answers.some((answer) => answer.key === a.answer) && a.seconds >= 0 && a.undone >= 0;
    }) && saved.digest === digest(saved);
}

// Goes on from a file's text; says why not.
function load(text) {
  const refuse = (key, values) => notice(say("load_failed", { reason: say(key, values) }));
  let saved = null;
  try { saved = JSON.parse(text); } catch { /* refused as what it isn't */ }
  if (saved?.format !== kFormat || !Array.isArray(saved.answers)) return refuse("load_no_answers");
  if (saved.packet !== study.packet) return refuse("load_other_study");
  const wanted = fromAddress();
  if (!study.lists[saved.list] || (wanted.list !== null && wanted.list !== saved.list))
    return refuse("load_other_list", { list: saved.list, expected: wanted.list ?? "0–" + (study.lists.length - 1) });
  if (wanted.rater && wanted.rater !== saved.rater)
    return refuse("load_other_rater", { rater: saved.rater, expected: wanted.rater });
  let whole = false;
  try { whole = isWhole(saved); } catch { /* an answer is no object, or the like */ }
  if (!whole) return refuse("load_damaged");
  const before = stored(saved.list, saved.rater).answers.length;
  if (before > saved.answers.length) {
    state = null;
    return refuse("load_older", { rater: saved.rater });
  }
  const undone = saved.answers.flatMap((a, n) => (a.undone ? [[n, a.undone]] : []));
  Object.assign(state, { started: saved.started, finished: saved.finished, undone: Object.fromEntries(undone) });
  state.answers = saved.answers.map((a) => [a.answer, a.seconds]);
  storeHead();
  for (let block = 0; block * kBlock < state.answers.length; block++) storeBlock(block);
  return enter();
}

// ---- Elements. Whatever comes from data becomes text, never HTML.

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== null));
  return element;
}
function button(text, action, attributes = {}) {
  const element = make("button", { type: "button", ...attributes }, text);
  element.addEventListener("click", action);
  return element;
}
const notice = (text) => { byId("notice").textContent = text; };
const lines = (key) => say(key).split("\n").filter((line) => line.trim());
const paragraphs = (key) => lines(key).map((line) => make("p", {}, line));
const whatToDo = () => ["instructions", "instructions_" + study.mode, "instructions_more"].flatMap(paragraphs);
const keyHelp = () => make("div", { class: "by-keyboard prose" }, make("h3", {}, say("keys_heading")),
  make("ul", { class: "keys" }, ...lines("keys").map((line) => make("li", {}, line))));

// Shows a screen and hands it the focus, so that it is read out and Tab begins there.
function show(...children) {
  keys = {};
  shown = -1;
  byId("screen").replaceChildren(...children);
  window.scrollTo(0, 0);
  byId("screen").focus({ preventScroll: true });
}

// What a trial shows: [source, name] of the image prompt and of each image.
const views = (trial) => [[trial.prompt, say("prompt")], ...trial.images.map((source, i) =>
  [source, trial.images.length === 2 ? say(i ? "right" : "left") : say("image")])];
const local = (source) => (/^img\/[\w.-]+$/.test(source) ? source : "");

function picture(all, at) {
  const [source, name] = all[at];
  const image = make("img", { src: local(source), alt: name, draggable: "false" });
  image.addEventListener("load", () => image.classList.toggle("tiny", image.naturalWidth <= 128));
  image.addEventListener("error", () => notice(say("image_missing")));
  const open = button(image, () => enlarge(all, at), { class: "picture", "aria-label": say("zoom", { what: name }) });
  return make("figure", {}, open, make("figcaption", {}, name));
}

// A trial's material, and below or beside its images what is asked about them.
function material(trial, ask) {
  const all = views(trial), number = trial.images.length === 2 ? "two" : "one";
  return [
    make("div", { class: "task" }, picture(all, 0),
      make("div", {}, make("p", { class: "label" }, say("sentence")),
        make("p", { class: "sentence", dir: "auto" }, trial.sentence))),
    make("div", { class: "work " + number },
      make("div", { class: "candidates " + number }, ...trial.images.map((source, i) => picture(all, i + 1))), ask)];
}

// One image as large as the window allows; the others take its place, so that differences show as changes.
function enlarge(all, at) {
  const bar = byId("zoom-bar"), dialog = byId("zoom"), image = byId("zoom-image");
  const turn = (to) => {
    at = (to + all.length) % all.length;
    [image.src, image.alt] = [local(all[at][0]), all[at][1]];
    [...bar.children].forEach((element, i) => { if (i < all.length) element.setAttribute("aria-pressed", i === at); });
  };
  bar.replaceChildren(...all.map(([, name], i) => button(name, () => turn(i))), button(say("zoom_close"), () => dialog.close()));
  dialog.onkeydown = (event) => {
    event.stopPropagation();
    if (event.key === "ArrowLeft") turn(at - 1);
    if (event.key === "ArrowRight") turn(at + 1);
    if (event.key.toLowerCase() === "z") dialog.close();
  };
  turn(at);
  dialog.setAttribute("aria-label", say("zoom_heading"));
  dialog.showModal();
  bar.children[at].focus();
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {  // not allowed here: the way before there was a clipboard
    const area = make("textarea", { "aria-hidden": "true" });
    area.value = text;
    byId("screen").append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    if (!done) return notice(say("copy_failed"));
  }
  return notice(say("copied"));
}

// ---- Screens: consent, instructions, trials, end.

let keys = {};     // what keys do on this screen
let shown = -1;    // place of the trial on the screen
let imagesAt = 0;  // when its images came up
let shownAt = 0;   // when its question did

// Rater and list as the address gives them; null where it doesn't.
const tidy = (name) => name.normalize("NFC").replace(/\s+/g, " ").trim();
function fromAddress() {
  const number = (search.get("list") ?? (study.lists.length === 1 ? "0" : "")).trim();
  const list = /^\d+$/.test(number) && Number(number) < study.lists.length ? Number(number) : null;
  return { list, rater: tidy(search.get("rater") || search.get("PROLIFIC_PID") || "") || null };
}

function consent() {
  const wanted = fromAddress();
  const field = (id, value, attributes) => {
    const input = make("input", { id, autocomplete: "off", "aria-describedby": id + "-error", ...attributes });
    if (value !== null) input.value = value;
    const error = make("p", { id: id + "-error", class: "error", role: "alert", hidden: "" });
    return { input, row: make("div", { class: "field" }, make("label", { for: id }, say(id + "_label")), input, error),
      complain(text) { error.textContent = text; error.hidden = !text; input.setAttribute("aria-invalid", Boolean(text)); } };
  };
  const rater = field("rater", wanted.rater, { maxlength: "100" });
  const list = field("list", wanted.list ?? search.get("list"), { inputmode: "numeric" });
  const listFault = () => {
    const number = list.input.value.trim();
    return /^\d+$/.test(number) && Number(number) < study.lists.length ? "" : say("list_wrong", { last: study.lists.length - 1 });
  };
  const form = make("form", { novalidate: "", class: "prose" }, make("h2", {}, say("consent_heading")), ...paragraphs("consent"),
    wanted.rater === null ? rater.row : null, wanted.list === null ? list.row : null,
    make("div", { class: "row" }, make("button", { class: "main" }, say("consent_agree"))));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    notice("");
    rater.complain(tidy(rater.input.value) ? "" : say("rater_missing"));
    list.complain(listFault());
    const wrong = form.querySelector("[aria-invalid=true]");
    if (wrong) return wrong.focus();
    stored(Number(list.input.value), tidy(rater.input.value));
    return enter();
  });
  const file = make("input", { type: "file", accept: ".json,application/json" });
  file.addEventListener("change", async () => {
    if (file.files.length) load(await file.files[0].text());
    file.value = "";  // or the same file could not be chosen again
  });
  show(form, make("section", { class: "prose" }, make("h3", {}, say("load_heading")), ...paragraphs("load"),
    make("label", { class: "button" }, say("load_progress"), file)));
  if (wanted.list === null && search.has("list")) list.complain(listFault());
}

// Begins, or goes on. A reload of the page comes back here without asking who it is.
function enter() {
  if (!state.started) state.started = new Date().toISOString();
  storeHead();
  try {
    sessionStorage.setItem("cigli-study " + study.packet, JSON.stringify([state.list, state.rater]));
  } catch { /* will ask again */ }
  help = null;
  if (!state.answers.length) return instructions();
  notice(say("resumed"));
  return proceed();
}

function instructions() {
  notice("");
  const examples = study.examples.map((example, i) => make("section", { class: "example" },
    make("h3", {}, say("example", { number: i + 1 })),
    ...material(example, make("p", {}, example.instruction))));
  show(make("div", { class: "prose" }, make("h2", {}, say("instructions_heading")), ...whatToDo()), ...examples, keyHelp(),
    make("div", { class: "row" }, button(say("start"), () => proceed(), { class: "main" })));
}

// The rest, folded up below the question; one element for all trials, as it stays open from one to the next.
let help = null;
function helpElement() {
  if (help) return help;
  help = make("details", { class: "prose" }, make("summary", {}, say("help")), ...whatToDo(), keyHelp(),
    make("p", {}, say(storage ? "session" : "session_unsaved", state)),
    make("div", { class: "row" }, button(say("save_progress"), saveFile), leaveButton()));
  return help;
}
const leaveButton = () => (fromAddress().rater !== null ? null : button(say("other_person"), () => {
  try { sessionStorage.removeItem("cigli-study " + study.packet); } catch { /* there is none */ }
  window.location.reload();
}));

function proceed() {
  const done = state.answers.length, all = study.lists[state.list].length, position = Math.floor(done / asked);
  const text = say("progress", { number: Math.min(position + 1, all), all });
  byId("progress").hidden = false;
  byId("progress-text").textContent = text;
  Object.assign(byId("bar"), { max: total(), value: done, ariaLabel: text });
  if (done >= total()) return end();
  if (position !== shown) showTrial(position);
  return ask();
}

function showTrial(position) {
  const trial = study.trials[study.lists[state.list][position]];
  show(...material(trial, make("section", { id: "ask", "aria-labelledby": "question" })), helpElement());
  shown = position;
  imagesAt = performance.now();
  const length = state.answers.length;
  Promise.allSettled([...document.querySelectorAll(".picture img")].map((image) => image.decode())).then(() => {
    if (shown === position && state.answers.length === length) imagesAt = shownAt = performance.now();
  });
  const next = study.trials[study.lists[state.list][position + 1]];
  if (next) views(next).forEach(([source]) => { new Image().src = local(source); });
}

function ask() {
  const n = state.answers.length, { trial, question } = place(state.list, n);
  const [wording, ...criteria] = question.wording.split("\n").filter((line) => line.trim());
  const arrows = question.answers.length === 2 ? ["ArrowLeft", "ArrowRight"]
    : question.answers.map((answer) => ({ left: "ArrowLeft", right: "ArrowRight" })[answer.key]);
  keys = { u: takeBack, Backspace: takeBack, z: () => enlarge(views(study.trials[trial]), 1) };
  const choices = question.answers.map((answer, i) => {
    const choose = (event) => give(answer.key, event.detail > 0);  // a pointer's clicks are counted there, keys are 0
    const hints = [String(i + 1)];
    keys[i + 1] = choose;
    if (arrows[i]) {
      keys[arrows[i]] = choose;
      hints.push({ ArrowLeft: "←", ArrowRight: "→" }[arrows[i]]);
    }
    const element = button(make("span", { dir: "auto" }, answer.label), choose, { "data-answer": answer.key });
    element.append(...hints.map((hint) => make("kbd", { "aria-hidden": "true" }, hint)));
    return element;
  });
  const undo = button(say("undo"), takeBack, { id: "undo" });
  undo.append(make("kbd", { "aria-hidden": "true" }, "U"));
  undo.disabled = n === 0;
  const heading = make("h2", { id: "question", tabindex: "-1" }, wording);
  const instruction = study.trials[trial].instruction;
  byId("ask").replaceChildren(...[
    instruction ? make("p", { class: "instruction" }, instruction) : null,
    asked > 1 ? make("p", { class: "label" }, say("question", { number: (n % asked) + 1, all: asked })) : null,
    heading, ...criteria.map((line) => make("p", {}, line)),
    make("div", { class: "answers of-" + choices.length, role: "group", "aria-labelledby": "question" }, ...choices), undo]
    .filter(Boolean));
  if (n % asked) heading.focus({ preventScroll: true });
  shownAt = performance.now();
}

function give(answer, byPointer) {
  const now = performance.now(), waited = now - shownAt;
  // Meant for what was there before, or the second half of a double click. Keys that come as fast are a practised rater's.
  if (now - (byPointer ? shownAt : imagesAt) < 250) return;
  const n = state.answers.length;
  state.answers.push([answer, Math.round(waited / 100) / 10]);
  if (n + 1 === total()) state.finished = new Date().toISOString();
  storeBlock(Math.floor(n / kBlock));
  if (state.finished) storeHead();
  notice("");
  proceed();
}

function takeBack() {
  if (!state.answers.length) return;
  const [answer] = state.answers.pop(), n = state.answers.length;
  state.undone[n] = (state.undone[n] ?? 0) + 1;
  state.finished = null;
  storeBlock(Math.floor(n / kBlock));
  storeHead();
  proceed();
  const { question } = place(state.list, n);
  notice(say("undone", { answer: question.answers.find((known) => known.key === answer)?.label ?? answer }));
}

function end() {
  const code = study.codes[state.list];
  const address = say("completion_url", { code: encodeURIComponent(code), rater: encodeURIComponent(state.rater) });
  show(make("h2", {}, say("end_heading")), make("ol", { class: "steps prose" },
    make("li", {}, say("end_file"), make("div", { class: "row" }, button(say("end_save"), saveFile, { class: "main", id: "save" }),
      button(say("end_copy_answers"), () => copy(JSON.stringify(result()))))),
    make("li", {}, say("end_code"), make("div", { class: "code", id: "code" }, code),
      make("div", { class: "row" }, button(say("end_copy"), () => copy(code)))),
    /^https?:\/\//.test(address) ? make("li", {}, make("a", { class: "button", href: address }, say("end_link"))) : null),
  make("div", { class: "row leave" }, button(say("undo"), takeBack, { id: "undo" }), leaveButton()));
  keys = { u: takeBack };
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || byId("zoom").open || event.target.tagName === "INPUT") return;
  const action = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!action) return;
  event.preventDefault();
  if (!event.repeat) action(event);
});
// Another window of this page went on with the same list: follow it, rather than write over its answers.
window.addEventListener("storage", (event) => {
  if (!state || !storage || !event.key?.startsWith(`cigli-study ${study.packet} ${state.list} `)) return;
  if (!event.key.endsWith(" " + state.rater)) return;
  stored(state.list, state.rater);
  proceed();
});
window.addEventListener("beforeunload", (event) => {
  if (unsaved && state?.answers.length) event.preventDefault();
});
byId("zoom").addEventListener("click", (event) => {
  if (event.target === byId("zoom") || event.target === byId("zoom-image")) byId("zoom").close();
});
byId("zoom-image").addEventListener("load", (event) => event.target.classList.toggle("tiny", event.target.naturalWidth <= 128));

document.documentElement.lang = study.language;
if (/^(ar|ckb|dv|fa|he|ps|sd|ug|ur|yi)\b/.test(study.language)) document.documentElement.dir = "rtl";
document.title = byId("title").textContent = say("title");
let last = null;
try {
  last = JSON.parse(sessionStorage.getItem("cigli-study " + study.packet));
} catch { /* none: asks who it is */ }
const wanted = fromAddress();
if (last && (wanted.list ?? last[0]) === last[0] && (wanted.rater ?? last[1]) === last[1] && stored(...last).started) enter();
else {
  consent();
  if (!storage) store(() => {});
}
})();
