#!/usr/bin/env python3
"""The status page in a real Chromium: real nodes, real clicks, hostile names, a node that goes and comes back.

After each test the console must have said nothing and no request may have gone anywhere but to the node. With
STARLING_PAGE_PICTURES=DIRECTORY the test of screens leaves its pictures there, to be looked at.
"""

import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

from harness import ClusterCase, main, skip, wait_equal, wait_until  # noqa: E402

try:
    from browser import Browser, chromedriver, chromium
except ImportError:
    skip("no selenium for this python3; Debian's package python3-selenium brings it for /usr/bin/python3")
if chromium is None or chromedriver is None:
    skip("no chromium or chromedriver in PATH; Debian's packages chromium and chromium-driver bring them")

hostile = [
    "<img src=x onerror=\"document.title='broken'\">",
    "'\"></td></table><script>document.title='broken'</script>",
    "\u202egnp.exe\u202c\u2066",
    "tab\tnew\nline\x1b[31m\x00end",
    "w\u200bi\u00add\ufefft\u2028h",
    "a" * 250,
    "𝕏 é ümlaut 漢字 العربية",
    "__proto__",
]


# A name of a node is 1 to 63 printable ASCII characters without spaces.
hostile_node = "<img/src=x/onerror=document.title='broken'>"


class PageCase(ClusterCase):
    browser = None

    @classmethod
    def setUpClass(cls):
        cls.browser = Browser()
        cls.addClassCleanup(cls.browser.close)

    def setUp(self):
        super().setUp()
        self.may_be_gone = False
        self.looked_at = []
        self.browser.screen(1280)
        self.browser.driver.get("about:blank")
        self.browser.complaints()
        self.browser.asked_for()

    def tearDown(self):
        complaints = self.browser.complaints(gone=self.may_be_gone)
        strangers = [url for url in self.browser.asked_for()
                     if not any(url.startswith(f"http://{node.address}:9090/") for node in self.looked_at) and url != "about:blank"]
        self.browser.driver.get("about:blank")  # and asks no more
        self.assertEqual((complaints, strangers), ([], []))
        super().tearDown()

    def look(self, node):
        self.looked_at.append(node)
        self.browser.open(node)
        self.browser.wait_text("#pulse", "live")
        return self.browser

    def small(self, count, **settings):
        """Many nodes on a small machine."""
        return self.cluster(count, max_counters=1000, log_level="warn", **settings)


