#!/usr/bin/env python3
"""Goes through the page of a study in Chromium, offline, as raters do. scripts/test-page installs what it needs.

    study_test.py                                           packets put together here, from eval/study/page
    study_test.py --cigli build/release/cigli               packets that the program exports
    study_test.py --packet DIR                              this packet, for what does not depend on the mode
    study_test.py ... --screenshots DIR                     of each screen, on a desktop and a phone
"""
import argparse
import contextlib
import hashlib
import json
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import tomllib
import unittest
import zlib

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

CHROMIUM = "/usr/bin/chromium"
PAGE = pathlib.Path(__file__).resolve().parents[2] / "eval" / "study" / "page"
HOSTILE = '</script><script>document.title = "run"</script><img src=x onerror="document.title = \'run\'">'
DESKTOP, PHONE, ZOOMED, NARROW = (1280, 900, 1), (390, 844, 3), (640, 450, 2), (320, 640, 2)


# ---- Packets.

def write_png(path, shape, colour, place, size=64):
    """A circle or a square on grey."""
    def pixel(x, y):
        dx, dy = abs(x - place[0]), abs(y - place[1])
        return colour if (dx * dx + dy * dy < 144 if shape == "circle" else max(dx, dy) < 11) else (225, 226, 230)

    rows = b"".join(b"\0" + bytes(v for x in range(size) for v in pixel(x, y)) for y in range(size))
    chunks = ((b"IHDR", struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks))


def write_data(packet, study):
    (packet / "data.js").write_text("window.STUDY = " + json.dumps(study) + ";\n")


def read_data(packet):
    return json.loads((packet / "data.js").read_text().removeprefix("window.STUDY = ").rstrip().rstrip(";"))


def assemble(packet, mode):
    """A packet as `cigli study export` writes it, of the page's own sources and images drawn here."""
    (packet / "img").mkdir(parents=True)
    html = (PAGE / "index.html").read_text()
    for place, part in (('<link rel="stylesheet" href="study.css">', f"<style>\n{(PAGE / 'study.css').read_text()}</style>"),
                        ('<script src="study.js"></script>', f"<script>\n{(PAGE / 'study.js').read_text()}</script>")):
        assert html.count(place) == 1, place
        html = html.replace(place, part)
    (packet / "index.html").write_text(html)
    count = 0

    def image(*what):
        nonlocal count
        count += 1
        name = f"img/{count:016x}.png"
        write_png(packet / name, *what)
        return name

    def trial(number):
        at = 18 + 5 * number, 20 + 4 * number
        away = 46, 44
        images = [image("circle", (180, 30, 40), at), image("square", (180, 30, 40), away)]
        return {"sentence": "the same shape in red, where the blue one was" + (", and nothing beside it" if number % 2 else ""),
                "prompt": image("circle", (40, 80, 190), at), "images": images if mode == "pairs" else images[:1]}

    text = tomllib.loads((PAGE / "texts.toml").read_text())
    trials = [trial(number) for number in range(5)]
    label = text[mode][0]["answers"][0]["label"]
    trials[3]["instruction"] = text["texts"]["attention"].replace("{answer}", label)
    write_data(packet, {
        "format": "cigli-study-1", "packet": hashlib.sha256(mode.encode()).hexdigest(), "mode": mode, "language": text["language"],
        "texts": text["texts"], "questions": text[mode],
        "examples": [{**trial(1), "instruction": "The left image has the shape in red at the right place."}],
        "trials": trials, "lists": [[2, 3, 0, 4, 2], [1, 4, 3]], "codes": ["K7Q2-M9XD", "A2B3-C4D5"]})


def export(cigli, base, packet, mode):
    """A packet of two systems by the program itself."""
    def run(*words):
        subprocess.run([cigli, *map(str, words)], check=True, stdout=subprocess.DEVNULL)

    data = base / "data"
    if not data.exists():
        run("data", "synth", "--out", data, "--count", 12, "--seed", 5, "--split", "test")
        for kind in ("copy", "swapped-target"):
            run("control", "--kind", kind, "--data", data, "--out", base / kind)
    key = packet.with_suffix(".json")
    run("study", "export", "--system", f"A={base / 'copy'}", "--system", f"B={base / 'swapped-target'}", "--data", data,
        "--out", packet, "--key", key, "--items", 6, "--raters", 2, "--items-per-rater", 6, "--mode", mode)
    run("study", "check", packet, "--key", key)


