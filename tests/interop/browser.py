"""A real Chromium that looks at a node's status page, and what a test asks it."""

import base64
import json
import shutil
import sys
import tempfile

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException, WebDriverException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

from harness import patience, wait_until

chromium = shutil.which("chromium")
chromedriver = shutil.which("chromedriver")
page_deadline_s = 60.0
# What a browser writes down by itself when a request fails because the node is gone.
node_is_gone = ("net::ERR_CONNECTION_REFUSED", "net::ERR_CONNECTION_RESET", "net::ERR_EMPTY_RESPONSE", "net::ERR_ABORTED")


class Browser:
    """Own profile, own ports, light and 1,280 wide until told otherwise."""

    def __init__(self):
        self._profile = tempfile.TemporaryDirectory(prefix="starling-chromium-", ignore_cleanup_errors=True)
        options = Options()
        options.binary_location = chromium
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                         "--disable-background-networking", "--disable-component-update", "--no-proxy-server",
                         f"--user-data-dir={self._profile.name}", "--window-size=1280,1000"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        try:
            self.driver = webdriver.Chrome(service=Service(chromedriver), options=options)
        except BaseException:
            self._profile.cleanup()
            raise
        self.driver.set_page_load_timeout(page_deadline_s * patience())

    def close(self):
        self.driver.quit()
        self._profile.cleanup()

    # --- looking

    def open(self, node, path="/"):
        self.driver.get(f"http://{node.address}:9090{path}")
        return self

    def find(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def text(self, selector):
        """What is to be read there; of a hidden element nothing."""
        return self.run("const found = document.querySelector(arguments[0]); return found?.checkVisibility() ? found.innerText : ''", selector)

    def texts(self, selector):
        """The visible text of each, read at one moment."""
        return self.run("return [...document.querySelectorAll(arguments[0])].map((each) => each.innerText)", selector)

    def wait(self, what, condition):
        """As wait_until; what the page replaces while it is looked at means "not yet"."""
        def once():
            try:
                return condition()
            except StaleElementReferenceException:
                return None
        return wait_until(what, once, page_deadline_s)

    def wait_text(self, selector, part):
        try:
            self.wait(f"{part!r} in {selector}", lambda: part in self.text(selector))
        except AssertionError as problem:
            raise AssertionError(f"{problem}; it was {self.text(selector)!r}") from None

    def click(self, selector):
        """A real click; what scrolls or is replaced meanwhile is tried again."""
        def once():
            try:
                self.find(selector).click()
                return True
            except WebDriverException as problem:
                print(f"click on {selector}, again: {str(problem).splitlines()[0]}", file=sys.stderr)
                return False
        self.wait(f"to click on {selector}", once)

    # --- the screen

    def screen(self, width, height=1000, scheme="light"):
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                                    {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500})

    def picture(self):
        """The whole page as PNG."""
        size = self.driver.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        answer = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png", "clip": clip, "captureBeyondViewport": True})
        return base64.b64decode(answer["data"])

    # --- what went wrong

    def complaints(self, gone=False):
        """What the console has said, violations of the policy included; with `gone` but for requests to a node that is gone."""
        lines = [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] != "DEBUG"]
        return [line for line in lines if not (gone and any(each in line for each in node_is_gone))]

    def asked_for(self):
        """Every URL that the browser has sent a request to since it was asked last."""
        events = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        urls = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
        return [url for url in urls if not url.startswith("data:")]