class Page(PageCase):
    def test_a_cluster_of_one_has_no_peers_and_is_well(self):
        node = self.node(1, config=self.one_rule(10)).wait_ready()
        page = self.look(node)
        page.wait_text("#verdict", "All well: ready, a cluster of one")
        self.assertIn("--neighborhood-host", page.text("#peers-none"))
        self.assertEqual(len(page.all("#map .place")), 1)
        self.assertEqual(page.texts("#rules tbody tr td:first-child button"), ["each"])
        self.assertIn("Nobody has been counted", page.text("#callers-none"))
        self.assertEqual(page.driver.title, "n1 · Starling")

    def test_traffic_is_seen_without_a_reload(self):
        first, second = self.cluster(2, config=self.one_rule(100))
        page = self.look(first)
        page.wait_text("#map", "n2")
        page.run("window.stays = true")
        second.hit(85, principal="alice")
        page.wait_text("#callers", "principal=alice")
        page.wait_text("#callers", "85 %")
        page.wait_text("#callers", "n2 85")
        page.wait_text("#rules", "85 %")
        self.assertEqual(page.find("#rules .meter").get_attribute("data-is"), "near")
        before = page.text("#rate-legend")
        self.assertIn("denied", before)
        first.hit(15, principal="alice")
        self.wait_totals([first], 100, principal="alice")
        # Denials of this node move the second number of the chart; they go on until they have been seen.
        denied = "return document.querySelectorAll('#rate-legend b')[1].innerText"
        page.wait("denials per second", lambda: first.check(principal="alice").status == 429 and page.run(denied) not in ("–", "0"))
        page.wait_text("#rules", "at its limit")
        page.click("#callers-by [data-by=denied]")
        page.wait("alice's denials", lambda: page.run("return +document.querySelector('#callers tbody tr')?.cells[5].innerText > 0"))
        self.assertTrue(page.run("return document.querySelectorAll('#chart path.series').length > 0"))
        self.assertTrue(page.run("return window.stays"))

    def test_overrides_learning_and_where_values_come_from(self):
        node = self.node(1, config=self.rules(
            'rules:\n  - {name: quiet, match: {principal: "*"}, limits: [{requests: 1, per: 1h}], learning: true}\n'
            '  - {name: strict, match: {path: "*"}, limits: [{requests: 7, per: 1h}]}\n')).wait_ready()
        page = self.look(node)
        page.wait_text("#rules tbody", "learning")
        self.assertNotIn("live override", page.text("#rules tbody"))
        done = self.starling("override", "set", "--server", f"http://{node.address}:9090", "--rule", "strict", "--limit", "9/1h")
        self.assertEqual(done.returncode, 0, done)
        page.wait_text("#rules tbody", "1 live override")
        page.wait_text("#rules tbody", "9 per 1h")
        page.run("[...document.querySelectorAll('#rules .name')].find((each) => each.innerText === 'strict').id = 'strict'")
        page.click("#strict")
        page.wait_text("#rules .inline", "override")
        self.assertEqual(page.find("#strict").get_attribute("aria-expanded"), "true")
        page.wait_text("#rules .inline", "on n1 at")
        page.click("#rules .inline button")
        page.wait("the callers of one rule", lambda: page.run("return document.getElementById('callers-rule').value") == "strict")
        node.hit(3, principal="bob")
        node.hit(2, path="/a")
        page.wait_text("#callers", "path=/a")
        self.assertNotIn("bob", page.text("#callers"))
        page.run("const choice = document.getElementById('callers-rule'); choice.value = ''; choice.dispatchEvent(new Event('change'))")
        page.wait_text("#callers", "bob")
        learned = "return document.querySelectorAll('#rate-legend b')[2].innerText"
        page.wait("what only passed because of learning",
                  lambda: node.check(principal="bob").status == 200 and page.run(learned) not in ("–", "0"))

    def test_thirty_peers_as_a_grid_that_keys_walk_and_a_table_that_clicks_sort(self):
        nodes = self.small(31, heartbeat_interval="500ms")
        page = self.look(nodes[0])
        page.wait_text("#verdict", "All well: ready, 31 of 31 nodes are here")
        self.assertEqual(len(page.all("#map .grid .place")), 31)
        names = lambda: page.texts("#peers tbody td:nth-child(2)")  # noqa: E731
        page.wait("30 rows", lambda: len(names()) == 30)
        self.assertEqual(names()[:3] + names()[-1:], ["n2", "n3", "n4", "n31"])
        page.click("#peers th:nth-child(2) button")
        self.assertEqual(names()[0], "n31")
        self.assertEqual(page.find("#peers th:nth-child(2)").get_attribute("aria-sort"), "descending")
        page.click("#peers th:nth-child(4) button")
        page.wait("the slowest on top", lambda: page.find("#peers th:nth-child(4)").get_attribute("aria-sort") == "descending")

        self.assertEqual(page.run("return document.querySelectorAll('#map [tabindex=\"0\"]').length"), 1)
        page.run("document.querySelector('#map [tabindex=\"0\"]').focus()")
        press = lambda key: page.driver.switch_to.active_element.send_keys(key)  # noqa: E731
        press("\ue014")  # to the right
        page.wait_text("#peer-card", "n2")
        press("\ue007")  # Enter
        page.wait_text("#peers .inline", "Its own page")
        link = page.find("#peers .inline a")
        self.assertEqual(link.get_attribute("href"), f"http://{nodes[1].address}:9090/")

        nodes[7].kill()
        page.wait_text("#legend", "1 dead")
        page.wait_text("#verdict", "fell silent")
        page.wait("the dead one's sign", lambda: page.all("#map .grid .glyph[data-state=dead]"))
        self.assertIn("dead", page.run("return [...document.querySelectorAll('#peers tr')].find((row) => row.innerText.includes('n8')).innerText"))

    def test_a_ring_of_peers_with_one_that_never_answered(self):
        nodes = self.cluster(3, neighborhood_host=self.neighborhood(4))
        page = self.look(nodes[0])
        page.wait("two peers and a candidate", lambda: len(page.all("#map .ring .place")) == 4)
        page.wait_text("#legend", "1 candidate")
        page.wait_text("#verdict", "What to do next")
        page.wait_text("#verdict", "never answered a heartbeat")
        page.run("[...document.querySelectorAll('#map .place')].find((each) => each.textContent.includes('n3')).id = 'third'")
        page.click("#third")
        page.wait_text("#peer-card", "its own page".capitalize())
        self.assertEqual(page.find("#third").get_attribute("aria-pressed"), "true")
        page.run("document.getElementById('pause').focus()")  # and points at nothing on the map
        page.wait_text("#peer-card", nodes[2].address)

    def test_the_node_stops_and_comes_back(self):
        self.may_be_gone = True
        node = self.node(1, config=self.one_rule(10)).wait_ready()
        page = self.look(node)
        origin = node.origin()
        node.kill()
        page.wait_text("#silence", "No answer from the node since")
        page.wait_text("#verdict", "The node does not answer")
        page.wait("the silence to be counted", lambda: page.run("return /since \\d+ s|since \\d+\\.\\d s/.test(document.getElementById('silence').innerText)"))
        page.wait_text("#silence", "Asking again in")
        self.assertIn("what it said last", page.text("#silence"))
        node.start().wait_ready()
        page.wait_text("#verdict", "All well")
        page.wait("the silence to be over", lambda: page.text("#silence") == "")
        self.assertNotEqual(node.origin(), origin)
        page.wait_text("#facts", node.origin())
        node.pause()  # takes connections, and answers nothing
        page.wait_text("#silence", "No answer")
        node.resume()
        page.wait_text("#verdict", "All well")

    def test_pause_and_a_hidden_page_ask_nothing(self):
        node = self.node(1, config=self.one_rule(10)).wait_ready()
        asked = lambda: next(each for each in node.status()["front_ends"] if each["name"] == "admin")["requests"]  # noqa: E731
        page = self.look(node)
        page.click("#pause")
        page.wait_text("#pulse", "paused")
        page.wait("no question on its way", lambda: page.run("return performance.getEntriesByType('resource').every((each) => each.responseEnd > 0)"))
        before = asked()
        # Time passes for the page: its own clock of one second ticks, and `asked` adds one each time it looks.
        page.run("window.ticks = 0; setInterval(() => { window.ticks += 1; }, 1000)")
        page.wait("five seconds of the page", lambda: page.run("return window.ticks") >= 5)
        self.assertEqual(asked(), before + 1)
        page.click("#pause")
        page.wait("questions again", lambda: asked() > before + 4)
        main_window = page.driver.current_window_handle
        page.driver.switch_to.new_window("tab")
        page.driver.get("about:blank")
        try:
            wait_until("the page to stop asking", lambda: self.quiet(asked), 60)
        finally:
            page.driver.close()
            page.driver.switch_to.window(main_window)
        page.wait_text("#pulse", "live")

    def quiet(self, asked):
        """Whether nobody but this asked while the front tab's own three seconds passed."""
        page = self.browser
        before = asked()
        page.run("window.ticks = 0; clearInterval(window.clock); window.clock = setInterval(() => { window.ticks += 1; }, 1000)")
        page.wait("three seconds", lambda: page.run("return window.ticks") >= 3)
        return asked() == before + 1


