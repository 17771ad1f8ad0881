"use strict";
(() => {
const study = window.STUDY, texts = study.texts, byId = (id) => document.getElementById(id);
const say = (key, values = {}) => texts[key].replace(/\{(\w+)\}/g, (all, name) => (name in values ? values[name] : all));

// ---- SHA-256 (FIPS 180-4): crypto.subtle is missing where pages come by plain http.
const sha256 = (text) => {
  const primes = [], root = (n, power) => Math.floor((Math.pow(n, power) % 1) * 4294967296);
  for (let n = 2; primes.length < 64; n++) if (primes.every((p) => n % p)) primes.push(n);
  const k = primes.map((p) => root(p, 1 / 3)), state = primes.slice(0, 8).map((p) => root(p, 1 / 2));
  const bytes = new TextEncoder().encode(text), length = ((bytes.length + 8) >> 6) * 64 + 64;
  const data = new DataView(new ArrayBuffer(length));
  bytes.forEach((byte, i) => data.setUint8(i, byte));
  data.setUint8(bytes.length, 128);
  data.setUint32(length - 8, Math.floor(bytes.length / 536870912));
  data.setUint32(length - 4, bytes.length * 8);
  const turn = (x, n) => (x >>> n) | (x << (32 - n)), w = new Array(64);
  for (let block = 0; block < length; block += 64) {
    for (let i = 0; i < 64; i++) {
      if (i < 16) { w[i] = data.getUint32(block + 4 * i); continue; }
      const a = w[i - 15], b = w[i - 2];
      w[i] = (w[i - 16] + (turn(a, 7) ^ turn(a, 18) ^ (a >>> 3)) + w[i - 7] + (turn(b, 17) ^ turn(b, 19) ^ (b >>> 10))) | 0;
    }
    let [a, b, c, d, e, f, g, h] = state;
    for (let i = 0; i < 64; i++) {
      const one = (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + k[i] + w[i]) | 0;
      const two = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + two) | 0];
    }
    [a, b, c, d, e, f, g, h].forEach((x, i) => { state[i] = (state[i] + x) | 0; });
  }
  return state.map((x) => (x >>> 0).toString(16).padStart(8, "0")).join("");
};

// ---- What one rater has answered to one list. Kept answer by answer, so that saving never rewrites all.
let list = -1, rater = "", started = "", finished = null, answers = [], shownAt = 0;
const trials = () => study.lists[list], asked = study.questions.length;
const prefix = () => `cigli:${study.packet}:${list}:${rater}:`;
let store = null;
try {
  window.localStorage.setItem("cigli:test", "1");
  window.localStorage.removeItem("cigli:test");
  store = window.localStorage;
} catch (error) { store = null; }
const keep = (key, value) => {
  try { if (store) store.setItem(prefix() + key, JSON.stringify(value)); } catch (error) { store = null; notice(say("saved_not")); }
};
const kept = (key) => {
  const text = store && store.getItem(prefix() + key);
  try { return text ? JSON.parse(text) : null; } catch (error) { return null; }
};
const add = (answer) => {
  keep(answers.length, answer);
  answers.push(answer);
  keep("count", answers.length);
};
const replaceAll = (saved) => {
  started = saved.started;
  finished = saved.finished;
  answers = saved.answers.map(({ trial, position, question, answer, seconds }) => ({ trial, position, question, answer, seconds }));
  keep("started", started);
  keep("finished", finished);
  answers.forEach((answer, i) => keep(i, answer));
  keep("count", answers.length);
};
const resume = () => {
  started = kept("started");
  if (!started) { started = new Date().toISOString(); keep("started", started); return false; }
  finished = kept("finished");
  const count = kept("count") || 0;
  answers = [];
  for (let i = 0; i < count; i++) {
    const answer = kept(i);
    if (!answer) break;
    answers.push(answer);
  }
  return answers.length > 0;
};
const digest = (saved) => sha256([saved.packet, saved.list, saved.rater, saved.started, saved.finished || "", ""].join("\n") +
  saved.answers.map((a) => `${a.trial},${a.position},${a.question},${a.answer},${a.seconds.toFixed(1)}\n`).join(""));