def digest(saved):
    head = [saved["packet"], str(saved["list"]), saved["rater"], saved["started"], saved["finished"] or "", ""]
    lines = [f"{a['trial']},{a['position']},{a['question']},{a['answer']},{a['seconds']:.1f}\n" for a in saved["answers"]]
    return hashlib.sha256(("\n".join(head) + "".join(lines)).encode()).hexdigest()


# ---- The page.

class StudyPage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        base = pathlib.Path(cls.folder.name)
        cls.packets = {}
        for mode in ("pairs", "single", "real"):
            packet = cls.packets[mode] = base / mode
            if options.cigli:
                export(options.cigli, base, packet, mode)
            else:
                assemble(packet, mode)
        if options.packet:
            cls.packets["pairs"] = pathlib.Path(options.packet).resolve()
        cls.playwright = sync_playwright().start()
        cls.browser = cls.playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()
        cls.playwright.stop()
        cls.folder.cleanup()

    def setUp(self):
        self.problems = []
        self.contexts = contextlib.ExitStack()
        self.context = self.window()

    def tearDown(self):
        self.contexts.close()
        self.assertEqual(self.problems, [])

    def window(self, width=1280, height=900, scale=1, **more):
        """A browser of its own, with nothing stored and no network."""
        context = self.contexts.enter_context(self.browser.new_context(
            viewport={"width": width, "height": height}, device_scale_factor=scale, offline=True, **more))
        context.on("request", lambda request: request.url.startswith(("file://", "blob:", "data:")) or
                   self.problems.append("asks the network for " + request.url))
        context.on("weberror", lambda error: self.problems.append(str(error.error)))
        return context

    def open(self, query="", packet=None, context=None, clock=True):
        page = (context or self.context).new_page()
        if clock:  # answers that are given at once don't count: time is made to pass
            page.clock.install()
        page.goto((packet or self.packets["pairs"]).joinpath("index.html").as_uri() + query)
        return page

    def changed(self, change, mode="pairs"):
        """A copy of a packet whose study `change` has changed."""
        packet = pathlib.Path(tempfile.mkdtemp(dir=self.folder.name)) / "packet"
        shutil.copytree(self.packets[mode], packet)
        study = read_data(packet)
        change(study)
        write_data(packet, study)
        return packet

    def begin(self, page):
        page.click("button.main")
        page.click("button.main")
        page.wait_for_selector("#ask h2")

    def total(self, page, number):
        return page.evaluate("n => STUDY.lists[n].length * STUDY.questions.length", number)

    def look(self, page):
        """Lets time pass once all images are seen: the page counts it from there, and takes no answer that comes at once."""
        page.evaluate("Promise.allSettled([...document.querySelectorAll('.picture img')].map((image) => image.decode()))")
        page.clock.fast_forward(1200)

    def answer(self, page, how, most=10000):
        """Answers until the end, or `most` answers; how many it gave."""
        given = 0
        while given < most and page.locator("#ask").count():
            self.look(page)
            how(page, given)
            given += 1
        return given

    def by_key(self, page, given):
        page.keyboard.press(str(given % page.locator(".answers button").count() + 1))

    def by_mouse(self, page, given):
        page.click(f".answers button:nth-child({given % 2 + 1})")

    def saved(self, page, button):
        with page.expect_download() as download:
            page.click(button)
        path = download.value.path()
        self.assertIn(download.value.suggested_filename, page.inner_text("#notice"))
        return json.loads(path.read_text()), path

    def save_progress(self, page):
        page.click("summary")
        return self.saved(page, "details button >> nth=0")

    def load(self, page, content):
        """Chooses a file of answers; what the page says then."""
        file = content
        if not isinstance(content, pathlib.Path):
            file = pathlib.Path(self.folder.name) / "file.json"
            file.write_text(content if isinstance(content, str) else json.dumps(content))
        page.evaluate("document.getElementById('notice').textContent = ''")
        page.set_input_files("input[type=file]", str(file))
        page.wait_for_function("document.getElementById('notice').textContent")
        return page.inner_text("#notice")

    def expect_whole(self, page, saved, rater, number):
        study = page.evaluate("STUDY")
        self.assertEqual(saved["format"], "cigli-study-answers-1")
        self.assertEqual(saved["digest"], digest(saved))
        self.assertEqual((saved["packet"], saved["rater"], saved["list"]), (study["packet"], rater, number))
        self.assertEqual(saved["code"], study["codes"][number])
        self.assertEqual(page.inner_text("#code"), study["codes"][number])
        self.assertLess(saved["started"], saved["finished"])
        asked = [(a["position"], a["trial"], a["question"]) for a in saved["answers"]]
        self.assertEqual(asked, [(position, trial, question["key"]) for position, trial in enumerate(study["lists"][number])
                                 for question in study["questions"]])

    def test_a_study_by_keyboard_alone(self):
        page = self.open("?list=1")
        page.keyboard.press("Tab")
        page.keyboard.type("Zoë  Ärz ")
        page.keyboard.press("Enter")
        page.wait_for_selector(".keys")
        while not page.evaluate("document.activeElement.matches('button.main')"):
            page.keyboard.press("Tab")
        self.assertNotEqual(page.evaluate("getComputedStyle(document.activeElement).outlineStyle"), "none")
        page.keyboard.press("Enter")
        page.wait_for_selector("#ask h2")
        answers = [answer["key"] for answer in page.evaluate("STUDY.questions[0].answers")]
        arrows = {"left": "ArrowLeft", "right": "ArrowRight"}
        wanted = [answers[n % len(answers)] for n in range(self.total(page, 1))]

        def press(page, given):
            by_number = str(answers.index(wanted[given]) + 1)
            page.keyboard.press(arrows.get(wanted[given], by_number) if given % 2 == 0 else by_number)

        self.assertEqual(self.answer(page, press), len(wanted))
        while not page.evaluate("document.activeElement.id === 'save'"):
            page.keyboard.press("Tab")
        with page.expect_download() as download:
            page.keyboard.press("Enter")
        saved = json.loads(download.value.path().read_text())
        self.expect_whole(page, saved, "Zoë Ärz", 1)
        self.assertEqual([a["answer"] for a in saved["answers"]], wanted)
        self.assertTrue(all(1.2 <= a["seconds"] < 60 for a in saved["answers"]))

    def test_a_study_by_mouse(self):
        page = self.open("?list=0&PROLIFIC_PID=p-7")
        self.begin(page)
        self.assertEqual(self.answer(page, self.by_mouse), self.total(page, 0))
        saved, _ = self.saved(page, "#save")
        self.expect_whole(page, saved, "p-7", 0)

    def test_the_other_modes(self):
        for mode, answers in (("single", {"0", "0.5", "1"}), ("real", {"real", "generated"})):
            page = self.open("?list=0&rater=r", self.packets[mode])
            self.begin(page)
            self.answer(page, self.by_key)
            saved, _ = self.saved(page, "#save")
            self.expect_whole(page, saved, "r", 0)
            self.assertEqual({a["answer"] for a in saved["answers"]}, answers)

    def test_answers_score_to_what_was_planted(self):
        if not options.cigli:
            self.skipTest("takes --cigli, the program that scores")
        packet = self.packets["pairs"]
        key = json.loads(packet.with_suffix(".json").read_text())
        planted = {"text": "A", "prompt": "A", "look": "B", "overall": "tie"}

        def wanted(number, given):
            position, question = divmod(given, len(key["questions"]))
            trial = key["trials"][key["lists"][number][position]]
            winner = planted[key["questions"][question]["key"]]
            if "expected" in trial:
                return trial["expected"]
            return "tie" if winner == "tie" else ("left", "right")[trial["systems"].index(winner)]

        def place(page, answer):
            return page.evaluate("a => STUDY.questions[0].answers.findIndex((known) => known.key === a) + 1", answer)

        files, half = [], 11
        for number in range(len(key["lists"])):
            begun = 0

            def by_key(page, given):
                page.keyboard.press(str(place(page, wanted(number, begun + given))))

            def by_mouse(page, given):
                page.click(f".answers button:nth-child({place(page, wanted(number, begun + given))})")

            how = by_mouse if number % 2 else by_key
            page = self.open(f"?list={number}&rater=rater-{number}")
            self.begin(page)
            begun += self.answer(page, how, half)
            page.reload()
            page.wait_for_selector("#ask h2")
            begun += self.answer(page, how, 3)
            _, progress = self.save_progress(page)
            page = self.open(f"?list={number}&rater=rater-{number}", context=self.window())
            self.load(page, progress)
            page.wait_for_selector("#ask h2")
            begun += self.answer(page, how)
            self.assertEqual(begun, self.total(page, number))
            saved, _ = self.saved(page, "#save")
            files.append(pathlib.Path(self.folder.name) / f"answers-{number}.json")
            files[-1].write_text(json.dumps(saved))
        report = pathlib.Path(self.folder.name) / "report"
        subprocess.run([options.cigli, "study", "score", "--key", packet.with_suffix(".json"), "--out", report, "--responses", *files],
                       check=True, stdout=subprocess.DEVNULL)
        scores = json.loads((report / "scores.json").read_text())
        self.assertFalse([rater for rater in scores["raters"] if "failed" in rater])
        for question in scores["all_raters"]["questions"]:
            [pair] = question["pairs"]
            winner = planted[question["question"]]
            counts = {"A": (12, 0, 0), "B": (0, 0, 12), "tie": (0, 12, 0)}[winner]
            self.assertEqual((pair["wins"], pair["ties"], pair["losses"]), counts, question["question"])
            self.assertEqual(pair["win_rate"], {"A": 1, "B": 0, "tie": 0.5}[winner])
        self.report(report / "index.html")

    def report(self, file):
        """The report's page: no serious accessibility fault, and nothing that is wider than the screen."""
        for name, size in (("desktop", DESKTOP), ("phone", PHONE)):
            page = self.window(*size).new_page()
            page.goto(file.as_uri())
            serious = [fault for fault in Axe().run(page).response["violations"] if fault["impact"] in ("serious", "critical")]
            self.assertEqual([fault["id"] for fault in serious], [], serious)
            wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            self.assertLessEqual(wide, 1, name)
            if options.screenshots:
                page.screenshot(path=f"{options.screenshots}/report-{name}.png", full_page=True)

    def test_goes_on_after_a_reload(self):
        for query, begin in (("?list=0&rater=ann", self.begin), ("?list=0", None)):
            page = self.open(query)
            if begin is None:
                page.fill("#rater", "eve")
                begin = self.begin
            begin(page)
            half = self.total(page, 0) // 2
            self.answer(page, self.by_key, half)
            before = page.inner_text("#progress-text"), page.inner_text("#question")
            page.reload()
            page.wait_for_selector("#ask h2")
            self.assertEqual((page.inner_text("#progress-text"), page.inner_text("#question")), before)
            self.assertEqual(page.inner_text("#notice"), page.evaluate("STUDY.texts.resumed"))
            self.assertEqual(self.answer(page, self.by_key), self.total(page, 0) - half)
            page.reload()
            saved, _ = self.saved(page, "#save")
            self.expect_whole(page, saved, "ann" if "rater" in query else "eve", 0)

    def test_someone_else_can_begin(self):
        page = self.open("?list=0")
        page.fill("#rater", "ann")
        self.begin(page)
        self.answer(page, self.by_key, 3)
        page.click("summary")
        page.click("details button >> nth=1")
        page.fill("#rater", "bob")
        self.begin(page)
        self.assertEqual(page.evaluate("document.getElementById('bar').value"), 0)

    def test_undo_goes_back_one_answer(self):
        page = self.open("?list=0&rater=ann")
        self.begin(page)
        self.assertTrue(page.is_disabled("#undo"))
        asked = page.evaluate("STUDY.questions.length")
        self.answer(page, self.by_key, asked)
        for _ in range(asked):  # to the first one, back over the edge of a trial
            page.keyboard.press("Backspace")
        page.reload()
        page.click("button.main")
        self.answer(page, lambda page, given: page.keyboard.press("2"), asked)
        page.keyboard.press("u")
        self.look(page)
        page.keyboard.press("1")
        self.answer(page, self.by_key)
        page.click("#undo")
        self.answer(page, lambda page, given: page.keyboard.press("2"))
        saved, _ = self.saved(page, "#save")
        self.expect_whole(page, saved, "ann", 0)
        keys = [answer["key"] for answer in page.evaluate("STUDY.questions[0].answers")]
        self.assertEqual([a["answer"] for a in saved["answers"][:asked]], [keys[1]] * (asked - 1) + [keys[0]])
        self.assertEqual([a["undone"] for a in saved["answers"]],
                         [1] * (asked - 1) + [2] + [0] * (len(saved["answers"]) - asked - 1) + [1])

    def test_goes_on_in_another_browser(self):
        page = self.open("?list=0&rater=bob")
        self.begin(page)
        self.answer(page, self.by_key, 5)
        page.keyboard.press("u")
        part, file = self.save_progress(page)
        self.assertEqual((len(part["answers"]), part["finished"], part["digest"]), (4, None, digest(part)))
        self.assertNotIn("code", part)
        other = self.open(context=self.window())  # takes rater and list from the file
        self.load(other, file)
        other.wait_for_selector("#ask h2")
        self.assertEqual(self.answer(other, self.by_key), self.total(other, 0) - 4)
        whole, _ = self.saved(other, "#save")
        self.expect_whole(other, whole, "bob", 0)
        self.assertEqual(whole["answers"][:4], part["answers"])

    def test_refuses_files_that_do_not_fit(self):
        page = self.open("?list=0&rater=bob")
        self.begin(page)
        self.answer(page, self.by_key, 5)
        part, _ = self.save_progress(page)
        texts = page.evaluate("STUDY.texts")

        def signed(**change):
            saved = {**part, **change}
            return {**saved, "digest": digest(saved)}

        other = self.open("?list=0&rater=bob", context=self.window())
        answers = part["answers"]
        for content, reason in (
                ("no JSON", "load_no_answers"), ("null", "load_no_answers"), ({"format": "x"}, "load_no_answers"),
                (signed(packet="0" * 64), "load_other_study"), (signed(list=1), "load_other_list"),
                (signed(list=77), "load_other_list"), (signed(rater="eve"), "load_other_rater"),
                ({**part, "answers": answers[:4]}, "load_damaged"), (signed(answers=answers[1:]), "load_damaged"),
                (signed(answers=[{**answers[0], "answer": "none"}]), "load_damaged"),
                ({**part, "answers": [None]}, "load_damaged"), (signed(finished=part["started"]), "load_damaged")):
            with self.subTest(reason=reason):
                said = self.load(other, content)
                words = re.split(r"\{\w+\}", texts[reason])
                self.assertTrue(all(word in said for word in words), said)
                self.assertEqual(other.locator("#ask").count(), 0)
        again = self.open(packet=self.packets["pairs"])  # where more has been answered than the file holds
        again.evaluate("sessionStorage.clear()")
        said = self.load(again, signed(answers=answers[:2]))
        self.assertTrue(all(word in said for word in re.split(r"\{\w+\}", texts["load_older"])), said)

    def test_names_what_is_missing(self):
        page = self.open("?list=99")
        self.assertIn(str(page.evaluate("STUDY.lists.length - 1")), page.inner_text("#list-error"))
        page.click("button.main")
        self.assertTrue(page.is_visible("#rater-error"))
        self.assertTrue(page.evaluate("document.activeElement.id === 'rater'"))
        page.fill("#rater", "ann")
        page.fill("#list", "0")
        self.begin(page)
        bare = pathlib.Path(tempfile.mkdtemp(dir=self.folder.name))
        shutil.copy(self.packets["pairs"] / "index.html", bare)
        self.assertIn("data.js", self.open(packet=bare).inner_text("main"))

    def test_shows_text_as_text(self):
        def change(study):
            for trial in study["trials"]:
                trial["sentence"] += HOSTILE
            study["questions"][0]["wording"] = study["questions"][0]["answers"][0]["label"] = HOSTILE
            study["texts"]["consent"] += HOSTILE
        page = self.open("?list=0&rater=" + "%3Cimg src=x onerror=document.title=1%3E", self.changed(change))
        self.assertIn(HOSTILE, page.inner_text("main"))
        self.begin(page)
        for place in (".sentence", "#question", ".answers"):
            self.assertIn(HOSTILE, page.inner_text(place))
        self.assertEqual(page.title(), page.evaluate("STUDY.texts.title"))
        self.assertEqual(page.locator("main script, main img[src=x]").count(), 0)

    def test_loads_no_image_from_elsewhere(self):
        def change(study):
            for trial in study["trials"]:
                trial["prompt"] = "https://example.org/a.png"
        page = self.open("?list=0&rater=r", self.changed(change))
        self.begin(page)
        self.assertEqual(page.get_attribute(".task img", "src"), "")

    def test_works_without_storage(self):
        context = self.window()
        context.add_init_script("for (const name of ['localStorage', 'sessionStorage'])"
                                "Object.defineProperty(window, name, {get() { throw new Error('denied'); }});")
        page = self.open("?list=0&rater=ann", context=context)
        self.assertEqual(page.inner_text("#unsaved"), page.evaluate("STUDY.texts.unsaved"))
        self.begin(page)
        self.answer(page, self.by_key, 3)
        part, _ = self.save_progress(page)
        self.assertEqual(len(part["answers"]), 3)
        self.answer(page, self.by_key)
        saved, _ = self.saved(page, "#save")
        self.expect_whole(page, saved, "ann", 0)

    def test_says_so_when_storage_is_full(self):
        page = self.open("?list=0&rater=ann")
        self.begin(page)
        self.answer(page, self.by_key, 2)
        page.evaluate("() => { Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); }; }")
        self.answer(page, self.by_key, 1)
        self.assertTrue(page.is_visible("#unsaved"))
        part, _ = self.save_progress(page)
        self.assertEqual(len(part["answers"]), 3)

    def test_two_windows_follow_each_other(self):
        one = self.open("?list=0&rater=ann")
        self.begin(one)
        two = self.open("?list=0&rater=ann")
        self.begin(two)
        self.answer(one, self.by_key, 3)
        two.wait_for_function("document.getElementById('bar').value === 3")
        self.answer(two, self.by_key, 1)
        one.wait_for_function("document.getElementById('bar').value === 4")

    def test_a_double_click_answers_once(self):
        page = self.open("?list=0&rater=ann", clock=False)
        self.begin(page)
        page.wait_for_timeout(400)
        page.dblclick(".answers button >> nth=0")
        self.assertEqual(page.evaluate("document.getElementById('bar').value"), 1)

    def test_quick_keys_count_while_the_images_stay(self):
        page = self.open("?list=0&rater=ann")
        self.begin(page)
        self.look(page)
        questions = page.evaluate("STUDY.questions")
        numbers = [n % 2 + 1 for n in range(len(questions))]
        # All at once, and one more, which meets the next trial's images as they come up.
        page.evaluate("""keys => keys.forEach((key) =>
            document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true })))""", [*map(str, numbers), "1"])
        part, _ = self.save_progress(page)
        self.assertEqual([a["answer"] for a in part["answers"]],
                         [question["answers"][number - 1]["key"] for question, number in zip(questions, numbers)])

    def test_the_down_arrow_scrolls(self):
        page = self.open("?list=0&rater=ann", context=self.window(*ZOOMED))
        self.begin(page)
        self.look(page)
        page.keyboard.press("ArrowDown")
        page.wait_for_function("window.scrollY > 0")
        self.assertEqual(page.evaluate("document.getElementById('bar').value"), 0)

    def test_stays_quick_with_5000_trials(self):
        def change(study):
            study["lists"][0] = [n % len(study["trials"]) for n in range(5000)]
        page = self.open("?list=0&rater=ann", self.changed(change), clock=False)
        self.begin(page)
        study = page.evaluate("STUDY")
        asked, keys = len(study["questions"]), [answer["key"] for answer in study["questions"][0]["answers"]]
        all_but_two = 5000 * asked - 2
        page.evaluate("""([answers, prefix]) => {
            for (let n = 0; n * 64 < answers.length; n++)
              localStorage.setItem(prefix + n + " ann", JSON.stringify(answers.slice(n * 64, n * 64 + 64)));
        }""", [[[keys[n % 2], 1.5] for n in range(all_but_two)], f"cigli-study {study['packet']} 0 "])
        page.reload()
        page.wait_for_selector("#ask h2")
        self.assertEqual(page.evaluate("document.getElementById('bar').value"), all_but_two)
        page.wait_for_timeout(400)
        took = page.evaluate("""() => {
            const before = performance.now();
            document.querySelector(".answers button").click();
            return performance.now() - before;
        }""")
        self.assertLess(took, 100)
        page.wait_for_timeout(400)
        page.keyboard.press("1")
        saved, _ = self.saved(page, "#save")
        self.expect_whole(page, saved, "ann", 0)
        self.assertLess(page.evaluate("JSON.stringify(localStorage).length"), 1e6)

    def test_images_can_be_seen_larger(self):
        page = self.open("?list=0&rater=ann")
        self.begin(page)
        names = [page.evaluate("key => STUDY.texts[key]", key) for key in ("prompt", "left", "right")]
        page.keyboard.press("z")
        self.assertTrue(page.is_visible("#zoom-image"))
        self.assertEqual(page.get_attribute("#zoom-image", "alt"), names[1])
        page.keyboard.press("ArrowRight")
        self.assertEqual(page.get_attribute("#zoom-image", "alt"), names[2])
        page.keyboard.press("1")  # answers nothing here
        page.keyboard.press("Escape")
        self.assertFalse(page.is_visible("#zoom-image"))
        page.click(".task .picture")
        self.assertEqual(page.get_attribute("#zoom-image", "alt"), names[0])
        page.keyboard.press("z")
        self.assertFalse(page.is_visible("#zoom-image"))
        self.assertEqual(page.evaluate("document.getElementById('bar').value"), 0)
        alts = page.evaluate("[...document.querySelectorAll('.picture img')].map((image) => image.alt)")
        self.assertEqual(alts, names)
        widths = page.evaluate("[...document.querySelectorAll('.candidates img')].map((image) => image.clientWidth)")
        self.assertEqual(len(set(widths)), 1)
        self.assertGreater(widths[0], 250)

    def test_a_completion_page_is_linked(self):
        def change(study):
            study["texts"]["completion_url"] = "https://example.org/done?cc={code}&who={rater}"
            study["lists"][0] = study["lists"][0][:1]
        page = self.open("?list=0&rater=a%26b", self.changed(change))
        self.begin(page)
        self.answer(page, self.by_key)
        code = page.evaluate("STUDY.codes[0]")
        self.assertEqual(page.get_attribute("a.button", "href"), f"https://example.org/done?cc={code}&who=a%26b")
        page.locator("ol button").last.click()
        page.wait_for_function("document.getElementById('notice').textContent === STUDY.texts.copied")

    def screens(self, page):
        """Goes from screen to screen; their names."""
        yield "consent"
        page.click("button.main")
        yield "instructions"
        page.click("button.main")
        page.wait_for_selector("#ask h2")
        yield "trial"
        page.click("summary")
        yield "help"
        page.click("summary")
        page.keyboard.press("z")
        yield "zoom"
        page.keyboard.press("Escape")
        while page.locator("#ask").count() and not page.locator(".instruction").count():
            self.answer(page, self.by_key, 1)
        yield "attention"
        self.answer(page, self.by_key)
        yield "end"

    def test_can_be_read_and_operated_at_any_size(self):
        for mode in ("pairs", "single", "real"):
            for name, (width, height, scale) in (("desktop", DESKTOP), ("phone", PHONE), ("zoomed", ZOOMED), ("narrow", NARROW)):
                touch = name == "phone"
                page = self.open(context=self.window(width, height, scale, has_touch=touch, is_mobile=touch), packet=self.packets[mode])
                page.fill("#rater", "ann")
                page.fill("#list", "0")
                for screen in self.screens(page):
                    with self.subTest(mode=mode, size=name, screen=screen):
                        page.wait_for_function("[...document.images].every((image) => !image.src || image.complete)")
                        found = Axe().run(page).response["violations"]
                        self.assertEqual([(v["id"], v["impact"], v["nodes"][0]["html"]) for v in found], [])
                        self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), width)
                        for target in page.locator("button:visible, summary:visible, label.button:visible").all():
                            box = target.bounding_box()
                            self.assertGreaterEqual(min(box["height"], box["width"]), 44, target.inner_text())
                        if options.screenshots and (mode == "pairs" or screen == "trial"):
                            page.screenshot(path=f"{options.screenshots}/{mode}-{name}-{screen}.png", full_page=screen != "zoom")
                            page.evaluate("window.scrollTo(0, 0)")
                    if mode != "pairs" and screen == "trial":
                        break  # all else looks the same

    def test_a_trial_fits_a_desktop_window(self):
        for mode in ("pairs", "single", "real"):
            page = self.open("?list=0&rater=ann", self.packets[mode])
            self.begin(page)
            box = page.locator("#undo").bounding_box() or page.locator(".answers").bounding_box()
            self.assertLessEqual(box["y"] + box["height"], DESKTOP[1])


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--cigli", help="the program, to export packets with")
    parser.add_argument("--packet", help="folder of a packet in the mode pairs")
    parser.add_argument("--screenshots", help="folder for a picture of each screen")
    options, rest = parser.parse_known_args()
    if options.screenshots:
        pathlib.Path(options.screenshots).mkdir(parents=True, exist_ok=True)
    unittest.main(argv=[sys.argv[0], "-v", *rest])