class Hostile(PageCase):
    def test_names_are_text_wherever_they_come_from(self):
        quote = lambda text: '"' + "".join(f"\\U{ord(each):08x}" for each in text) + '"'  # noqa: E731
        rules = [text for text in hostile if text.isprintable()]
        config = self.rules("rules:\n" + '  - {name: callers, match: {principal: "*"}, limits: [{requests: 100, per: 1h}]}\n' +
                            "".join(f'  - {{name: {quote(text[:200])}, match: {{other: "*"}}, limits: [{{requests: 5, per: 1h}}]}}\n' for text in rules))
        first = self.node(1, config=config, node_name=hostile_node, neighborhood_host=self.neighborhood(4))
        others = [self.node(2, config=config, node_name="'\"></td><script>document.title=0</script>", neighborhood_host=self.neighborhood(4)),
                  self.node(3, config=config, node_name="x" * 63, neighborhood_host=self.neighborhood(4)),
                  self.node(4, config=config, node_name="&lt;b&gt;&#0;%3Cb%3E", neighborhood_host=self.neighborhood(4))]
        for node in [first, *others]:
            node.wait_ready()
        wait_equal("the live peers", lambda: [peer["state"] for peer in first.peers()], ["alive"] * 3)
        for text in hostile:
            self.assertEqual(others[0].check(principal=text, other=text).status, 200)
        first.get("/v1/check?principal=%ff%fe%C3%28&x=%00", 8080)
        page = self.look(first)
        page.click("#callers-by [data-by=hits]")
        page.wait("more than a few callers", lambda: page.find("#callers-more").is_displayed())
        page.click("#callers-more")
        page.wait_text("#callers", "<img src=x onerror=")
        page.wait_text("#callers", "</td></table><script>")
        page.wait_text("#callers", "‹U+202E›gnp.exe‹U+202C›‹U+2066›")
        page.wait_text("#callers", "tab‹U+0009›new‹U+000A›line‹U+001B›[31m‹U+0000›end")
        page.wait_text("#callers", "w‹U+200B›i‹U+00AD›d‹U+FEFF›t‹U+2028›h")
        page.wait_text("#callers", "𝕏 é ümlaut 漢字 العربية")
        page.wait_text("#callers", "aaaaaaaa…")
        page.wait_text("#callers", "__proto__")
        page.wait_text("#map", "<img/src=x/one")
        for part in ("'\"></td><script>", "x" * 60, "&lt;b&gt;&#0;%3Cb%3E"):
            page.wait_text("#peers", part)
        page.wait_text("#rules", "<img src=x")
        self.assertTrue(page.driver.title.startswith("<img/src=x/onerror="))
        self.assertEqual(page.run("return [document.images.length, document.scripts.length, document.querySelectorAll('iframe, object, embed').length]"), [0, 1, 0])
        self.assertLessEqual(page.run("return document.documentElement.scrollWidth"), 1280)
        page.screen(390, 800)
        page.wait("a page as wide as a phone", lambda: page.run("return document.documentElement.scrollWidth") <= 390)
        for selector in ("#peers .name", "#rules .name"):
            page.click(selector)
            page.wait("its details", lambda: page.all(f"{selector.split()[0]} .inline dt"))

    def test_markup_that_slips_in_would_not_run(self):
        """The policy, by itself: what a mistake in the page would do."""
        node = self.node(1, config=self.one_rule(10)).wait_ready()
        page = self.look(node)
        page.run("""
            document.addEventListener("securitypolicyviolation", (event) => (window.refused ??= []).push(event.effectiveDirective));
            const place = document.createElement("div");
            place.innerHTML = '<img src="http://192.0.2.1/x.png" onerror="window.ran = 1"><b style="color: red" onclick="window.ran = 1">x</b>';
            document.body.append(place);
            place.querySelector("b").click();
            const script = document.createElement("script");
            script.textContent = "window.ran = 2";
            document.body.append(script);
            fetch("http://192.0.2.1/").catch(() => {});""")
        wanted = {"img-src", "script-src-attr", "script-src-elem", "style-src-attr", "connect-src"}
        page.wait("all of it to be refused", lambda: wanted <= set(page.run("return window.refused ?? []")))
        self.assertIsNone(page.run("return window.ran ?? null"))
        self.assertTrue(page.complaints())  # they are seen: the other tests demand that there are none
        page.asked_for()  # Chromium lists what it refused to send