const result = () => {
  const saved = { format: "cigli-study-answers-1", packet: study.packet, list, rater, started, finished };
  if (finished) saved.code = study.codes[list];
  saved.answers = answers;
  saved.digest = digest(saved);
  return saved;
};
const save = () => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(result(), null, 1)], { type: "application/json" }));
  link.download = `answers-${study.packet.slice(0, 8)}-${list}-${rater.replace(/[^\w.-]+/g, "_")}${finished ? "" : "-part"}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
};
// "" where the saved answers are this rater's, else why not.
const faultOf = (saved) => {
  if (!saved || saved.format !== "cigli-study-answers-1" || !Array.isArray(saved.answers)) return "load_no_study";
  if (saved.packet !== study.packet || saved.list !== list || saved.rater !== rater) return "load_other";
  try { return saved.digest === digest(saved) ? "" : "load_damaged"; } catch (error) { return "load_no_study"; }
};
const load = async (file) => {
  let saved = null;
  try { saved = JSON.parse(await file.text()); } catch (error) { /* no JSON: told below */ }
  const fault = faultOf(saved);
  if (fault) { notice(say("load_failed", { reason: texts[fault] })); return; }
  replaceAll(saved);
  notice(say("resumed"));
  proceed();
};

// ---- Elements.
const make = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children.filter((child) => child !== null));
  return element;
};
const notice = (text) => { byId("notice").textContent = text; };
const show = (...children) => {
  byId("main").replaceChildren(...children);
  window.scrollTo(0, 0);
  byId("main").focus({ preventScroll: true });
};
const button = (text, action, kind = "") => {
  const element = make("button", { type: "button", className: kind }, text);
  element.addEventListener("click", action);
  return element;
};
const paragraphs = (key) => texts[key].split("\n").filter((text) => text.trim()).map((text) => make("p", {}, text));
const picture = (source, what, kind) => {
  const image = make("img", { src: source, alt: what });
  image.addEventListener("load", () => image.classList.toggle("small", image.naturalWidth < 200));
  const open = make("button", { type: "button", className: "picture", ariaLabel: say("zoom", { what }) }, image);
  open.addEventListener("click", () => enlarge(source, what));
  return make("figure", { className: kind }, open, make("figcaption", {}, what));
};
const enlarge = (source, what) => {
  const image = byId("zoom-image");
  Object.assign(image, { src: source, alt: what });
  image.classList.toggle("small", true);
  if (!byId("zoom").open) byId("zoom").showModal();
};
const candidates = (trial) => make("div", { className: trial.images.length === 2 ? "candidates" : "candidates one" },
  ...trial.images.map((source, i) => picture(source, trial.images.length === 2 ? texts[["left", "right"][i]] : texts.image, "candidate")));
const material = (trial) => [make("p", { className: "sentence" }, trial.sentence), picture(trial.prompt, texts.prompt, "prompt"), candidates(trial)];

// ---- Screens.
let keys = {};  // what keys do on this screen
const consent = () => {
  keys = {};
  const search = new URLSearchParams(window.location.search), only = study.lists.length === 1;
  const given = { rater: search.get("rater") || search.get("PROLIFIC_PID") || "", list: search.get("list") || (only ? "0" : "") };
  const name = make("input", { id: "rater", value: given.rater, autocomplete: "off" });
  const number = make("input", { id: "list", value: given.list, inputMode: "numeric", autocomplete: "off" });
  const form = make("form", {}, make("h2", {}, texts.consent_heading), ...paragraphs("consent"),
    given.rater ? null : make("label", {}, texts.rater_label + " ", name), given.list ? null : make("label", {}, texts.list_label + " ", number),
    make("button", { className: "main" }, texts.consent_agree));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!/^\d+$/.test(number.value.trim()) || +number.value >= study.lists.length) {
      number.closest("label") || form.insertBefore(make("label", {}, texts.list_label + " ", number), form.lastChild);
      notice(say("list_wrong", { last: study.lists.length - 1 }));
      number.focus();
    } else if (!name.value.trim()) {
      notice(say("rater_missing"));
      name.focus();
    } else {
      [list, rater] = [+number.value, name.value.trim()];
      notice(store ? "" : say("saved_not"));
      if (resume()) { notice(say("resumed")); proceed(); } else instructions();
    }
  });
  show(form);
};
const instructions = () => {
  keys = {};
  const examples = study.examples.map((example) =>
    make("section", { className: "example" }, make("h2", {}, texts.example), ...material(example), make("p", {}, example.instruction || "")));
  show(make("h2", {}, texts.instructions_heading), ...paragraphs("instructions"), ...paragraphs("instructions_keys"), ...examples,
    make("div", { className: "tools" }, button(texts.start, proceed, "main"), loader()));
};
const loader = () => {
  const input = make("input", { type: "file", accept: ".json,application/json" });
  input.addEventListener("change", async () => {
    if (input.files[0]) await load(input.files[0]);
    input.value = "";  // or the same file could not be chosen again
  });
  return make("label", { className: "file" }, texts.load_progress, input);
};
const preload = (position) => {
  const next = study.trials[trials()[position]];
  if (next) [next.prompt, ...next.images].forEach((source) => { new Image().src = source; });
};
let drawn = -1;  // the trial on the screen
const question = () => {
  const position = Math.floor(answers.length / asked), number = answers.length % asked, trial = study.trials[trials()[position]];
  const current = study.questions[number], choose = (answer) => () => {
    const seconds = Math.min(99999, Math.round((performance.now() - shownAt) / 100) / 10);
    notice("");
    add({ trial: trials()[position], position, question: current.key, answer: answer.key, seconds });
    proceed();
  };
  const buttons = current.answers.map((answer, i) => {
    const element = button(answer.label, choose(answer));
    element.prepend(make("kbd", { ariaHidden: "true" }, String(i + 1)));
    return element;
  });
  const heading = make("h2", { id: "question" }, current.wording);
  const group = make("div", { className: "answers" }, ...buttons);
  group.setAttribute("role", "group");
  group.setAttribute("aria-labelledby", "question");
  const ask = make("div", { id: "ask" }, trial.instruction ? make("p", { className: "instruction" }, trial.instruction) : null, heading, group);
  if (drawn === position && byId("ask")) {
    byId("ask").replaceWith(ask);
  } else {
    const undo = button(texts.undo, takeBack, "quiet");
    undo.id = "undo";
    show(...material(trial), ask, make("div", { className: "tools" }, undo, button(texts.save_progress, save, "quiet"), loader()),
      make("p", { className: "keys" }, texts.instructions_keys));
    preload(position + 1);
  }
  drawn = position;
  byId("undo").disabled = answers.length === 0;
  keys = { u: takeBack, Backspace: takeBack, ArrowLeft: () => buttons[0].click(), ArrowRight: () => buttons[1].click(),
    z: () => { const image = document.querySelector(".candidate img"); enlarge(image.src, image.alt); } };
  buttons.forEach((element, i) => { keys[String(i + 1)] = () => element.click(); });
  shownAt = performance.now();
};
const takeBack = () => {
  if (!answers.length) return;
  answers.pop();
  finished = null;
  keep("count", answers.length);
  keep("finished", null);
  proceed();
};
const end = () => {
  drawn = -1;
  keys = {};
  if (!finished) { finished = new Date().toISOString(); keep("finished", finished); }
  const code = study.codes[list], children = [make("h2", {}, texts.end_heading), ...paragraphs("end"), make("p", {}, texts.end_code),
    make("p", { className: "code" }, code)];
  const copy = button(texts.end_copy, async () => {
    try { await navigator.clipboard.writeText(code); notice(say("end_copied")); } catch (error) {
      window.getSelection().selectAllChildren(document.querySelector(".code"));
    }
  });
  const tools = make("div", { className: "answers" }, button(texts.end_save, save, "main"), copy, button(texts.undo, takeBack, "quiet"));
  if (/^https:\/\//.test(texts.completion_url)) tools.append(make("a", { href: texts.completion_url }, texts.end_link));
  show(...children, tools);
};
const proceed = () => {
  const done = Math.floor(answers.length / asked), all = trials().length;
  byId("progress").hidden = false;
  Object.assign(byId("bar"), { max: all * asked, value: answers.length, ariaLabel: say("progress", { done, all }) });
  byId("progress-text").textContent = say("progress", { done, all });
  if (done === all) end(); else question();
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || byId("zoom").open || event.target.tagName === "INPUT") return;
  const action = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (action && !event.repeat) { event.preventDefault(); action(); }
});
document.documentElement.lang = study.language;
document.title = byId("title").textContent = texts.title;
byId("zoom-close").textContent = texts.zoom_close;
byId("zoom-close").addEventListener("click", () => byId("zoom").close());
byId("zoom-image").addEventListener("click", () => byId("zoom").close());
consent();
})();
