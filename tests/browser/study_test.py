#!/usr/bin/env python3
"""Goes through a study in Chromium, offline, as raters do. scripts/test-page installs what it needs and runs it.

    study_test.py --cigli build/release/cigli --screenshots DIR
"""
import argparse
import hashlib
import json
import pathlib
import subprocess
import tempfile
import unittest

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

CHROMIUM = "/usr/bin/chromium"
HOSTILE = '</script><script>document.title = "run"</script><img src=x onerror="document.title = \'run\'">'


def make_packet(cigli, folder, mode):
    """A packet of two systems, one of whose sentences is hostile."""
    def run(*words):
        subprocess.run([cigli, *map(str, words)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    data = folder / "data"
    if not data.exists():
        run("data", "synth", "--out", data, "--count", 12, "--seed", 5, "--split", "test")
        rows = [json.loads(line) for line in (data / "metadata.jsonl").read_text().splitlines()]
        for row in rows:
            row["text"] += " " + HOSTILE
        (data / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        for kind in ("copy", "swapped-target"):
            run("control", "--kind", kind, "--data", data, "--out", folder / kind)
    packet = folder / mode
    run("study", "export", "--system", f"A={folder / 'copy'}", "--system", f"B={folder / 'swapped-target'}", "--data", data,
        "--out", packet, "--key", folder / f"{mode}.json", "--items", 6, "--raters", 2, "--items-per-rater", 6,
        "--mode", mode)
    run("study", "check", packet, "--key", folder / f"{mode}.json")
    return packet


def digest(saved):
    head = [saved["packet"], str(saved["list"]), saved["rater"], saved["started"], saved["finished"] or "", ""]
    lines = [f"{a['trial']},{a['position']},{a['question']},{a['answer']},{a['seconds']:.1f}\n" for a in saved["answers"]]
    return hashlib.sha256(("\n".join(head) + "".join(lines)).encode()).hexdigest()


class StudyPage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        base = pathlib.Path(cls.folder.name)
        cls.packets = {mode: make_packet(options.cigli, base, mode) for mode in ("pairs", "single", "real")}
        cls.playwright = sync_playwright().start()
        cls.browser = cls.playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        pathlib.Path(options.screenshots).mkdir(parents=True, exist_ok=True)

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()
        cls.playwright.stop()
        cls.folder.cleanup()

    def setUp(self):
        self.problems = []
        self.context = self.browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)

    def tearDown(self):
        self.context.close()
        self.assertEqual(self.problems, [])

    def open(self, query="", mode="pairs", context=None):
        page = (context or self.context).new_page()
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("request", lambda request: request.url.startswith(("file://", "blob:", "data:")) or
                self.problems.append("asks the network for " + request.url))
        page.goto(f"file://{self.packets[mode]}/index.html{query}")
        return page

    def study(self, page):
        return page.evaluate("window.STUDY")

    def begin(self, page):
        page.click("button.main")
        page.click("button.main")
        page.wait_for_selector("#ask")

    def answer_all(self, page, how, most=1000):
        """Answers until the end or `most` answers; how many it gave."""
        given = 0
        while given < most and page.locator("#ask").count():
            how(page, given)
            given += 1
        return given

    def saved(self, page, button):
        with page.expect_download() as download:
            page.click(button)
        return json.loads(pathlib.Path(download.value.path()).read_text()), download.value.path()

    def by_key(self, page, given):
        page.keyboard.press(["1", "2", "3", "4", "ArrowLeft", "ArrowRight"][given % 6])

    def expect_whole(self, page, saved, rater, number):
        study = self.study(page)
        self.assertEqual(saved["digest"], digest(saved))
        self.assertEqual((saved["packet"], saved["rater"], saved["list"]), (study["packet"], rater, number))
        self.assertEqual(saved["code"], study["codes"][number])
        asked = [(a["position"], a["trial"], a["question"]) for a in saved["answers"]]
        self.assertEqual(asked, [(position, trial, question["key"]) for position, trial in enumerate(study["lists"][number])
                                 for question in study["questions"]])

    def test_by_keyboard_with_a_reload_half_way(self):
        page = self.open("?list=1")
        page.keyboard.press("Tab")
        page.keyboard.type("ann")
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_selector("#ask")
        self.answer_all(page, self.by_key, 9)
        page.keyboard.press("u")
        page.reload()
        page.fill("#rater", "ann")
        page.keyboard.press("Enter")
        self.assertIn("2 of", page.inner_text("#progress-text"))
        study = self.study(page)
        self.assertEqual(self.answer_all(page, self.by_key), len(study["lists"][1]) * len(study["questions"]) - 8)
        saved, _ = self.saved(page, "button.main")
        self.expect_whole(page, saved, "ann", 1)
        self.assertEqual([a["answer"] for a in saved["answers"][:6]], ["left", "right", "tie", "both-bad", "left", "right"])

    def test_by_mouse(self):
        page = self.open("?list=0&PROLIFIC_PID=p-7")
        self.begin(page)
        self.answer_all(page, lambda page, given: page.click(f".answers button:nth-child({given % 2 + 1})"))
        saved, _ = self.saved(page, "button.main")
        self.expect_whole(page, saved, "p-7", 0)

    def test_goes_on_elsewhere(self):
        page = self.open("?list=0&rater=bob")
        self.begin(page)
        self.answer_all(page, self.by_key, 10)
        part, file = self.saved(page, "text=Save progress")
        self.assertEqual((len(part["answers"]), part["finished"], part["digest"]), (10, None, digest(part)))
        elsewhere = self.browser.new_context()
        other = self.open("?list=0&rater=bob", context=elsewhere)
        other.click("button.main")
        for change, words in (({"rater": "eve"}, "another study"), ({"answers": part["answers"][:9]}, "changed after")):
            bad = pathlib.Path(self.folder.name) / "bad.json"
            bad.write_text(json.dumps({**part, **change}))
            other.set_input_files("input[type=file]", str(bad))
            other.wait_for_function("words => document.getElementById('notice').textContent.includes(words)", arg=words)
        other.set_input_files("input[type=file]", str(file))
        other.wait_for_selector("#ask")
        self.answer_all(other, self.by_key)
        saved, _ = self.saved(other, "button.main")
        self.expect_whole(other, saved, "bob", 0)
        self.assertEqual(saved["answers"][:10], part["answers"])
        elsewhere.close()

    def test_other_modes(self):
        for mode, answers in (("single", {"0", "0.5", "1"}), ("real", {"real", "generated"})):
            page = self.open("?list=0&rater=r", mode)
            self.begin(page)
            self.answer_all(page, lambda page, given: page.keyboard.press(str(given % 3 + 1 if mode == "single" else given % 2 + 1)))
            saved, _ = self.saved(page, "button.main")
            self.expect_whole(page, saved, "r", 0)
            self.assertEqual({a["answer"] for a in saved["answers"]}, answers)

    def test_shows_text_as_text(self):
        page = self.open("?list=0&rater=r")
        self.begin(page)
        self.assertIn(HOSTILE, page.inner_text(".sentence"))
        self.assertEqual(page.title(), self.study(page)["texts"]["title"])

    def test_names_a_wrong_list(self):
        page = self.open("?list=99&rater=r")
        page.click("button.main")
        self.assertIn("from 0 to 1", page.inner_text("#notice"))

    def test_is_accessible_at_any_size(self):
        for name, width, height, scale in (("desktop", 1280, 900, 1), ("phone", 390, 844, 1), ("zoomed", 640, 450, 2)):
            context = self.browser.new_context(viewport={"width": width, "height": height}, device_scale_factor=scale)
            page = self.open("?list=0&rater=r", context=context)
            screens = {"consent": lambda: None, "instructions": lambda: page.click("button.main"),
                       "trial": lambda: (page.click("button.main"), page.wait_for_selector("#ask")),
                       "zoom": lambda: page.keyboard.press("z"),
                       "end": lambda: (page.keyboard.press("Escape"), self.answer_all(page, self.by_key))}
            for screen, go in screens.items():
                go()
                page.wait_for_load_state()
                with self.subTest(size=name, screen=screen):
                    found = Axe().run(page).response["violations"]
                    self.assertEqual([(v["id"], v["impact"]) for v in found if v["impact"] in ("serious", "critical")], [])
                    self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), width)
                    for target in page.locator("main button:visible").all():
                        self.assertGreaterEqual(target.bounding_box()["height"], 44)
                page.screenshot(path=str(pathlib.Path(options.screenshots) / f"{name}-{screen}.png"), full_page=True)
            context.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--cigli", required=True)
    parser.add_argument("--screenshots", required=True)
    options = parser.parse_args()
    unittest.main(argv=["study_test.py", "-v"])