class Screens(PageCase):
    def contrast(self):
        """The smallest contrast of a text and what is behind it, and which text that is (WCAG 2, relative luminance)."""
        return self.browser.run("""
            const part = (c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
            const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
            const light = ([r, g, b]) => 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
            const behind = (node) => {
              for (; node; node = node.parentElement) {
                const colour = rgb(getComputedStyle(node).backgroundColor);
                if (colour.length < 4 || colour[3] === 1) return colour;
              }
              return [255, 255, 255];
            };
            let worst = [99, ""];
            const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
            while (texts.nextNode()) {
              const node = texts.currentNode.parentElement;
              if (!texts.currentNode.data.trim() || node.closest("script, noscript, style, select") || !node.getClientRects().length) continue;
              const style = getComputedStyle(node);
              const [a, b] = [light(rgb(node instanceof SVGElement ? style.fill : style.color)), light(behind(node))].sort((x, y) => y - x);
              const ratio = (a + 0.05) / (b + 0.05);
              if (ratio < worst[0]) worst = [ratio, texts.currentNode.data];
            }
            return worst;""")

    def keep(self, name):
        picture = self.browser.picture()
        self.assertEqual(picture[:8], b"\x89PNG\r\n\x1a\n")
        directory = os.environ.get("STARLING_PAGE_PICTURES")
        if directory:
            pathlib.Path(directory, f"{name}.png").write_bytes(picture)

    def test_light_dark_wide_and_narrow(self):
        nodes = self.cluster(3, config=self.one_rule(100), neighborhood_host=self.neighborhood(4))
        nodes[1].hit(97, principal="alice")
        nodes[2].hit(40, principal="bob")
        page = self.look(nodes[0])
        page.wait_text("#callers", "97 %")
        for name, width, scheme in (("light", 1280, "light"), ("dark", 1280, "dark"), ("phone", 390, "light"), ("phone-dark", 390, "dark")):
            with self.subTest(name):
                page.screen(width, scheme=scheme)
                page.wait("the page to fit", lambda: page.run("return document.documentElement.scrollWidth") <= width)
                ratio, text = self.contrast()
                self.assertGreaterEqual(ratio, 4.5, f"{text!r}, {name}")
                self.keep(name)

    def test_the_button_overrules_the_system_and_is_remembered(self):
        node = self.node(1, config=self.one_rule(10)).wait_ready()
        page = self.look(node)
        colour = lambda: page.run("return getComputedStyle(document.body).backgroundColor")  # noqa: E731
        light = colour()
        page.screen(1280, scheme="dark")
        page.wait("dark, as the system", lambda: colour() != light)
        page.click("#theme")
        self.assertEqual((page.text("#theme"), colour()), ("Theme: light", light))
        self.look(node)
        self.assertEqual((page.text("#theme"), colour()), ("Theme: light", light))
        page.screen(1280)
        page.click("#theme")
        self.assertEqual(page.text("#theme"), "Theme: dark")
        self.assertNotEqual(colour(), light)
        page.click("#theme")
        self.assertEqual(colour(), light)

    def test_landmarks_and_names_of_what_can_be_used(self):
        nodes = self.cluster(2, config=self.one_rule(10))
        page = self.look(nodes[0])
        page.wait_text("#peers", "n2")
        self.assertEqual(page.run("return ['header', 'main', 'footer', 'h1'].map((each) => document.querySelectorAll(each).length)"), [1, 1, 1, 1])
        nameless = page.run("""
            return [...document.querySelectorAll("button, select, input, a, section, [role=button], [role=region], [role=img]")]
              .filter((each) => !each.closest("noscript") && each.getClientRects().length)
              .filter((each) => !(each.innerText || each.getAttribute("aria-label") || each.getAttribute("aria-labelledby") || each.labels?.length))
              .map((each) => each.outerHTML)""")
        self.assertEqual(nameless, [])
        self.assertEqual(page.run("return document.querySelectorAll('[aria-live]').length"), 1)

    def test_without_scripts_there_is_a_word(self):
        node = self.node(1, config=self.one_rule(10)).wait_ready()
        page = self.browser
        self.looked_at.append(node)
        page.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
        try:
            page.open(node)
            self.assertIn("starling status", page.find("noscript").text)
            self.assertEqual(page.find("noscript a").get_attribute("href"), f"http://{node.address}:9090/v1/status")
        finally:
            page.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


if __name__ == "__main__":
    main()
